// Where to cut a row that is thought of in the order (logit descending, id ascending), without sorting it: the cut's
// logit is found digit by digit from the most significant one. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tollgate::local {

// Keeps of `ids` the first `count` in that order. `ids`: ascending before and after.
void keep_most_likely(std::span<const float> logits, std::size_t count, std::vector<std::uint32_t>& ids);

// Keeps of `ids` the shortest beginning whose weights (indexed by id) reach `mass` together, at least one.
void keep_mass(std::span<const float> logits, std::span<const float> weights, double mass,
               std::vector<std::uint32_t>& ids);

}  // namespace tollgate::local
