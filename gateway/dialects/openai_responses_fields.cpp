// What becomes of each field in the Responses dialect.
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway::responses {
namespace {

using chat::Carry;
using chat::Field;
using chat::FieldRule;

constexpr FieldRule kRules[] = {
    {Field::system, Carry::carried, "instructions; input[].role \"system\""},
    {Field::developer, Carry::carried, "input[].role \"developer\""},
    {Field::message_name, Carry::dropped, "items have no participant's name"},
    {Field::images_data, Carry::carried, "input_image.image_url (data URL)"},
    {Field::images_url, Carry::carried, "input_image.image_url"},
    {Field::images_file, Carry::carried, "input_image.file_id"},
    {Field::image_detail, Carry::carried, "input_image.detail"},
    {Field::documents_data, Carry::carried, "input_file.file_data (data URL)"},
    {Field::documents_url, Carry::carried, "input_file.file_url"},
    {Field::documents_text, Carry::mapped, "input_text, after the title"},
    {Field::documents_file, Carry::carried, "input_file.file_id"},
    {Field::document_citations, Carry::dropped, "citations cannot be asked for"},
    {Field::audio_input, Carry::carried, "input_audio"},
    {Field::video_input, Carry::dropped, "no video"},
    {Field::tools, Carry::carried, "tools[].type \"function\""},
    {Field::custom_tools, Carry::carried, "tools[].type \"custom\""},
    {Field::strict_tools, Carry::carried, "tools[].strict"},
    {Field::web_search_tool, Carry::carried, "tools[].type \"web_search\""},
    {Field::web_fetch_tool, Carry::mapped, "tools[].type \"web_search\", which opens pages too"},
    {Field::code_execution_tool, Carry::carried, "tools[].type \"code_interpreter\""},
    {Field::file_search_tool, Carry::carried, "tools[].type \"file_search\", where its vector stores are known"},
    {Field::image_generation_tool, Carry::carried, "tools[].type \"image_generation\""},
    {Field::computer_tool, Carry::carried, "tools[].type \"computer\", from the same dialect"},
    {Field::mcp_tool, Carry::carried, "tools[].type \"mcp\", from the same dialect"},
    {Field::other_server_tools, Carry::carried, "tools[], from the same dialect"},
    {Field::tool_choice_none, Carry::carried, "tool_choice \"none\""},
    {Field::tool_choice_required, Carry::carried, "tool_choice \"required\""},
    {Field::tool_choice_named, Carry::carried, "tool_choice.name"},
    {Field::allowed_tools, Carry::carried, "tool_choice.tools"},
    {Field::parallel_tool_calls, Carry::carried, "parallel_tool_calls"},
    {Field::tool_results, Carry::carried, "function_call_output"},
    {Field::tool_result_media, Carry::carried, "function_call_output.output[]"},
    {Field::tool_result_error, Carry::mapped, "\"Error: \" before the output"},
    {Field::thinking_history, Carry::carried, "reasoning items that this family signed"},
    {Field::opaque_history, Carry::carried, "items of the same dialect"},
    {Field::json_object, Carry::carried, "text.format.type \"json_object\""},
    {Field::json_schema, Carry::carried, "text.format.schema"},
    {Field::strict_schema, Carry::carried, "text.format.strict"},
    {Field::reasoning_off, Carry::carried, "reasoning.effort \"none\""},
    {Field::reasoning_effort, Carry::carried, "reasoning.effort"},
    {Field::reasoning_budget, Carry::mapped, "reasoning.effort, the nearest word"},
    {Field::reasoning_include, Carry::mapped, "reasoning.summary \"auto\""},
    {Field::reasoning_summary, Carry::carried, "reasoning.summary"},
    {Field::max_output_tokens, Carry::carried, "max_output_tokens"},
    {Field::temperature, Carry::carried, "temperature"},
    {Field::top_p, Carry::carried, "top_p"},
    {Field::top_k, Carry::dropped, "only rows with sampling_extras take it"},
    {Field::min_p, Carry::dropped, "only rows with sampling_extras take it"},
    {Field::frequency_penalty, Carry::dropped, "only rows with sampling_extras take it"},
    {Field::presence_penalty, Carry::dropped, "only rows with sampling_extras take it"},
    {Field::repetition_penalty, Carry::dropped, "only rows with sampling_extras take it"},
    {Field::seed, Carry::dropped, "only rows with sampling_extras take it"},
    {Field::n, Carry::dropped, "one reply only"},
    {Field::stop, Carry::dropped, "no stop strings"},
    {Field::logprobs, Carry::carried, "include \"message.output_text.logprobs\""},
    {Field::top_logprobs, Carry::carried, "top_logprobs"},
    {Field::logit_bias, Carry::dropped, "no such parameter"},
    {Field::user, Carry::carried, "safety_identifier (its SHA-256 when longer than 64 bytes)"},
    {Field::metadata, Carry::carried, "metadata"},
    {Field::service_tier, Carry::carried, "service_tier"},
    {Field::store, Carry::carried, "store"},
    {Field::cache_marks, Carry::dropped,
     "prefixes are cached unasked; rows with cache_control take prompt_cache_breakpoint"},
    {Field::prompt_cache_key, Carry::carried, "prompt_cache_key"},
    {Field::previous_response_id, Carry::carried, "previous_response_id"},
    {Field::verbosity, Carry::carried, "text.verbosity"},
    {Field::output_modalities, Carry::dropped, "text only; images by the image_generation tool"},
    {Field::audio_output, Carry::dropped, "text only"},
    {Field::prediction, Carry::dropped, "no such parameter"},
    {Field::safety_settings, Carry::dropped, "no such parameter"},
    {Field::reply_thinking, Carry::carried, "reasoning.summary[], reasoning.content[]"},
    {Field::reply_refusal, Carry::carried, "refusal"},
    {Field::reply_citations, Carry::carried, "output_text.annotations[]"},
    {Field::reply_logprobs, Carry::carried, "output_text.logprobs"},
    {Field::reply_media, Carry::mapped, "image_generation_call; the transcript of audio as text"},
    {Field::reply_opaque, Carry::dropped, "vendor-run tool items of other dialects have no form here"},
    {Field::reply_choices, Carry::dropped, "one reply only"},
    {Field::reply_signatures, Carry::carried, "reasoning.encrypted_content"},
    {Field::reply_service_tier, Carry::carried, "service_tier"},
    {Field::reply_stop_sequence, Carry::dropped, "not told which stop string was met"},
};
constexpr chat::FieldTable kTable(kRules);

}  // namespace

const chat::FieldTable& field_table() { return kTable; }

bool carries_with(const Quirks& quirks, chat::Field field) {
  switch (field) {
    case Field::cache_marks:
      return quirks.cache_control;
    case Field::top_k:
    case Field::min_p:
    case Field::repetition_penalty:
    case Field::frequency_penalty:
    case Field::presence_penalty:
    case Field::seed:
      return quirks.sampling_extras;
    default:
      return false;
  }
}

}  // namespace tollgate::gateway::responses
