// Waiting for an engine: as long as it makes steps it may take its time, which on a large model is long.
// Thread rule: one owner, which is not the engine's thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "core/clock.h"
#include "core/result.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench {

inline constexpr std::chrono::milliseconds kPatience{600'000};  // for one step
inline constexpr std::string_view kStalled = "engine_stalled";

class Patience {
 public:
  explicit Patience(const local::Engine& engine, std::chrono::milliseconds limit = kPatience)
      : engine_(engine), limit_(limit) {}

  // Until `done`, which `wake` tells of, or for `slice`. False when it is time to look again. Errors: retry_elsewhere
  // (504, kStalled) when the engine has made no step for the whole limit.
  template <class Done>
  Result<bool> wait(std::unique_lock<std::mutex>& lock, std::condition_variable& wake, std::chrono::microseconds slice,
                    const Done& done) {
    if (wake.wait_for(lock, slice, done)) return true;
    if (const auto steps = engine_.stats().steps; steps != steps_) {
      steps_ = steps;
      moved_at_ = SteadyClock::now();
    } else if (SteadyClock::now() - moved_at_ >= limit_) {
      return Error{.kind = ErrorKind::retry_elsewhere,
                   .status = 504,
                   .code = std::string(kStalled),
                   .message = "the engine has finished no step for " + std::to_string(limit_.count() / 1000) +
                              " s; take a smaller model, or fewer tokens per step"};
    }
    return false;
  }
  // There was nothing to do until now.
  void rested() { moved_at_ = SteadyClock::now(); }

 private:
  const local::Engine& engine_;
  std::chrono::milliseconds limit_;
  std::uint64_t steps_ = 0;
  SteadyTime moved_at_ = SteadyClock::now();
};

}  // namespace tollgate::gateway::bench
