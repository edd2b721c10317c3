// Blocks to floats. Every function writes one block; the order of the multiplications is that of the formats'
// definition, so that results are equal to the last bit. Thread rule: pure functions.
#include <cstddef>
#include <cstdint>

#include "local_backend/gguf/block_bits.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {
namespace {

using bits::kBlock;
using bits::kIq4Values;
using bits::kSuper;
using bits::load;
using bits::load_half;

using Byte = std::uint8_t;

void f32_value(const Byte* in, float* out) { *out = load<float>(in); }
void f16_value(const Byte* in, float* out) { *out = load_half(in); }
void bf16_value(const Byte* in, float* out) { *out = bf16_to_f32(load<std::uint16_t>(in)); }

void q8_0_block(const Byte* in, float* out) {
  const float d = load_half(in);
  for (std::size_t i = 0; i < kBlock; ++i) out[i] = d * static_cast<float>(static_cast<std::int8_t>(in[2 + i]));
}

void q4_0_block(const Byte* in, float* out) {
  const float d = load_half(in);
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    const int byte = in[2 + i];
    out[i] = d * static_cast<float>((byte & 15) - 8);
    out[i + kBlock / 2] = d * static_cast<float>((byte >> 4) - 8);
  }
}

void q4_1_block(const Byte* in, float* out) {
  const float d = load_half(in), m = load_half(in + 2);
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    const int byte = in[4 + i];
    out[i] = d * static_cast<float>(byte & 15) + m;
    out[i + kBlock / 2] = d * static_cast<float>(byte >> 4) + m;
  }
}

void q5_0_block(const Byte* in, float* out) {
  const float d = load_half(in);
  const auto high = load<std::uint32_t>(in + 2);
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    const unsigned byte = in[6 + i];
    const unsigned first = (byte & 15) | (high >> i & 1) << 4;
    const unsigned second = byte >> 4 | (high >> (i + 16) & 1) << 4;
    out[i] = d * static_cast<float>(static_cast<int>(first) - 16);
    out[i + kBlock / 2] = d * static_cast<float>(static_cast<int>(second) - 16);
  }
}

void q5_1_block(const Byte* in, float* out) {
  const float d = load_half(in), m = load_half(in + 2);
  const auto high = load<std::uint32_t>(in + 4);
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    const unsigned byte = in[8 + i];
    out[i] = d * static_cast<float>((byte & 15) | (high >> i & 1) << 4) + m;
    out[i + kBlock / 2] = d * static_cast<float>(byte >> 4 | (high >> (i + 16) & 1) << 4) + m;
  }
}

// q4_k and q5_k: eight groups of 32; groups 2c and 2c+1 share the bytes 32c..32c+31, low halves and high halves.
// `high` is nullptr (q4_k) or 32 bytes whose bit g holds the fifth bit of group g.
void k_groups(float d, float dmin, const Byte* scales, const Byte* high, const Byte* low, float* out) {
  for (std::size_t group = 0; group < kSuper / 32; ++group) {
    const bits::ScaleMin pair = bits::unpack_scale_min(scales, group);
    const float scale = d * static_cast<float>(pair.scale), min = dmin * static_cast<float>(pair.min);
    const Byte* bytes = low + group / 2 * 32;
    const unsigned shift = group % 2 * 4;
    for (std::size_t i = 0; i < 32; ++i) {
      unsigned q = bytes[i] >> shift & 15u;
      if (high) q |= (high[i] >> group & 1u) << 4;
      out[group * 32 + i] = scale * static_cast<float>(q) - min;
    }
  }
}

void q4_k_block(const Byte* in, float* out) {
  k_groups(load_half(in), load_half(in + 2), in + 4, nullptr, in + 16, out);
}

void q5_k_block(const Byte* in, float* out) {
  k_groups(load_half(in), load_half(in + 2), in + 4, in + 16, in + 48, out);
}

// Two halves of 128: four runs of 32 take a nibble of `low` and two bits of `high`; one scale per 16 elements.
void q6_k_block(const Byte* in, float* out) {
  const float d = load_half(in + 208);
  for (std::size_t run = 0; run < kSuper / 32; ++run) {
    const std::size_t half = run / 4, part = run % 4;
    const Byte* low = in + half * 64 + part % 2 * 32;
    const Byte* high = in + 128 + half * 32;
    const Byte* scales = in + 192 + half * 8 + part * 2;
    for (std::size_t group = 0; group < 2; ++group) {
      const float scale = d * static_cast<float>(static_cast<std::int8_t>(scales[group]));
      for (std::size_t i = group * 16; i < group * 16 + 16; ++i) {
        const unsigned q = (low[i] >> part / 2 * 4 & 15u) | (high[i] >> part * 2 & 3u) << 4;
        out[run * 32 + i] = scale * static_cast<float>(static_cast<int>(q) - 32);
      }
    }
  }
}

void iq4_group(float scale, const Byte* in, float* out) {
  for (std::size_t i = 0; i < kBlock / 2; ++i) {
    out[i] = scale * static_cast<float>(kIq4Values[in[i] & 15]);
    out[i + kBlock / 2] = scale * static_cast<float>(kIq4Values[in[i] >> 4]);
  }
}

void iq4_nl_block(const Byte* in, float* out) { iq4_group(load_half(in), in + 2, out); }

// Eight groups of 32; the 6-bit scale of a group is a nibble of bytes 4..7 and two bits of the word at 2, minus 32.
void iq4_xs_block(const Byte* in, float* out) {
  const float d = load_half(in);
  const unsigned high = load<std::uint16_t>(in + 2);
  for (std::size_t group = 0; group < kSuper / 32; ++group) {
    const unsigned low = in[4 + group / 2] >> group % 2 * 4 & 15u;
    const int scale = static_cast<int>(low | (high >> 2 * group & 3u) << 4) - 32;
    iq4_group(d * static_cast<float>(scale), in + 8 + group * 16, out + group * 32);
  }
}

template <void (*block)(const Byte*, float*)>
void each(const TensorTypeInfo& info, const Byte* in, float* out, std::size_t elements) {
  for (std::size_t i = 0; i < elements; i += info.elements, in += info.bytes) block(in, out + i);
}

}  // namespace

void dequantize(TensorType type, const std::byte* blocks, float* out, std::size_t elements) {
  const TensorTypeInfo* info = tensor_type_info(type);
  if (!info) return;
  const auto* in = reinterpret_cast<const Byte*>(blocks);
  switch (type) {
    case TensorType::f32:
      return each<f32_value>(*info, in, out, elements);
    case TensorType::f16:
      return each<f16_value>(*info, in, out, elements);
    case TensorType::bf16:
      return each<bf16_value>(*info, in, out, elements);
    case TensorType::q8_0:
      return each<q8_0_block>(*info, in, out, elements);
    case TensorType::q4_0:
      return each<q4_0_block>(*info, in, out, elements);
    case TensorType::q4_1:
      return each<q4_1_block>(*info, in, out, elements);
    case TensorType::q5_0:
      return each<q5_0_block>(*info, in, out, elements);
    case TensorType::q5_1:
      return each<q5_1_block>(*info, in, out, elements);
    case TensorType::q4_k:
      return each<q4_k_block>(*info, in, out, elements);
    case TensorType::q5_k:
      return each<q5_k_block>(*info, in, out, elements);
    case TensorType::q6_k:
      return each<q6_k_block>(*info, in, out, elements);
    case TensorType::iq4_nl:
      return each<iq4_nl_block>(*info, in, out, elements);
    case TensorType::iq4_xs:
      return each<iq4_xs_block>(*info, in, out, elements);
  }
}

}  // namespace tollgate::local
