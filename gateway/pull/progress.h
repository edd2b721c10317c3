// How far a download is: a line drawn over itself on a terminal, a plain line now and then elsewhere. To stderr. Thread
// rule: one owner.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock.h"

namespace tollgate::gateway::pull {

class Progress {
 public:
  Progress();
  // A new stretch begins: `done` bytes are there already, `total` (0 = not known) will be.
  void begin(std::uint64_t done, std::uint64_t total);
  void at(std::uint64_t done);
  // The stretch is over: draws the last state and ends the line.
  void end();
  // A line of its own.
  void note(std::string_view text);

 private:
  void draw(SteadyTime now);

  bool terminal_, drawn_ = false;
  std::uint64_t done_ = 0, total_ = 0, mark_ = 0;  // mark_: bytes at marked_at_, where the speed is measured from
  double speed_ = 0;                               // bytes a second, smoothed; 0 = not measured yet
  SteadyTime marked_at_{}, drawn_at_{};
};

// "1.23 GB", "45.6 MB", "789 B".
std::string size_text(std::uint64_t bytes);

}  // namespace tollgate::gateway::pull
