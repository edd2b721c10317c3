// Random matrices of every type, and the levels that this machine can run.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "local_backend/kernels/kernels.h"

namespace tollgate::local::testing {

// Every level but `scalar` that this machine supports.
std::vector<CpuLevel> fast_levels();

struct RandomMatrix {
  TensorType type = TensorType::f32;
  std::size_t rows = 0, columns = 0;
  std::vector<std::byte> data;  // as a file holds it
  std::vector<float> values;    // [rows][columns]
};
// All bits of the quants are random; the half floats of the blocks are ordinary numbers.
RandomMatrix random_matrix(TensorType type, std::size_t rows, std::size_t columns, std::uint32_t seed);

std::vector<float> random_floats(std::size_t n, std::uint32_t seed);
// Floats that 8 bits per 32 values hold exactly: multiples of 1/128 up to 127/128, which each 32 reach.
std::vector<float> representable_floats(std::size_t n, std::uint32_t seed);

// matmul() with scratch of its own.
std::vector<float> multiply(const Kernels& kernels, const PackedMatrix& matrix, const std::vector<float>& x,
                            std::size_t m, Workers& workers);

}  // namespace tollgate::local::testing
