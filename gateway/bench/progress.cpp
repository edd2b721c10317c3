#include "gateway/bench/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace tollgate::gateway::bench {

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::say(std::string_view text, bool now) {
  if (!terminal_) return;
  const SteadyTime time = SteadyClock::now();
  if (!now && drawn_ && time - drawn_at_ < std::chrono::milliseconds(200)) return;
  drawn_at_ = time;
  drawn_ = true;
  const std::string_view shown = text.substr(0, 78);
  std::fprintf(stderr, "\r%-78.*s", static_cast<int>(shown.size()), shown.data());
}

void Progress::clear() {
  if (drawn_) std::fprintf(stderr, "\r%-78s\r", "");
  drawn_ = false;
}

}  // namespace tollgate::gateway::bench
