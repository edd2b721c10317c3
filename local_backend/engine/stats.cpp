#include "local_backend/engine/stats.h"

#include <algorithm>

namespace tollgate::local {
namespace {

constexpr double kFullBlocks = 0.9;
constexpr double kQueueTargetUs = 5e6;
constexpr double kStepTargetUs = 2e5;

double share(std::size_t part, double of) { return of > 0 ? static_cast<double>(part) / of : 0; }

}  // namespace

double saturation(const EngineStats& stats) {
  const SchedulerStats& now = stats.scheduler;
  const double slots = share(now.running, static_cast<double>(stats.max_running));
  const double blocks = share(now.blocks_used, kFullBlocks * static_cast<double>(now.blocks));
  const double queue = now.waiting > 0 ? static_cast<double>(now.drain_us) / kQueueTargetUs : 0;
  const double step = now.running > 1 ? stats.step_us / kStepTargetUs : 0;
  return std::max({slots, blocks, queue, step});
}

}  // namespace tollgate::local
