// Usage: what one attempt consumed, in disjoint buckets. No bucket contains another: `input` is uncached text input
// only, `output` excludes reasoning, audio and image output. Containment rules per vendor live in
// billing/usage_reader.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

enum class Bucket : unsigned char {
  input,               // tokens: uncached text input
  cache_read,          // tokens read from the vendor's prompt cache
  cache_write_5m,      // tokens written to a prompt cache (default or 5 minute lifetime)
  cache_write_1h,      // tokens written to a prompt cache with 1 hour lifetime
  output,              // tokens: visible text output (rejected predictions included)
  reasoning,           // tokens: hidden reasoning / thinking
  audio_input,         // tokens
  audio_output,        // tokens
  audio_cache_read,    // tokens
  image_input,         // tokens
  image_output,        // tokens
  web_search,          // calls
  web_fetch,           // calls
  file_search,         // calls
  code_execution,      // sessions or calls, as the vendor bills them
  audio_milliseconds,  // thousandths of a second of audio billed by duration
  characters,          // characters billed by length
  // The place of a bucket is its number in spooled records: new ones come last.
  video_input,       // tokens
  image_cache_read,  // tokens
  citation,          // tokens of sources that the vendor read and bills apart (Perplexity)
  search_units,      // rerank: one query over up to 100 documents, as the vendor counts it
  images,            // whole images, made or embedded, where the vendor bills by the piece
  pages,             // pages of documents read
  count_,
};
inline constexpr std::size_t kBuckets = static_cast<std::size_t>(Bucket::count_);

// Tokens, as against calls, lengths and pieces.
constexpr bool is_token(Bucket bucket) {
  return bucket <= Bucket::image_output || (bucket >= Bucket::video_input && bucket <= Bucket::citation);
}

// Stable snake_case name used in prices, reports and docs: "input", "cache_write_5m", ...
std::string_view bucket_name(Bucket bucket);
// False for an unknown name.
bool bucket_from_name(std::string_view name, Bucket& out);

struct Usage {
  std::array<std::int64_t, kBuckets> counts{};
  bool reported = false;      // the vendor sent a usage object (an explicit zero is reported)
  bool identity_ok = true;    // the vendor's own total equals the sum of the buckets, where it sends one
  std::string served_tier;    // service tier the vendor says it used; empty = not said
  std::string geo;            // inference region the vendor says it used; empty = not said
  std::string speed;          // "fast" | "standard" where the vendor says so
  std::string reported_cost;  // decimal USD text, when the vendor states the final charge; empty = not said
  std::string raw;            // the vendor's usage JSON as received (bounded, see kMaxRawUsage)

  std::int64_t& operator[](Bucket b) { return counts[static_cast<std::size_t>(b)]; }
  std::int64_t operator[](Bucket b) const { return counts[static_cast<std::size_t>(b)]; }
  // All input-side tokens, cached or not, of every modality: what context-size price tiers compare.
  std::int64_t input_side() const;
};
inline constexpr std::size_t kMaxRawUsage = 4096;

}  // namespace tollgate
