#include "local_backend/kernels/scalar.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "local_backend/kernels/levels.h"

namespace tollgate::local {
namespace scalar {

namespace {

constexpr std::size_t kPanel = 256;  // values dequantised at a time; a whole number of blocks of every type
constexpr int kRowsPerChunk = 16;

// Sum of a[i] * b[i]: eight running sums, then a fixed tree.
float dot(const float* a, const float* b, std::size_t n) {
  float sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < n; ++i) sums[i % 8] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

PackedMatrix pack(TensorType type, const std::byte* data, std::size_t rows, std::size_t columns, WeightMemory&,
                  Workers&) {
  PackedMatrix matrix{.type = type, .rows = rows, .columns = columns};
  matrix.data = std::shared_ptr<const std::byte>(std::shared_ptr<void>(), data);  // the file's own mapping, not owned
  matrix.bytes = rows * tensor_bytes(type, columns);
  return matrix;
}

// y[m] = x[m] . row for all m; the panel is dequantised once for all of them.
void multiply_row(const PackedMatrix& matrix, std::size_t row, const float* x, std::size_t m, float* y) {
  alignas(64) float panel[kPanel];
  const std::byte* data = matrix.data.get() + row * tensor_bytes(matrix.type, matrix.columns);
  for (std::size_t i = 0; i < m; ++i) y[i * matrix.rows + row] = 0;
  for (std::size_t at = 0; at < matrix.columns; at += kPanel) {
    const std::size_t n = std::min(kPanel, matrix.columns - at);
    dequantize(matrix.type, data + tensor_bytes(matrix.type, at), panel, n);
    for (std::size_t i = 0; i < m; ++i) y[i * matrix.rows + row] += dot(x + i * matrix.columns + at, panel, n);
  }
}

void matmul(std::span<const PackedMatrix* const> matrices, const float* x, std::size_t m, std::span<float* const> ys,
            std::byte*, Workers& workers) {
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const PackedMatrix& matrix = *matrices[i];
    auto chunk = [&](int index) {
      const std::size_t begin = static_cast<std::size_t>(index) * kRowsPerChunk;
      const std::size_t end = std::min(begin + kRowsPerChunk, matrix.rows);
      for (std::size_t row = begin; row < end; ++row) multiply_row(matrix, row, x, m, ys[i]);
    };
    const auto chunks = static_cast<int>((matrix.rows + kRowsPerChunk - 1) / kRowsPerChunk);
    workers.run(chunks, std::ref(chunk));  // a reference, so that nothing is allocated
  }
}

std::size_t scratch_bytes(std::size_t, std::size_t) { return 0; }

void row(const PackedMatrix& matrix, std::size_t row, float* out) {
  dequantize(matrix.type, matrix.data.get() + row * tensor_bytes(matrix.type, matrix.columns), out, matrix.columns);
}

void rms_norm(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out) {
  for (std::size_t i = 0; i < m; ++i, x += n, out += n) {
    const float scale = 1.0f / std::sqrt(dot(x, x, n) / static_cast<float>(n) + eps);
    for (std::size_t j = 0; j < n; ++j) out[j] = x[j] * scale * (weight != nullptr ? weight[j] : 1.0f);
  }
}

void silu_mul(float* gate, const float* up, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void gelu_mul(float* gate, const float* up, std::size_t n) {
  constexpr float kRoot = 0.7978845608028654f;  // sqrt(2 / pi)
  for (std::size_t i = 0; i < n; ++i) {
    const float x = gate[i];
    gate[i] = 0.5f * x * (1.0f + std::tanh(kRoot * (x + 0.044715f * x * x * x))) * up[i];
  }
}

void add(float* x, const float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] += y[i];
}

}  // namespace
}  // namespace scalar

const Kernels& scalar_kernels() {
  static constexpr Kernels kTable{CpuLevel::scalar, scalar::pack,     scalar::matmul,    scalar::scratch_bytes,
                                  scalar::row,      scalar::write_kv, scalar::attention, scalar::rms_norm,
                                  scalar::silu_mul, scalar::gelu_mul, scalar::add};
  return kTable;
}

}  // namespace tollgate::local
