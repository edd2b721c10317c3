// Matrices of every type of the file, for tests of the device's weights.
#pragma once

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "local_backend/cuda/device_matrix.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local::gpu {

inline constexpr TensorType kFileTypes[] = {TensorType::q4_0,   TensorType::q4_1,   TensorType::q4_k, TensorType::q5_0,
                                            TensorType::q5_1,   TensorType::q5_k,   TensorType::q6_k, TensorType::q8_0,
                                            TensorType::iq4_nl, TensorType::iq4_xs, TensorType::f16,  TensorType::bf16,
                                            TensorType::f32};

// One of each format of the device; the quantised ones with all bits of the integers in use.
inline constexpr TensorType kFormatTypes[] = {TensorType::q4_0, TensorType::q4_1, TensorType::q8_0,
                                              TensorType::q5_1, TensorType::q6_k, TensorType::f16};

struct FileMatrix {
  TensorType type = TensorType::f32;
  std::size_t rows = 0, columns = 0;
  std::vector<std::byte> data;  // as the file holds it
  std::vector<float> values;    // [rows][columns], of dequantize()

  MatrixView view() const { return {type, data.data(), rows, columns}; }
};

// Where a block's f16 numbers lie.
inline std::vector<std::size_t> halves_of_block(TensorType type) {
  if (type == TensorType::q6_k) return {208};
  const bool two =
      type == TensorType::q4_1 || type == TensorType::q5_1 || type == TensorType::q4_k || type == TensorType::q5_k;
  return two ? std::vector<std::size_t>{0, 2} : std::vector<std::size_t>{0};
}

// All bits of the integers are random; scales lie between 0.01 and 0.02. REQUIRES: whole blocks.
inline FileMatrix random_matrix(TensorType type, std::size_t rows, std::size_t columns, std::uint32_t seed) {
  std::mt19937 random(seed);
  FileMatrix out{type, rows, columns, std::vector<std::byte>(tensor_bytes(type, rows * columns)),
                 std::vector<float>(rows * columns)};
  const TensorTypeInfo& info = *tensor_type_info(type);
  if (info.elements == 1) {
    std::normal_distribution<float> normal;
    for (float& value : out.values) value = normal(random);
    quantize(type, out.values.data(), out.data.data(), out.values.size());
  } else {
    std::uniform_real_distribution<float> scale(0.01f, 0.02f);
    for (std::byte& byte : out.data) byte = static_cast<std::byte>(random());
    for (std::size_t block = 0; block < out.data.size(); block += info.bytes) {
      for (const std::size_t at : halves_of_block(type)) {
        const std::uint16_t half = f32_to_f16(at == 2 ? -scale(random) : scale(random));
        std::memcpy(&out.data[block + at], &half, sizeof half);
      }
    }
  }
  dequantize(type, out.data.data(), out.values.data(), out.values.size());
  return out;
}

}  // namespace tollgate::local::gpu
