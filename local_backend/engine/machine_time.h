// Splits a machine's time, to the microsecond, into what answers share and idleness. A step's share begins where the
// last one's ended, so what lies between steps is shared, too; waiting for work is idle, and so is what came after the
// last step before it. Both sums only grow, whenever they are read, and together they are the time that has passed but
// for what lies between two steps at this moment.
// Thread rule: read() on any thread, the rest on the engine's. Times: microseconds of one monotonic clock.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

namespace tollgate::local {

class MachineTime {
 public:
  struct Sums {
    std::int64_t busy_us = 0, idle_us = 0;
  };
  // Rests from `now` on.
  explicit MachineTime(std::int64_t now) : since_(now) {}

  void wake(std::int64_t now) {
    const std::lock_guard lock(mutex_);
    if (state_ != State::rests) return;
    sums_.idle_us += now - since_;
    since_ = now;
    state_ = State::between;
  }
  void begin_step() {
    const std::lock_guard lock(mutex_);
    state_ = State::steps;
  }
  // What the answers of this step share: the time since the last step's end, or since wake().
  std::int64_t end_step(std::int64_t now) {
    const std::lock_guard lock(mutex_);
    const std::int64_t took = now - std::exchange(since_, now);
    sums_.busy_us += took;
    state_ = State::between;
    return took;
  }
  void rest() {
    const std::lock_guard lock(mutex_);
    state_ = State::rests;
  }
  Sums read(std::int64_t now) const {
    const std::lock_guard lock(mutex_);
    Sums sums = sums_;
    if (state_ == State::steps) sums.busy_us += now - since_;
    if (state_ == State::rests) sums.idle_us += now - since_;
    return sums;
  }

 private:
  enum class State : unsigned char { rests, between, steps };
  mutable std::mutex mutex_;
  Sums sums_;
  std::int64_t since_;  // what came later is in no sum yet
  State state_ = State::rests;
};

}  // namespace tollgate::local
