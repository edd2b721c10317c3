// Traffic: the same seed gives the same requests, lengths and arrivals are distributed as told, prefixes are shared by
// groups and by nobody else.
#include "gateway/bench/workload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/unit/bench/steady_engine.h"

namespace tollgate::gateway::bench {
namespace {

using Lengths = std::vector<std::pair<std::size_t, std::size_t>>;

WorkloadOptions options_for(std::string_view shape, std::size_t requests = 100, double rate = 0) {
  return {.shape = *parse_shape(shape), .requests = requests, .rate = rate, .context = 4096};
}

Lengths lengths(const std::vector<PlannedRequest>& plan) {
  Lengths out;
  for (const PlannedRequest& request : plan) out.emplace_back(request.prompt, request.answer);
  return out;
}

TEST(Shape, AreParsed) {
  EXPECT_EQ(parse_shape("1000/128")->prompt, 1000u);
  EXPECT_EQ(parse_shape("1000/128")->answer, 128u);
  EXPECT_EQ(parse_shape("sharegpt")->kind, Shape::Kind::sharegpt);
  EXPECT_EQ(parse_shape("shared-prefix")->prefix, 1024u);
  const auto own = parse_shape("shared-prefix:8000+1000/500");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->prefix, 8000u);
  EXPECT_EQ(own->prompt, 1000u);
  EXPECT_EQ(own->answer, 500u);
}

TEST(Shape, OthersAreRefusedWithWhatMayBeSaid) {
  for (const char* text : {"", "1000", "0/5", "5/0", "-1/5", "1000/", "/5", "share", "shared-prefix:8000",
                           "1/99999999999", "shared-prefix:+1/2", "1/2/3"}) {
    const auto shape = parse_shape(text);
    ASSERT_FALSE(shape) << text;
    EXPECT_NE(shape.error().message.find("IN/OUT"), std::string::npos) << text;
  }
}

TEST(Workload, IsTheSameForTheSameSeed) {
  const auto one = plan_requests(options_for("sharegpt", 200, 5)), two = plan_requests(options_for("sharegpt", 200, 5));
  auto other = options_for("sharegpt", 200, 5);
  other.seed = 2;
  const auto third = plan_requests(other);
  EXPECT_EQ(lengths(*one), lengths(*two));
  EXPECT_NE(lengths(*one), lengths(*third));
  EXPECT_EQ(one->back().at_us, two->back().at_us);
  EXPECT_NE(one->back().at_us, third->back().at_us);
  // The rate moves arrivals, not lengths.
  EXPECT_EQ(lengths(*one), lengths(*plan_requests(options_for("sharegpt", 200))));
}

TEST(Workload, ArrivalsArePoisson) {
  const auto plan = plan_requests(options_for("8/8", 20'000, 50));
  double sum = 0, squares = 0;
  std::int64_t before = 0;
  for (const PlannedRequest& request : *plan) {
    const double gap = static_cast<double>(request.at_us - before) / 1e6;
    ASSERT_GE(gap, 0);
    sum += gap, squares += gap * gap;
    before = request.at_us;
  }
  const double mean = sum / 20'000, deviation = std::sqrt(squares / 20'000 - mean * mean);
  EXPECT_NEAR(mean, 0.02, 0.0006);       // 4 standard errors
  EXPECT_NEAR(deviation, 0.02, 0.0012);  // of an exponential distribution: its mean
}

TEST(Workload, AllAtOnce) {
  const auto plan = plan_requests(options_for("8/8"));
  for (const PlannedRequest& request : *plan) EXPECT_EQ(request.at_us, 0);
}

TEST(Workload, ShareGptHasItsMeans) {
  auto options = options_for("sharegpt", 20'000);
  double prompts = 0, answers = 0;
  for (const auto& [prompt, answer] : lengths(*plan_requests(options))) {
    ASSERT_GE(prompt, kShareGptLeast);
    ASSERT_LE(prompt, kShareGptMost);
    ASSERT_LE(answer, kShareGptMost);
    prompts += static_cast<double>(prompt), answers += static_cast<double>(answer);
  }
  // Cut at 1,024, which takes some off.
  EXPECT_NEAR(prompts / 20'000, 140, 15);
  EXPECT_NEAR(answers / 20'000, 320, 20);
}

TEST(Workload, ShareGptKeepsWithinAShortContext) {
  auto options = options_for("sharegpt", 1000);
  options.context = 100;
  for (const auto& [prompt, answer] : lengths(*plan_requests(options))) {
    ASSERT_GE(answer, 1u);
    ASSERT_LE(prompt + answer, 100u);
  }
}

TEST(Workload, WhatDoesNotFitIsRefused) {
  auto options = options_for("4000/97");
  const auto long_one = plan_requests(options);
  ASSERT_FALSE(long_one);
  EXPECT_NE(long_one.error().message.find("4097 tokens, the context holds 4096"), std::string::npos)
      << long_one.error().message;
  EXPECT_TRUE(plan_requests(options_for("4000/96")));
  EXPECT_FALSE(plan_requests(options_for("1/1", kMostRequests + 1)));
  EXPECT_FALSE(plan_requests(options_for("1/1000", 10'000)));  // 10 M tokens of answers
  EXPECT_FALSE(plan_requests(options_for("1000/1", 100'000)));
}

TEST(Workload, GroupsSharePrefixesAndNothingElse) {
  auto options = options_for("shared-prefix:64+32/16", 12);
  options.group = 4;
  const auto plan = plan_requests(options);
  const testing::PlainTokenizer tokenizer;
  std::set<std::vector<local::Token>> prefixes, questions;
  std::vector<std::size_t> sizes(3);
  for (std::size_t i = 0; i < plan->size(); ++i) {
    const auto prompt = prompt_of(tokenizer, (*plan)[i], i, 1);
    ASSERT_EQ(prompt.size(), 96u);
    prefixes.emplace(prompt.begin(), prompt.begin() + 64);
    questions.emplace(prompt.begin() + 64, prompt.end());
    ++sizes.at((*plan)[i].group);
  }
  EXPECT_EQ(prefixes.size(), 3u);
  EXPECT_EQ(questions.size(), 12u);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 4, 4}));
}

TEST(Workload, TokensAreThoseOfTexts) {
  const testing::PlainTokenizer tokenizer;
  for (const local::Token token : random_tokens(tokenizer, 3, 5000)) {
    ASSERT_GE(token, 0);
    ASSERT_LT(token, 200);
    ASSERT_NE(token % 10, 0);
  }
}

}  // namespace
}  // namespace tollgate::gateway::bench
