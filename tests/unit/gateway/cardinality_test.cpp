// CardinalityGuard alone and under threads.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gateway/attribution.h"

namespace tollgate::gateway {
namespace {

TEST(CardinalityGuard, DimensionsCountApart) {
  CardinalityGuard guard(2);
  for (const char* dimension : {"team", "feature", "environment", "user", "tag"}) {
    EXPECT_EQ(guard.admit(dimension, "a"), "a");
    EXPECT_EQ(guard.admit(dimension, "b"), "b");
    EXPECT_EQ(guard.admit(dimension, "c"), "_other");
    EXPECT_EQ(guard.admit(dimension, "a"), "a");
  }
}

TEST(CardinalityGuard, SmallestLimit) {
  CardinalityGuard guard(1);
  EXPECT_EQ(guard.admit("team", "a"), "a");
  EXPECT_EQ(guard.admit("team", "b"), "_other");
  EXPECT_EQ(guard.admit("team", ""), "_other");
}

TEST(CardinalityGuard, ThreadsNeverAdmitMoreThanTheLimit) {
  constexpr std::size_t kLimit = 500;
  constexpr int kThreads = 4, kValues = 2'000;
  CardinalityGuard guard(kLimit);
  std::vector<std::set<std::string>> admitted(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < kValues; ++i) {
          const std::string value = std::to_string((i * 7 + t * 13) % kValues);
          if (guard.admit("user", value) == value) admitted[static_cast<std::size_t>(t)].insert(value);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& set : admitted) all.insert(set.begin(), set.end());
  EXPECT_EQ(all.size(), kLimit);
  // Once admitted, always admitted, and by every thread.
  for (const std::string& value : all) EXPECT_EQ(guard.admit("user", value), value);
}

}  // namespace
}  // namespace tollgate::gateway
