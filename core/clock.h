// Clocks: the one place where time enters. Code takes SteadyClock for deadlines and wall_micros() for records; tests
// and the simulation switch both to a virtual clock that they move by hand. Thread rule: reading is lock-free and safe
// on any thread; install/advance only while no other thread runs.
#pragma once

#include <chrono>
#include <cstdint>

namespace tollgate {

// Monotonic; satisfies the standard Clock requirements, so Asio timers can be built on it.
struct SteadyClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};
using SteadyTime = SteadyClock::time_point;

// Microseconds since 1970-01-01 UTC.
std::int64_t wall_micros() noexcept;

// True while a VirtualClock lives: timers must then not sleep until a real instant.
bool clock_is_virtual() noexcept;

// While one lives, both clocks stand still and move only by advance(). Not nestable.
class VirtualClock {
 public:
  explicit VirtualClock(std::int64_t wall_micros_at_start);
  ~VirtualClock();
  VirtualClock(const VirtualClock&) = delete;
  VirtualClock& operator=(const VirtualClock&) = delete;
  void advance(std::chrono::nanoseconds by);
};

}  // namespace tollgate
