// Passes over one row of logits, in blocks of 256 tokens so that later steps can skip most of the vocabulary. The
// arithmetic is the same on every processor (no fused multiplication, fixed order of sums), so that a seed gives the
// same token everywhere. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tollgate::local {

inline constexpr std::size_t kSampleBlock = 256;  // tokens; the last block of a row may be shorter

// Tokens without their bit in `mask` become minus infinity, also those beyond its end; an empty mask allows all.
void apply_mask(std::span<float> logits, std::span<const std::uint32_t> mask);

// NaN becomes minus infinity, plus infinity the largest float, -0 becomes 0. `maxima`: one per block, after that.
void clean(std::span<float> logits, std::vector<float>& maxima);

// weights[i] = exp((logits[i] - top) * scale), 0 below exp(-87); relative error under 3e-7. `sums`: one per block.
// REQUIRES: top >= every logit, top finite, scale >= 0, weights as long as logits.
void weigh(std::span<const float> logits, float top, float scale, std::span<float> weights, std::vector<double>& sums);

// Ascending ids of the values that are at least `bound`.
void collect_from(std::span<const float> values, float bound, std::vector<std::uint32_t>& ids);

}  // namespace tollgate::local
