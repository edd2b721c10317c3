// Field names of Gemini, Bedrock and Cohere (table: docs/formats/billing.md). Owner: billing, price half.
#include <algorithm>
#include <array>

#include "billing/usage_counts.h"

namespace tollgate::billing {
namespace {

enum class Media : unsigned char { text, audio, image, video };

// Modalities are words, in capitals or not; clients that print protobuf enumerations send numbers. A page of a document
// is read as an image.
Media media_of(JsonValue modality) {
  if (const auto number = modality.as_int()) {
    constexpr std::array kNumbers{Media::text, Media::text, Media::image, Media::video, Media::audio, Media::image};
    const bool known = *number >= 0 && *number < static_cast<std::int64_t>(kNumbers.size());
    return known ? kNumbers[static_cast<std::size_t>(*number)] : Media::text;
  }
  const std::string_view word = modality.as_string().value_or("");
  const char first = word.empty() ? 't' : static_cast<char>(word.front() | 0x20);
  return first == 'a'                   ? Media::audio
         : first == 'v'                 ? Media::video
         : first == 'i' || first == 'd' ? Media::image
                                        : Media::text;
}

struct MediaSums {
  std::int64_t audio = 0, image = 0, video = 0;
  bool any = false;
};

// [{"modality": "AUDIO", "tokenCount": 5}, ...]; interactions say "tokens". A modality may stand twice.
MediaSums sums_of(JsonValue details) {
  MediaSums sums;
  details.elements([&](JsonValue entry) {
    const std::int64_t tokens = entry["tokenCount"].as_int().value_or(entry["tokens"].as_int().value_or(0));
    std::int64_t none = 0;
    const Media media = media_of(entry["modality"]);
    std::int64_t& sum = media == Media::audio   ? sums.audio
                        : media == Media::image ? sums.image
                        : media == Media::video ? sums.video
                                                : none;
    if (__builtin_add_overflow(sum, tokens, &sum)) sum = kMaxCount + 1;
    sums.any = true;
  });
  return sums;
}

void set_media(const MediaSums& sums, Field audio, Field image, Field video, RawCounts& counts) {
  if (!sums.any) return;
  if (audio != Field::count_) counts.set(audio, sums.audio);
  if (image != Field::count_) counts.set(image, sums.image);
  if (video != Field::count_) counts.set(video, sums.video);
}

void read_media(JsonValue usage, RawCounts& counts) {
  for (const char* name : {"promptTokensDetails", "promptTokenDetails", "input_tokens_by_modality"})
    set_media(sums_of(usage[name]), Field::audio_input, Field::image_input, Field::video_input, counts);
  for (const char* name : {"cacheTokensDetails", "cached_tokens_by_modality"})
    set_media(sums_of(usage[name]), Field::audio_cached, Field::image_cached, Field::video_cached, counts);
  for (const char* name : {"candidatesTokensDetails", "responseTokensDetails", "output_tokens_by_modality"})
    set_media(sums_of(usage[name]), Field::audio_output, Field::image_output, Field::count_, counts);
}

// The traffic type names the tier too, and says what the service tier cannot: that the tokens are paid for already.
void read_traffic(JsonValue usage, RawCounts& counts) {
  std::string tier;
  take_word(usage["serviceTier"], tier);
  std::transform(tier.begin(), tier.end(), tier.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const JsonValue traffic = usage["trafficType"];
  const std::string_view word = traffic.as_string().value_or("");
  if (word == "PROVISIONED_THROUGHPUT" || traffic.as_int() == 2) tier = "provisioned";
  if (word == "ON_DEMAND_FLEX") tier = "flex";
  if (word == "ON_DEMAND_PRIORITY") tier = "priority";
  if (tier.empty() && (word == "ON_DEMAND" || traffic.as_int() == 1)) tier = "on_demand";
  if (!tier.empty()) counts.tier = std::move(tier);
}

// Searches of an interaction.
void read_groundings(JsonValue list, RawCounts& counts) {
  std::int64_t searches = 0;
  bool any = false;
  list.elements([&](JsonValue entry) {
    if (entry["type"].as_string().value_or("") != "google_search") return;
    const std::int64_t count = std::clamp<std::int64_t>(entry["count"].as_int().value_or(0), 0, kMaxCount);
    searches = std::min(searches + count, kMaxCount);
    any = true;
  });
  if (any) counts.set(Field::web_search, searches);
}

}  // namespace

void read_gemini_usage(JsonValue usage, RawCounts& counts) {
  if (!usage.is_object()) return;
  counts.reported = true;
  struct Name {
    const char* name;
    Field field;
  };
  static constexpr Name kNames[] = {
      {"promptTokenCount", Field::prompt},
      {"cachedContentTokenCount", Field::cached},
      {"candidatesTokenCount", Field::completion},
      {"responseTokenCount", Field::completion},
      {"thoughtsTokenCount", Field::reasoning},
      {"toolUsePromptTokenCount", Field::tool_input},
      {"totalTokenCount", Field::total},
      {"total_input_tokens", Field::prompt},
      {"total_cached_tokens", Field::cached},
      {"total_output_tokens", Field::completion},
      {"total_thought_tokens", Field::reasoning},
      {"total_tool_use_tokens", Field::tool_input},
      {"total_tokens", Field::total},
  };
  for (const auto& [name, field] : kNames) take_count(usage[name], field, counts);
  read_media(usage, counts);
  read_traffic(usage, counts);
  read_groundings(usage["grounding_tool_count"], counts);
}

void read_converse_usage(JsonValue usage, RawCounts& counts) {
  if (!usage.is_object()) return;
  counts.reported = true;
  take_count(usage["inputTokens"], Field::prompt, counts);
  take_count(usage["outputTokens"], Field::completion, counts);
  take_count(usage["totalTokens"], Field::total, counts);
  take_count(usage["cacheReadInputTokenCount"], Field::cached, counts);
  take_count(usage["cacheReadInputTokens"], Field::cached, counts);
  take_count(usage["cacheWriteInputTokenCount"], Field::cache_write, counts);
  take_count(usage["cacheWriteInputTokens"], Field::cache_write, counts);
  std::int64_t short_lived = 0, long_lived = 0;
  const JsonValue details = usage["cacheDetails"];
  details.elements([&](JsonValue entry) {
    std::int64_t& sum = entry["ttl"].as_string().value_or("") == "1h" ? long_lived : short_lived;
    if (__builtin_add_overflow(sum, entry["inputTokens"].as_int().value_or(0), &sum)) sum = kMaxCount + 1;
  });
  if (details.is_array()) {
    counts.set(Field::cache_write_5m, short_lived);
    counts.set(Field::cache_write_1h, long_lived);
  }
}

void read_invocation_metrics(JsonValue metrics, RawCounts& counts) {
  if (!metrics.is_object()) return;
  counts.reported = true;
  take_count(metrics["inputTokenCount"], Field::prompt, counts);
  take_count(metrics["outputTokenCount"], Field::completion, counts);
  take_count(metrics["cacheReadInputTokenCount"], Field::cached, counts);
  take_count(metrics["cacheWriteInputTokenCount"], Field::cache_write, counts);
}

void read_cohere_usage(JsonValue usage, RawCounts& counts) {
  const JsonValue billed = usage["billed_units"], counted = usage["tokens"];
  if (!billed.is_object()) return;
  counts.reported = true;
  take_count(billed["input_tokens"], Field::prompt, counts);
  take_count(billed["output_tokens"], Field::completion, counts);
  take_count(billed["search_units"], Field::search_units, counts);
  take_count(billed["images"], Field::images, counts);
  if (const auto tokens = billed["image_tokens"].as_int()) {
    // Beside the input tokens; as part of the whole here, where the rules of containment expect them.
    counts.set(Field::image_input, *tokens);
    counts.set(Field::prompt, std::min(counts[Field::prompt] + counts[Field::image_input], kMaxCount));
  }
  // More was counted than is billed, never less; classifications have no price here.
  const auto above = [&](const char* name, std::int64_t more) {
    const auto whole = counted[name].as_int();
    return whole && billed[name].as_int().value_or(0) - more > *whole;
  };
  const std::int64_t pictures = std::clamp<std::int64_t>(counted["image_tokens"].as_int().value_or(0), 0, kMaxCount);
  if (above("input_tokens", pictures) || above("output_tokens", 0) ||
      billed["classifications"].as_int().value_or(0) != 0)
    counts.absurd = true;
}

}  // namespace tollgate::billing
