// The element types of GGUF tensors that the engine reads: sizes, names, and the scalar conversions of half floats.
// Layouts and values: ggml's quantisation formats as listed in docs/formats/gguf.md. Thread rule: pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tollgate::local {

// The numbers are those of the file format.
enum class TensorType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
};

struct TensorTypeInfo {
  TensorType type;
  std::string_view name;   // "q4_k"
  std::uint32_t elements;  // per block; 1 for plain floats
  std::uint32_t bytes;     // per block
};

// nullptr for types that the engine does not read.
const TensorTypeInfo* tensor_type_info(TensorType type);
const TensorTypeInfo* tensor_type_info(std::string_view name);

// Bytes of `elements` elements. REQUIRES: a known type, and elements a multiple of the block's.
std::size_t tensor_bytes(TensorType type, std::size_t elements);

// Writes `elements` values of `blocks` to `out`; exact in float for every type. REQUIRES: whole blocks.
void dequantize(TensorType type, const std::byte* blocks, float* out, std::size_t elements);

// Writes the blocks that stand for `values`: f32, f16, bf16, q8_0, q4_0, q5_0, q4_k, q6_k. False for other types.
// REQUIRES: whole blocks; finite values, below 65504 in magnitude so that scales fit into halves.
bool quantize(TensorType type, const float* values, std::byte* blocks, std::size_t elements);

float f16_to_f32(std::uint16_t half);
std::uint16_t f32_to_f16(float value);  // to nearest even
inline float bf16_to_f32(std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16); }
std::uint16_t f32_to_bf16(float value);  // to nearest even; NaN stays NaN

}  // namespace tollgate::local
