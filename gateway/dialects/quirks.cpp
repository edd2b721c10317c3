#include "gateway/dialects/quirks.h"

#include <array>

namespace tollgate::gateway {
namespace {

struct Entry {
  std::string_view name;
  bool Quirks::* flag;
};
constexpr std::array kEntries{
    Entry{"max_completion_tokens", &Quirks::max_completion_tokens},
    Entry{"developer_role", &Quirks::developer_role},
    Entry{"no_json_schema", &Quirks::no_json_schema},
    Entry{"no_stream_options", &Quirks::no_stream_options},
    Entry{"no_parallel_tool_calls", &Quirks::no_parallel_tool_calls},
    Entry{"no_n", &Quirks::no_n},
    Entry{"no_logprobs", &Quirks::no_logprobs},
    Entry{"no_strict", &Quirks::no_strict},
    Entry{"tool_choice_any", &Quirks::tool_choice_any},
    Entry{"random_seed", &Quirks::random_seed},
    Entry{"reasoning_object", &Quirks::reasoning_object},
    Entry{"thinking_toggle", &Quirks::thinking_toggle},
    Entry{"enable_thinking", &Quirks::enable_thinking},
    Entry{"reasoning_field", &Quirks::reasoning_field},
    Entry{"no_reasoning_history", &Quirks::no_reasoning_history},
    Entry{"cache_control", &Quirks::cache_control},
    Entry{"text_only", &Quirks::text_only},
    Entry{"no_reasoning_effort", &Quirks::no_reasoning_effort},
    Entry{"reasoning_details", &Quirks::reasoning_details},
    Entry{"thinking_parts", &Quirks::thinking_parts},
    Entry{"extra_content", &Quirks::extra_content},
    Entry{"short_tool_ids", &Quirks::short_tool_ids},
    Entry{"sampling_extras", &Quirks::sampling_extras},
    Entry{"document_url", &Quirks::document_url},
    Entry{"plain_audio", &Quirks::plain_audio},
    Entry{"no_files", &Quirks::no_files},
    Entry{"no_file_urls", &Quirks::no_file_urls},
    Entry{"no_video", &Quirks::no_video},
    Entry{"no_web_search", &Quirks::no_web_search},
    Entry{"no_allowed_tools", &Quirks::no_allowed_tools},
    Entry{"no_message_name", &Quirks::no_message_name},
    Entry{"no_penalties", &Quirks::no_penalties},
    Entry{"no_logit_bias", &Quirks::no_logit_bias},
    Entry{"no_user", &Quirks::no_user},
    Entry{"no_metadata", &Quirks::no_metadata},
    Entry{"no_store", &Quirks::no_store},
    Entry{"no_service_tier", &Quirks::no_service_tier},
    Entry{"no_verbosity", &Quirks::no_verbosity},
    Entry{"no_prediction", &Quirks::no_prediction},
    Entry{"no_prompt_cache_key", &Quirks::no_prompt_cache_key},
    Entry{"bedrock_body", &Quirks::bedrock_body},
    Entry{"vertex_body", &Quirks::vertex_body},
    Entry{"vertex_labels", &Quirks::vertex_labels},
};

}  // namespace

Quirks quirks_from(const std::vector<std::string>& names) {
  Quirks quirks;
  for (const std::string& name : names)
    for (const Entry& entry : kEntries)
      if (entry.name == name) quirks.*entry.flag = true;
  return quirks;
}

bool is_quirk(std::string_view name) {
  for (const Entry& entry : kEntries)
    if (entry.name == name) return true;
  return false;
}

std::vector<std::string_view> quirk_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kEntries) names.push_back(entry.name);
  return names;
}

}  // namespace tollgate::gateway
