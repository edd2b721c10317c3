#include "local_backend/kv/tier_policy.h"

#include <gtest/gtest.h>

namespace tollgate::local {
namespace {

constexpr std::size_t kBlock = 400'000, kTokens = 32;

TEST(TierPolicy, AsksWhileNothingIsKnown) {
  TierPolicy policy;
  EXPECT_TRUE(policy.should_fetch(kTokens, kBlock));
  policy.computed(1'000, 1'000'000);
  EXPECT_TRUE(policy.should_fetch(kTokens, kBlock));
}

TEST(TierPolicy, RatesAreWhatWasMeasured) {
  TierPolicy policy;
  for (int i = 0; i < 3; ++i) {
    policy.fetched(kBlock, 400);
    policy.computed(500, 1'000'000);
  }
  EXPECT_DOUBLE_EQ(policy.fetch_bytes_per_second(), 1e9);
  EXPECT_DOUBLE_EQ(policy.compute_tokens_per_second(), 500);
  EXPECT_DOUBLE_EQ(policy.hit_share(), 1);
}

TEST(TierPolicy, TheFasterWayWinsByTheMargin) {
  // 32 tokens take 64 ms to compute at 500 per second. With a margin of 1.5, fetching must take less than 42.7 ms.
  for (const auto& [us, expected] :
       {std::pair<int, bool>{400, true}, {42'000, true}, {43'500, false}, {64'000, false}}) {
    TierPolicy policy;
    policy.computed(500, 1'000'000);
    policy.fetched(kBlock, us);
    EXPECT_EQ(policy.should_fetch(kTokens, kBlock), expected) << us;
    EXPECT_EQ(policy.should_fetch(20 * kTokens, 20 * kBlock), expected) << us;
  }
}

TEST(TierPolicy, FollowsAChangingLink) {
  TierPolicy policy;
  policy.computed(500, 1'000'000);
  for (int i = 0; i < 30; ++i) policy.fetched(kBlock, 1'000);
  ASSERT_TRUE(policy.should_fetch(kTokens, kBlock));
  for (int i = 0; i < 30; ++i) policy.fetched(kBlock, 200'000);
  EXPECT_FALSE(policy.should_fetch(kTokens, kBlock));
  for (int i = 0; i < 30; ++i) policy.fetched(kBlock, 1'000);
  EXPECT_TRUE(policy.should_fetch(kTokens, kBlock));
}

TEST(TierPolicy, AnEmptyStoreThatAnswersQuicklyIsStillAsked) {
  TierPolicy policy;
  policy.computed(500, 1'000'000);
  for (int i = 0; i < 1'000; ++i) policy.missed(300);
  EXPECT_TRUE(policy.should_fetch(kTokens, kBlock));
}

TEST(TierPolicy, AStoreThatLetsUsWaitForNothingIsLeftAlone) {
  TierPolicy policy({.probe = 10});
  policy.computed(500, 1'000'000);
  for (int i = 0; i < 20; ++i) policy.missed(200'000);
  int asked = 0;
  for (int i = 0; i < 110; ++i) asked += policy.should_fetch(kTokens, kBlock);
  EXPECT_EQ(asked, 10) << "one of eleven, to notice when it comes back";
}

TEST(TierPolicy, MissesCostWhatTheyTake) {
  // Nearly half of the fetches bring something. A hit saves 64 ms of computing, a miss adds to them.
  for (const auto& [miss_us, expected] : {std::pair<int, bool>{10'000, true}, {60'000, false}}) {
    TierPolicy policy;
    policy.computed(500, 1'000'000);
    for (int i = 0; i < 30; ++i) {
      policy.fetched(kBlock, 1'000);
      policy.missed(miss_us);
    }
    EXPECT_NEAR(policy.hit_share(), 0.44, 0.01);
    EXPECT_EQ(policy.should_fetch(kTokens, kBlock), expected) << miss_us;
  }
}

TEST(TierPolicy, OneBadSampleDoesNotTurnIt) {
  TierPolicy policy;
  policy.computed(500, 1'000'000);
  for (int i = 0; i < 20; ++i) policy.fetched(kBlock, 1'000);
  policy.missed(5'000);
  policy.fetched(kBlock, 100'000);
  EXPECT_TRUE(policy.should_fetch(kTokens, kBlock));
}

TEST(TierPolicy, ATimeOfZeroIsNoDivision) {
  TierPolicy policy;
  policy.fetched(kBlock, 0);
  policy.computed(10, 0);
  policy.missed(0);
  policy.fetched(0, 5);
  policy.should_fetch(kTokens, kBlock);
  EXPECT_GT(policy.fetch_bytes_per_second(), 0);
}

}  // namespace
}  // namespace tollgate::local
