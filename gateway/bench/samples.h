// Exact percentiles: every sample is kept, 4 bytes each. Thread rule: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tollgate::gateway::bench {

// Microseconds; a sample of more than 71 minutes counts as 71 minutes.
using Samples = std::vector<std::uint32_t>;
std::uint32_t to_sample(std::int64_t us);

struct Percentiles {
  std::uint32_t p50 = 0, p90 = 0, p99 = 0, most = 0;
};
// By nearest rank: the smallest sample that at least that share of all does not exceed. nullopt of none. Sorts
// `samples`.
std::optional<Percentiles> percentiles(Samples& samples);

// The middle one; of an even number the larger of the two. REQUIRES: not empty.
std::int64_t median(std::vector<std::int64_t> values);

}  // namespace tollgate::gateway::bench
