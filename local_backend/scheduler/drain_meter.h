// How fast work goes away: tokens per second of recent steps and the usual length of answers, for Retry-After.
// Thread rule: the engine thread owns it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tollgate::local {

class DrainMeter {
 public:
  void step(std::size_t tokens, std::int64_t microseconds) {
    if (microseconds <= 0) return;
    tokens_ = kFade * tokens_ + static_cast<double>(tokens);
    microseconds_ = kFade * microseconds_ + static_cast<double>(microseconds);
  }
  void answer(std::size_t tokens) {
    const auto length = static_cast<double>(tokens);
    answer_ = answer_ < 0 ? length : answer_ + (length - answer_) * kLearn;
  }
  // Tokens that an answer of at most `most` will probably still have.
  double expected(std::size_t most) const {
    return answer_ < 0 ? static_cast<double>(most) : std::min(answer_, static_cast<double>(most));
  }
  // Time for so many tokens at the measured speed; a guess of one second while nothing is measured.
  std::chrono::milliseconds time_for(double tokens) const {
    if (tokens_ <= 0) return kLeast;
    const double milliseconds = tokens * microseconds_ / tokens_ / 1000;
    const double most = static_cast<double>(kMost.count()), least = static_cast<double>(kLeast.count());
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(milliseconds, least, most)));
  }

 private:
  static constexpr double kFade = 0.98, kLearn = 0.05;
  static constexpr std::chrono::milliseconds kLeast{1000}, kMost{60'000};

  double tokens_ = 0, microseconds_ = 0;  // of recent steps, fading
  double answer_ = -1;                    // mean length; < 0 while none ended
};

}  // namespace tollgate::local
