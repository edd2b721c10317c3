#include "local_backend/cuda/fp8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local::gpu {
namespace {

// By the definition of the format.
double value_of(unsigned bits) {
  const unsigned exponent = bits >> 3 & 15, mantissa = bits & 7;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8.0 + mantissa, static_cast<int>(exponent) - 10);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

TEST(Fp8, EveryValueReadsAsTheFormatSays) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7F) == 0x7F) {
      EXPECT_TRUE(std::isnan(fp8_to_float(static_cast<std::uint8_t>(bits))));
      continue;
    }
    EXPECT_EQ(fp8_to_float(static_cast<std::uint8_t>(bits)), value_of(bits)) << bits;
    EXPECT_EQ(float_to_fp8(static_cast<float>(value_of(bits))), bits) << bits;
  }
}

TEST(Fp8, RoundsToTheNearestEven) {
  for (unsigned bits = 0; bits < 0x7E; ++bits) {
    const auto low = static_cast<float>(value_of(bits)), high = static_cast<float>(value_of(bits + 1));
    const float middle = (low + high) / 2;
    EXPECT_EQ(float_to_fp8(middle), bits % 2 == 0 ? bits : bits + 1) << bits;
    EXPECT_EQ(float_to_fp8(std::nextafter(middle, low)), bits) << bits;
    EXPECT_EQ(float_to_fp8(std::nextafter(middle, high)), bits + 1) << bits;
    EXPECT_EQ(float_to_fp8(-middle), 0x80 | (bits % 2 == 0 ? bits : bits + 1)) << bits;
  }
}

TEST(Fp8, SaturatesAndKeepsNan) {
  for (const float large : {449.0f, 1e9f, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(float_to_fp8(large), 0x7E);
    EXPECT_EQ(float_to_fp8(-large), 0xFE);
  }
  EXPECT_EQ(float_to_fp8(std::numeric_limits<float>::quiet_NaN()) & 0x7F, 0x7F);
}

TEST(Fp8, PairsBecomeHalves) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7F) == 0x7F) continue;
    const unsigned other = (bits * 37 + 5) % 127;
    const std::uint32_t halves = fp8_pair_to_small_halves(bits | other << 8);
    EXPECT_EQ(f16_to_f32(static_cast<std::uint16_t>(halves)) * 256, value_of(bits));
    EXPECT_EQ(f16_to_f32(static_cast<std::uint16_t>(halves >> 16)) * 256, value_of(other));
  }
}

}  // namespace
}  // namespace tollgate::local::gpu
