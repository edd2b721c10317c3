#include "local_backend/gguf/tensor_type.h"

#include <array>
#include <cmath>

namespace tollgate::local {
namespace {

constexpr std::array<TensorTypeInfo, 13> kTypes{{
    {TensorType::f32, "f32", 1, 4},
    {TensorType::f16, "f16", 1, 2},
    {TensorType::q4_0, "q4_0", 32, 18},
    {TensorType::q4_1, "q4_1", 32, 20},
    {TensorType::q5_0, "q5_0", 32, 22},
    {TensorType::q5_1, "q5_1", 32, 24},
    {TensorType::q8_0, "q8_0", 32, 34},
    {TensorType::q4_k, "q4_k", 256, 144},
    {TensorType::q5_k, "q5_k", 256, 176},
    {TensorType::q6_k, "q6_k", 256, 210},
    {TensorType::iq4_nl, "iq4_nl", 32, 18},
    {TensorType::iq4_xs, "iq4_xs", 256, 136},
    {TensorType::bf16, "bf16", 1, 2},
}};

}  // namespace

const TensorTypeInfo* tensor_type_info(TensorType type) {
  for (const TensorTypeInfo& info : kTypes) {
    if (info.type == type) return &info;
  }
  return nullptr;
}

const TensorTypeInfo* tensor_type_info(std::string_view name) {
  for (const TensorTypeInfo& info : kTypes) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::size_t tensor_bytes(TensorType type, std::size_t elements) {
  const TensorTypeInfo* info = tensor_type_info(type);
  return elements / info->elements * info->bytes;
}

float f16_to_f32(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = half >> 10 & 31u;
  const std::uint32_t mantissa = half & 0x3FFu;
  if (exponent == 0) {
    // Zero and subnormals: units of 2^-24, exact in float.
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(mantissa) * 0x1p-24f) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  std::uint32_t out = 0;
  if (magnitude > 0x7F800000u) {
    out = 0x7E00u | (magnitude >> 13 & 0x3FFu);  // NaN, made quiet
  } else if (magnitude >= 0x477FF000u) {
    out = 0x7C00u;  // 65520 and above round to infinity
  } else if (magnitude < 0x38800000u) {
    // Below 2^-14 the unit is 2^-24, which is also the unit of floats in [0.5, 1): the addition rounds.
    out = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - std::bit_cast<std::uint32_t>(0.5f);
  } else {
    out = (magnitude - (112u << 23) + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | out);
}

std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace tollgate::local
