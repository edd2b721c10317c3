// A random matrix on the device with what its products should be. For tests of products.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "local_backend/cuda/device_matrix.h"
#include "tests/unit/local/cuda/activations.h"
#include "tests/unit/local/cuda/random_matrix.h"

namespace tollgate::local::gpu {

// Rows whose sizes differ. What lies behind the last row is no number, so that reading it shows.
inline HostActivations random_rows(std::size_t rows, std::size_t columns, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (std::size_t row = 0; row < rows; ++row) {
    const float size = std::ldexp(1.0f, static_cast<int>(random() % 9) - 4);
    for (std::size_t i = 0; i < columns; ++i) values.push_back(size * normal(random));
  }
  HostActivations out = quantise(values, columns, ActivationFormat::f16);
  out.halves.resize(out.halves.size() + kSumGroup, 0xFFFF);
  out.sums.push_back(std::nanf(""));
  return out;
}

// A product in double, and the sum of its terms' magnitudes, to which rounding is in proportion.
struct ExactProduct {
  double sum = 0, magnitude = 0;
};
inline ExactProduct exact_product(const DeviceMatrix& matrix, int row, const HostActivations& x, std::size_t x_row) {
  ExactProduct out;
  for (int column = 0; column < matrix.columns; ++column) {
    const double term = static_cast<double>(device_value(matrix, row, column)) *
                        static_cast<double>(x.value(x_row, static_cast<std::size_t>(column)));
    out.sum += term, out.magnitude += std::abs(term);
  }
  return out;
}

class OnDeviceWithMatrices : public OnDeviceWithActivations {
 protected:
  struct Uploaded {
    HostMatrix host;
    Memory values, scales;
    DeviceMatrix matrix;
  };
  Uploaded upload_matrix(const MatrixPieces& pieces) {
    Uploaded out{lay_out(pieces), {}, {}, {}};
    out.values = upload(out.host.values);
    out.scales = upload(out.host.scales);
    out.matrix = out.host.matrix;
    out.matrix.values = out.values.data();
    out.matrix.scales = out.scales.data();
    return out;
  }
};

}  // namespace tollgate::local::gpu
