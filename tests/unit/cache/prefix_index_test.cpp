#include "cache/prefix_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/local/scheduler/world.h"

namespace tollgate::cache {
namespace {

PrefixKey key(unsigned number) {
  PrefixKey made{};
  std::memcpy(made.data(), &number, sizeof number);
  return made;
}

TEST(PrefixIndex, CountsFromTheFirstBlockOn) {
  PrefixIndex index(10);
  const std::vector<PrefixKey> chain{key(1), key(2), key(3), key(4)};
  EXPECT_EQ(index.held(key(0), chain), 0u);
  for (const unsigned i : {1u, 2u, 4u}) index.stored(key(i), key(i - 1));
  EXPECT_EQ(index.held(key(0), chain), 2u);
  EXPECT_EQ(index.held(key(9), chain), 0u) << "another salt's root";
  index.stored(key(3), key(7));
  EXPECT_EQ(index.held(key(0), chain), 2u) << "the same key behind another block";
  index.stored(key(3), key(2));
  EXPECT_EQ(index.held(key(0), chain), 4u);
  index.removed(key(1));
  index.removed(key(77));
  EXPECT_EQ(index.held(key(0), chain), 0u);
  EXPECT_EQ(index.size(), 3u);
}

TEST(PrefixIndex, IsBounded) {
  PrefixIndex index(100);
  for (unsigned i = 1; i <= 1'000; ++i) index.stored(key(i), key(i - 1));
  EXPECT_EQ(index.size(), 100u);
  EXPECT_EQ(index.ignored(), 900u);
  index.removed(key(5));
  index.stored(key(2'000), key(0));
  EXPECT_EQ(index.size(), 100u);
}

// The world's scheduler tells an index, which is compared with what the pool really has.
class Watched final : public local::testing::World {
 public:
  Watched(const local::testing::WorldOptions& wanted, std::uint64_t seed) : World(wanted, seed), index(wanted.blocks) {}
  void on_stored(const local::BlockKey& one, const local::BlockKey& parent,
                 std::span<const local::Token> tokens) override {
    World::on_stored(one, parent, tokens);
    index.stored(one, parent);
  }
  void on_removed(const local::BlockKey& one) override {
    World::on_removed(one);
    index.removed(one);
  }
  void compare() {
    const auto pool = scheduler.findable();
    if (pool.size() != index.size()) blame("the index has another number of blocks than the pool");
    for (const auto& [one, parent] : pool)
      if (index.held(parent, std::span(&one, 1)) != 1) blame("a block of the pool is not in the index");
  }

  PrefixIndex index;
};

TEST(PrefixIndex, IsThePoolsOwnViewAfterEachOfManyRandomSteps) {
  constexpr std::uint64_t kSteps = 100'000;
  std::uint64_t steps = 0, blocks = 0;
  local::testing::Dice dice(7);
  while (steps < kSteps) {
    local::testing::WorldOptions options = local::testing::random_world(dice);
    options.steps_per_check = 1'000;
    Watched world(options, dice.next());
    for (int i = 0; i < 4'000 && world.problem.empty(); ++i) {
      world.step();
      world.compare();
      blocks += world.index.size();
    }
    ASSERT_EQ(world.drain(), "");
    EXPECT_EQ(world.index.ignored(), 0u);
    steps += world.steps;
  }
  EXPECT_GT(blocks, kSteps) << "the pools were not empty";
}

TEST(PrefixIndex, MayBeAskedWhileItChanges) {
  PrefixIndex index(64);
  std::vector<PrefixKey> chain;
  for (unsigned i = 1; i <= 50; ++i) chain.push_back(key(i));
  std::atomic<bool> over = false;
  std::thread asker([&] {
    while (!over) EXPECT_LE(index.held(key(0), chain), 50u);
  });
  for (int round = 0; round < 500; ++round) {
    for (unsigned i = 1; i <= 50; ++i) index.stored(key(i), key(i - 1));
    for (unsigned i = 50; i >= 1; --i) index.removed(key(i));
  }
  over = true;
  asker.join();
  EXPECT_EQ(index.size(), 0u);
}

}  // namespace
}  // namespace tollgate::cache
