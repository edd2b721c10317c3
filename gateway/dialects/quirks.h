// Quirks: what one vendor's row of providers.yaml changes in the dialect it speaks (`request_flags`). One flag each; a
// vendor that needs a new one costs a row in the table of quirks.cpp and a line in one writer. Thread rule: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::gateway {

struct Quirks {
  // OpenAI chat
  bool max_completion_tokens = false;   // the output limit's name; else max_tokens
  bool developer_role = false;          // knows role "developer"; else it is sent as "system"
  bool no_json_schema = false;          // only json_object: the schema is put into the system text
  bool no_stream_options = false;       // refuses stream_options
  bool no_parallel_tool_calls = false;  // refuses parallel_tool_calls
  bool no_n = false;                    // one choice only
  bool no_logprobs = false;
  bool no_strict = false;             // refuses "strict" in tools
  bool tool_choice_any = false;       // says "any" for required (Mistral)
  bool random_seed = false;           // says random_seed for seed (Mistral)
  bool reasoning_object = false;      // reasoning: {effort, max_tokens, enabled} (OpenRouter)
  bool thinking_toggle = false;       // thinking: {type: enabled|disabled} (DeepSeek, Z.ai, Moonshot)
  bool enable_thinking = false;       // enable_thinking, thinking_budget (Alibaba)
  bool reasoning_field = false;       // history carries "reasoning", not "reasoning_content"
  bool no_reasoning_history = false;  // refuses reasoning in the history
  bool cache_control = false;         // takes Anthropic's cache_control on content parts (OpenRouter)
  bool text_only = false;             // content must be a string
  bool no_reasoning_effort = false;   // refuses reasoning_effort
  bool reasoning_details = false;  // history carries signed reasoning of any family in reasoning_details (OpenRouter)
  bool thinking_parts = false;     // reasoning is a content part of type "thinking" (Mistral)
  bool extra_content = false;      // takes Google's signatures in extra_content (Google's own endpoint)
  bool short_tool_ids = false;     // ids of calls are exactly 9 letters and digits (Mistral)
  bool sampling_extras = false;    // takes top_k, min_p, repetition_penalty (OpenRouter, vLLM, Together, Fireworks)
  bool document_url = false;       // documents are parts of type "document_url" (Mistral)
  bool plain_audio = false;        // input_audio is the base64 text itself (Mistral)
  bool no_files = false;           // refuses parts of type "file"
  bool no_file_urls = false;       // files by data or id only (OpenAI)
  bool no_video = false;           // refuses parts of type "video_url" (OpenAI)
  bool no_web_search = false;      // refuses web_search_options
  bool no_allowed_tools = false;   // refuses tool_choice "allowed_tools": the other tools are not sent
  bool no_message_name = false;    // refuses "name" in messages
  bool no_penalties = false;       // refuses frequency_penalty, presence_penalty
  bool no_logit_bias = false;
  bool no_user = false;
  bool no_metadata = false;
  bool no_store = false;
  bool no_service_tier = false;
  bool no_verbosity = false;
  bool no_prediction = false;
  bool no_prompt_cache_key = false;
  // Anthropic
  bool bedrock_body = false;  // anthropic_version "bedrock-2023-05-31" in the body; model and stream are in the path
  bool vertex_body = false;   // anthropic_version "vertex-2023-10-16" in the body; model is in the path
  // Gemini
  bool vertex_labels = false;  // takes "labels" for metadata
};

// Names are the member names above. An unknown name is ignored here; the configuration's loader refuses it.
Quirks quirks_from(const std::vector<std::string>& names);
bool is_quirk(std::string_view name);
std::vector<std::string_view> quirk_names();

}  // namespace tollgate::gateway
