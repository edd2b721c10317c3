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
