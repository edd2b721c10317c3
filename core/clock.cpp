// Real clocks, or the numbers of the one VirtualClock while it lives. Owner: core. Thread rule: see clock.h.
#include "core/clock.h"

#include <time.h>

#include <atomic>
#include <cassert>

namespace tollgate {
namespace {

// Relaxed is enough: install and advance happen only while no other thread runs.
std::atomic<bool> virtual_installed{false};
std::atomic<std::int64_t> virtual_steady_ns{0};
std::atomic<std::int64_t> virtual_wall_ns{0};

std::int64_t read_ns(clockid_t clock) noexcept {
  timespec ts{};
  clock_gettime(clock, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace

SteadyClock::time_point SteadyClock::now() noexcept {
  const std::int64_t ns = virtual_installed.load(std::memory_order_relaxed)
                              ? virtual_steady_ns.load(std::memory_order_relaxed)
                              : read_ns(CLOCK_MONOTONIC);
  return time_point(duration(ns));
}

std::int64_t wall_micros() noexcept {
  const std::int64_t ns = virtual_installed.load(std::memory_order_relaxed)
                              ? virtual_wall_ns.load(std::memory_order_relaxed)
                              : read_ns(CLOCK_REALTIME);
  return ns / 1000;
}

bool clock_is_virtual() noexcept { return virtual_installed.load(std::memory_order_relaxed); }

VirtualClock::VirtualClock(std::int64_t wall_micros_at_start) {
  assert(!virtual_installed.load());
  // The steady clock goes on from where it is, so that deadlines made before stay ordered.
  virtual_steady_ns = SteadyClock::now().time_since_epoch().count();
  virtual_wall_ns = wall_micros_at_start * 1000;
  virtual_installed = true;
}

VirtualClock::~VirtualClock() { virtual_installed = false; }

void VirtualClock::advance(std::chrono::nanoseconds by) {
  assert(by.count() >= 0);
  virtual_steady_ns += by.count();
  virtual_wall_ns += by.count();
}

}  // namespace tollgate
