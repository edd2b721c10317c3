#include "local_backend/sampling/select.h"

#include <array>
#include <bit>

namespace tollgate::local {
namespace {

// Unsigned numbers in the same order as the floats. REQUIRES: no NaN, no -0.
std::uint32_t key_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

struct Digit {
  unsigned shift, bits;
};
constexpr std::array<Digit, 3> kDigits = {{{21, 11}, {10, 11}, {0, 10}}};
constexpr std::size_t kBins = 1u << 11;

// Keeps the shortest beginning of the order whose measures add up to `target`; measure(id) >= 0.
template <class Measure>
void keep_beginning(std::span<const float> logits, double target, const Measure& measure,
                    std::vector<std::uint32_t>& ids) {
  if (ids.empty()) return;
  std::vector<std::uint32_t> level(ids), next;  // those whose keys begin with the cut's digits found so far
  std::array<double, kBins> sums;
  std::array<std::uint32_t, kBins> counts;
  double above = 0;  // measure of everything before `level`
  std::uint32_t cut = 0;
  for (const Digit digit : kDigits) {
    const std::uint32_t bins = 1u << digit.bits;
    const auto bin_of = [&](std::uint32_t id) { return (key_of(logits[id]) >> digit.shift) & (bins - 1); };
    sums.fill(0);
    counts.fill(0);
    for (const std::uint32_t id : level) {
      sums[bin_of(id)] += measure(id);
      ++counts[bin_of(id)];
    }
    std::uint32_t chosen = bins;
    double before = above;
    for (std::uint32_t bin = bins; bin-- > 0;) {  // the last one that is not empty is taken when none reaches it
      if (counts[bin] == 0) continue;
      above = before;
      chosen = bin;
      before += sums[bin];
      if (before >= target) break;
    }
    next.clear();
    for (const std::uint32_t id : level)
      if (bin_of(id) == chosen) next.push_back(id);
    level.swap(next);
    cut |= chosen << digit.shift;
  }
  std::size_t kept = 0;
  bool taking = true;  // of equal logits, the lower ids
  for (const std::uint32_t id : ids) {
    const std::uint32_t key = key_of(logits[id]);
    if (key < cut || (key == cut && !taking)) continue;
    ids[kept++] = id;
    if (key > cut) continue;
    above += measure(id);
    taking = above < target;
  }
  ids.resize(kept);
}

}  // namespace

void keep_most_likely(std::span<const float> logits, std::size_t count, std::vector<std::uint32_t>& ids) {
  if (count < ids.size()) keep_beginning(logits, static_cast<double>(count), [](std::uint32_t) { return 1.0; }, ids);
}

void keep_mass(std::span<const float> logits, std::span<const float> weights, double mass,
               std::vector<std::uint32_t>& ids) {
  keep_beginning(logits, mass, [weights](std::uint32_t id) { return static_cast<double>(weights[id]); }, ids);
}

}  // namespace tollgate::local
