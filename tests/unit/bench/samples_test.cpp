// Percentiles by nearest rank: exact values of small and odd sets.
#include "gateway/bench/samples.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tollgate::gateway::bench {
namespace {

TEST(Percentiles, AreSamplesByNearestRank) {
  Samples hundred(100);
  std::iota(hundred.rbegin(), hundred.rend(), 1);  // 100 ... 1: order does not matter
  const auto found = percentiles(hundred);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->p50, 50u);
  EXPECT_EQ(found->p90, 90u);
  EXPECT_EQ(found->p99, 99u);
  EXPECT_EQ(found->most, 100u);
  Samples three{30, 10, 20};
  const auto few = percentiles(three);
  EXPECT_EQ(few->p50, 20u);
  EXPECT_EQ(few->p90, 30u);
  EXPECT_EQ(few->p99, 30u);
}

TEST(Percentiles, OfOneAndOfNone) {
  Samples one{7}, none;
  EXPECT_EQ(percentiles(one)->p50, 7u);
  EXPECT_EQ(percentiles(one)->p99, 7u);
  EXPECT_FALSE(percentiles(none));
}

TEST(Percentiles, SamplesAreBounded) {
  EXPECT_EQ(to_sample(-1), 0u);
  EXPECT_EQ(to_sample(4'294'967'295), 4'294'967'295u);
  EXPECT_EQ(to_sample(4'294'967'296), 4'294'967'295u);
}

TEST(Median, IsTheMiddleOne) {
  EXPECT_EQ(median({9}), 9);
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 3);
}

}  // namespace
}  // namespace tollgate::gateway::bench
