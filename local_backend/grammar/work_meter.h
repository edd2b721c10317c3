// How much work one compilation may do, counted in steps (cells of automata, pairs of alternatives) and not by a clock,
// so that a schema is refused everywhere or nowhere. Thread rule: each thread has its own meter.
#pragma once

#include <cstdint>

namespace tollgate::local {

// While it lives, the work of this thread counts against `steps`; then the meter before it goes on.
class WorkMeter {
 public:
  explicit WorkMeter(std::uint64_t steps);
  WorkMeter(const WorkMeter&) = delete;
  WorkMeter& operator=(const WorkMeter&) = delete;
  ~WorkMeter();

 private:
  friend void spend_work(std::uint64_t steps);
  friend bool work_left();
  std::uint64_t left_;
  WorkMeter* before_;
};

// Without a meter there is no limit.
void spend_work(std::uint64_t steps);
bool work_left();

}  // namespace tollgate::local
