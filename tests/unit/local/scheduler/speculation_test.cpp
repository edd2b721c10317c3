// Guesses, and when they are worth their time.
#include "local_backend/scheduler/speculation.h"

#include <gtest/gtest.h>

namespace tollgate::local {
namespace {

std::vector<Token> drafts(NgramIndex& index, const std::vector<Token>& tokens, std::size_t most) {
  std::vector<Token> out(most);
  out.resize(index.draft(tokens, out));
  return out;
}

TEST(NgramIndex, WhatFollowedTheLastTime) {
  NgramIndex index;
  EXPECT_TRUE(drafts(index, {1, 2, 3, 4, 5}, 4).empty());
  EXPECT_EQ(drafts(index, {1, 2, 3, 4, 5, 9, 2, 3}, 3), (std::vector<Token>{4, 5, 9}));
}

TEST(NgramIndex, ThreeTokensSayMoreThanTwo) {
  NgramIndex index;
  // Behind 2, 3 came 7 the last time, but behind 1, 2, 3 came 4.
  EXPECT_EQ(drafts(index, {1, 2, 3, 4, 6, 2, 3, 7, 1, 2, 3}, 1), std::vector<Token>{4});
  EXPECT_EQ(drafts(index, {1, 2, 3, 4, 6, 2, 3, 7, 1, 2, 3, 8, 8, 2, 3}, 1), std::vector<Token>{8});
}

TEST(NgramIndex, CyclesGoOn) {
  NgramIndex index;
  EXPECT_EQ(drafts(index, {5, 6, 7, 5, 6, 7, 5, 6}, 7), (std::vector<Token>{7, 5, 6, 7, 5, 6, 7}));
}

TEST(NgramIndex, GrowsWithItsText) {
  NgramIndex index;
  std::vector<Token> tokens;
  std::size_t right = 0;
  for (int i = 0; i < 5000; ++i) {
    const Token next = (i % 50) * 3;
    const auto guess = drafts(index, tokens, 1);
    right += !guess.empty() && guess[0] == next;
    tokens.push_back(next);
  }
  // From the second round on all is known; while the tables grow nothing is forgotten.
  EXPECT_GT(right, 4940u);
}

TEST(Acceptance, FollowsWhatHappened) {
  Acceptance one;
  const double prior = one.rate();
  for (int i = 0; i < 50; ++i) one.verified(4, 4);
  EXPECT_GT(one.rate(), 0.99);
  for (int i = 0; i < 50; ++i) one.verified(4, 0);
  EXPECT_LT(one.rate(), 0.01);
  for (int i = 0; i < 1000; ++i) one.idle();
  EXPECT_NEAR(one.rate(), prior, 0.01);
}

TEST(StepCost, LearnsWhatATokenCosts) {
  StepCost cost;
  for (int i = 0; i < 100; ++i) {
    const std::size_t tokens = static_cast<std::size_t>(1 + i % 5);
    cost.measured(tokens, 1000.0 + 50.0 * static_cast<double>(tokens));
  }
  EXPECT_NEAR(cost.free_tokens(), 20, 0.5);
  // Now each token costs as much as the first: a guess that may be wrong never pays.
  for (int i = 0; i < 2000; ++i) cost.measured(static_cast<std::size_t>(1 + i % 5), 500.0 * (1 + i % 5));
  EXPECT_LT(cost.free_tokens(), 0.1);
  EXPECT_EQ(cost.worth(0.9, 4, 4).guesses, 0u);
}

TEST(StepCost, StepsOfOneSizeTellNothing) {
  StepCost cost;
  const double before = cost.free_tokens();
  for (int i = 0; i < 100; ++i) cost.measured(8, 1000.0 + i % 3);
  EXPECT_EQ(cost.free_tokens(), before);
}

TEST(StepCost, FewerGuessesInLargerStepsAndForWorseGuessers) {
  StepCost cost;  // 8 free tokens until something is measured
  EXPECT_EQ(cost.worth(0.9, 1, 4).guesses, 4u);
  EXPECT_EQ(cost.worth(0.9, 64, 4).guesses, 1u);
  EXPECT_EQ(cost.worth(0.8, 64, 4).guesses, 0u);
  EXPECT_EQ(cost.worth(0.05, 1, 4).guesses, 0u);
}

TEST(StepCost, GuessesThatCostTimeBeforehandMustBeRightMoreOften) {
  StepCost cost;
  for (int i = 0; i < 100; ++i) {
    const std::size_t tokens = static_cast<std::size_t>(1 + i % 5);
    cost.measured(tokens, 900.0 + 100.0 * static_cast<double>(tokens));
  }
  EXPECT_NEAR(cost.token_us(), 100, 1);
  EXPECT_NEAR(cost.step_us(4), 1300, 10);
  // A guess brings 10 prices of a token if it is right: at 4 prices extra it must be right more often than 1 in 2.
  EXPECT_EQ(cost.worth(0.55, 1, 4, 4).guesses, 1u);
  EXPECT_EQ(cost.worth(0.45, 1, 4, 4).guesses, 0u);
  EXPECT_NEAR(cost.worth(0.55, 1, 4, 4).gain, 0.5, 0.05);
  EXPECT_GT(cost.worth(0.9, 1, 4).gain, cost.worth(0.9, 1, 4, 1).gain);
}

TEST(TrialBudget, IsASmallShareOfAllTime) {
  TrialBudget trials;
  EXPECT_FALSE(trials.covers(1));
  for (int i = 0; i < 100; ++i) trials.earn(1000);
  EXPECT_TRUE(trials.covers(1999));
  EXPECT_FALSE(trials.covers(2001));
  trials.spend(1500);
  EXPECT_FALSE(trials.covers(501));
}

}  // namespace
}  // namespace tollgate::local
