// Containment rules (table: docs/formats/billing.md). A contradictory report never yields a negative bucket: parts are
// cut to their parent and identity_ok becomes false. Owner: billing, price half.
#include "billing/usage_normalise.h"

#include <algorithm>
#include <tuple>
#include <utility>

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
  out[Bucket::citation] = counts[Field::citation];
  out[Bucket::search_units] = counts[Field::search_units];
  out[Bucket::images] = counts[Field::images];
  out[Bucket::pages] = counts[Field::pages];
  out[Bucket::characters] = counts[Field::characters];
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

// What lies inside a prompt: cached and written tokens, and media, which may be cached too. Of media without a detail
// of their cached part, what does not fit beside the cached tokens is taken to be cached.
struct Prompt {
  std::int64_t fresh = 0, cached = 0;
  bool& consistent;

  // Takes `total` tokens of one kind, of which `known` are cached (-1: not said): {fresh, cached}.
  std::pair<std::int64_t, std::int64_t> take(std::int64_t total, std::int64_t known) {
    std::int64_t cached_part = 0;
    if (known >= 0) {
      if (known > total || known > cached) consistent = false;
      cached_part = std::min({known, total, cached});
    }
    const std::int64_t fresh_part = std::min(total - cached_part, fresh);
    const std::int64_t rest = total - cached_part - fresh_part;
    if (rest > cached - cached_part) consistent = false;
    cached_part = std::min(cached_part + rest, cached);
    fresh -= fresh_part;
    cached -= cached_part;
    return {fresh_part, cached_part};
  }
};

void split_input(const RawCounts& counts, std::int64_t prompt, Usage& out, bool& consistent) {
  Prompt inside{prompt, 0, consistent};
  inside.cached = carve(inside.fresh, cached_tokens(counts, consistent), consistent);
  Usage writes;
  split_writes(counts, writes, consistent);
  out[Bucket::cache_write_1h] = carve(inside.fresh, writes[Bucket::cache_write_1h], consistent);
  out[Bucket::cache_write_5m] = carve(inside.fresh, writes[Bucket::cache_write_5m], consistent);
  const auto known = [&](Field field) { return counts.has(field) ? counts[field] : -1; };
  std::tie(out[Bucket::audio_input], out[Bucket::audio_cache_read]) =
      inside.take(counts[Field::audio_input], known(Field::audio_cached));
  std::tie(out[Bucket::image_input], out[Bucket::image_cache_read]) =
      inside.take(counts[Field::image_input], known(Field::image_cached));
  // Cached video costs what cached text costs.
  const auto [video, cached_video] = inside.take(counts[Field::video_input], known(Field::video_cached));
  out[Bucket::video_input] = video;
  out[Bucket::cache_read] = inside.cached + cached_video;
  out[Bucket::input] = inside.fresh;
}

void split_output(const RawCounts& counts, std::int64_t output, Usage& out, bool& consistent) {
  out[Bucket::audio_output] = carve(output, counts[Field::audio_output], consistent);
  out[Bucket::image_output] = carve(output, counts[Field::image_output], consistent);
  out[Bucket::output] = output;
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
  if (counts.reasoning_apart || rules.apart_reasoning) {
    additive = true;
    if (counts.has(Field::total) && total != prompt + output) consistent = false;
  } else if (counts.has(Field::total)) {
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
  split_output(counts, output, out, consistent);
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

void normalise_gemini(const RawCounts& counts, Usage& out) {
  copy_common(counts, out);
  bool consistent = !counts.absurd;
  std::int64_t prompt = counts[Field::prompt];
  const std::int64_t output = counts[Field::completion], thoughts = counts[Field::reasoning];
  const std::int64_t tools = counts[Field::tool_input];
  if (counts.has(Field::total)) {
    const bool only_total = !counts.has(Field::prompt) && !counts.has(Field::completion);
    if (only_total) prompt = counts[Field::total];
    if (counts[Field::total] != prompt + output + thoughts + tools && !only_total) consistent = false;
  }
  split_input(counts, prompt, out, consistent);
  out[Bucket::input] += tools;
  out[Bucket::reasoning] = thoughts;
  split_output(counts, output, out, consistent);
  out.identity_ok = consistent;
}

void normalise_converse(const RawCounts& counts, bool inclusive, Usage& out) {
  copy_common(counts, out);
  bool consistent = !counts.absurd;
  const std::int64_t input = counts[Field::prompt], read = counts[Field::cached], total = counts[Field::total];
  split_writes(counts, out, consistent);
  const std::int64_t cache = read + out[Bucket::cache_write_5m] + out[Bucket::cache_write_1h];
  const std::int64_t plain = input + counts[Field::completion];
  if (counts.has(Field::total)) {
    if (total == plain && cache > 0) inclusive = true;
    // A total that adds the cache to an input which holds it already is the vendor's slip, not a third reading.
    if (total != plain && total != plain + cache) consistent = false;
  }
  out[Bucket::cache_read] = read;
  out[Bucket::input] = input;
  if (inclusive) {
    std::int64_t rest = input;
    for (const Bucket part : {Bucket::cache_read, Bucket::cache_write_1h, Bucket::cache_write_5m})
      out[part] = carve(rest, out[part], consistent);
    out[Bucket::input] = rest;
  }
  out[Bucket::output] = counts[Field::completion];
  out.identity_ok = consistent;
}

}  // namespace tollgate::billing
