#include "local_backend/kv/block_tiers.h"

#include <gtest/gtest.h>

#include "tests/unit/local/kv/faulty_store.h"

namespace tollgate::local {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBytes = 256;

// A back end that is its blocks' memory and nothing else.
class Memory final : public Backend {
 public:
  Memory() {
    info_.block_bytes = kBytes;
    info_.fingerprint = "model";
    info_.blocks = 8;
    blocks.resize(8, std::vector<std::byte>(kBytes));
  }
  const BackendInfo& info() const override { return info_; }
  Result<void> step(const StepPlan&, StepResult&) override { return {}; }
  bool read_block(std::int32_t block, std::span<std::byte> out) const override {
    std::copy_n(blocks[static_cast<std::size_t>(block)].begin(), out.size(), out.begin());
    return !lost;
  }
  bool write_block(std::int32_t block, std::span<const std::byte> in) override {
    blocks[static_cast<std::size_t>(block)].assign(in.begin(), in.end());
    return !lost;
  }

  std::vector<std::vector<std::byte>> blocks;
  bool lost = false;

 private:
  BackendInfo info_;
};

std::vector<BlockKey> keys_of(unsigned first, unsigned count) {
  std::vector<BlockKey> keys;
  for (unsigned i = 0; i < count; ++i) keys.push_back(key_of(first + i));
  return keys;
}

struct Bench {
  Memory memory;
  Shelf shelf;
  FaultyStore reading{shelf}, writing{shelf};

  void shelve(unsigned first, unsigned count) {
    const std::lock_guard lock(shelf.mutex);
    for (unsigned i = first; i < first + count; ++i)
      shelf.values[key_of(i)] = encode_block(key_of(i), "model", block_of(i, kBytes));
  }

  void evict(BlockTiers& tiers, unsigned number) {
    memory.blocks[0] = block_of(number, kBytes);
    tiers.on_evict(key_of(number), 0);
  }

  // Asks as the scheduler does, plan after plan, until there is nothing to wait for.
  std::size_t settled(BlockTiers& tiers, std::uint64_t id, std::span<const BlockKey> keys) {
    BlockTier::Answer answer;
    eventually([&] { return !(answer = tiers.ask(id, keys)).wait; });
    EXPECT_FALSE(answer.wait);
    return answer.ready;
  }

  void expect_loads(BlockTiers& tiers, unsigned number) {
    ASSERT_TRUE(tiers.load(key_of(number), 3)) << number;
    EXPECT_EQ(memory.blocks[3], block_of(number, kBytes)) << number;
  }
};

TEST(BlockTiers, EvictedBlocksComeBackFromHostMemory) {
  Bench bench;
  BlockTiers tiers(bench.memory, nullptr, nullptr, {.host_bytes = 3 * kBytes});
  for (unsigned i = 0; i < 4; ++i) bench.evict(tiers, i);
  EXPECT_EQ(tiers.host_blocks(), 3u);
  EXPECT_EQ(tiers.ask(1, keys_of(0, 4)).ready, 0u) << "the first one is gone";
  const BlockTier::Answer answer = tiers.ask(2, keys_of(1, 5));
  EXPECT_EQ(answer.ready, 3u);
  EXPECT_FALSE(answer.wait) << "there is no store to wait for";
  for (unsigned i = 1; i < 4; ++i) bench.expect_loads(tiers, i);
  EXPECT_FALSE(tiers.load(key_of(0), 3));
}

TEST(BlockTiers, EvictedBlocksReachTheStoreOnce) {
  Bench bench;
  BlockTiers tiers(bench.memory, nullptr, &bench.writing);
  for (unsigned i = 0; i < 5; ++i) bench.evict(tiers, i);
  ASSERT_TRUE(eventually([&] { return bench.shelf.size() == 5; }));
  for (unsigned i = 0; i < 6; ++i) bench.evict(tiers, i);
  ASSERT_TRUE(eventually([&] { return bench.shelf.size() == 6; }));
  EXPECT_EQ(bench.writing.puts, 6);
}

TEST(BlockTiers, NothingOfADeviceThatIsLostIsKept) {
  Bench bench;
  BlockTiers tiers(bench.memory, nullptr, &bench.writing);
  bench.evict(tiers, 1);
  ASSERT_TRUE(eventually([&] { return bench.shelf.size() == 1; }));
  tiers.on_publish(key_of(2), 2);
  bench.memory.lost = true;
  bench.evict(tiers, 3);
  EXPECT_EQ(tiers.host_blocks(), 1u);
  EXPECT_EQ(tiers.save(10), 0u);
  EXPECT_FALSE(tiers.load(key_of(1), 3)) << "the device did not take it";
  EXPECT_EQ(bench.writing.puts, 1);
}

TEST(BlockTiers, BlocksThatStayInThePoolReachTheStoreAtLeisure) {
  Bench bench;
  BlockTiers tiers(bench.memory, nullptr, &bench.writing);
  for (unsigned i = 0; i < 8; ++i) {
    bench.memory.blocks[i] = block_of(i, kBytes);
    tiers.on_publish(key_of(i), static_cast<std::int32_t>(i));
  }
  EXPECT_EQ(tiers.unsaved(), 8u);
  EXPECT_EQ(tiers.save(3), 3u);
  EXPECT_EQ(tiers.save(100), 5u);
  EXPECT_EQ(tiers.save(100), 0u);
  ASSERT_TRUE(eventually([&] { return bench.shelf.size() == 8; }));
  for (unsigned i = 0; i < 8; ++i) tiers.on_evict(key_of(i), static_cast<std::int32_t>(i));
  tiers.save_all(Clock::now() + 5s);
  EXPECT_EQ(bench.writing.puts, 8) << "what the store has is not written again";
  EXPECT_EQ(tiers.host_blocks(), 8u);
  for (const auto& [key, value] : bench.shelf.values) EXPECT_TRUE(decode_block(value, key, "model"));
}

TEST(BlockTiers, ABlockThatIsWrittenOverBeforeItWasSavedIsSavedThen) {
  Bench bench;
  BlockTiers tiers(bench.memory, nullptr, &bench.writing, {.host_bytes = 0});
  bench.memory.blocks[2] = block_of(1, kBytes);
  tiers.on_publish(key_of(1), 2);
  tiers.on_evict(key_of(1), 2);
  bench.memory.blocks[2] = block_of(9, kBytes);  // not findable yet
  EXPECT_EQ(tiers.unsaved(), 0u);
  EXPECT_EQ(tiers.save(10), 0u);
  tiers.save_all(Clock::now() + 5s);
  ASSERT_EQ(bench.shelf.size(), 1u);
  const auto block = decode_block(bench.shelf.values.at(key_of(1)), key_of(1), "model");
  const std::vector<std::byte> expected = block_of(1, kBytes);
  ASSERT_TRUE(block && std::equal(block->begin(), block->end(), expected.begin(), expected.end()));
}

TEST(BlockTiers, WhatCameFromTheStoreIsNotWrittenBack) {
  Bench bench;
  bench.shelve(0, 3);
  BlockTiers tiers(bench.memory, &bench.reading, &bench.writing, {.patience = 10s});
  ASSERT_EQ(bench.settled(tiers, 1, keys_of(0, 3)), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_TRUE(tiers.load(key_of(i), static_cast<std::int32_t>(i)));
    tiers.on_publish(key_of(i), static_cast<std::int32_t>(i));
  }
  EXPECT_EQ(tiers.unsaved(), 0u);
  tiers.on_publish(key_of(50), 1);  // the block was taken for other tokens
  EXPECT_EQ(tiers.unsaved(), 1u);
  EXPECT_EQ(tiers.stats().fetched, 3u);
}

TEST(BlockTiers, AFullOrFailingWriterLeavesBlocksUnsavedAndEndsInTime) {
  Bench bench;
  bench.writing.hang();
  BlockTiers tiers(bench.memory, nullptr, &bench.writing, {.writer = {.max_bytes = 3 * kBytes}});
  for (unsigned i = 0; i < 8; ++i) tiers.on_publish(key_of(i), static_cast<std::int32_t>(i));
  EXPECT_EQ(tiers.save(100), 3u);
  EXPECT_EQ(tiers.save(100), 0u);
  EXPECT_EQ(tiers.unsaved(), 5u);
  const auto begun = Clock::now();
  tiers.save_all(begun + 100ms);
  EXPECT_GE(Clock::now() - begun, 100ms);
  EXPECT_LT(Clock::now() - begun, 4s);
  bench.writing.fault = FaultyStore::Fault::failing;
  bench.writing.let_go();
  tiers.save_all(Clock::now() + 60s);  // gives up at the first failure
  EXPECT_LT(Clock::now() - begun, 30s);
  EXPECT_EQ(bench.shelf.size(), 0u);
}

TEST(BlockTiers, MoreThanHostMemoryHoldsIsNotFetched) {
  Bench bench;
  bench.shelve(0, 10);
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.host_bytes = 4 * kBytes, .patience = 10s});
  EXPECT_EQ(bench.settled(tiers, 1, keys_of(0, 10)), 4u);
  for (unsigned i = 0; i < 4; ++i) bench.expect_loads(tiers, i);
}

TEST(BlockTiers, BlocksComeFromTheStoreThroughHostMemory) {
  Bench bench;
  bench.shelve(0, 40);
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.patience = 10s, .ahead = 7});
  EXPECT_TRUE(tiers.ask(1, keys_of(0, 50)).wait);
  EXPECT_EQ(bench.settled(tiers, 1, keys_of(0, 50)), 40u);
  for (unsigned i = 0; i < 40; ++i) bench.expect_loads(tiers, i);
  EXPECT_EQ(tiers.ask(2, keys_of(0, 40)).ready, 40u);
  EXPECT_GT(tiers.policy().fetch_bytes_per_second(), 0);
}

TEST(BlockTiers, TwoSequencesShareWhatTheyWaitFor) {
  Bench bench;
  bench.shelve(0, 6);
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.patience = 10s});
  EXPECT_TRUE(tiers.ask(1, keys_of(0, 6)).wait);
  EXPECT_TRUE(tiers.ask(2, keys_of(0, 6)).wait);
  EXPECT_EQ(bench.settled(tiers, 1, keys_of(0, 6)), 6u);
  EXPECT_EQ(bench.settled(tiers, 2, keys_of(0, 6)), 6u);
  EXPECT_LE(bench.reading.gets, 7);
}

TEST(BlockTiers, AMissEndsTheWait) {
  Bench bench;
  bench.shelve(0, 2);
  bench.shelve(3, 2);
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.patience = 60s});
  EXPECT_EQ(bench.settled(tiers, 1, keys_of(0, 5)), 2u);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(tiers.ask(1, keys_of(0, 5)).wait) << "decided once";
}

TEST(BlockTiers, AHangingStoreCostsThePatienceAndNoMore) {
  Bench bench;
  bench.reading.hang();
  bench.shelve(0, 5);
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.patience = 100ms});
  tiers.computed(500, 1'000'000);
  const auto begun = Clock::now();
  EXPECT_EQ(bench.settled(tiers, 1, keys_of(0, 5)), 0u);
  EXPECT_GE(Clock::now() - begun, 100ms);
  EXPECT_LT(Clock::now() - begun, 4s);
  EXPECT_LT(tiers.policy().hit_share(), 1);
  bench.reading.let_go();
}

TEST(BlockTiers, ASlowStoreIsNotAskedAgain) {
  Bench bench;
  bench.shelve(0, 4);
  bench.reading.delay = 30ms;
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.host_bytes = kBytes, .patience = 10s});
  tiers.computed(1'000'000, 1'000'000);  // 32 tokens in 32 us
  EXPECT_TRUE(tiers.ask(1, keys_of(0, 1)).wait) << "nothing is known of the store yet";
  EXPECT_EQ(bench.settled(tiers, 1, keys_of(0, 1)), 1u);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(tiers.ask(2, keys_of(1, 1)).wait);
  EXPECT_EQ(bench.reading.gets, 1);
}

TEST(BlockTiers, WhateverTheStoreDoesLoadedBlocksAreRight) {
  Bench bench;
  bench.shelve(0, 64);
  for (const auto fault : {FaultyStore::Fault::failing, FaultyStore::Fault::flipped_bit, FaultyStore::Fault::cut,
                           FaultyStore::Fault::other_key, FaultyStore::Fault::garbage, FaultyStore::Fault::none}) {
    bench.reading.fault = fault;
    BlockTiers tiers(bench.memory, &bench.reading, &bench.writing, {.host_bytes = 8 * kBytes, .patience = 10s});
    for (unsigned id = 0; id < 20; ++id) {
      const std::size_t ready = bench.settled(tiers, id, keys_of(id * 3, 4));
      EXPECT_EQ(ready, fault == FaultyStore::Fault::none ? 4u : 0u);
      for (unsigned i = 0; i < ready; ++i) bench.expect_loads(tiers, id * 3 + i);
    }
  }
}

TEST(BlockTiers, RemembersABoundedNumberOfSequences) {
  Bench bench;
  BlockTiers tiers(bench.memory, &bench.reading, nullptr, {.patience = 1ms});
  for (std::uint64_t id = 0; id < 2'000; ++id) tiers.ask(id, keys_of(static_cast<unsigned>(id), 2));
  EXPECT_EQ(bench.settled(tiers, 5'000, keys_of(0, 2)), 0u);
}

}  // namespace
}  // namespace tollgate::local
