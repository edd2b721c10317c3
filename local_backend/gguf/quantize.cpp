// Floats to blocks. f16, bf16, q8_0, q4_0 and q5_0 follow the reference implementation bit for bit; for the k types see
// quantize_k.cpp. Thread rule: pure functions.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "local_backend/gguf/block_bits.h"
#include "local_backend/gguf/quantize_k.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {
namespace {

using bits::kBlock;
using bits::store;

using Byte = std::uint8_t;

// The element that is farthest from zero, the first of equals.
float peak_of(const float* in) {
  return *std::max_element(in, in + kBlock, [](float a, float b) { return std::abs(a) < std::abs(b); });
}

// 0 where the quotient is no float: so small a scale is zero as a half anyway.
float inverse_of(float d) {
  const float inverse = d != 0 ? 1 / d : 0;
  return std::isfinite(inverse) ? inverse : 0;
}

void f32_value(const float* in, Byte* out) { store(out, *in); }
void f16_value(const float* in, Byte* out) { store(out, f32_to_f16(*in)); }
void bf16_value(const float* in, Byte* out) { store(out, f32_to_bf16(*in)); }

void q8_0_block(const float* in, Byte* out) {
  const float d = std::abs(peak_of(in)) / 127;
  const float inverse = inverse_of(d);
  store(out, f32_to_f16(d));
  for (std::size_t i = 0; i < kBlock; ++i) {
    out[2 + i] = static_cast<Byte>(static_cast<std::int8_t>(std::round(in[i] * inverse)));
  }
}

void q4_0_block(const float* in, Byte* out) {
  // The peak becomes -8, whichever sign it has: the grid reaches from -8 to 7.
  const float d = peak_of(in) / -8;
  const float inverse = inverse_of(d);
  store(out, f32_to_f16(d));
  const auto nibble = [&](float value) { return std::min(15, static_cast<int>(value * inverse + 8.5f)); };
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    out[2 + i] = static_cast<Byte>(nibble(in[i]) | nibble(in[i + kBlock / 2]) << 4);
  }
}

void q5_0_block(const float* in, Byte* out) {
  const float d = peak_of(in) / -16;
  const float inverse = inverse_of(d);
  std::uint32_t high = 0;
  store(out, f32_to_f16(d));
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    const int first = std::min(31, static_cast<int>(in[i] * inverse + 16.5f));
    const int second = std::min(31, static_cast<int>(in[i + kBlock / 2] * inverse + 16.5f));
    out[6 + i] = static_cast<Byte>((first & 15) | (second & 15) << 4);
    high |= static_cast<std::uint32_t>(first >> 4) << i | static_cast<std::uint32_t>(second >> 4) << (i + kBlock / 2);
  }
  store(out + 2, high);
}

template <void (*block)(const float*, Byte*)>
bool each(const TensorTypeInfo& info, const float* in, Byte* out, std::size_t elements) {
  for (std::size_t i = 0; i < elements; i += info.elements, out += info.bytes) block(in + i, out);
  return true;
}

}  // namespace

bool quantize(TensorType type, const float* values, std::byte* blocks, std::size_t elements) {
  const TensorTypeInfo* info = tensor_type_info(type);
  if (!info) return false;
  auto* out = reinterpret_cast<Byte*>(blocks);
  switch (type) {
    case TensorType::f32:
      return each<f32_value>(*info, values, out, elements);
    case TensorType::f16:
      return each<f16_value>(*info, values, out, elements);
    case TensorType::bf16:
      return each<bf16_value>(*info, values, out, elements);
    case TensorType::q8_0:
      return each<q8_0_block>(*info, values, out, elements);
    case TensorType::q4_0:
      return each<q4_0_block>(*info, values, out, elements);
    case TensorType::q5_0:
      return each<q5_0_block>(*info, values, out, elements);
    case TensorType::q4_k:
      return each<quantize_q4_k>(*info, values, out, elements);
    case TensorType::q6_k:
      return each<quantize_q6_k>(*info, values, out, elements);
    default:
      return false;
  }
}

}  // namespace tollgate::local
