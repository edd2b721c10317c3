#include "local_backend/kv/tier_writer.h"

#include <gtest/gtest.h>

#include "tests/unit/local/kv/faulty_store.h"

namespace tollgate::local {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBytes = 1'000;

struct Bench {
  Shelf shelf;
  FaultyStore store{shelf};
};

TEST(TierWriter, WritesWhatIsOffered) {
  Bench bench;
  TierWriter writer(bench.store, "model");
  for (unsigned i = 0; i < 50; ++i) EXPECT_TRUE(writer.offer(key_of(i), block_of(i, kBytes)));
  ASSERT_TRUE(eventually([&] { return writer.stats().written == 50; }));
  EXPECT_EQ(writer.stats().waiting_bytes, 0u);
  const std::lock_guard lock(bench.shelf.mutex);
  for (unsigned i = 0; i < 50; ++i) {
    const auto block = decode_block(bench.shelf.values.at(key_of(i)), key_of(i), "model");
    const std::vector<std::byte> expected = block_of(i, kBytes);
    ASSERT_TRUE(block && std::equal(block->begin(), block->end(), expected.begin(), expected.end())) << i;
  }
}

TEST(TierWriter, AHangingStoreNeitherStallsTheCallerNorGrowsTheQueue) {
  Bench bench;
  bench.store.hang();
  TierWriter writer(bench.store, "model", {.max_bytes = 10 * kBytes});
  const auto begun = Clock::now();
  int taken = 0;
  for (unsigned i = 0; i < 10'000; ++i) taken += writer.offer(key_of(i), block_of(i, kBytes));
  EXPECT_LT(Clock::now() - begun, 5s);
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(writer.stats().waiting_bytes, 10 * kBytes);
  EXPECT_EQ(writer.stats().refused, 9'990u);
  EXPECT_EQ(writer.stats().written, 0u);
  bench.store.let_go();
  ASSERT_TRUE(eventually([&] { return writer.stats().written == 10; }));
  EXPECT_TRUE(writer.offer(key_of(1), block_of(1, kBytes)));
}

TEST(TierWriter, ABlockThatWaitsIsNotTakenTwice) {
  Bench bench;
  bench.store.hang();
  TierWriter writer(bench.store, "model", {.max_bytes = 10 * kBytes});
  EXPECT_TRUE(writer.offer(key_of(0), block_of(0, kBytes)));
  ASSERT_TRUE(eventually([&] { return bench.store.puts == 1; }));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(writer.offer(key_of(5), block_of(5, kBytes)));
  EXPECT_EQ(writer.stats().waiting_bytes, 2 * kBytes);
  bench.store.let_go();
  ASSERT_TRUE(eventually([&] { return writer.stats().written == 2; }));
}

TEST(TierWriter, TooLargeABlockIsRefused) {
  Bench bench;
  TierWriter writer(bench.store, "model", {.max_bytes = kBytes});
  EXPECT_FALSE(writer.offer(key_of(0), block_of(0, kBytes + 1)));
  EXPECT_TRUE(writer.offer(key_of(0), block_of(0, kBytes)));
}

TEST(TierWriter, OldBlocksAreLetGo) {
  Bench bench;
  bench.store.hang();
  TierWriter writer(bench.store, "model", {.max_age = 300ms});
  writer.offer(key_of(0), block_of(0, kBytes));
  ASSERT_TRUE(eventually([&] { return bench.store.puts == 1; }));
  for (unsigned i = 1; i < 6; ++i) writer.offer(key_of(i), block_of(i, kBytes));
  std::this_thread::sleep_for(400ms);
  bench.store.let_go();
  ASSERT_TRUE(eventually([&] { return writer.stats().expired == 5; }));
  EXPECT_EQ(bench.shelf.size(), 1u);
  EXPECT_EQ(writer.stats().waiting_bytes, 0u);
}

TEST(TierWriter, AFailingStoreIsLeftAloneForAWhile) {
  Bench bench;
  bench.store.fault = FaultyStore::Fault::failing;
  {
    const auto begun = Clock::now();
    TierWriter writer(bench.store, "model", {.max_age = 60s, .pause = 30ms, .max_pause = 40ms});
    for (unsigned i = 0; i < 1'000; ++i) writer.offer(key_of(i), block_of(i, 10));
    std::this_thread::sleep_for(200ms);
    const int puts = bench.store.puts;
    EXPECT_LE(puts, 2 + (Clock::now() - begun) / 30ms);
    EXPECT_GE(writer.stats().failed, 1u);
    bench.store.fault = FaultyStore::Fault::none;
    ASSERT_TRUE(eventually([&] { return writer.stats().written > 900; }));
    const TierWriterStats stats = writer.stats();
    EXPECT_EQ(stats.refused, 0u);
  }
}

TEST(TierWriter, EndsAtOnceWithAFullQueue) {
  Bench bench;
  bench.store.fault = FaultyStore::Fault::failing;
  const auto begun = Clock::now();
  {
    TierWriter writer(bench.store, "model", {.pause = 60s, .max_pause = 60s});
    for (unsigned i = 0; i < 100; ++i) writer.offer(key_of(i), block_of(i, kBytes));
    ASSERT_TRUE(eventually([&] { return writer.stats().failed == 1; }));
  }
  EXPECT_LT(Clock::now() - begun, 10s);
}

TEST(TierWriter, ManyThreadsMayOffer) {
  Bench bench;
  TierWriter writer(bench.store, "model", {.max_bytes = 50 * kBytes});
  std::atomic<std::uint64_t> taken = 0;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 500; ++i) taken += writer.offer(key_of(t * 1'000 + i), block_of(i, kBytes));
    });
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(eventually([&] { return writer.stats().written == taken; }));
  EXPECT_EQ(writer.stats().refused, 1'500 - taken);
  EXPECT_EQ(writer.stats().waiting_bytes, 0u);
}

}  // namespace
}  // namespace tollgate::local
