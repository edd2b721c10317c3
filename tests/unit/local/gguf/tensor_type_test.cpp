#include "local_backend/gguf/tensor_type.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tollgate::local {
namespace {

// By the definition of IEEE 754 binary16, in double.
double half_value(std::uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const double sign = half & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

TEST(TensorType, EveryHalfHasItsValueAndComesBack) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    const double value = half_value(half);
    const float read = f16_to_f32(half);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(read)) << i;
      ASSERT_TRUE(std::isnan(f16_to_f32(f32_to_f16(read)))) << i;
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(read), std::bit_cast<std::uint32_t>(static_cast<float>(value))) << i;
    ASSERT_EQ(f32_to_f16(read), half) << i;
  }
}

TEST(TensorType, HalvesRoundToNearestEven) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const double low = half_value(half), high = half_value(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: a half has 11 bits
    ASSERT_EQ(f32_to_f16(middle), half % 2 ? half + 1 : half);
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9f)), half + 1);
    ASSERT_EQ(f32_to_f16(-middle), (half % 2 ? half + 1 : half) | 0x8000);
  }
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7C00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xFC00);
  EXPECT_EQ(f32_to_f16(1e-30f), 0);
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::nanf("")))));
}

TEST(TensorType, BrainFloatsRoundToNearestEven) {
  EXPECT_EQ(f32_to_bf16(1.0f), 0x3F80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F808000u)), 0x3F80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F818000u)), 0x3F82);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F808001u)), 0x3F81);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7F800001u)))));
  EXPECT_EQ(bf16_to_f32(0xC040), -3.0f);
}

TEST(TensorType, TableKnowsSizes) {
  EXPECT_EQ(tensor_bytes(TensorType::q4_k, 512), 288u);
  EXPECT_EQ(tensor_bytes(TensorType::f32, 3), 12u);
  EXPECT_EQ(tensor_type_info("q6_k")->bytes, 210u);
  EXPECT_EQ(tensor_type_info(TensorType::iq4_xs)->name, "iq4_xs");
  EXPECT_EQ(tensor_type_info("q2_k"), nullptr);
  EXPECT_EQ(tensor_type_info(static_cast<TensorType>(10)), nullptr);
}

}  // namespace
}  // namespace tollgate::local
