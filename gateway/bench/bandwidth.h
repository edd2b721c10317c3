// How fast this machine reads memory: the ceiling of everything that reads all weights in each step.
#pragma once

#include <cstddef>
#include <optional>

namespace tollgate::gateway::bench {

// Well beyond the last cache, as far as the machine tells of it.
std::size_t beyond_caches();

// GB (1e9 bytes) per second that `threads` threads (0 = as many as an engine has) read from `bytes` of memory together:
// the best of some passes, which take about half a second. nullopt when the system has no such memory to give.
std::optional<double> read_bandwidth(std::size_t bytes, int threads);

}  // namespace tollgate::gateway::bench
