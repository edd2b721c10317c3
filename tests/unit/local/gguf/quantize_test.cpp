#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {
namespace {

std::vector<float> there_and_back(TensorType type, const std::vector<float>& values) {
  std::vector<std::byte> blocks(tensor_bytes(type, values.size()));
  EXPECT_TRUE(quantize(type, values.data(), blocks.data(), values.size()));
  std::vector<float> out(values.size());
  dequantize(type, blocks.data(), out.data(), out.size());
  return out;
}

double squared_error(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return sum;
}

std::vector<float> normal_values(std::size_t count, float deviation, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> out(count);
  for (float& value : out) value = normal(engine);
  return out;
}

double relative_error(TensorType type, const std::vector<float>& values) {
  return std::sqrt(squared_error(there_and_back(type, values), values) /
                   squared_error(values, std::vector<float>(values.size())));
}

// The bound and the wave of ggml's own test of its quantisers (tests/test-quantize-fns.cpp).
TEST(Quantize, WaveStaysInsideThePublishedTolerance) {
  std::vector<float> values(4096);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1f + 2 * std::cos(static_cast<float>(i));
  for (const TensorType type :
       {TensorType::q8_0, TensorType::q4_0, TensorType::q5_0, TensorType::q4_k, TensorType::q6_k}) {
    const double total = std::sqrt(squared_error(there_and_back(type, values), values)) / values.size();
    EXPECT_LT(total, 0.002) << tensor_type_info(type)->name;
  }
}

// Root mean square error of normally distributed weights, relative to their deviation. ggml's own searches reach 0.0178
// for q6_k and 0.0721 for q4_k.
TEST(Quantize, NormalWeightsKeepTheirPrecision) {
  const std::vector<float> values = normal_values(256 * 64, 0.02f, 3);
  EXPECT_LT(relative_error(TensorType::f16, values), 0.0003);
  EXPECT_LT(relative_error(TensorType::bf16, values), 0.003);
  EXPECT_LT(relative_error(TensorType::q8_0, values), 0.0065);
  EXPECT_LT(relative_error(TensorType::q6_k, values), 0.0172);
  EXPECT_LT(relative_error(TensorType::q4_k, values), 0.071);
  EXPECT_LT(relative_error(TensorType::q5_0, values), 0.05);
  EXPECT_LT(relative_error(TensorType::q4_0, values), 0.1);
}

TEST(Quantize, WeightsOfUnequalGroupsKeepTheirPrecision) {
  std::vector<float> values = normal_values(256 * 64, 1, 4);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= std::exp2(-static_cast<float>(i / 32 % 8));
  EXPECT_LT(relative_error(TensorType::q6_k, values), 0.019);
  EXPECT_LT(relative_error(TensorType::q4_k, values), 0.075);
}

TEST(Quantize, EdgesStayFinite) {
  for (const float scale : {0.0f, 1e-45f, 1e-30f, 1e-7f, 1.0f, 60000.0f}) {
    for (const TensorType type :
         {TensorType::q8_0, TensorType::q4_0, TensorType::q5_0, TensorType::q4_k, TensorType::q6_k}) {
      std::vector<float> values = normal_values(512, 1, 9);
      for (float& value : values) value = scale * std::clamp(value, -1.0f, 1.0f);
      values[3] = scale;
      for (const float value : there_and_back(type, values)) {
        ASSERT_TRUE(std::isfinite(value)) << tensor_type_info(type)->name << " " << scale;
        ASSERT_LE(std::abs(value), scale * 1.2f + 2e-6f) << tensor_type_info(type)->name;
      }
    }
  }
}

// Their block scales are below what a half float can hold exactly, or at all.
TEST(Quantize, TinyWeightsAreNotLost) {
  for (const float deviation : {1e-4f, 3e-5f, 1e-5f}) {
    const std::vector<float> values = normal_values(256 * 8, deviation, 5);
    EXPECT_LT(relative_error(TensorType::q6_k, values), 0.025) << deviation;
    EXPECT_LT(relative_error(TensorType::q4_k, values), 0.075) << deviation;
  }
}

TEST(Quantize, OneSignedBlocksComeBack) {
  for (const float sign : {-1.0f, 1.0f}) {
    std::vector<float> values = normal_values(256 * 8, 0.1f, 11);
    for (float& value : values) value = sign * (3 + value);
    EXPECT_LT(relative_error(TensorType::q4_k, values), sign < 0 ? 0.007 : 0.06);
    EXPECT_LT(relative_error(TensorType::q6_k, values), 0.012);
  }
  const std::vector<float> same(256, -0.75f);
  for (const float value : there_and_back(TensorType::q4_k, same)) EXPECT_NEAR(value, -0.75f, 0.001f);
}

TEST(Quantize, RefusesTypesThatItDoesNotWrite) {
  const std::vector<float> values(256);
  std::vector<std::byte> out(1024);
  for (const TensorType type :
       {TensorType::q4_1, TensorType::q5_1, TensorType::q5_k, TensorType::iq4_nl, TensorType::iq4_xs}) {
    EXPECT_FALSE(quantize(type, values.data(), out.data(), values.size()));
  }
}

}  // namespace
}  // namespace tollgate::local
