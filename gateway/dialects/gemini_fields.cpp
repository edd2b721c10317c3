// What the Gemini dialect makes of each field. Thread rule: constants.
#include "gateway/dialects/gemini_request.h"

namespace tollgate::gateway::gemini_form {
namespace {

using chat::Carry;
using chat::Field;
using chat::FieldRule;

constexpr FieldRule kRules[] = {
    {Field::system, Carry::carried, "systemInstruction"},
    {Field::developer, Carry::mapped, "systemInstruction"},
    {Field::message_name, Carry::dropped, "contents have no names"},
    {Field::images_data, Carry::carried, "parts[].inlineData"},
    {Field::images_url, Carry::carried, "parts[].fileData"},
    {Field::images_file, Carry::dropped, "files live in one vendor's store"},
    {Field::image_detail, Carry::mapped, "generationConfig.mediaResolution, one for all images"},
    {Field::documents_data, Carry::carried, "parts[].inlineData"},
    {Field::documents_url, Carry::carried, "parts[].fileData"},
    {Field::documents_text, Carry::mapped, "parts[].inlineData of type text/plain"},
    {Field::documents_file, Carry::dropped, "files live in one vendor's store"},
    {Field::document_citations, Carry::dropped, "only searches are cited"},
    {Field::audio_input, Carry::carried, "parts[].inlineData"},
    {Field::video_input, Carry::carried, "parts[].inlineData, parts[].fileData"},
    {Field::tools, Carry::carried, "tools[].functionDeclarations"},
    {Field::custom_tools, Carry::dropped, "arguments are objects"},
    {Field::strict_tools, Carry::mapped, "functionCallingConfig.mode VALIDATED"},
    {Field::web_search_tool, Carry::carried, "tools[].googleSearch"},
    {Field::web_fetch_tool, Carry::carried, "tools[].urlContext"},
    {Field::code_execution_tool, Carry::carried, "tools[].codeExecution"},
    {Field::file_search_tool, Carry::dropped, "tools[].fileSearch searches this vendor's own stores"},
    {Field::image_generation_tool, Carry::dropped, "models make images themselves (responseModalities)"},
    {Field::computer_tool, Carry::dropped, "tools[].computerUse has actions of its own"},
    {Field::mcp_tool, Carry::dropped, "servers are called without asking"},
    {Field::other_server_tools, Carry::dropped, "tools of one vendor"},
    {Field::tool_choice_none, Carry::carried, "functionCallingConfig.mode NONE"},
    {Field::tool_choice_required, Carry::carried, "functionCallingConfig.mode ANY"},
    {Field::tool_choice_named, Carry::carried, "functionCallingConfig.allowedFunctionNames"},
    {Field::allowed_tools, Carry::carried, "functionCallingConfig.allowedFunctionNames"},
    {Field::parallel_tool_calls, Carry::dropped, "calls in parallel cannot be forbidden"},
    {Field::tool_results, Carry::carried, "parts[].functionResponse"},
    {Field::tool_result_media, Carry::carried, "functionResponse.parts; beside it before Gemini 3"},
    {Field::tool_result_error, Carry::carried, "functionResponse.response.error"},
    {Field::thinking_history, Carry::carried, "parts[].thought with a signature of this vendor"},
    {Field::opaque_history, Carry::dropped, "blocks of one vendor"},
    {Field::json_object, Carry::carried, "generationConfig.responseMimeType"},
    {Field::json_schema, Carry::carried, "generationConfig.responseJsonSchema"},
    {Field::strict_schema, Carry::mapped, "generationConfig.responseJsonSchema, which is always enforced"},
    {Field::reasoning_off, Carry::carried, "thinkingConfig.thinkingBudget 0; the least where thinking cannot be off"},
    {Field::reasoning_effort, Carry::mapped, "thinkingConfig.thinkingLevel; thinkingBudget before Gemini 3"},
    {Field::reasoning_budget, Carry::carried, "thinkingConfig.thinkingBudget"},
    {Field::reasoning_include, Carry::carried, "thinkingConfig.includeThoughts"},
    {Field::reasoning_summary, Carry::mapped, "thinkingConfig.includeThoughts"},
    {Field::max_output_tokens, Carry::carried, "generationConfig.maxOutputTokens"},
    {Field::temperature, Carry::carried, "generationConfig.temperature"},
    {Field::top_p, Carry::carried, "generationConfig.topP"},
    {Field::top_k, Carry::carried, "generationConfig.topK"},
    {Field::frequency_penalty, Carry::carried, "generationConfig.frequencyPenalty"},
    {Field::presence_penalty, Carry::carried, "generationConfig.presencePenalty"},
    {Field::seed, Carry::carried, "generationConfig.seed"},
    {Field::n, Carry::carried, "generationConfig.candidateCount"},
    {Field::stop, Carry::carried, "generationConfig.stopSequences, five at most"},
    {Field::logprobs, Carry::carried, "generationConfig.responseLogprobs"},
    {Field::top_logprobs, Carry::carried, "generationConfig.logprobs"},
    {Field::metadata, Carry::mapped, "labels, on Vertex AI"},
    {Field::service_tier, Carry::carried, "serviceTier"},
    {Field::store, Carry::carried, "store"},
    {Field::cache_marks, Carry::dropped, "caches are found by prefix, or made beforehand (cachedContent)"},
    {Field::output_modalities, Carry::carried, "generationConfig.responseModalities"},
    {Field::audio_output, Carry::dropped, "speechConfig has other voices"},
    {Field::safety_settings, Carry::carried, "safetySettings"},
    {Field::reply_thinking, Carry::carried, "parts[].thought"},
    {Field::reply_refusal, Carry::mapped, "parts[].text"},
    {Field::reply_citations, Carry::carried, "groundingMetadata"},
    {Field::reply_logprobs, Carry::carried, "logprobsResult"},
    {Field::reply_media, Carry::carried, "parts[].inlineData, without transcripts"},
    {Field::reply_opaque, Carry::dropped, "blocks of one vendor"},
    {Field::reply_choices, Carry::carried, "candidates"},
    {Field::reply_signatures, Carry::carried, "parts[].thoughtSignature"},
    {Field::reply_service_tier, Carry::carried, "usageMetadata.serviceTier"},
    {Field::reply_stop_sequence, Carry::dropped, "finishReason STOP does not tell which"},
};

}  // namespace

const chat::FieldTable& field_table() {
  static constexpr chat::FieldTable kTable(kRules);
  return kTable;
}

}  // namespace tollgate::gateway::gemini_form
