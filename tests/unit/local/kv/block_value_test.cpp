#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "local_backend/kv/crc32c.h"
#include "local_backend/kv/kv_tier.h"
#include "tests/unit/local/kv/faulty_store.h"

namespace tollgate::local {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

TEST(Crc32c, KnownAnswersInBothForms) {
  const std::string zeros(32, '\0'), ones(32, '\xff');
  for (const auto function : {crc32c, crc32c_portable}) {
    EXPECT_EQ(function(0, bytes_of("123456789")), 0xe3069283u);
    EXPECT_EQ(function(0, bytes_of(zeros)), 0x8a9136aau);  // RFC 3720, B.4
    EXPECT_EQ(function(0, bytes_of(ones)), 0x62a8ab43u);
    EXPECT_EQ(function(0, {}), 0u);
  }
}

TEST(Crc32c, BothFormsAgreeHoweverTheBytesAreCut) {
  const std::vector<std::byte> bytes = block_of(5, 100);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto part = std::span<const std::byte>(bytes).first(size);
    const std::uint32_t whole = crc32c(0, part);
    EXPECT_EQ(crc32c_portable(0, part), whole);
    EXPECT_EQ(crc32c(crc32c_portable(0, part.first(size / 3)), part.subspan(size / 3)), whole);
  }
}

TEST(BlockValue, ComesBackAsItWas) {
  for (const std::size_t size : {0u, 1u, 7u, 8u, 1'000u, 70'000u}) {
    const std::vector<std::byte> block = block_of(3, size), value = encode_block(key_of(9), "model a", block);
    const auto back = decode_block(value, key_of(9), "model a");
    ASSERT_TRUE(back.has_value()) << size;
    EXPECT_TRUE(std::equal(back->begin(), back->end(), block.begin(), block.end()));
  }
}

TEST(BlockValue, LiesAsTheDocumentSays) {
  const std::vector<std::byte> block = {std::byte{0xaa}, std::byte{0xbb}},
                               value = encode_block(key_of(0x01020304), "", block);
  const unsigned char head[] = {'T',  'G',  'K', 'V', 1, 0, 0, 0, 4, 3,    2,    1,    4,    3,    2,
                                1,    4,    3,   2,   1, 4, 3, 2, 1, 0x25, 0x23, 0x22, 0x84, 0xe4, 0x9c,
                                0xf2, 0xcb, 2,   0,   0, 0, 0, 0, 0, 0,    0,    0,    0,    0};
  ASSERT_EQ(value.size(), 50u);
  EXPECT_EQ(std::memcmp(value.data(), head, sizeof head), 0);
  std::vector<std::byte> covered(value.begin(), value.begin() + 44);
  covered.insert(covered.end(), block.begin(), block.end());
  std::uint32_t crc = 0;
  std::memcpy(&crc, &value[44], 4);
  EXPECT_EQ(crc, crc32c_portable(0, covered));
}

TEST(BlockValue, EveryDamagedByteIsRefused) {
  const std::vector<std::byte> value = encode_block(key_of(9), "model a", block_of(3, 300));
  for (std::size_t at = 0; at < value.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      std::vector<std::byte> damaged = value;
      damaged[at] ^= static_cast<std::byte>(change);
      ASSERT_FALSE(decode_block(damaged, key_of(9), "model a").has_value()) << at << " " << change;
    }
  }
}

TEST(BlockValue, EveryOtherLengthIsRefused) {
  const std::vector<std::byte> value = encode_block(key_of(9), "model a", block_of(3, 300));
  for (std::size_t size = 0; size < value.size(); ++size)
    ASSERT_FALSE(decode_block(std::span(value).first(size), key_of(9), "model a").has_value()) << size;
  std::vector<std::byte> longer = value;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_block(longer, key_of(9), "model a").has_value());
}

TEST(BlockValue, AnotherKeyOrModelIsRefused) {
  const std::vector<std::byte> value = encode_block(key_of(9), "model a", block_of(3, 300));
  EXPECT_FALSE(decode_block(value, key_of(8), "model a").has_value());
  EXPECT_FALSE(decode_block(value, key_of(9), "model b").has_value());
  EXPECT_FALSE(decode_block(value, key_of(9), "").has_value());
}

}  // namespace
}  // namespace tollgate::local
