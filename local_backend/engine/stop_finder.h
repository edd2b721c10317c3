// Finds stop strings in text that comes in pieces; holds back only what may still become one. Thread rule: one owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tollgate::local {

class StopFinder {
 public:
  explicit StopFinder(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  // Appends to `out` what is sure to stand before any stop string. True when one was found: `out` then holds all text
  // before it, and found() names it.
  bool push(std::string_view text, std::string& out);
  // Appends what was held back.
  void finish(std::string& out);
  std::string_view found() const { return found_ < 0 ? std::string_view() : stops_[static_cast<std::size_t>(found_)]; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  int found_ = -1;
};

}  // namespace tollgate::local
