#include "gateway/bench/bandwidth.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>

#include "local_backend/kernels/workers.h"
#include "local_backend/model/aligned.h"

namespace tollgate::gateway::bench {
namespace {

constexpr std::size_t kLeast = std::size_t{256} << 20, kMost = std::size_t{1} << 30;
constexpr std::size_t kPart = std::size_t{1} << 20;  // read by one thread in one go
constexpr std::chrono::milliseconds kLong{500};
constexpr int kPasses = 3;

}  // namespace

std::size_t beyond_caches() {
  const long last = ::sysconf(_SC_LEVEL3_CACHE_SIZE);  // 0 or less: not told
  return std::clamp(static_cast<std::size_t>(std::max(last, 0L)) * 4, kLeast, kMost);
}

std::optional<double> read_bandwidth(std::size_t bytes, int threads) {
  const std::size_t parts = bytes / kPart;
  if (parts == 0 || parts > std::numeric_limits<int>::max()) return std::nullopt;
  const local::Region memory(bytes);
  if (memory.data() == nullptr) return std::nullopt;
  local::Workers workers(threads, 0);
  // The first touch gives each page memory of its own: pages that were never written all show the same one.
  workers.run(static_cast<int>(parts),
              [&](int part) { std::memset(memory.data() + static_cast<std::size_t>(part) * kPart, 1, kPart); });
  // Looking for a byte that is not there is a plain read in the widest registers that the machine has, however this
  // program was built.
  std::atomic<int> found{0};
  using Clock = std::chrono::steady_clock;
  double best = 0;
  const auto began = Clock::now();
  for (int pass = 0; pass < kPasses || Clock::now() - began < kLong; ++pass) {
    const auto start = Clock::now();
    workers.run(static_cast<int>(parts), [&](int part) {
      if (std::memchr(memory.data() + static_cast<std::size_t>(part) * kPart, 0, kPart)) ++found;
    });
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, static_cast<double>(parts * kPart) / took.count() / 1e9);
  }
  return found == 0 ? std::optional(best) : std::nullopt;
}

}  // namespace tollgate::gateway::bench
