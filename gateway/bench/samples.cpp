#include "gateway/bench/samples.h"

#include <algorithm>
#include <limits>

namespace tollgate::gateway::bench {

std::uint32_t to_sample(std::int64_t us) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, std::numeric_limits<std::uint32_t>::max()));
}

std::optional<Percentiles> percentiles(Samples& samples) {
  if (samples.empty()) return std::nullopt;
  std::ranges::sort(samples);
  const auto at = [&](std::size_t percent) { return samples[(samples.size() * percent + 99) / 100 - 1]; };
  return Percentiles{at(50), at(90), at(99), samples.back()};
}

std::int64_t median(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace tollgate::gateway::bench
