// The order of a weight matrix in device memory: where each number lies. Read by kernels and by the host alike.
//
// Rows are padded to tiles of 16, columns to units of 64, with zeros. [tile][unit] are contiguous; a unit is 128 * bits
// bytes: one (4 bits), two (8) or four (16) pieces of 512 bytes, of which lane l of a warp reads the 16 at 16 l and has
// its A fragments of mma.m16n8k16 (gpu.h) for four, two or one step of 16 columns. Lane l, g = l / 4, t = l % 4, has of
// step s the rows g and g + 8 and the columns 16 s + 4 t .. + 3. The first two stand at the fragment's k = 2t, 2t + 1,
// the others at 2t + 8, 2t + 9: a product does not mind the order of k if B has the same one, and so B's fragment is
// four neighbouring activations, 8 bytes. Fragment word i = (row high) + 2 * (column pair), half h of it:
//   4 bits: nibble i + 4 h of the lane's word s: (word >> 4 i) & 0x000F000F has the two halves' integers in place;
//   8 bits: byte i % 2 * 2 + h of the lane's word 2 (s % 2) + i / 2 of piece s / 2;
//   16 bits: half h of the lane's word i of piece s.
//
// Scales, f16, of a unit: [g][word][row g, row g + 8] with a word for each group of columns, followed by a second word
// for its minimum where there are minima; 32 bytes for each word. With 16 bits: a float for each row, a power of two.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "local_backend/cuda/both.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

inline constexpr int kTileRows = 16;
inline constexpr int kUnitColumns = 64;

TOLLGATE_BOTH int matrix_tiles(int rows) { return (rows + kTileRows - 1) / kTileRows; }
TOLLGATE_BOTH int matrix_units(int columns) { return (columns + kUnitColumns - 1) / kUnitColumns; }
TOLLGATE_BOTH std::size_t unit_bytes(int bits) { return static_cast<std::size_t>(128 * bits); }

// Words of scales that a pair of rows has for each unit.
TOLLGATE_BOTH int scale_words(int group, bool minimum) {
  return group == 0 ? 0 : kUnitColumns / group * (minimum ? 2 : 1);
}

TOLLGATE_BOTH std::size_t unit_index(const DeviceMatrix& matrix, int row, int column) {
  return static_cast<std::size_t>(row / kTileRows) * static_cast<std::size_t>(matrix_units(matrix.columns)) +
         static_cast<std::size_t>(column / kUnitColumns);
}

// Of the number at (row, column): the byte of `values`, and with 4 bits the shift within it.
struct ValuePlace {
  std::size_t byte = 0;
  int shift = 0;
};
TOLLGATE_BOTH ValuePlace value_place(const DeviceMatrix& matrix, int row, int column) {
  const int in_unit = column % kUnitColumns, step = in_unit / 16, at = in_unit % 16;
  const int high_row = row % kTileRows / 8, pair = at % 4 / 2, half = at % 2;
  const int lane = row % 8 * 4 + at / 4;
  const std::size_t unit = unit_index(matrix, row, column) * unit_bytes(matrix.bits);
  const auto place = [unit](int byte, int shift) { return ValuePlace{unit + static_cast<std::size_t>(byte), shift}; };
  if (matrix.bits == 4) return place(lane * 16 + step * 4 + pair + 2 * half, 4 * high_row);
  if (matrix.bits == 8) return place(step / 2 * 512 + lane * 16 + step % 2 * 8 + pair * 4 + high_row * 2 + half, 0);
  return place(step * 512 + lane * 16 + (high_row + 2 * pair) * 4 + half * 2, 0);
}

// The byte of `scales` where the scale of (row, column) is; its minimum, if there is one, is 4 bytes behind. REQUIRES:
// 4 or 8 bits.
TOLLGATE_BOTH std::size_t scale_place(const DeviceMatrix& matrix, int row, int column) {
  const int words = scale_words(matrix.group, matrix.minimum);
  const int word = column % kUnitColumns / matrix.group * (matrix.minimum ? 2 : 1);
  const int at = (row % 8 * words + word) * 4 + row % kTileRows / 8 * 2;
  return unit_index(matrix, row, column) * static_cast<std::size_t>(32 * words) + static_cast<std::size_t>(at);
}

TOLLGATE_BOTH float half_to_float(std::uint16_t half) {
  // As a float the exponent's bias is 127 instead of 15: place the bits and multiply by 2^112, which is exact.
  std::uint32_t word = static_cast<std::uint32_t>(half & 0x7FFF) << 13;
  const bool finite = (half & 0x7C00) != 0x7C00;
  if (!finite) word |= 0x7F800000;
  float value = 0;
  memcpy(&value, &word, sizeof value);
  if (finite) value *= 0x1p112f;
  return (half & 0x8000) != 0 ? -value : value;
}

TOLLGATE_BOTH float half_at(const std::byte* from) {
  std::uint16_t half = 0;
  memcpy(&half, from, sizeof half);
  return half_to_float(half);
}

// The number at (row, column), padding included. The product of scale and integer is exact, so that with or without a
// minimum the result is rounded once and the same everywhere.
TOLLGATE_BOTH float matrix_value(const DeviceMatrix& matrix, int row, int column) {
  const ValuePlace place = value_place(matrix, row, column);
  if (matrix.bits == 16) {
    float scale = 0;
    memcpy(&scale, matrix.scales + static_cast<std::size_t>(row) * sizeof scale, sizeof scale);
    return half_at(matrix.values + place.byte) * scale;
  }
  const int byte = static_cast<int>(matrix.values[place.byte]);
  const int integer = matrix.bits == 4 ? byte >> place.shift & 15 : byte;
  const std::byte* scale = matrix.scales + scale_place(matrix, row, column);
  if (matrix.minimum) return half_at(scale) * static_cast<float>(integer) + half_at(scale + 4);
  return half_at(scale) * static_cast<float>(integer - (matrix.bits == 4 ? 8 : 128));
}

}  // namespace tollgate::local::gpu
