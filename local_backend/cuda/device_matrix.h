// Matrices of a GGUF file in the order that the device's kernels read (matrix_layout.h), prepared in host memory.
// Integers stay what they are. Scales and minima become f16: exact where the file has them as f16; in the k types and
// iq4_xs, where they are products of an f16 and a small integer, rounded once (2^-11 relative, 2^-25 below 2^-14, at
// most 65504). Plain floats become halves times a power of two for each row: f16 is exact, bf16 exact down to 2^-28 of
// the row's largest magnitude, f32 rounded to 11 bits. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "local_backend/cuda/kernels.h"
#include "local_backend/model/model_reader.h"

namespace tollgate::local::gpu {

struct DeviceFormat {
  int bits = 0, group = 0;  // as in DeviceMatrix
  bool minimum = false;
  bool operator==(const DeviceFormat&) const = default;
};
// 4 bits: q4_0; with minima q4_1, q4_k. 8 bits: q5_0, q8_0, iq4_nl, iq4_xs (their table's integers); with minima q5_1,
// q5_k; in groups of 16 q6_k. 16 bits: f16, bf16, f32.
DeviceFormat device_format(TensorType type);

// What becomes one device matrix: pieces on top of each other, of each the columns [first_column, first_column +
// columns). Rows of one piece: MatrixView::slice().
struct MatrixPieces {
  std::vector<MatrixView> pieces;
  std::size_t first_column = 0, columns = 0;

  explicit MatrixPieces(std::vector<MatrixView> of) : pieces(std::move(of)), columns(pieces.front().columns) {}
  // REQUIRES: both multiples of 32, within the columns that are there.
  MatrixPieces column_range(std::size_t first, std::size_t count) const;
};

// Whether the pieces make one matrix: one device format, equal columns, columns a multiple of 32.
bool can_lay_out(const MatrixPieces& from);

// All of the matrix but the pointers. REQUIRES for this and lay_out(): can_lay_out(from).
DeviceMatrix device_shape(const MatrixPieces& from);

std::size_t value_bytes(const DeviceMatrix& matrix);
std::size_t scale_bytes(const DeviceMatrix& matrix);  // a multiple of 16

// Writes the tiles of 16 rows [first, first + count) of a matrix of device_shape(from) into the memory of the whole
// matrix, value_bytes() and scale_bytes() long; threads may write different tiles at once.
void lay_out(const MatrixPieces& from, int first, int count, std::byte* values, std::byte* scales);

// A matrix with its memory on the host.
struct HostMatrix {
  DeviceMatrix matrix;  // pointers into the vectors
  std::vector<std::byte> values, scales;
};
HostMatrix lay_out(const MatrixPieces& from);

// What the device's kernels take for the number at (row, column) of a matrix in host memory.
float device_value(const DeviceMatrix& matrix, int row, int column);

}  // namespace tollgate::local::gpu
