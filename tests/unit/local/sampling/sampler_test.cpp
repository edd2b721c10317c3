#include "local_backend/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

namespace tollgate::local {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Sampled draw(std::vector<float> logits, const SamplingParams& params, std::int64_t position = 0,
             std::span<const std::uint32_t> mask = {}, std::uint32_t stream = 0) {
  const SampleRow row{.params = &params, .position = position, .stream = stream, .mask = mask};
  return sample(logits, row);
}

std::vector<float> noise(std::size_t size, std::uint64_t key) {
  std::vector<float> logits;
  for (std::size_t i = 0; i < size; ++i) {
    std::uint32_t words[4];
    Philox::words(i, 2, key, words);
    logits.push_back(static_cast<float>(words[0] >> 16) / 8192 - 4);
  }
  return logits;
}

TEST(Sampler, GreedyTakesTheLowestIdOfEquals) {
  const SamplingParams greedy{.temperature = 0};
  EXPECT_EQ(draw({1, 3, 2, 3}, greedy).token, 1);
  EXPECT_EQ(draw({-1, -1, -1}, greedy).token, 0);
  std::vector<float> long_row(5'000, -2);
  long_row[4'999] = long_row[700] = 1;
  EXPECT_EQ(draw(long_row, greedy).token, 700);
}

TEST(Sampler, TemperaturesThatCannotDivideAreGreedy) {
  for (const float temperature : {0.0f, -1.0f, kNaN, 1e-42f})
    for (int position = 0; position < 20; ++position)
      EXPECT_EQ(draw({1, 1.001f, 1}, {.temperature = temperature}, position).token, 1) << temperature;
}

TEST(Sampler, EachOfTheCutsAloneCanLeaveOne) {
  const std::vector<float> logits = noise(2'000, 1);
  const Token best = draw(logits, {.temperature = 0}).token;
  for (int position = 0; position < 50; ++position) {
    EXPECT_EQ(draw(logits, {.top_k = 1}, position).token, best);
    EXPECT_EQ(draw(logits, {.top_p = 0}, position).token, best);
    EXPECT_EQ(draw(logits, {.min_p = 1}, position).token, best);
    EXPECT_EQ(draw(logits, {.top_p = -3}, position).token, best);
  }
  EXPECT_EQ(draw({9, 0, 0}, {.top_k = 1}).token, 0);
  EXPECT_EQ(draw({0, 0, 9}, {.min_p = 9}).token, 2);
}

TEST(Sampler, CutsThroughEqualLogitsKeepLowerIds) {
  const std::vector<float> equal(1'000, 0.5f);
  for (int position = 0; position < 500; ++position) {
    EXPECT_LT(draw(equal, {.top_k = 10}, position).token, 10);
    EXPECT_LT(draw(equal, {.top_p = 0.01f}, position).token, 10);
    EXPECT_EQ(draw({-0.0f, 0.0f, -1}, {.top_k = 1}, position).token, 0) << "both zeros are equal";
  }
}

TEST(Sampler, TopPTakesTheTokenThatCrosses) {
  // Probabilities 1/2, 1/4, 1/8, 1/8: three quarters are reached by exactly two tokens.
  const std::vector<float> logits = {std::log(4.0f), std::log(2.0f), 0, 0};
  bool second = false, third = false;
  for (int position = 0; position < 300; ++position) {
    const Token below = draw(logits, {.top_p = 0.74f}, position).token;
    second |= below == 1;
    EXPECT_LT(below, 2);
    third |= draw(logits, {.top_p = 0.76f}, position).token == 2;
    EXPECT_LT(draw(logits, {.top_p = 0.76f}, position).token, 3);
  }
  EXPECT_TRUE(second);
  EXPECT_TRUE(third);
}

TEST(Sampler, NaNAndInfinity) {
  const SamplingParams greedy{.temperature = 0};
  EXPECT_EQ(draw({kNaN, 1, kNaN}, greedy).token, 1);
  EXPECT_EQ(draw({kNaN, -kInfinity, -5}, {}).token, 2);
  EXPECT_EQ(draw({0, kInfinity, 3}, {.logprobs = 0}).token, 1);
  EXPECT_EQ(draw({0, kInfinity, 3}, {.logprobs = 0}).logprob, 0);
  const Sampled two = draw({kInfinity, 0, kInfinity}, {.logprobs = 3});
  EXPECT_NE(two.token, 1);
  EXPECT_NEAR(two.logprob, std::log(0.5), 1e-6);
  EXPECT_EQ(draw({0, 0, 1e30f}, {.temperature = kInfinity, .top_k = 1}).token, 2);
}

TEST(Sampler, NothingLeftTakesTheLowestAllowed) {
  EXPECT_EQ(draw({kNaN, -kInfinity}, {}).token, 0);
  EXPECT_EQ(draw({}, {}).token, 0);
  const std::vector<std::uint32_t> mask = {0, 0b1000}, none = {0, 0};
  EXPECT_EQ(draw(std::vector<float>(64, kNaN), {.logprobs = 2}, 0, mask).token, 35);
  EXPECT_TRUE(std::isfinite(draw(std::vector<float>(64, kNaN), {.logprobs = 2}, 0, mask).logprob));
  EXPECT_EQ(draw(std::vector<float>(64, 1), {}, 0, none).token, 0);
}

TEST(Sampler, MaskAllowsNothingBeyondItsEnd) {
  const std::vector<std::uint32_t> mask = {0x80000001u};
  std::vector<float> logits(100, 5);
  logits[0] = logits[31] = 0;
  EXPECT_EQ(draw(logits, {.temperature = 0}, 0, mask).token, 0);
  EXPECT_EQ(draw(std::vector<float>{1, 2}, {.temperature = 0}, 0, mask).token, 0) << "bits beyond the vocabulary";
}

TEST(Sampler, BiasCannotBringBackAMaskedToken) {
  const std::vector<std::uint32_t> mask = {0b101};
  EXPECT_EQ(draw({0, 0, 1}, {.temperature = 0, .logit_bias = {{1, 100}}}, 0, mask).token, 2);
  EXPECT_EQ(draw({0, 0, 1}, {.temperature = 0, .logit_bias = {{1, kInfinity}}}, 0, mask).token, 2);
  EXPECT_EQ(draw({0, 0, 1}, {.temperature = 0, .logit_bias = {{1, 100}, {-1, 7}, {3, 7}}}).token, 1);
}

TEST(Sampler, PenaltiesCountWhatTheyShould) {
  const std::vector<Token> prompt = {0, 0, 9, -4}, answer = {1, 1, 1, 2};
  const auto told = [&](SamplingParams params) {
    params.temperature = 0;
    params.logprobs = 4;
    std::vector<float> logits = {2, 2, -2, 1};
    const Sampled out = sample(logits, {.params = &params, .prompt = prompt, .answer = answer});
    std::vector<float> relative(4);  // to token 3, which was never seen
    for (const auto& [token, logprob] : out.top) relative[static_cast<std::size_t>(token)] = logprob;
    for (float& value : relative) value = std::round((value - relative[3]) * 1e4f) / 1e4f;
    return relative;
  };
  EXPECT_EQ(told({}), (std::vector<float>{1, 1, -3, 0}));
  EXPECT_EQ(told({.repetition_penalty = 2}), (std::vector<float>{0, 0, -5, 0}));
  EXPECT_EQ(told({.presence_penalty = 0.5f}), (std::vector<float>{1, 0.5f, -3.5f, 0}));
  EXPECT_EQ(told({.frequency_penalty = 0.5f}), (std::vector<float>{1, -0.5f, -3.5f, 0}));
  EXPECT_EQ(told({.repetition_penalty = -1}), told({})) << "a penalty without meaning is none";
  EXPECT_EQ(told({.repetition_penalty = kNaN}), told({}));
}

TEST(Sampler, OneRowDoesNotDependOnOthers) {
  const std::vector<float> big = noise(20'000, 3), small = noise(300, 4);
  const SamplingParams params{.top_p = 0.9f, .repetition_penalty = 1.1f, .seed = 11, .logprobs = 3};
  const std::vector<Token> history = {5, 6, 7};
  const auto token = [&](std::vector<float> logits) {
    return sample(logits, {.params = &params, .prompt = history, .answer = history, .position = 4}).token;
  };
  const Token alone = token(small);
  Token elsewhere = -1;
  std::thread([&] { elsewhere = token(small); }).join();
  token(big);
  EXPECT_EQ(token(small), alone);
  EXPECT_EQ(elsewhere, alone);
}

TEST(Sampler, SeedPositionAndStreamEachMatter) {
  const std::vector<float> flat(100'000, 0);
  const Token base = draw(flat, {.seed = 1}, 5).token;
  EXPECT_EQ(draw(flat, {.seed = 1}, 5).token, base);
  EXPECT_NE(draw(flat, {.seed = 2}, 5).token, base);
  EXPECT_NE(draw(flat, {.seed = 1ull << 40 | 1}, 5).token, base);
  EXPECT_NE(draw(flat, {.seed = 1}, 6).token, base);
  EXPECT_NE(draw(flat, {.seed = 1}, 5, {}, 1).token, base);
}

TEST(Sampler, MaskedEqualsReducedVocabulary) {
  const std::size_t size = 3'000;
  const std::vector<float> logits = noise(size, 8);
  std::vector<std::uint32_t> mask((size + 31) / 32);
  std::vector<float> reduced;
  std::vector<Token> ids;
  for (std::size_t i = 0; i < size; i += 1 + i % 7) {
    mask[i / 32] |= 1u << (i % 32);
    reduced.push_back(logits[i]);
    ids.push_back(static_cast<Token>(i));
  }
  const SamplingParams all[] = {
      {}, {.top_k = 30}, {.top_p = 0.8f}, {.min_p = 0.05f}, {.temperature = 3, .top_p = 0.99f}};
  for (SamplingParams params : all) {
    params.logprobs = 6;
    for (int position = 0; position < 200; ++position) {
      const Sampled masked = draw(logits, params, position, mask), plain = draw(reduced, params, position);
      ASSERT_EQ(masked.token, ids[static_cast<std::size_t>(plain.token)]);
      ASSERT_NEAR(masked.logprob, plain.logprob, 1e-5);
      for (std::size_t i = 0; i < 6; ++i)
        ASSERT_EQ(masked.top[i].first, ids[static_cast<std::size_t>(plain.top[i].first)]);
    }
  }
}

TEST(Sampler, LogprobsSumToOneAndFallInOrder) {
  for (const std::size_t size : {1u, 5u, 256u, 700u, 4'000u}) {
    const Sampled out = draw(noise(size, size), {.temperature = 0.3f, .top_k = 2, .logprobs = 5'000});
    ASSERT_EQ(out.top.size(), size);
    double sum = 0;
    for (const auto& [token, logprob] : out.top) sum += std::exp(static_cast<double>(logprob));
    EXPECT_NEAR(sum, 1, 1e-5) << size;
    EXPECT_TRUE(std::is_sorted(out.top.begin(), out.top.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    }));
    const auto same = [&](const auto& one) { return one.first == out.token && one.second == out.logprob; };
    EXPECT_EQ(std::count_if(out.top.begin(), out.top.end(), same), 1);
  }
}

TEST(Sampler, LogprobsOnlyWhenAskedFor) {
  const std::vector<float> logits = {0, 1, 2};
  EXPECT_EQ(draw(logits, {}).logprob, 0);
  EXPECT_TRUE(draw(logits, {.logprobs = 0}).top.empty());
  EXPECT_LT(draw(logits, {.logprobs = 0}).logprob, 0);
  EXPECT_EQ(draw({kNaN, 1, 2}, {.logprobs = 3}).top.size(), 2u) << "what cannot come is not told";
}

}  // namespace
}  // namespace tollgate::local
