// Edit distance (optimal string alignment) and the wording of a suggestion. Pure.
#include "config/suggest.h"

#include <algorithm>

namespace tollgate::config {
namespace {

// Longer words are never keys of ours; the bound keeps the quadratic work small for hostile input.
constexpr std::size_t kMaxWord = 64;

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit || a.size() > kMaxWord || b.size() > kMaxWord) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return std::min(above[b.size()], limit + 1);
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  // One slip in short words, two in longer ones, three in long ones: further away it would be a guess.
  const std::size_t limit = word.size() < 4 ? 1 : word.size() < 10 ? 2 : 3;
  std::size_t best = limit + 1;
  std::string_view found;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate, limit);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found.empty() ? "" : " (did you mean `" + std::string(found) + "`?)";
}

}  // namespace tollgate::config
