#include "local_backend/kernels/weight_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace tollgate::local {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

TEST(WeightMemoryTest, PiecesFollowEachOtherInHugePages) {
  WeightMemory memory;
  const auto first = memory.take(100), second = memory.take(1), third = memory.take(64);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.get()) % kHugePage, 0u);
  EXPECT_EQ(second.get() - first.get(), 128);
  EXPECT_EQ(third.get() - second.get(), 64);
}

TEST(WeightMemoryTest, PiecesLargerThanASlabGetTheirOwn) {
  WeightMemory memory;
  const auto small = memory.take(64), large = memory.take((std::size_t{64} << 20) + 1), after = memory.take(64);
  std::memset(small.get(), 1, 64);
  large.get()[0] = large.get()[std::size_t{64} << 20] = std::byte{2};
  std::memset(after.get(), 3, 64);
  EXPECT_EQ(small.get()[63], std::byte{1});
  EXPECT_EQ(large.get()[std::size_t{64} << 20], std::byte{2});
  EXPECT_EQ(after.get() - large.get(), (std::ptrdiff_t{64} << 20) + 64);
}

TEST(WeightMemoryTest, PiecesOutliveTheMemory) {
  std::vector<std::shared_ptr<std::byte>> pieces;
  {
    WeightMemory memory;
    for (int i = 0; i < 3; ++i) pieces.push_back(memory.take(std::size_t{40} << 20));
  }
  for (const auto& piece : pieces) piece.get()[(std::size_t{40} << 20) - 1] = std::byte{7};
  pieces.erase(pieces.begin());
  EXPECT_EQ(pieces[1].get()[(std::size_t{40} << 20) - 1], std::byte{7});
}

}  // namespace
}  // namespace tollgate::local
