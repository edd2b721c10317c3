#include "local_backend/cuda/device_matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "local_backend/cuda/matrix_layout.h"
#include "local_backend/gguf/block_bits.h"

namespace tollgate::local::gpu {
namespace {

using Byte = std::uint8_t;

constexpr std::size_t kSpan = 32;  // columns that are read at once

// 32 columns of a row: integers as the device has them, and what turns them into numbers.
struct RowSpan {
  std::array<Byte, kSpan> integers;
  std::array<std::uint16_t, 2> scales;  // f16, of 16 columns each
  std::uint16_t minimum = 0;
};

// Rounded once; finite stays finite.
std::uint16_t half_of(float value) {
  const std::uint16_t half = f32_to_f16(value);
  return (half & 0x7FFF) == 0x7C00 && std::isfinite(value) ? half - 1 : half;
}

void take_nibbles(const Byte* in, RowSpan& out) {
  for (std::size_t i = 0; i < 16; ++i) out.integers[i] = in[i] & 15, out.integers[i + 16] = in[i] >> 4;
}

void take_fifth_bits(const Byte* in, RowSpan& out) {
  const auto high = bits::load<std::uint32_t>(in);
  for (std::size_t i = 0; i < kSpan; ++i) out.integers[i] |= static_cast<Byte>((high >> i & 1) << 4);
}

void take_table(const Byte* in, RowSpan& out) {
  take_nibbles(in, out);
  for (Byte& integer : out.integers) integer = static_cast<Byte>(bits::kIq4Values[integer] + 128);
}

// q4_k and q5_k: blocks of eight groups, see gguf's k_groups().
void take_k_group(const Byte* block, std::size_t group, bool five, RowSpan& out) {
  const bits::ScaleMin pair = bits::unpack_scale_min(block + 4, group);
  out.scales.fill(half_of(bits::load_half(block) * static_cast<float>(pair.scale)));
  out.minimum = half_of(-(bits::load_half(block + 2) * static_cast<float>(pair.min)));
  const Byte* low = block + (five ? 48 : 16) + group / 2 * 32;
  for (std::size_t i = 0; i < kSpan; ++i) {
    unsigned integer = low[i] >> group % 2 * 4 & 15u;
    if (five) integer |= (block[16 + i] >> group & 1u) << 4;
    out.integers[i] = static_cast<Byte>(integer);
  }
}

void take_q6_k(const Byte* block, std::size_t group, RowSpan& out) {
  const std::size_t half = group / 4, part = group % 4;
  const Byte* low = block + half * 64 + part % 2 * 32;
  const Byte* high = block + 128 + half * 32;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto scale = static_cast<std::int8_t>(block[192 + group * 2 + i]);
    out.scales[i] = half_of(bits::load_half(block + 208) * static_cast<float>(scale));
  }
  for (std::size_t i = 0; i < kSpan; ++i) {
    const unsigned integer = (low[i] >> part / 2 * 4 & 15u) | (high[i] >> part * 2 & 3u) << 4;
    out.integers[i] = static_cast<Byte>(integer + 128 - 32);
  }
}

void take_iq4_xs(const Byte* block, std::size_t group, RowSpan& out) {
  const unsigned low = block[4 + group / 2] >> group % 2 * 4 & 15u;
  const unsigned high = bits::load<std::uint16_t>(block + 2) >> 2 * group & 3u;
  const int scale = static_cast<int>(low | high << 4) - 32;
  out.scales.fill(half_of(bits::load_half(block) * static_cast<float>(scale)));
  take_table(block + 8 + group * 16, out);
}

RowSpan read_span(TensorType type, const Byte* row, std::size_t span) {
  RowSpan out;
  const TensorTypeInfo& info = *tensor_type_info(type);
  const Byte* block = row + span * kSpan / info.elements * info.bytes;
  const std::size_t group = span % (bits::kSuper / kSpan);
  out.scales.fill(bits::load<std::uint16_t>(block));  // of the blocks of 32; the others overwrite it
  switch (type) {
    case TensorType::q8_0:
      for (std::size_t i = 0; i < kSpan; ++i) out.integers[i] = block[2 + i] ^ 0x80;
      break;
    case TensorType::q4_0:
      take_nibbles(block + 2, out);
      break;
    case TensorType::iq4_nl:
      take_table(block + 2, out);
      break;
    case TensorType::q4_1:
      out.minimum = bits::load<std::uint16_t>(block + 2);
      take_nibbles(block + 4, out);
      break;
    case TensorType::q5_0:
      take_nibbles(block + 6, out);
      take_fifth_bits(block + 2, out);
      for (Byte& integer : out.integers) integer = static_cast<Byte>(integer + 128 - 16);
      break;
    case TensorType::q5_1:
      out.minimum = bits::load<std::uint16_t>(block + 2);
      take_nibbles(block + 8, out);
      take_fifth_bits(block + 4, out);
      break;
    case TensorType::q4_k:
    case TensorType::q5_k:
      take_k_group(block, group, type == TensorType::q5_k, out);
      break;
    case TensorType::q6_k:
      take_q6_k(block, group, out);
      break;
    default:
      take_iq4_xs(block, group, out);
      break;
  }
  return out;
}

void store_half(std::byte* to, std::uint16_t half) { std::memcpy(to, &half, sizeof half); }

// Whole memory of the matrix is zero where nothing was stored yet.
struct Target {
  DeviceMatrix shape;
  std::byte* values = nullptr;
  std::byte* scales = nullptr;
};

void store_span(const Target& to, const RowSpan& span, int row, int column) {
  for (int i = 0; i < static_cast<int>(kSpan); ++i) {
    const ValuePlace place = value_place(to.shape, row, column + i);
    to.values[place.byte] |= static_cast<std::byte>(span.integers[static_cast<std::size_t>(i)] << place.shift);
  }
  for (int i = 0; i < static_cast<int>(kSpan); i += to.shape.group) {
    std::byte* scale = to.scales + scale_place(to.shape, row, column + i);
    store_half(scale, span.scales[static_cast<std::size_t>(i / 16)]);
    if (to.shape.minimum) store_half(scale + 4, span.minimum);
  }
}

// The power of two that the row's halves are multiplied by. f16 is only ever scaled up, so that nothing is rounded;
// what has more bits must not round up to infinity.
float row_scale(TensorType type, const std::vector<float>& row) {
  float largest = 0;
  for (const float value : row)
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return 1;
  const int exponent = std::ilogb(largest) - (type == TensorType::f16 ? 15 : 14);
  return std::ldexp(1.0f, std::clamp(exponent, -126, 127));
}

void store_floats(const Target& to, TensorType type, const std::vector<float>& values, int row) {
  const float scale = row_scale(type, values);
  std::memcpy(to.scales + static_cast<std::size_t>(row) * sizeof scale, &scale, sizeof scale);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t byte = value_place(to.shape, row, static_cast<int>(i)).byte;
    store_half(to.values + byte, f32_to_f16(values[i] / scale));
  }
}

void store_row(const MatrixPieces& from, const MatrixView& piece, std::size_t row, int to_row, const Target& to) {
  const std::byte* data = piece.data + row * tensor_bytes(piece.type, piece.columns);
  if (to.shape.bits == 16) {
    std::vector<float> values(from.columns);
    dequantize(piece.type, data + tensor_bytes(piece.type, from.first_column), values.data(), values.size());
    return store_floats(to, piece.type, values, to_row);
  }
  for (std::size_t column = 0; column < from.columns; column += kSpan) {
    const std::size_t span = (from.first_column + column) / kSpan;
    store_span(to, read_span(piece.type, reinterpret_cast<const Byte*>(data), span), to_row, static_cast<int>(column));
  }
}

std::size_t tile_bytes(const DeviceMatrix& matrix) {
  return static_cast<std::size_t>(matrix_units(matrix.columns)) * unit_bytes(matrix.bits);
}

std::size_t tile_scale_bytes(const DeviceMatrix& matrix) {
  if (matrix.bits == 16) return kTileRows * sizeof(float);
  return static_cast<std::size_t>(matrix_units(matrix.columns) * 32 * scale_words(matrix.group, matrix.minimum));
}

}  // namespace

DeviceFormat device_format(TensorType type) {
  switch (type) {
    case TensorType::q4_0:
      return {4, 32, false};
    case TensorType::q4_1:
    case TensorType::q4_k:
      return {4, 32, true};
    case TensorType::q5_1:
    case TensorType::q5_k:
      return {8, 32, true};
    case TensorType::q6_k:
      return {8, 16, false};
    case TensorType::f16:
    case TensorType::bf16:
    case TensorType::f32:
      return {16, 0, false};
    default:
      return {8, 32, false};
  }
}

MatrixPieces MatrixPieces::column_range(std::size_t first, std::size_t count) const {
  MatrixPieces out = *this;
  out.first_column += first;
  out.columns = count;
  return out;
}

bool can_lay_out(const MatrixPieces& from) {
  if (from.pieces.empty() || from.columns == 0 || from.columns % kSpan != 0 || from.first_column % kSpan != 0)
    return false;
  const MatrixView& first = from.pieces.front();
  return std::all_of(from.pieces.begin(), from.pieces.end(), [&](const MatrixView& piece) {
    return device_format(piece.type) == device_format(first.type) && piece.columns == first.columns &&
           from.first_column + from.columns <= piece.columns;
  });
}

DeviceMatrix device_shape(const MatrixPieces& from) {
  const DeviceFormat format = device_format(from.pieces.front().type);
  DeviceMatrix out{.bits = format.bits, .group = format.group, .minimum = format.minimum};
  for (const MatrixView& piece : from.pieces) out.rows += static_cast<int>(piece.rows);
  out.columns = static_cast<int>(from.columns);
  return out;
}

std::size_t value_bytes(const DeviceMatrix& matrix) {
  return static_cast<std::size_t>(matrix_tiles(matrix.rows)) * tile_bytes(matrix);
}

std::size_t scale_bytes(const DeviceMatrix& matrix) {
  return static_cast<std::size_t>(matrix_tiles(matrix.rows)) * tile_scale_bytes(matrix);
}

void lay_out(const MatrixPieces& from, int first, int count, std::byte* values, std::byte* scales) {
  const Target to{device_shape(from), values, scales};
  const auto tile = static_cast<std::size_t>(first), tiles = static_cast<std::size_t>(count);
  std::memset(values + tile * tile_bytes(to.shape), 0, tiles * tile_bytes(to.shape));
  std::memset(scales + tile * tile_scale_bytes(to.shape), 0, tiles * tile_scale_bytes(to.shape));
  const int end = std::min((first + count) * kTileRows, to.shape.rows);
  auto piece = from.pieces.begin();
  int piece_first = 0;
  for (int row = first * kTileRows; row < end; ++row) {
    while (row - piece_first >= static_cast<int>(piece->rows)) piece_first += static_cast<int>((piece++)->rows);
    store_row(from, *piece, static_cast<std::size_t>(row - piece_first), row, to);
  }
}

HostMatrix lay_out(const MatrixPieces& from) {
  HostMatrix out{device_shape(from), {}, {}};
  out.values.resize(value_bytes(out.matrix));
  out.scales.resize(scale_bytes(out.matrix));
  lay_out(from, 0, matrix_tiles(out.matrix.rows), out.values.data(), out.scales.data());
  out.matrix.values = out.values.data();
  out.matrix.scales = out.scales.data();
  return out;
}

float device_value(const DeviceMatrix& matrix, int row, int column) { return matrix_value(matrix, row, column); }

}  // namespace tollgate::local::gpu
