#include "local_backend/engine/stop_finder.h"

#include <algorithm>

namespace tollgate::local {

bool StopFinder::push(std::string_view text, std::string& out) {
  held_ += text;
  // The stop string that begins first wins; of those that begin at one place, the first of the list.
  std::size_t first = std::string::npos;
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    const std::size_t at = held_.find(stops_[i]);
    if (at < first) first = at, found_ = static_cast<int>(i);
  }
  if (found_ >= 0) {
    out.append(held_, 0, first);
    held_.clear();
    return true;
  }
  std::size_t keep = 0;
  for (const std::string& stop : stops_)
    for (std::size_t length = std::min(stop.size() - 1, held_.size()); length > keep; --length)
      if (held_.ends_with(std::string_view(stop).substr(0, length))) keep = length;
  out.append(held_, 0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return false;
}

void StopFinder::finish(std::string& out) {
  out += held_;
  held_.clear();
}

}  // namespace tollgate::local
