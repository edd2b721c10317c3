// What becomes of each field in the dialect openai.chat. Vendors that take less have quirks, and name what they lose;
// those that take more are told apart by carries_with(). Thread rule: constants.
#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using enum chat::Field;
using enum chat::Carry;
using chat::FieldRule;

constexpr FieldRule kRules[] = {
    {system, carried, "messages[].role: system"},
    {developer, mapped, "messages[].role: developer, or system where the vendor has no other"},
    {message_name, carried, "messages[].name"},
    {images_data, carried, "content[].image_url.url as a data URL"},
    {images_url, carried, "content[].image_url.url"},
    {images_file, dropped, "images by URL or data only"},
    {image_detail, carried, "content[].image_url.detail"},
    {documents_data, carried, "content[].file.file_data as a data URL"},
    {documents_url, carried, "content[].file.file_data"},
    {documents_text, carried, "content[].file.file_data as text/plain"},
    {documents_file, carried, "content[].file.file_id, OpenAI's own ids"},
    {document_citations, dropped, "citations cannot be asked for"},
    {audio_input, carried, "content[].input_audio"},
    {video_input, carried, "content[].video_url"},
    {tools, carried, "tools[].function"},
    {custom_tools, carried, "tools[].custom"},
    {strict_tools, carried, "tools[].function.strict"},
    {web_search_tool, carried, "web_search_options"},
    {web_fetch_tool, dropped, "no such tool"},
    {code_execution_tool, dropped, "no such tool"},
    {file_search_tool, dropped, "no such tool"},
    {image_generation_tool, dropped, "no such tool"},
    {computer_tool, dropped, "no such tool"},
    {mcp_tool, dropped, "no such tool"},
    {other_server_tools, dropped, "no such tool"},
    {tool_choice_none, carried, "tool_choice: none"},
    {tool_choice_required, carried, "tool_choice: required"},
    {tool_choice_named, carried, "tool_choice.function.name"},
    {allowed_tools, carried, "tool_choice.allowed_tools"},
    {parallel_tool_calls, carried, "parallel_tool_calls"},
    {tool_results, carried, "messages[].role: tool"},
    {tool_result_media, mapped, "a user's message behind the results"},
    {tool_result_error, dropped, "results have no flag for it"},
    {thinking_history, carried, "messages[].reasoning_content"},
    {opaque_history, dropped, "parts of other dialects mean nothing here"},
    {json_object, carried, "response_format: json_object"},
    {json_schema, carried, "response_format.json_schema"},
    {strict_schema, carried, "response_format.json_schema.strict"},
    {reasoning_off, carried, "reasoning_effort: none"},
    {reasoning_effort, carried, "reasoning_effort"},
    {reasoning_budget, mapped, "reasoning_effort, the nearest word"},
    {reasoning_include, dropped, "no setting for it"},
    {reasoning_summary, dropped, "no setting for it"},
    {max_output_tokens, carried, "max_completion_tokens, or max_tokens"},
    {temperature, carried, "temperature"},
    {top_p, carried, "top_p"},
    {top_k, dropped, "some vendors only"},
    {min_p, dropped, "some vendors only"},
    {frequency_penalty, carried, "frequency_penalty"},
    {presence_penalty, carried, "presence_penalty"},
    {repetition_penalty, dropped, "some vendors only"},
    {seed, carried, "seed"},
    {n, carried, "n"},
    {stop, carried, "stop"},
    {logprobs, carried, "logprobs"},
    {top_logprobs, carried, "top_logprobs"},
    {logit_bias, carried, "logit_bias"},
    {user, carried, "user"},
    {metadata, carried, "metadata"},
    {service_tier, carried, "service_tier"},
    {store, carried, "store"},
    {cache_marks, dropped, "vendors of this form cache by themselves"},
    {prompt_cache_key, carried, "prompt_cache_key"},
    {previous_response_id, dropped, "the conversation is sent whole"},
    {verbosity, carried, "verbosity"},
    {output_modalities, carried, "modalities"},
    {audio_output, carried, "audio"},
    {prediction, carried, "prediction"},
    {safety_settings, dropped, "no setting for it"},
    {reply_thinking, carried, "message.reasoning_content"},
    {reply_refusal, carried, "message.refusal"},
    {reply_citations, carried, "message.annotations"},
    {reply_logprobs, carried, "choices[].logprobs"},
    {reply_media, carried, "message.images, message.audio"},
    {reply_opaque, dropped, "parts of other dialects mean nothing here"},
    {reply_choices, carried, "choices"},
    {reply_signatures, carried, "message.reasoning_details, tool_calls[].extra_content"},
    {reply_service_tier, carried, "service_tier"},
    {reply_stop_sequence, carried, "choices[].stop_reason"},
};

}  // namespace

const chat::FieldTable& fields() {
  static constexpr chat::FieldTable kTable(kRules);
  return kTable;
}

bool carries_with(const Quirks& quirks, chat::Field field) {
  switch (field) {
    case top_k:
    case min_p:
    case repetition_penalty:
      return quirks.sampling_extras;
    case cache_marks:
      return quirks.cache_control;
    case reasoning_include:
    case reasoning_summary:
      return quirks.reasoning_object;
    default:
      return false;
  }
}

}  // namespace tollgate::gateway::oai
