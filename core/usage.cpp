// Names of the usage buckets. Owner: core. Thread rule: pure functions.
#include "core/usage.h"

#include <algorithm>

namespace tollgate {
namespace {

constexpr std::array<std::string_view, kBuckets> kNames = {"input",
                                                           "cache_read",
                                                           "cache_write_5m",
                                                           "cache_write_1h",
                                                           "output",
                                                           "reasoning",
                                                           "audio_input",
                                                           "audio_output",
                                                           "audio_cache_read",
                                                           "image_input",
                                                           "image_output",
                                                           "web_search",
                                                           "web_fetch",
                                                           "file_search",
                                                           "code_execution",
                                                           "audio_milliseconds",
                                                           "characters",
                                                           "video_input",
                                                           "image_cache_read",
                                                           "citation",
                                                           "search_units",
                                                           "images",
                                                           "pages"};
static_assert(!kNames.back().empty(), "every bucket has a name");

}  // namespace

std::string_view bucket_name(Bucket bucket) {
  const auto index = static_cast<std::size_t>(bucket);
  return index < kBuckets ? kNames[index] : std::string_view();
}

bool bucket_from_name(std::string_view name, Bucket& out) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return false;
  out = static_cast<Bucket>(found - kNames.begin());
  return true;
}

std::int64_t Usage::input_side() const {
  const Usage& u = *this;
  return u[Bucket::input] + u[Bucket::cache_read] + u[Bucket::cache_write_5m] + u[Bucket::cache_write_1h] +
         u[Bucket::audio_input] + u[Bucket::audio_cache_read] + u[Bucket::image_input] + u[Bucket::image_cache_read] +
         u[Bucket::video_input];
}

}  // namespace tollgate
