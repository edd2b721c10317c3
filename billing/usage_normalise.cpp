// Containment rules (table: docs/formats/billing.md). A contradictory report never yields a negative bucket: parts are
// cut to their parent and identity_ok becomes false. Owner: billing, price half.
#include "billing/usage_normalise.h"

#include <algorithm>

namespace tollgate::billing {
namespace {

// Takes `wanted` tokens out of `parent`, at most what is there.
std::int64_t carve(std::int64_t& parent, std::int64_t wanted, bool& consistent) {
  if (wanted > parent) consistent = false;
  const std::int64_t taken = std::min(wanted, parent);
  parent -= taken;
  return taken;
}

void copy_common(const RawCounts& counts, Usage& out) {
  out.reported = counts.reported;
  out.served_tier = counts.tier;
  out.geo = counts.geo == "not_available" ? std::string() : counts.geo;
  out.speed = counts.speed;
  out.reported_cost = counts.cost;
  out[Bucket::web_search] = counts[Field::web_search];
  out[Bucket::web_fetch] = counts[Field::web_fetch];
  out[Bucket::file_search] = counts[Field::file_search];
  out[Bucket::code_execution] = counts[Field::code_execution];
  out[Bucket::audio_milliseconds] = counts[Field::audio_milliseconds];
}

// 5 minute and 1 hour writes from a split that may be missing or older than the total. What the split does not explain
// has the one lifetime that it shows, else the vendors' default of 5 minutes.
void split_writes(const RawCounts& counts, Usage& out, bool& consistent) {
  const std::int64_t short_lived = counts[Field::cache_write_5m], long_lived = counts[Field::cache_write_1h];
  const std::int64_t split = short_lived + long_lived;
  const std::int64_t total = counts.has(Field::cache_write) ? counts[Field::cache_write] : split;
  if (split != 0 && split != total && !counts.old_split) consistent = false;
  const bool only_long = long_lived > 0 && short_lived == 0;
  out[Bucket::cache_write_1h] = only_long && counts.old_split ? total : std::min(long_lived, total);
  out[Bucket::cache_write_5m] = total - out[Bucket::cache_write_1h];
}

std::int64_t cached_tokens(const RawCounts& counts, bool& consistent) {
  const std::int64_t main = counts[Field::cached], repeat = counts[Field::cached_repeat];
  if (main != 0 && repeat != 0 && main != repeat) consistent = false;
  return std::max(main, repeat);
}

void split_input(const RawCounts& counts, std::int64_t prompt, Usage& out, bool& consistent) {
  std::int64_t rest = prompt;
  std::int64_t cached = carve(rest, cached_tokens(counts, consistent), consistent);
  Usage writes;
  split_writes(counts, writes, consistent);
  out[Bucket::cache_write_1h] = carve(rest, writes[Bucket::cache_write_1h], consistent);
  out[Bucket::cache_write_5m] = carve(rest, writes[Bucket::cache_write_5m], consistent);
  // Audio and images may be cached too; what does not fit beside the cached tokens is taken to be cached audio.
  std::int64_t audio = std::min(counts[Field::audio_input], prompt);
  const std::int64_t fresh_audio = std::min(audio, rest);
  rest -= fresh_audio;
  out[Bucket::audio_input] = fresh_audio;
  out[Bucket::audio_cache_read] = carve(cached, audio - fresh_audio, consistent);
  const std::int64_t fresh_images = std::min(counts[Field::image_input], rest);
  rest -= fresh_images;
  out[Bucket::image_input] = fresh_images;
  out[Bucket::cache_read] = cached;
  out[Bucket::input] = rest;
}

}  // namespace

void normalise_openai(const RawCounts& counts, Containment rules, Usage& out) {
  copy_common(counts, out);
  bool consistent = !counts.absurd;
  std::int64_t prompt = counts[Field::prompt];
  if (counts.has(Field::cache_miss)) {
    const std::int64_t halves = counts[Field::cached_repeat] + counts[Field::cache_miss];
    if (!counts.has(Field::prompt)) prompt = halves;
    if (halves != prompt) consistent = false;
  }
  // Embedders such as Voyage report only a total, and they put nothing out.
  const bool only_total = counts.has(Field::total) && !counts.has(Field::prompt) && !counts.has(Field::completion);
  if (only_total && !counts.has(Field::cache_miss)) prompt = counts[Field::total];
  split_input(counts, prompt, out, consistent);

  std::int64_t output = counts[Field::completion];
  std::int64_t reasoning = counts[Field::reasoning];
  const std::int64_t total = counts[Field::total];
  bool additive = rules.additive_reasoning;
  if (counts.has(Field::total)) {
    const bool inside = total == prompt + output;
    if (inside || total == prompt + output + reasoning) {
      additive = !inside;
    } else if (rules.hidden_reasoning && total > prompt + output && reasoning == 0) {
      reasoning = total - prompt - output;
      additive = true;
    } else {
      consistent = false;
    }
  }
  out[Bucket::reasoning] = additive ? reasoning : carve(output, reasoning, consistent);
  out[Bucket::audio_output] = carve(output, counts[Field::audio_output], consistent);
  out[Bucket::image_output] = carve(output, counts[Field::image_output], consistent);
  out[Bucket::output] = output;
  out.identity_ok = consistent;
}

void normalise_anthropic(const RawCounts& counts, Usage& out) {
  copy_common(counts, out);
  bool consistent = !counts.absurd;
  out[Bucket::input] = counts[Field::prompt];
  out[Bucket::cache_read] = counts[Field::cached];
  split_writes(counts, out, consistent);
  std::int64_t output = counts[Field::completion];
  out[Bucket::reasoning] = carve(output, counts[Field::reasoning], consistent);
  out[Bucket::output] = output;
  out.identity_ok = consistent;
}

}  // namespace tollgate::billing
