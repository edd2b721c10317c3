// CRC-32C against published values and against the portable form.
#include "billing/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tollgate::billing {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32cTest, MatchesPublishedValues) {
  const std::string zeros(32, '\0'), ones(32, '\xff');
  std::string up;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  EXPECT_EQ(crc32c(0, zeros.data(), 32), 0x8a9136aau);
  EXPECT_EQ(crc32c(0, ones.data(), 32), 0x62a8ab43u);
  EXPECT_EQ(crc32c(0, up.data(), 32), 0x46dd794eu);
  EXPECT_EQ(crc32c(0, "123456789", 9), 0xe3069283u);
}

TEST(Crc32cTest, BothFormsAgreeAndContinue) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(rng() % 300, '\0');
    for (auto& c : bytes) c = static_cast<char>(rng());
    const auto salt = static_cast<std::uint32_t>(rng());
    const std::uint32_t whole = crc32c(salt, bytes.data(), bytes.size());
    EXPECT_EQ(whole, crc32c_table(salt, bytes.data(), bytes.size()));
    const std::size_t cut = bytes.empty() ? 0 : rng() % bytes.size();
    EXPECT_EQ(whole, crc32c(crc32c(salt, bytes.data(), cut), bytes.data() + cut, bytes.size() - cut));
  }
}

}  // namespace
}  // namespace tollgate::billing
