// Deadline: one lazy timer for a connection or an attempt. Setting a deadline is a store; the timer is only re-armed
// when it fires early, so a deadline per read costs no timer operation (measured 1.5x over per-operation timers).
// Thread rule: one io thread. Lifetime: destruction cancels it; the callback is never called after that.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <functional>
#include <memory>

#include "core/clock.h"
#include "core/task.h"

namespace tollgate::net {

// With a virtual clock timers poll instead of sleeping until a real instant.
struct SteadyWaitTraits {
  static SteadyClock::duration to_wait_duration(const SteadyClock::duration& d);
  static SteadyClock::duration to_wait_duration(const SteadyClock::time_point& t);
};
using Timer = asio::basic_waitable_timer<SteadyClock, SteadyWaitTraits, Executor>;

class Deadline {
 public:
  explicit Deadline(Executor executor);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  // Calls `on_expire` once when `at` has passed, unless moved or cleared before. Replaces the earlier deadline.
  void set(SteadyTime at);
  void clear();
  void on_expire(std::function<void()> callback);

 private:
  struct State;
  std::shared_ptr<State> state_;  // second owner: the pending timer wait
};

}  // namespace tollgate::net
