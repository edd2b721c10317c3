// What becomes of each field of chat in Cohere's dialect. Thread rule: constants.
#include "gateway/dialects/cohere.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Carry;
using chat::Field;

constexpr chat::FieldRule kRules[] = {
    {Field::system, Carry::carried, "messages[] with role system"},
    {Field::developer, Carry::mapped, "messages[] with role system"},
    {Field::message_name, Carry::dropped, "messages have no names"},
    {Field::images_data, Carry::carried, "content[].image_url.url, a data URL"},
    {Field::images_url, Carry::carried, "content[].image_url.url"},
    {Field::images_file, Carry::dropped, "there is no file store"},
    {Field::image_detail, Carry::carried, "content[].image_url.detail"},
    {Field::documents_data, Carry::dropped, "documents are texts"},
    {Field::documents_url, Carry::dropped, "documents are texts"},
    {Field::documents_text, Carry::carried, "documents[].data"},
    {Field::documents_file, Carry::dropped, "there is no file store"},
    {Field::document_citations, Carry::carried, "citation_options.mode"},
    {Field::audio_input, Carry::dropped, "no audio"},
    {Field::video_input, Carry::dropped, "no video"},
    {Field::tools, Carry::carried, "tools[].function"},
    {Field::custom_tools, Carry::dropped, "functions only"},
    {Field::strict_tools, Carry::carried, "strict_tools, for all tools or none"},
    {Field::web_search_tool, Carry::dropped, "no tools of its own"},
    {Field::web_fetch_tool, Carry::dropped, "no tools of its own"},
    {Field::code_execution_tool, Carry::dropped, "no tools of its own"},
    {Field::file_search_tool, Carry::dropped, "no tools of its own"},
    {Field::image_generation_tool, Carry::dropped, "no tools of its own"},
    {Field::computer_tool, Carry::dropped, "no tools of its own"},
    {Field::mcp_tool, Carry::dropped, "no tools of its own"},
    {Field::other_server_tools, Carry::dropped, "no tools of its own"},
    {Field::tool_choice_none, Carry::carried, "tool_choice NONE"},
    {Field::tool_choice_required, Carry::carried, "tool_choice REQUIRED"},
    {Field::tool_choice_named, Carry::mapped, "tool_choice REQUIRED with that tool alone"},
    {Field::allowed_tools, Carry::mapped, "tools[] holds the allowed ones only"},
    {Field::parallel_tool_calls, Carry::dropped, "cannot be forbidden"},
    {Field::tool_results, Carry::carried, "messages[] with role tool"},
    {Field::tool_result_media, Carry::mapped, "documents as such, images in a user message behind the results"},
    {Field::tool_result_error, Carry::mapped, "the text begins with Error:"},
    {Field::thinking_history, Carry::carried, "content[].thinking, tool_plan"},
    {Field::opaque_history, Carry::dropped, "unknown content of its own is kept, others' not"},
    {Field::json_object, Carry::carried, "response_format.type"},
    {Field::json_schema, Carry::carried, "response_format.json_schema"},
    {Field::strict_schema, Carry::mapped, "a schema always binds"},
    {Field::reasoning_off, Carry::carried, "thinking.type disabled"},
    {Field::reasoning_effort, Carry::mapped, "thinking.token_budget"},
    {Field::reasoning_budget, Carry::carried, "thinking.token_budget"},
    {Field::reasoning_include, Carry::dropped, "thinking is always shown"},
    {Field::reasoning_summary, Carry::dropped, "thinking is shown as it is"},
    {Field::max_output_tokens, Carry::carried, "max_tokens"},
    {Field::temperature, Carry::carried, "temperature, 0 to 1"},
    {Field::top_p, Carry::carried, "p, 0.01 to 0.99"},
    {Field::top_k, Carry::carried, "k, up to 500"},
    {Field::min_p, Carry::dropped, "not known"},
    {Field::frequency_penalty, Carry::carried, "frequency_penalty, 0 to 1"},
    {Field::presence_penalty, Carry::carried, "presence_penalty, 0 to 1"},
    {Field::repetition_penalty, Carry::dropped, "not known"},
    {Field::seed, Carry::carried, "seed, not negative"},
    {Field::n, Carry::dropped, "one answer only"},
    {Field::stop, Carry::carried, "stop_sequences, up to 5"},
    {Field::logprobs, Carry::carried, "logprobs"},
    {Field::top_logprobs, Carry::dropped, "of the chosen tokens only"},
    {Field::logit_bias, Carry::dropped, "not known"},
    {Field::user, Carry::dropped, "not known"},
    {Field::metadata, Carry::dropped, "not known"},
    {Field::service_tier, Carry::dropped, "priority is a place in a queue, not a tier"},
    {Field::store, Carry::dropped, "nothing is stored"},
    {Field::cache_marks, Carry::dropped, "prompts are cached without being asked"},
    {Field::prompt_cache_key, Carry::dropped, "prompts are cached without being asked"},
    {Field::previous_response_id, Carry::dropped, "nothing is stored"},
    {Field::verbosity, Carry::dropped, "not known"},
    {Field::output_modalities, Carry::dropped, "text only"},
    {Field::audio_output, Carry::dropped, "text only"},
    {Field::prediction, Carry::dropped, "not known"},
    {Field::safety_settings, Carry::dropped, "safety_mode is another thing"},
    {Field::reply_thinking, Carry::carried, "message.content[].thinking, message.tool_plan"},
    {Field::reply_refusal, Carry::mapped, "text"},
    {Field::reply_citations, Carry::carried, "message.citations"},
    {Field::reply_logprobs, Carry::carried, "logprobs"},
    {Field::reply_media, Carry::dropped, "text only"},
    {Field::reply_opaque, Carry::dropped, "others' blocks have no place"},
    {Field::reply_choices, Carry::dropped, "one answer only"},
    {Field::reply_signatures, Carry::dropped, "thinking is not signed"},
    {Field::reply_service_tier, Carry::dropped, "not known"},
    {Field::reply_stop_sequence, Carry::dropped, "finish_reason does not say which"},
};

constexpr chat::FieldTable kTable{kRules};

}  // namespace

const chat::FieldTable& field_table() { return kTable; }

}  // namespace tollgate::gateway::cohere
