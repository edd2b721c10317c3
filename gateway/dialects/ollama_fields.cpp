// What becomes of each field of chat in Ollama's dialect. Thread rule: constants.
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway::ollama {
namespace {

using chat::Carry;
using chat::Field;

constexpr chat::FieldRule kRules[] = {
    {Field::system, Carry::carried, "messages[] with role system"},
    {Field::developer, Carry::mapped, "messages[] with role system"},
    {Field::message_name, Carry::dropped, "messages have no names"},
    {Field::images_data, Carry::carried, "messages[].images"},
    {Field::images_url, Carry::dropped, "images are sent as data only"},
    {Field::images_file, Carry::dropped, "there is no file store"},
    {Field::image_detail, Carry::dropped, "not known"},
    {Field::documents_data, Carry::dropped, "texts and images only"},
    {Field::documents_url, Carry::dropped, "texts and images only"},
    {Field::documents_text, Carry::mapped, "text of the message"},
    {Field::documents_file, Carry::dropped, "there is no file store"},
    {Field::document_citations, Carry::dropped, "nothing is cited"},
    {Field::audio_input, Carry::dropped, "texts and images only"},
    {Field::video_input, Carry::dropped, "texts and images only"},
    {Field::tools, Carry::carried, "tools[].function"},
    {Field::custom_tools, Carry::dropped, "functions only"},
    {Field::strict_tools, Carry::dropped, "not known"},
    {Field::web_search_tool, Carry::dropped, "no tools of its own"},
    {Field::web_fetch_tool, Carry::dropped, "no tools of its own"},
    {Field::code_execution_tool, Carry::dropped, "no tools of its own"},
    {Field::file_search_tool, Carry::dropped, "no tools of its own"},
    {Field::image_generation_tool, Carry::dropped, "no tools of its own"},
    {Field::computer_tool, Carry::dropped, "no tools of its own"},
    {Field::mcp_tool, Carry::dropped, "no tools of its own"},
    {Field::other_server_tools, Carry::dropped, "no tools of its own"},
    {Field::tool_choice_none, Carry::mapped, "tools[] is left out"},
    {Field::tool_choice_required, Carry::dropped, "a call cannot be demanded"},
    {Field::tool_choice_named, Carry::dropped, "a call cannot be demanded"},
    {Field::allowed_tools, Carry::mapped, "tools[] holds the allowed ones only"},
    {Field::parallel_tool_calls, Carry::dropped, "cannot be forbidden"},
    {Field::tool_results, Carry::carried, "messages[] with role tool"},
    {Field::tool_result_media, Carry::carried, "messages[].images of role tool; documents as text"},
    {Field::tool_result_error, Carry::mapped, "the text begins with Error:"},
    {Field::thinking_history, Carry::carried, "messages[].thinking"},
    {Field::opaque_history, Carry::dropped, "others' blocks have no place"},
    {Field::json_object, Carry::carried, "format json"},
    {Field::json_schema, Carry::carried, "format, the schema itself"},
    {Field::strict_schema, Carry::mapped, "a schema always binds"},
    {Field::reasoning_off, Carry::carried, "think false"},
    {Field::reasoning_effort, Carry::carried, "think low, medium, high or max"},
    {Field::reasoning_budget, Carry::mapped, "think, the nearest word"},
    {Field::reasoning_include, Carry::dropped, "thinking is always shown"},
    {Field::reasoning_summary, Carry::dropped, "thinking is shown as it is"},
    {Field::max_output_tokens, Carry::carried, "options.num_predict"},
    {Field::temperature, Carry::carried, "options.temperature"},
    {Field::top_p, Carry::carried, "options.top_p"},
    {Field::top_k, Carry::carried, "options.top_k"},
    {Field::min_p, Carry::carried, "options.min_p"},
    {Field::frequency_penalty, Carry::carried, "options.frequency_penalty"},
    {Field::presence_penalty, Carry::carried, "options.presence_penalty"},
    {Field::repetition_penalty, Carry::carried, "options.repeat_penalty"},
    {Field::seed, Carry::carried, "options.seed"},
    {Field::n, Carry::dropped, "one answer only"},
    {Field::stop, Carry::carried, "options.stop"},
    {Field::logprobs, Carry::carried, "logprobs"},
    {Field::top_logprobs, Carry::carried, "top_logprobs"},
    {Field::logit_bias, Carry::dropped, "not known"},
    {Field::user, Carry::dropped, "not known"},
    {Field::metadata, Carry::dropped, "not known"},
    {Field::service_tier, Carry::dropped, "not known"},
    {Field::store, Carry::dropped, "nothing is stored"},
    {Field::cache_marks, Carry::dropped, "prompts are cached without being asked"},
    {Field::prompt_cache_key, Carry::dropped, "prompts are cached without being asked"},
    {Field::previous_response_id, Carry::dropped, "nothing is stored"},
    {Field::verbosity, Carry::dropped, "not known"},
    {Field::output_modalities, Carry::dropped, "the model decides"},
    {Field::audio_output, Carry::dropped, "no audio"},
    {Field::prediction, Carry::dropped, "not known"},
    {Field::safety_settings, Carry::dropped, "not known"},
    {Field::reply_thinking, Carry::carried, "message.thinking"},
    {Field::reply_refusal, Carry::mapped, "text"},
    {Field::reply_citations, Carry::dropped, "nothing is cited"},
    {Field::reply_logprobs, Carry::carried, "logprobs"},
    {Field::reply_media, Carry::mapped, "message.images; no audio"},
    {Field::reply_opaque, Carry::dropped, "others' blocks have no place"},
    {Field::reply_choices, Carry::dropped, "one answer only"},
    {Field::reply_signatures, Carry::dropped, "thinking is not signed"},
    {Field::reply_service_tier, Carry::dropped, "not known"},
    {Field::reply_stop_sequence, Carry::dropped, "done_reason does not say which"},
};

constexpr chat::FieldTable kTable{kRules};

}  // namespace

const chat::FieldTable& field_table() { return kTable; }

}  // namespace tollgate::gateway::ollama
