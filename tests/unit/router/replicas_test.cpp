#include "router/replicas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tollgate::router {
namespace {

std::vector<std::uint64_t> chunks_of(std::string_view fixed, std::string_view growing) {
  const std::string_view parts[] = {fixed, growing};
  return prompt_chunks(parts);
}

std::string text_of(char letter, std::size_t chunks) { return std::string(chunks * kPromptChunkBytes, letter); }

TEST(PromptChunks, APromptThatGrowsKeepsItsBeginning) {
  const auto shorter = chunks_of("tools", text_of('a', 3));
  const auto longer = chunks_of("tools", text_of('a', 3) + "and more" + text_of('b', 2));
  ASSERT_EQ(shorter.size(), 3u);
  ASSERT_EQ(longer.size(), 5u);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST(PromptChunks, WhatStandsBeforeCounts) {
  const auto one = chunks_of("tools", text_of('a', 2)), other = chunks_of("TOOLS", text_of('a', 2));
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NE(one[i], other[i]);
  const auto repeated = chunks_of("", text_of('a', 4));
  EXPECT_NE(repeated[0], repeated[1]) << "equal text at another place is another chunk";
}

TEST(PromptChunks, ShortAndLongPromptsAreBounded) {
  EXPECT_TRUE(chunks_of("tools that all requests have", "short").empty()) << "else all would go to one replica";
  EXPECT_TRUE(chunks_of("", "short").empty());
  EXPECT_TRUE(prompt_chunks({}).empty());
  EXPECT_EQ(chunks_of("", text_of('a', 2 * kMaxPromptChunks)).size(), kMaxPromptChunks);
}

class Replicas : public testing::Test {
 protected:
  std::size_t first(const std::vector<std::uint64_t>& chunks, std::vector<std::int64_t> load) {
    last_ = set_.choose(chunks, load);
    return last_.order.front();
  }
  ReplicaSet set_{3};
  ReplicaSet::Choice last_;
  const std::vector<std::uint64_t> prompt_ = chunks_of("tools", text_of('a', 9));
};

TEST_F(Replicas, APromptGoesBackToWhereItsBeginningWent) {
  const std::size_t home = first(prompt_, {5, 0, 5});
  EXPECT_EQ(home, 1u);
  EXPECT_FALSE(last_.by_prefix);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(first(prompt_, {0, 60, 0}), home) << "a small difference of load does not move it";
    EXPECT_TRUE(last_.by_prefix);
    EXPECT_EQ(last_.held_chunks, prompt_.size());
  }
}

TEST_F(Replicas, TheOthersFollowByLoad) {
  (void)first(prompt_, {9, 0, 9});
  (void)first(prompt_, {7, 9, 3});
  EXPECT_EQ(last_.order, (std::vector<std::size_t>{1, 2, 0}));
}

TEST_F(Replicas, OneThatIsMuchBusierIsPassedOver) {
  const std::size_t home = first(prompt_, {5, 0, 5});
  EXPECT_EQ(first(prompt_, {200, 290, 200}), home) << "90 more, but not half as many again";
  EXPECT_EQ(first(prompt_, {10, 70, 10}), home) << "many times as busy, but 60 more only";
  EXPECT_NE(first(prompt_, {100, 200, 100}), home);
  EXPECT_FALSE(last_.by_prefix);
}

TEST_F(Replicas, ShortSharedBeginningsDoNotDecide) {
  const std::string tools = text_of('t', 1);
  (void)first(chunks_of(tools, text_of('a', 9)), {1, 0, 1});
  const auto other = chunks_of(tools, text_of('b', 9));  // only the tools are the same: 1 of 10
  EXPECT_EQ(first(other, {0, 5, 1}), 0u);
  EXPECT_FALSE(last_.by_prefix);
}

TEST_F(Replicas, WithoutAPrefixEquallyBusyOnesTakeTurns) {
  std::vector<int> count(3);
  for (int i = 0; i < 30; ++i) ++count[first({}, {4, 4, 4})];
  EXPECT_EQ(count, (std::vector<int>{10, 10, 10}));
}

TEST_F(Replicas, OneThatDoesNotAnswerComesLastAndForgets) {
  const std::size_t home = first(prompt_, {5, 0, 5});
  EXPECT_NE(first(prompt_, {8, -1, 9}), home);
  EXPECT_EQ(last_.order.back(), home);
  set_.forget(home);
  EXPECT_EQ(first(prompt_, {8, 0, 90}), 0u) << "the prompt has a new home";
  set_.forget(0);
  EXPECT_EQ(first(prompt_, {8, 0, 90}), home) << "least busy";
  EXPECT_FALSE(last_.by_prefix);
}

TEST_F(Replicas, AllSilentIsStillAnOrder) {
  EXPECT_EQ(set_.choose(prompt_, std::vector<std::int64_t>{-1, -1, -1}).order.size(), 3u);
  EXPECT_TRUE(ReplicaSet(0).choose(prompt_, {}).order.empty());
}

TEST(ReplicaMemory, IsBoundedAndForgetsTheOldestTailsFirst) {
  ReplicaSet set(2, 20);
  const auto shared = chunks_of("", text_of('s', 4));
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    (void)set.choose(chunks_of("", text_of('s', 4) + text_of(letter, 5)), std::vector<std::int64_t>{0, 100});
    EXPECT_LE(set.remembered(), 20u);
  }
  const auto choice = set.choose(shared, std::vector<std::int64_t>{50, 0});
  EXPECT_TRUE(choice.by_prefix) << "what all prompts begin with is still known";
  EXPECT_EQ(choice.held_chunks, 4u);
}

}  // namespace
}  // namespace tollgate::router
