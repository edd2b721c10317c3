// What an engine tells of itself: sums and states for metrics, and how full it is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "local_backend/kv/block_tiers.h"
#include "local_backend/scheduler/scheduler.h"

namespace tollgate::local {

struct AnswerEnd;

struct EngineStats {
  SchedulerStats scheduler;
  std::size_t max_running = 0;
  std::uint64_t steps = 0, answers = 0;
  std::int64_t busy_us = 0;    // what answers share: the sum of their machine_us, and the step that is under way
  std::int64_t idle_us = 0;    // the rest of uptime_us, see machine_time.h
  std::int64_t uptime_us = 0;  // since the model was loaded
  double prefill_rate = 0;     // tokens per second, moving mean of steps that are mostly prompt
  double step_us = 0;          // moving mean
  BlockTiersStats tiers;
};

// For autoscalers: 0 = nothing to do, 1 = full, more = callers feel it. The largest of
//   running / max_running,
//   blocks in use / (0.9 * blocks),
//   the time in which all that runs and waits should be done / 5 s, while something waits,
//   the time of a step / 0.2 s, while two or more run: one alone would not be faster on another machine.
double saturation(const EngineStats& stats);

// Hears of every answer, on the engine's thread; must be short.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  // Between two tokens of an answer.
  virtual void on_gap(std::int64_t us) = 0;
  // Not of those that were refused.
  virtual void on_answer(const AnswerEnd& end) = 0;
};

}  // namespace tollgate::local
