#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/id.h"

namespace tollgate {
namespace {

std::int64_t millis_of(const Id& id) {
  std::int64_t out = 0;
  for (int i = 0; i < 6; ++i) out = out << 8 | id.bytes[static_cast<std::size_t>(i)];
  return out;
}

TEST(Clock, RealTimeMoves) {
  EXPECT_GT(wall_micros(), 1'600'000'000'000'000);  // after 2020
  const auto before = SteadyClock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_GE(SteadyClock::now() - before, std::chrono::milliseconds(2));
}

TEST(Clock, VirtualTimeMovesByHand) {
  {
    VirtualClock clock(1'000'000);
    const auto start = SteadyClock::now();
    EXPECT_EQ(wall_micros(), 1'000'000);
    EXPECT_EQ(SteadyClock::now(), start);
    clock.advance(std::chrono::milliseconds(1500));
    EXPECT_EQ(wall_micros(), 2'500'000);
    EXPECT_EQ(SteadyClock::now() - start, std::chrono::milliseconds(1500));
  }
  EXPECT_GT(wall_micros(), 1'600'000'000'000'000);
}

TEST(Id, IsAVersion7Uuid) {
  const VirtualClock clock(1'700'000'000'123'456);
  const Id id = Id::next();
  EXPECT_EQ(millis_of(id), 1'700'000'000'123);
  EXPECT_EQ(id.bytes[6] >> 4, 7);
  EXPECT_EQ(id.bytes[8] >> 6, 2);
  EXPECT_FALSE(id.is_zero());
  EXPECT_TRUE(Id{}.is_zero());
}

TEST(Id, IncreasesWhileTheClockStandsOrStepsBack) {
  seed_ids_for_test(0);
  Id last;
  {
    const VirtualClock clock(1'900'000'000'000'000);
    for (int i = 0; i < 100'000; ++i) {
      const Id id = Id::next();
      ASSERT_LT(last, id);
      last = id;
    }
  }
  const VirtualClock earlier(1'800'000'000'000'000);
  EXPECT_LT(last, Id::next());
  seed_ids_for_test(0);
}

TEST(Id, TextBothWays) {
  const Id id = Id::next();
  const std::string text = id.to_string();
  EXPECT_EQ(text.size(), 36u);
  EXPECT_EQ(*Id::parse(text), id);
  std::string upper = text;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_EQ(*Id::parse(upper), id);
  const char* known = "0190163d-8694-739b-aea5-966c26f8ad91";
  EXPECT_EQ(Id::parse(known)->to_string(), known);
  for (const char* bad : {"", "0190163d-8694-739b-aea5-966c26f8ad9", "0190163d-8694-739b-aea5-966c26f8ad911",
                          "0190163d08694-739b-aea5-966c26f8ad91", "0190163g-8694-739b-aea5-966c26f8ad91",
                          "0190163d-8694-739b-aea5-966c26f8ad9-"})
    EXPECT_FALSE(Id::parse(bad).has_value()) << bad;
}

TEST(Id, SeedMakesAThreadDeterministic) {
  const VirtualClock clock(1'700'000'000'000'000);
  const auto draw = [](std::uint64_t seed) {
    seed_ids_for_test(seed);
    std::vector<Id> ids(5);
    std::generate(ids.begin(), ids.end(), Id::next);
    return ids;
  };
  EXPECT_EQ(draw(42), draw(42));
  EXPECT_NE(draw(42), draw(43));
  EXPECT_NE(draw(0), draw(0));
}

TEST(Id, ThreadsDoNotCollide) {
  std::vector<std::vector<Id>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& ids : drawn)
    threads.emplace_back([&ids] {
      for (int i = 0; i < 20'000; ++i) ids.push_back(Id::next());
    });
  for (auto& thread : threads) thread.join();
  std::set<Id> all;
  for (const auto& ids : drawn) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 80'000u);
}

}  // namespace
}  // namespace tollgate
