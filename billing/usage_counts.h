// RawCounts: the numbers of a vendor's usage object under one set of names, as last seen, before containment is
// resolved. Merging is last-value-wins per field: a field that is absent or null keeps what an earlier event said.
// Owner: billing, price half. Thread rule: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"

namespace tollgate::billing {

enum class Field : unsigned char {
  prompt,      // OpenAI: whole input; Anthropic: uncached input
  completion,  // whole output
  total,
  cached,          // *_details.cached_tokens, Anthropic cache_read_input_tokens
  cached_repeat,   // another spelling of the same number (hit, num_cached_tokens, top-level cached_tokens)
  cache_miss,      // DeepSeek
  cache_write,     // all writes together
  cache_write_5m,  // Anthropic's split
  cache_write_1h,
  audio_input,
  image_input,
  reasoning,
  audio_output,
  image_output,
  web_search,
  web_fetch,
  file_search,
  code_execution,
  audio_milliseconds,
  count_,
};

struct RawCounts {
  std::array<std::int64_t, static_cast<std::size_t>(Field::count_)> values{};
  std::uint32_t seen = 0;
  bool reported = false;   // a usage object was there
  bool absurd = false;     // a negative or impossibly large number was replaced
  bool old_split = false;  // the split of cache writes is from an earlier object than their total
  std::string tier, geo, speed, cost;

  bool has(Field field) const { return (seen >> static_cast<unsigned>(field) & 1u) != 0; }
  std::int64_t operator[](Field field) const { return values[static_cast<std::size_t>(field)]; }
  void set(Field field, std::int64_t value);
};
// Larger counts are taken for damage; keeps every product of the price book inside 128 bits.
inline constexpr std::int64_t kMaxCount = 1'000'000'000'000;

// Reads a usage object of the OpenAI family (chat, completions, responses, embeddings and their imitators).
void read_openai_usage(JsonValue usage, RawCounts& counts);
// Reads an Anthropic usage object or one entry of its `iterations`.
void read_anthropic_usage(JsonValue usage, RawCounts& counts);
// The final charge a vendor states: `cost` (number, or object with total_cost), `cost_in_usd_ticks`; with is_byok the
// upstream's charge is added. `usage_text` is the object's text with kJsonPadding behind it; numbers are read as text
// and rounded half-even to 15 decimals. Empty when none is stated.
std::string read_reported_cost(std::string_view usage_text);
// Takes the billed built-in tool calls from a Responses `output` array (its text, padded). Search actions are billed,
// opening or searching a found page is not; a code container is billed once, however often it is used.
void read_output_items(std::string_view output_text, JsonReader& reader, RawCounts& counts);
// OpenAI's own count beside the usage, which wins over counted items: `tool_usage` {web_search: {num_requests}}.
void read_tool_usage(JsonValue tool_usage, RawCounts& counts);

}  // namespace tollgate::billing
