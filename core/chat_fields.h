// Field: each thing a chat request can ask, and a reply can say, by name. A dialect's FieldTable tells what becomes of
// each, which is the only source for three things: the losses of a translation, the warning header that names them, and
// docs/dialects.md. Thread rule: constants and pure functions.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"

namespace tollgate::chat {

enum class Field : unsigned char {
  // of a request
  system,
  developer,
  message_name,
  images_data,
  images_url,
  images_file,
  image_detail,
  documents_data,
  documents_url,
  documents_text,
  documents_file,
  document_citations,
  audio_input,
  video_input,
  tools,
  custom_tools,
  strict_tools,
  web_search_tool,
  web_fetch_tool,
  code_execution_tool,
  file_search_tool,
  image_generation_tool,
  computer_tool,
  mcp_tool,
  other_server_tools,
  tool_choice_none,
  tool_choice_required,
  tool_choice_named,
  allowed_tools,
  parallel_tool_calls,
  tool_results,
  tool_result_media,
  tool_result_error,
  thinking_history,
  opaque_history,
  json_object,
  json_schema,
  strict_schema,
  reasoning_off,
  reasoning_effort,
  reasoning_budget,
  reasoning_include,
  reasoning_summary,
  max_output_tokens,
  temperature,
  top_p,
  top_k,
  min_p,
  frequency_penalty,
  presence_penalty,
  repetition_penalty,
  seed,
  n,
  stop,
  logprobs,
  top_logprobs,
  logit_bias,
  user,
  metadata,
  service_tier,
  store,
  cache_marks,
  prompt_cache_key,
  previous_response_id,
  verbosity,
  output_modalities,
  audio_output,
  prediction,
  safety_settings,
  // of a reply
  reply_thinking,
  reply_refusal,
  reply_citations,
  reply_logprobs,
  reply_media,
  reply_opaque,
  reply_choices,
  reply_signatures,
  reply_service_tier,
  reply_stop_sequence,
  count_,
};
inline constexpr std::size_t kFields = static_cast<std::size_t>(Field::count_);
using FieldSet = std::bitset<kFields>;

// snake_case name as in the header and the docs: "tool_choice_named".
std::string_view field_name(Field field);

enum class Carry : unsigned char {
  dropped,  // cannot be said in this dialect
  carried,  // has a place of its own
  mapped,   // is said by other means, as `where` tells
};

struct FieldRule {
  Field field;
  Carry carry;
  std::string_view where;  // wire place: "generationConfig.topK"; with `dropped`, why
};
// Rules of one dialect; a field without a rule is dropped.
class FieldTable {
 public:
  // `rules` must live forever (a constexpr table).
  template <std::size_t N>
  explicit constexpr FieldTable(const FieldRule (&rules)[N]) {
    for (const FieldRule& rule : rules) rules_[static_cast<std::size_t>(rule.field)] = &rule;
  }
  Carry carry(Field field) const {
    const FieldRule* rule = rules_[static_cast<std::size_t>(field)];
    return rule ? rule->carry : Carry::dropped;
  }
  std::string_view where(Field field) const {
    const FieldRule* rule = rules_[static_cast<std::size_t>(field)];
    return rule ? rule->where : std::string_view{};
  }

 private:
  std::array<const FieldRule*, kFields> rules_{};
};

// What this request asks. Defaults that say nothing (n = 1, tool_choice auto) are not counted.
FieldSet fields_of(const Request& request);
// What this reply says.
FieldSet fields_of(const Reply& reply);

// Names of what did not get across: field names, and names of unknown members of the source ("extra.<member>"). Order
// of appearance, each once.
class Losses {
 public:
  void add(Field field) { add(field_name(field)); }
  void add(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }
  bool empty() const { return names_.empty(); }

 private:
  std::vector<std::string> names_;
};

}  // namespace tollgate::chat
