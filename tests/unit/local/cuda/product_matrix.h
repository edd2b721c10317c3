// A random matrix on the device with what its products should be. For tests of products.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "local_backend/cuda/device_matrix.h"
#include "tests/unit/local/cuda/device_fixture.h"
#include "tests/unit/local/cuda/random_matrix.h"

namespace tollgate::local::gpu {

// Rows of halves in [-2, 2) with a scale that differs from row to row, and the sums of the groups of 32.
struct HostRows {
  std::size_t m = 0, columns = 0;
  std::vector<std::uint16_t> halves;
  std::vector<float> scales, sums;

  HostRows(std::size_t rows, std::size_t wide, std::uint32_t seed) : m(rows), columns(wide) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-2, 2);
    for (std::size_t i = 0; i < m * columns; ++i) halves.push_back(f32_to_f16(value(random)));
    for (std::size_t row = 0; row < m; ++row) scales.push_back(std::ldexp(1.0f, static_cast<int>(random() % 7) - 3));
    for (std::size_t i = 0; i < m * columns; i += kSumGroup) {
      float sum = 0;
      for (std::size_t j = 0; j < kSumGroup; ++j) sum += f16_to_f32(halves[i + j]);
      sums.push_back(sum * scales[i / columns]);
    }
  }
  double value(std::size_t row, std::size_t column) const {
    return static_cast<double>(f16_to_f32(halves[row * columns + column])) * static_cast<double>(scales[row]);
  }
};

// A product in double, and the sum of its terms' magnitudes, to which rounding is in proportion.
struct ExactProduct {
  double sum = 0, magnitude = 0;
};
// With a minimum, scale * q and the minimum are terms of their own, as the kernels add them.
inline ExactProduct exact_product(const DeviceMatrix& matrix, int row, const HostRows& x, std::size_t x_row) {
  ExactProduct out;
  for (int column = 0; column < matrix.columns; ++column) {
    const double term =
        static_cast<double>(device_value(matrix, row, column)) * x.value(x_row, static_cast<std::size_t>(column));
    out.sum += term, out.magnitude += std::abs(term);
  }
  return out;
}

// On the device.
struct DeviceRows {
  Memory halves, scales, sums;
  Activations activations() const {
    return {ActivationFormat::f16, halves.data(), scales.as<float>(), sums.as<float>()};
  }
};

class OnDeviceWithMatrices : public OnDevice {
 protected:
  struct Uploaded {
    HostMatrix host;
    Memory values, scales;
    DeviceMatrix matrix;
  };
  Uploaded upload_matrix(const MatrixPieces& pieces) {
    Uploaded out{lay_out(pieces), {}, {}, {}};
    out.host.matrix.values = out.host.values.data();
    out.host.matrix.scales = out.host.scales.data();
    out.values = upload(out.host.values);
    out.scales = upload(out.host.scales);
    out.matrix = out.host.matrix;
    out.matrix.values = out.values.data();
    out.matrix.scales = out.scales.data();
    return out;
  }
  DeviceRows upload_rows(const HostRows& rows) { return {upload(rows.halves), upload(rows.scales), upload(rows.sums)}; }
};

}  // namespace tollgate::local::gpu
