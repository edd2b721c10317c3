// What becomes of each field of chat in this API. Thread rule: constants.
#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Field;
using enum chat::Carry;

constexpr chat::FieldRule kRules[] = {
    {Field::system, carried, "system; in `messages` where the model takes it there"},
    {Field::developer, mapped, "system"},
    {Field::message_name, dropped, "messages have no names"},
    {Field::images_data, carried, "messages[].content[] image, source base64"},
    {Field::images_url, carried, "messages[].content[] image, source url (not on Bedrock and Vertex)"},
    {Field::images_file, dropped, "a file id means something to its own vendor only"},
    {Field::image_detail, dropped, "images have no detail level"},
    {Field::documents_data, carried, "messages[].content[] document, source base64 (PDF) or text"},
    {Field::documents_url, carried, "messages[].content[] document, source url (not on Bedrock and Vertex)"},
    {Field::documents_text, carried, "messages[].content[] document, source text"},
    {Field::documents_file, dropped, "a file id means something to its own vendor only"},
    {Field::document_citations, carried, "messages[].content[] document, citations.enabled"},
    {Field::audio_input, dropped, "the API takes no audio"},
    {Field::video_input, dropped, "the API takes no video"},
    {Field::tools, carried, "tools[].input_schema"},
    {Field::custom_tools, dropped, "tools take JSON only"},
    {Field::strict_tools, carried, "tools[].strict"},
    {Field::web_search_tool, mapped, "tools[].type web_search_20250305"},
    {Field::web_fetch_tool, mapped, "tools[].type web_fetch_20250910"},
    {Field::code_execution_tool, mapped, "tools[].type code_execution_20250825"},
    {Field::file_search_tool, dropped, "there is no such tool"},
    {Field::image_generation_tool, dropped, "there is no such tool"},
    {Field::computer_tool, dropped, "the vendors' computer tools speak different actions"},
    {Field::mcp_tool, dropped, "the connector needs a beta header"},
    {Field::other_server_tools, dropped, "known to their own vendor only"},
    {Field::tool_choice_none, carried, "tool_choice.type none"},
    {Field::tool_choice_required, carried, "tool_choice.type any"},
    {Field::tool_choice_named, carried, "tool_choice.type tool"},
    {Field::allowed_tools, mapped, "tools: only the allowed ones are sent"},
    {Field::parallel_tool_calls, carried, "tool_choice.disable_parallel_tool_use"},
    {Field::tool_results, carried, "messages[].content[] tool_result"},
    {Field::tool_result_media, carried, "tool_result.content[] image, document"},
    {Field::tool_result_error, carried, "tool_result.is_error"},
    {Field::thinking_history, carried, "messages[].content[] thinking, redacted_thinking; signed by this vendor"},
    {Field::opaque_history, dropped, "known to their own vendor only"},
    {Field::json_object, mapped, "a sentence in `system`"},
    {Field::json_schema, carried, "output_config.format; a sentence in `system` for models before 4.5"},
    {Field::strict_schema, mapped, "output_config.format is always strict"},
    {Field::reasoning_off, carried, "thinking.type disabled"},
    {Field::reasoning_effort, mapped, "output_config.effort with thinking.type adaptive; before 4.6 a budget"},
    {Field::reasoning_budget, carried, "thinking.budget_tokens; an effort for models that take no budget"},
    {Field::reasoning_include, carried, "thinking.display"},
    {Field::reasoning_summary, mapped, "thinking.display summarized"},
    {Field::max_output_tokens, carried, "max_tokens"},
    {Field::temperature, carried, "temperature, 1 at most"},
    {Field::top_p, carried, "top_p"},
    {Field::top_k, carried, "top_k"},
    {Field::min_p, dropped, "not known"},
    {Field::frequency_penalty, dropped, "not known"},
    {Field::presence_penalty, dropped, "not known"},
    {Field::repetition_penalty, dropped, "not known"},
    {Field::seed, dropped, "not known"},
    {Field::n, dropped, "one reply only"},
    {Field::stop, carried, "stop_sequences"},
    {Field::logprobs, dropped, "not known"},
    {Field::top_logprobs, dropped, "not known"},
    {Field::logit_bias, dropped, "not known"},
    {Field::user, carried, "metadata.user_id"},
    {Field::metadata, dropped, "metadata holds user_id only"},
    {Field::service_tier, mapped, "service_tier auto or standard_only"},
    {Field::store, dropped, "nothing is kept"},
    {Field::cache_marks, carried, "cache_control, four at most"},
    {Field::prompt_cache_key, dropped, "not known"},
    {Field::previous_response_id, dropped, "nothing is kept"},
    {Field::verbosity, dropped, "not known"},
    {Field::output_modalities, dropped, "replies are text"},
    {Field::audio_output, dropped, "replies are text"},
    {Field::prediction, dropped, "not known"},
    {Field::safety_settings, dropped, "not known"},
    {Field::reply_thinking, carried, "content[] thinking, redacted_thinking"},
    {Field::reply_refusal, mapped, "content[] text, stop_reason refusal"},
    {Field::reply_citations, mapped,
     "content[].citations[] web_search_result_location; those without a URL are dropped"},
    {Field::reply_logprobs, dropped, "not known"},
    {Field::reply_media, dropped, "replies are text; a transcript is shown"},
    {Field::reply_opaque, dropped, "known to their own vendor only"},
    {Field::reply_choices, dropped, "one reply only: the first"},
    {Field::reply_signatures, carried, "content[] thinking.signature; others wrapped in redacted_thinking"},
    {Field::reply_service_tier, mapped, "usage.service_tier"},
    {Field::reply_stop_sequence, carried, "stop_sequence"},
};

}  // namespace

const chat::FieldTable& field_table() {
  static constexpr chat::FieldTable kTable(kRules);
  return kTable;
}

}  // namespace tollgate::gateway::claude
