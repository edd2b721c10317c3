// Weights written as plain numbers: bit for bit those of device_value(), rounded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/unit/local/cuda/product_matrix.h"

namespace tollgate::local::gpu {
namespace {

class Dequantize : public OnDeviceWithMatrices {
 protected:
  // One matrix of each format, with shapes that fill neither tiles nor units.
  void each(const std::function<void(const Uploaded&)>& test) {
    for (const TensorType type : kFormatTypes) {
      SCOPED_TRACE(tensor_type_info(type)->name);
      const std::size_t columns = type == TensorType::q6_k ? 768 : 672;
      test(upload_matrix(MatrixPieces({random_matrix(type, 37, columns, 3).view()})));
    }
  }
};

TEST_F(Dequantize, AsBf16) {
  each([this](const Uploaded& matrix) {
    const auto columns = static_cast<std::size_t>(matrix.matrix.columns);
    const Memory out = room<std::uint16_t>(37 * columns);
    dequantize_bf16(stream(), matrix.matrix, out.as<std::uint16_t>());
    const auto values = download<std::uint16_t>(out, 37 * columns);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float value =
          device_value(matrix.host.matrix, static_cast<int>(i / columns), static_cast<int>(i % columns));
      ASSERT_EQ(values[i], f32_to_bf16(value)) << i;
    }
  });
}

TEST_F(Dequantize, AsFp8) {
  each([this](const Uploaded& matrix) {
    const auto columns = static_cast<std::size_t>(matrix.matrix.columns);
    const Memory out = room<std::uint8_t>(37 * columns), scale_memory = room<float>(37);
    dequantize_fp8(stream(), matrix.matrix, out.as<std::uint8_t>(), scale_memory.as<float>());
    const auto values = download<std::uint8_t>(out, 37 * columns);
    const auto scales = download<float>(scale_memory, 37);
    for (std::size_t row = 0; row < 37; ++row) {
      std::vector<float> expected;
      float largest = 0;
      for (std::size_t i = 0; i < columns; ++i) {
        expected.push_back(device_value(matrix.host.matrix, static_cast<int>(row), static_cast<int>(i)));
        largest = std::max(largest, std::abs(expected.back()));
      }
      ASSERT_EQ(scales[row], largest / 448.0f);
      for (std::size_t i = 0; i < columns; ++i)
        ASSERT_EQ(values[row * columns + i], float_to_fp8(expected[i] * (448.0f / largest))) << row << ", " << i;
    }
  });
}

}  // namespace
}  // namespace tollgate::local::gpu
