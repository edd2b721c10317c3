#include "local_backend/cuda/wide_gemm_check.h"

#include <bit>
#include <vector>

#include "local_backend/cuda/fp8.h"

namespace tollgate::local::gpu {
namespace {

// Root mean square of the difference over that of the values. Rounding to bf16 makes 2^-9 / sqrt(3) = 0.0011 at most,
// to e4m3 2^-4 / sqrt(3) = 0.036, and more for numbers below 2^-15 of their row's largest; a wrong order makes 1.4.
constexpr double kBf16Difference = 0.004, kFp8Difference = 0.08;

// An integer in [-8, 8] for every place, of no pattern that a wrong order would keep.
int number_at(std::size_t row, std::size_t column) {
  std::uint64_t mixed = (row * 0x9E3779B97F4A7C15 + column + 1) * 0xBF58476D1CE4E5B9;
  mixed ^= mixed >> 29;
  mixed *= 0x94D049BB133111EB;
  return static_cast<int>((mixed >> 32) % 17) - 8;
}

std::uint16_t bits16(ActivationFormat format, float value) {
  if (format == ActivationFormat::bf16) return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
  if (value == 0) return 0;
  // A half of a small integer: the exponent's bias is 15 instead of 127, and 13 bits of the mantissa are zeros.
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits >> 16 & 0x8000) | ((bits & 0x7FFFFFFF) - (112u << 23)) >> 13);
}

// The rows in one format, in device memory.
struct Rows {
  Memory values, scales, sums;

  Activations as(ActivationFormat format) const {
    return {format, values.data(), scales.as<float>(), sums.as<float>()};
  }
};

Result<void> upload(Device& device, const void* from, std::size_t bytes, Memory& to) {
  auto memory = device.allocate(bytes, "a check of products");
  if (!memory) return memory.error();
  to = std::move(*memory);
  device.compute().copy_in(to.data(), from, bytes);
  return device.compute().wait();
}

Result<void> upload_rows(Device& device, ActivationFormat format, std::size_t m, std::size_t columns, Rows& to) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint16_t> halves;
  std::vector<float> sums(m * columns / kSumGroup, 0.0f);
  const std::vector<float> scales(m, 1.0f);
  for (std::size_t i = 0; i < m * columns; ++i) {
    const auto value = static_cast<float>(number_at(i / columns, i % columns));
    sums[i / kSumGroup] += value;
    if (format == ActivationFormat::fp8) {
      bytes.push_back(float_to_fp8(value));
    } else {
      halves.push_back(bits16(format, value));
    }
  }
  const void* values = format == ActivationFormat::fp8 ? static_cast<const void*>(bytes.data()) : halves.data();
  Result<void> done = upload(device, values, m * columns * (format == ActivationFormat::fp8 ? 1 : 2), to.values);
  if (done) done = upload(device, scales.data(), scales.size() * sizeof(float), to.scales);
  if (done) done = upload(device, sums.data(), sums.size() * sizeof(float), to.sums);
  return done;
}

// [m][rows] of `parts` parts, added.
Result<std::vector<double>> download(Device& device, const Memory& from, std::size_t parts) {
  std::vector<float> floats(from.size() / sizeof(float));
  device.compute().copy_out(floats.data(), from.data(), from.size());
  if (Result<void> done = device.compute().wait(); !done) return done.error();
  std::vector<double> sums(floats.size() / parts, 0.0);
  for (std::size_t i = 0; i < floats.size(); ++i) sums[i % sums.size()] += static_cast<double>(floats[i]);
  return sums;
}

}  // namespace

Result<void> check_wide_product(Device& device, const DeviceMatrix& matrix, ActivationFormat format, int m,
                                const WideProduct& product) {
  const auto rows = static_cast<std::size_t>(m), columns = static_cast<std::size_t>(matrix.columns);
  Rows ours, theirs;
  if (Result<void> done = upload_rows(device, ActivationFormat::f16, rows, columns, ours); !done) return done;
  if (Result<void> done = upload_rows(device, format, rows, columns, theirs); !done) return done;
  const auto parts = static_cast<std::size_t>(gemm_parts(matrix, device.info().multiprocessors));
  const std::size_t bytes = rows * static_cast<std::size_t>(matrix.rows) * sizeof(float);
  auto expected = device.allocate(parts * bytes, "a check of products");
  if (!expected) return expected.error();
  auto computed = device.allocate(bytes, "a check of products");
  if (!computed) return computed.error();

  const GemmArgs args{&matrix, ours.as(ActivationFormat::f16), m, expected->as<float>()};
  quantized_gemm(device.compute(), {&args, 1}, device.info().multiprocessors);
  if (Result<void> done = product(matrix, theirs.as(format), m, computed->as<float>()); !done) return done;
  const auto right = download(device, *expected, parts);
  if (!right) return right.error();
  const auto found = download(device, *computed, 1);
  if (!found) return found.error();

  double difference = 0, all = 0;
  for (std::size_t i = 0; i < right->size(); ++i) {
    difference += ((*found)[i] - (*right)[i]) * ((*found)[i] - (*right)[i]);
    all += (*right)[i] * (*right)[i];
  }
  const double limit = format == ActivationFormat::fp8 ? kFp8Difference : kBf16Difference;
  if (difference <= limit * limit * all) return {};  // false for NaN
  return Error{ErrorKind::fatal, 500, "no_wide_products",
               "the library's product of " + std::to_string(matrix.rows) + " x " + std::to_string(matrix.columns) +
                   (format == ActivationFormat::fp8 ? " fp8" : " bf16") + " differs from ours; it is not used"};
}

}  // namespace tollgate::local::gpu
