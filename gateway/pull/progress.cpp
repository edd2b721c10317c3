#include "gateway/pull/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace tollgate::gateway::pull {
namespace {

using namespace std::chrono_literals;

constexpr int kWidth = 24;

std::string time_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  const auto value = static_cast<double>(bytes);
  return bytes < 1'000'000'000 ? fmt::format("{:.1f} MB", value / 1e6) : fmt::format("{:.2f} GB", value / 1e9);
}

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::begin(std::uint64_t done, std::uint64_t total) {
  done_ = mark_ = done;
  total_ = total;
  speed_ = 0;
  marked_at_ = SteadyClock::now();
  drawn_at_ = terminal_ ? SteadyTime{} : marked_at_;
}

void Progress::at(std::uint64_t done) {
  done_ = done;
  const SteadyTime now = SteadyClock::now();
  if (now - marked_at_ >= 1s) {
    const double seconds = std::chrono::duration<double>(now - marked_at_).count();
    const double current = static_cast<double>(done_ - mark_) / seconds;
    speed_ = speed_ == 0 ? current : 0.7 * speed_ + 0.3 * current;
    mark_ = done_;
    marked_at_ = now;
  }
  if (now - drawn_at_ >= (terminal_ ? 200ms : 10'000ms)) draw(now);
}

void Progress::end() {
  draw(SteadyClock::now());
  if (drawn_ && terminal_) std::fputc('\n', stderr);
  drawn_ = false;
}

void Progress::note(std::string_view text) {
  if (drawn_ && terminal_) std::fputc('\n', stderr);
  drawn_ = false;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Progress::draw(SteadyTime now) {
  drawn_at_ = now;
  drawn_ = true;
  std::string line;
  if (total_ > 0) {
    const double part = static_cast<double>(done_) / static_cast<double>(total_);
    const int full = static_cast<int>(part * kWidth);
    if (terminal_) line = fmt::format("[{:#<{}}{:.<{}}] ", "", full, "", kWidth - full);
    line += fmt::format("{:3} %  {} of {}", static_cast<int>(part * 100), size_text(done_), size_text(total_));
  } else {
    line = size_text(done_);
  }
  if (speed_ > 0) line += fmt::format("  {:.1f} MB/s", speed_ / 1e6);
  if (speed_ > 0 && total_ > done_) line += "  " + time_text(static_cast<double>(total_ - done_) / speed_) + " left";
  if (terminal_) {
    std::fprintf(stderr, "\r%-78.78s", line.c_str());
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

}  // namespace tollgate::gateway::pull
