#include "kernel_testing.h"

#include <cstring>

namespace tollgate::local::testing {
namespace {

void set_half(std::byte* at, float value) {
  const std::uint16_t half = f32_to_f16(value);
  std::memcpy(at, &half, sizeof half);
}

// Where the half floats of a block lie.
std::vector<std::size_t> halves_of(TensorType type) {
  switch (type) {
    case TensorType::q6_k:
      return {208};
    case TensorType::q4_1:
    case TensorType::q5_1:
    case TensorType::q4_k:
    case TensorType::q5_k:
      return {0, 2};
    default:
      return {0};
  }
}

void fill_plain(RandomMatrix& matrix, std::mt19937& random) {
  std::normal_distribution<float> normal;
  const std::size_t size = matrix.type == TensorType::f32 ? 4 : 2;
  for (std::size_t i = 0; i < matrix.data.size(); i += size) {
    const float value = normal(random);
    const std::uint16_t half = matrix.type == TensorType::f16 ? f32_to_f16(value) : f32_to_bf16(value);
    matrix.type == TensorType::f32 ? std::memcpy(&matrix.data[i], &value, 4) : std::memcpy(&matrix.data[i], &half, 2);
  }
}

}  // namespace

std::vector<CpuLevel> fast_levels() {
  std::vector<CpuLevel> out;
  for (const CpuLevel level : {CpuLevel::avx2, CpuLevel::avx512, CpuLevel::avx512_vnni, CpuLevel::amx})
    if (cpu_supports(level)) out.push_back(level);
  return out;
}

RandomMatrix random_matrix(TensorType type, std::size_t rows, std::size_t columns, std::uint32_t seed) {
  std::mt19937 random(seed);
  RandomMatrix out{type, rows, columns, std::vector<std::byte>(tensor_bytes(type, rows * columns)),
                   std::vector<float>(rows * columns)};
  const TensorTypeInfo& info = *tensor_type_info(type);
  if (info.elements == 1) {
    fill_plain(out, random);
  } else {
    for (std::byte& byte : out.data) byte = static_cast<std::byte>(random());
    std::uniform_real_distribution<float> scale(0.01f, 0.02f);
    for (std::size_t block = 0; block < out.data.size(); block += info.bytes)
      for (const std::size_t at : halves_of(type))
        set_half(&out.data[block + at], at == 2 ? -scale(random) : scale(random));
  }
  dequantize(type, out.data.data(), out.values.data(), out.values.size());
  return out;
}

std::vector<float> random_floats(std::size_t n, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& value : out) value = normal(random);
  return out;
}

std::vector<float> representable_floats(std::size_t n, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> integer(-127, 127);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(integer(random)) / 128;
  for (std::size_t i = 0; i < n; i += 32)
    out[i + random() % 32 % (n - i)] = random() % 2 ? 127.0f / 128 : -127.0f / 128;
  return out;
}

std::vector<float> multiply(const Kernels& kernels, const PackedMatrix& matrix, const std::vector<float>& x,
                            std::size_t m, Workers& workers) {
  std::vector<float> y(m * matrix.rows, -1e30f);
  std::vector<std::byte> scratch(kernels.scratch_bytes(m, matrix.columns));
  const PackedMatrix* matrices[] = {&matrix};
  float* const ys[] = {y.data()};
  kernels.matmul(matrices, x.data(), m, ys, scratch.data(), workers);
  return y;
}

}  // namespace tollgate::local::testing
