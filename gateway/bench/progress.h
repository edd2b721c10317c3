// What a bench is at: one line drawn over itself on a terminal, nothing elsewhere. To stderr. Thread rule: one owner.
#pragma once

#include <string_view>

#include "core/clock.h"

namespace tollgate::gateway::bench {

class Progress {
 public:
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // At most a few times a second; the rest is passed over unless `now`.
  void say(std::string_view text, bool now = false);
  void clear();

 private:
  bool terminal_, drawn_ = false;
  SteadyTime drawn_at_{};
};

}  // namespace tollgate::gateway::bench
