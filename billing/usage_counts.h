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
  tool_input,    // Gemini: tool results put before the model, beside the prompt
  video_input,   // the rest of the media: inside the prompt
  audio_cached,  // inside cached and inside audio_input
  image_cached,  // inside cached and inside image_input
  video_cached,  // inside cached and inside video_input
  citation,      // Perplexity: beside everything
  search_units,  // billed pieces, as they stand
  images,
  pages,
  characters,
  count_,
};

struct RawCounts {
  std::array<std::int64_t, static_cast<std::size_t>(Field::count_)> values{};
  std::uint64_t seen = 0;
  bool reported = false;         // a usage object was there
  bool absurd = false;           // a negative or impossibly large number was replaced, or a vendor's own sum is wrong
  bool old_split = false;        // the split of cache writes is from an earlier object than their total
  bool reasoning_apart = false;  // reasoning is neither in the completion nor in the total (Perplexity deep research)
  std::string tier, geo, speed, cost;

  bool has(Field field) const { return (seen >> static_cast<unsigned>(field) & 1u) != 0; }
  std::int64_t operator[](Field field) const { return values[static_cast<std::size_t>(field)]; }
  void set(Field field, std::int64_t value);
};
// Larger counts are taken for damage; keeps every product of the price book inside 128 bits.
inline constexpr std::int64_t kMaxCount = 1'000'000'000'000;

// Sets the field when the value is a number.
void take_count(JsonValue value, Field field, RawCounts& counts);
// Takes a short text.
void take_word(JsonValue value, std::string& out);

// Seconds of audio as decimal text, kept in thousandths, rounded up: nobody bills less than was heard.
void take_seconds_text(std::string_view text, RawCounts& counts);

// Reads a usage object of the OpenAI family (chat, completions, responses, embeddings and their imitators).
void read_openai_usage(JsonValue usage, RawCounts& counts);
// Reads an Anthropic usage object or one entry of its `iterations`.
void read_anthropic_usage(JsonValue usage, RawCounts& counts);
// llama.cpp's "timings".
void read_timings(JsonValue timings, RawCounts& counts);
// Gemini's usageMetadata, and the usage of its interactions (total_input_tokens ...).
void read_gemini_usage(JsonValue usage, RawCounts& counts);
// Bedrock Converse, and Nova's own body.
void read_converse_usage(JsonValue usage, RawCounts& counts);
// "amazon-bedrock-invocationMetrics" of a stream's last chunk.
void read_invocation_metrics(JsonValue metrics, RawCounts& counts);
// Cohere's `usage` or `meta`: what is billed, not what was counted.
void read_cohere_usage(JsonValue usage, RawCounts& counts);
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
