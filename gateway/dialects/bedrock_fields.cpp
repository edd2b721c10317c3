// What becomes of each field in Converse. Thread rule: constants.
#include "gateway/dialects/bedrock_wire.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Carry;
using chat::Field;
using chat::FieldRule;

constexpr FieldRule kRules[] = {
    {Field::system, Carry::carried, "system[].text"},
    {Field::developer, Carry::mapped, "system[].text"},
    {Field::images_data, Carry::carried, "image.source.bytes"},
    {Field::images_url, Carry::dropped, "s3: addresses only"},
    {Field::documents_data, Carry::carried, "document.source.bytes"},
    {Field::documents_url, Carry::dropped, "s3: addresses only"},
    {Field::documents_text, Carry::carried, "document.source.text"},
    {Field::document_citations, Carry::carried, "document.citations.enabled"},
    {Field::audio_input, Carry::carried, "audio.source.bytes"},
    {Field::video_input, Carry::carried, "video.source.bytes"},
    {Field::tools, Carry::carried, "toolConfig.tools[].toolSpec"},
    {Field::custom_tools, Carry::dropped, "arguments are objects here"},
    {Field::strict_tools, Carry::carried, "toolConfig.tools[].toolSpec.strict"},
    {Field::web_search_tool, Carry::mapped, "toolConfig.tools[].systemTool nova_grounding"},
    {Field::code_execution_tool, Carry::mapped, "toolConfig.tools[].systemTool nova_code_interpreter"},
    {Field::tool_choice_none, Carry::mapped, "additionalModelRequestFields.tool_choice, or no toolConfig"},
    {Field::tool_choice_required, Carry::carried, "toolConfig.toolChoice.any"},
    {Field::tool_choice_named, Carry::carried, "toolConfig.toolChoice.tool"},
    {Field::allowed_tools, Carry::mapped, "the others are left out of toolConfig.tools"},
    {Field::parallel_tool_calls, Carry::mapped, "additionalModelRequestFields.tool_choice.disable_parallel_tool_use"},
    {Field::tool_results, Carry::carried, "toolResult"},
    {Field::tool_result_media, Carry::carried, "toolResult.content[].image"},
    {Field::tool_result_error, Carry::carried, "toolResult.status"},
    {Field::thinking_history, Carry::carried, "reasoningContent"},
    {Field::opaque_history, Carry::dropped, "blocks of another dialect"},
    {Field::json_object, Carry::mapped, "an instruction in system"},
    {Field::json_schema, Carry::carried, "outputConfig.textFormat"},
    {Field::strict_schema, Carry::carried, "outputConfig.textFormat always is"},
    {Field::reasoning_off, Carry::carried, "additionalModelRequestFields.thinking.type"},
    {Field::reasoning_effort, Carry::mapped, "outputConfig.effort, or the model's own word"},
    {Field::reasoning_budget, Carry::carried, "additionalModelRequestFields.thinking.budget_tokens"},
    {Field::reasoning_include, Carry::mapped, "additionalModelRequestFields.thinking.display"},
    {Field::reasoning_summary, Carry::mapped, "additionalModelRequestFields.thinking.display"},
    {Field::max_output_tokens, Carry::carried, "inferenceConfig.maxTokens"},
    {Field::temperature, Carry::carried, "inferenceConfig.temperature"},
    {Field::top_p, Carry::carried, "inferenceConfig.topP"},
    {Field::top_k, Carry::carried, "additionalModelRequestFields.top_k"},
    {Field::stop, Carry::carried, "inferenceConfig.stopSequences"},
    {Field::user, Carry::mapped, "requestMetadata.user"},
    {Field::metadata, Carry::carried, "requestMetadata"},
    {Field::service_tier, Carry::carried, "serviceTier.type"},
    {Field::cache_marks, Carry::carried, "cachePoint"},
    {Field::reply_thinking, Carry::carried, "reasoningContent.reasoningText"},
    {Field::reply_refusal, Carry::mapped, "text, with stopReason content_filtered"},
    {Field::reply_citations, Carry::carried, "citationsContent"},
    {Field::reply_media, Carry::carried, "image"},
    {Field::reply_opaque, Carry::dropped, "blocks of another dialect"},
    {Field::reply_signatures, Carry::carried, "reasoningContent.reasoningText.signature"},
    {Field::reply_service_tier, Carry::carried, "serviceTier.type"},
    {Field::reply_stop_sequence, Carry::carried, "additionalModelResponseFields.stop_sequence"},
};

}  // namespace

const chat::FieldTable& field_table() {
  static constexpr chat::FieldTable kTable(kRules);
  return kTable;
}

}  // namespace tollgate::gateway::bedrock
