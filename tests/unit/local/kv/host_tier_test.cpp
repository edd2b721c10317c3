#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>

#include "tests/unit/local/kv/faulty_store.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kBytes = 64;

bool holds(HostTier& tier, unsigned key, unsigned block) {
  const auto found = tier.get(key_of(key));
  const std::vector<std::byte> expected = block_of(block, kBytes);
  return found && std::equal(found->begin(), found->end(), expected.begin(), expected.end());
}

TEST(HostTier, LetsGoTheLeastRecentlyUsed) {
  HostTier tier(3 * kBytes + kBytes / 2, kBytes);
  for (unsigned i = 0; i < 3; ++i) tier.put(key_of(i), block_of(i, kBytes));
  EXPECT_TRUE(holds(tier, 0, 0));
  tier.put(key_of(3), block_of(3, kBytes));
  EXPECT_EQ(tier.size(), 3u);
  EXPECT_FALSE(tier.get(key_of(1)).has_value());
  EXPECT_TRUE(holds(tier, 0, 0) && holds(tier, 2, 2) && holds(tier, 3, 3));
}

TEST(HostTier, PutAgainReplacesAndCountsAsUse) {
  HostTier tier(2 * kBytes, kBytes);
  tier.put(key_of(0), block_of(0, kBytes));
  tier.put(key_of(1), block_of(1, kBytes));
  tier.put(key_of(0), block_of(7, kBytes));
  tier.put(key_of(2), block_of(2, kBytes));
  EXPECT_EQ(tier.size(), 2u);
  EXPECT_TRUE(holds(tier, 0, 7));
  EXPECT_FALSE(tier.get(key_of(1)).has_value());
}

TEST(HostTier, BlocksOfAnotherSizeAreNotTaken) {
  HostTier tier(2 * kBytes, kBytes);
  tier.put(key_of(0), block_of(0, kBytes - 1));
  tier.put(key_of(1), block_of(0, kBytes + 1));
  EXPECT_EQ(tier.size(), 0u);
}

TEST(HostTier, WithoutRoomItHoldsNothing) {
  for (const auto& [max, bytes] : {std::pair<std::size_t, std::size_t>{0, kBytes}, {kBytes - 1, kBytes}, {100, 0}}) {
    HostTier tier(max, bytes);
    tier.put(key_of(0), block_of(0, bytes));
    EXPECT_FALSE(tier.get(key_of(0)).has_value());
    EXPECT_EQ(tier.size(), 0u);
  }
}

TEST(HostTier, BehavesAsAPlainListWould) {
  constexpr std::size_t kSlots = 5;
  HostTier tier(kSlots * kBytes, kBytes);
  std::list<std::pair<unsigned, unsigned>> model;  // (key, block), most recently used first
  std::mt19937 random(4);
  for (int step = 0; step < 20'000; ++step) {
    const unsigned key = random() % 9, block = random() % 250;
    const auto known = std::find_if(model.begin(), model.end(), [&](const auto& one) { return one.first == key; });
    if (random() % 2 == 0) {
      ASSERT_EQ(tier.get(key_of(key)).has_value(), known != model.end()) << step;
      if (known == model.end()) continue;
      ASSERT_TRUE(holds(tier, key, known->second)) << step;
      model.splice(model.begin(), model, known);
    } else {
      tier.put(key_of(key), block_of(block, kBytes));
      if (known != model.end()) model.erase(known);
      model.emplace_front(key, block);
      if (model.size() > kSlots) model.pop_back();
    }
    ASSERT_EQ(tier.size(), model.size());
  }
}

}  // namespace
}  // namespace tollgate::local
