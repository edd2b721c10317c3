// Frequencies of drawn tokens against distributions worked out by hand from the definitions, by Pearson's chi-square.
// The seeds are fixed, so a test fails always or never.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "local_backend/sampling/sampler.h"

namespace tollgate::local {
namespace {

constexpr int kDraws = 20'000;

std::vector<float> skewed(std::size_t size) {
  std::vector<float> logits(size);
  for (std::size_t i = 0; i < size; ++i) logits[i] = 3.0f * std::sin(static_cast<float>(i * i % 97));
  return logits;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> p;
  const double top = *std::max_element(logits.begin(), logits.end());
  for (const float logit : logits) p.push_back(std::exp((logit - top) / temperature));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  return p;
}

// Keeps the tokens for which keep(rank, probability, mass of the tokens before it) holds, and scales to one.
template <class Keep>
std::vector<double> kept(std::vector<double> p, const Keep& keep) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
  double before = 0;
  std::vector<double> out(p.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    if (keep(rank, p[order[rank]], before)) out[order[rank]] = p[order[rank]];
    before += p[order[rank]];
  }
  const double sum = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& value : out) value /= sum;
  return out;
}

// Fails when a token without probability is drawn or when chi-square is beyond its 99.99 % point (Wilson and Hilferty's
// approximation). Tokens expected fewer than five times are counted together.
void expect_frequencies(const std::vector<float>& logits, const SamplingParams& params, const std::vector<double>& p) {
  std::vector<int> counts(p.size());
  for (int position = 0; position < kDraws; ++position) {
    std::vector<float> row = logits;
    ++counts[static_cast<std::size_t>(sample(row, {.params = &params, .position = position}).token)];
  }
  double chi = 0, rare_expected = 0;
  int rare = 0, degrees = -1;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = p[i] * kDraws;
    if (expected == 0) {
      ASSERT_EQ(counts[i], 0) << "token " << i << " has no probability";
    } else if (expected < 5) {
      rare += counts[i];
      rare_expected += expected;
    } else {
      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
      ++degrees;
    }
  }
  if (rare_expected > 0) chi += (rare - rare_expected) * (rare - rare_expected) / std::max(rare_expected, 1.0);
  degrees += rare_expected > 0;
  ASSERT_GE(degrees, 1);
  const double k = 2.0 / (9.0 * degrees), limit = degrees * std::pow(1 - k + 3.719 * std::sqrt(k), 3);
  EXPECT_LT(chi, limit) << "with " << degrees << " degrees of freedom";
}

TEST(SamplerStatistics, Temperature) {
  const std::vector<float> logits = skewed(300);
  for (const float temperature : {0.5f, 1.0f, 1.7f}) {
    SCOPED_TRACE(temperature);
    expect_frequencies(logits, {.temperature = temperature, .seed = 1}, softmax(logits, temperature));
  }
}

TEST(SamplerStatistics, TopK) {
  const std::vector<float> logits = skewed(600);
  for (const int k : {2, 40, 599}) {
    SCOPED_TRACE(k);
    const auto rule = [k](std::size_t rank, double, double) { return rank < static_cast<std::size_t>(k); };
    expect_frequencies(logits, {.top_k = k, .seed = 2}, kept(softmax(logits, 1), rule));
  }
}

TEST(SamplerStatistics, TopP) {
  const std::vector<float> logits = skewed(600);
  for (const float top_p : {0.3f, 0.9f, 0.999f}) {
    SCOPED_TRACE(top_p);
    const auto rule = [top_p](std::size_t, double, double before) { return before < static_cast<double>(top_p); };
    expect_frequencies(logits, {.temperature = 0.7f, .top_p = top_p, .seed = 3}, kept(softmax(logits, 0.7f), rule));
  }
}

TEST(SamplerStatistics, MinP) {
  const std::vector<float> logits = skewed(600);
  for (const float min_p : {0.01f, 0.3f}) {
    SCOPED_TRACE(min_p);
    const std::vector<double> p = softmax(logits, 1.3f);
    const double least = *std::max_element(p.begin(), p.end()) * static_cast<double>(min_p);
    const auto rule = [least](std::size_t, double share, double) { return share >= least; };
    expect_frequencies(logits, {.temperature = 1.3f, .min_p = min_p, .seed = 4}, kept(p, rule));
  }
}

TEST(SamplerStatistics, AllCutsInTheirOrder) {
  const std::vector<float> logits = skewed(600);
  std::vector<double> p = kept(softmax(logits, 0.9f), [](std::size_t rank, double, double) { return rank < 60; });
  const double least = *std::max_element(p.begin(), p.end()) * 0.25;
  p = kept(p, [least](std::size_t, double share, double) { return share >= least; });
  p = kept(p, [](std::size_t, double, double before) { return before < 0.75; });
  expect_frequencies(logits, {.temperature = 0.9f, .top_k = 60, .top_p = 0.75f, .min_p = 0.25f, .seed = 5}, p);
}

TEST(SamplerStatistics, Bias) {
  const std::vector<float> logits = skewed(100);
  std::vector<float> biased = logits;
  biased[3] += 4;
  biased[50] -= 2;
  expect_frequencies(logits, {.logit_bias = {{3, 4.0f}, {50, -2.0f}}, .seed = 6}, softmax(biased, 1));
}

TEST(SamplerStatistics, StreamsAndPositionsAreIndependent) {
  const std::vector<float> flat(16, 0);
  const SamplingParams params{.seed = 7};
  std::vector<int> pairs(256);
  for (int position = 0; position < kDraws; ++position) {
    std::size_t at = 0;
    for (std::uint32_t stream = 0; stream < 2; ++stream) {
      std::vector<float> row = flat;
      at = at * 16 +
           static_cast<std::size_t>(sample(row, {.params = &params, .position = position, .stream = stream}).token);
    }
    ++pairs[at];
  }
  double chi = 0;
  for (const int count : pairs) chi += (count - kDraws / 256.0) * (count - kDraws / 256.0) / (kDraws / 256.0);
  EXPECT_LT(chi, 255 + 3.719 * std::sqrt(2 * 255) + 9);
}

}  // namespace
}  // namespace tollgate::local
