#include <gtest/gtest.h>

#include <array>

#include "local_backend/sampling/sampler.h"

namespace tollgate::local {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words words_of(std::uint64_t low, std::uint64_t high, std::uint64_t key) {
  Words out;
  Philox::words(low, high, key, out.data());
  return out;
}

// The known answers that the authors publish with their library (Random123, file kat_vectors, philox4x32 10).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(words_of(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words_of(~0ull, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words_of(0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

}  // namespace
}  // namespace tollgate::local
