#include "local_backend/cuda/wide_gemm.h"

#include <algorithm>

#include "local_backend/cuda/device_matrix.h"
#include "local_backend/cuda/wide_gemm_check.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kAlignment = 256;  // of a copy, in bytes

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::size_t numbers(const DeviceMatrix& matrix) {
  return static_cast<std::size_t>(matrix.rows) * static_cast<std::size_t>(matrix.columns);
}

// Rows [first, first + count); `first` is a multiple of 16.
DeviceMatrix rows_of(const DeviceMatrix& matrix, int first, int count) {
  DeviceMatrix before = matrix;
  before.rows = first;
  DeviceMatrix part = matrix;
  part.rows = count;
  part.values += value_bytes(before);
  part.scales += scale_bytes(before);
  return part;
}

std::size_t copies_bytes(std::span<const DeviceMatrix> matrices) {
  std::size_t bytes = 0;
  for (const DeviceMatrix& matrix : matrices)
    bytes += aligned(numbers(matrix)) + aligned(static_cast<std::size_t>(matrix.rows) * sizeof(float));
  return bytes;
}

}  // namespace

Result<std::unique_ptr<WideGemm>> WideGemm::make(Device& device, std::span<const DeviceMatrix> matrices, int most_rows,
                                                 const WideOptions& options) {
  auto library = open_matmul_library(device);
  if (!library) return library.error();
  std::unique_ptr<WideGemm> wide(new WideGemm(device, std::move(*library)));
  if (options.fp8_bytes >= copies_bytes(matrices)) {
    Result<void> done = wide->use_fp8(matrices);
    if (done) done = wide->check(matrices, most_rows);
    if (done) return wide;
    if (done.error().code == "device_lost") return done.error();
    // No room, or a device whose library has no fp8 products: 16 bits ask for neither.
    wide->values_ = Memory();
    wide->scales_ = Memory();
  }
  Result<void> done = wide->use_bf16(matrices, options.slab_bytes);
  if (done) done = wide->check(matrices, most_rows);
  if (!done) return done.error();
  return wide;
}

Result<void> WideGemm::use_fp8(std::span<const DeviceMatrix> matrices) {
  format_ = ActivationFormat::fp8;
  copies_.clear();
  std::size_t values = 0, scales = 0;
  for (const DeviceMatrix& matrix : matrices) {
    copies_[matrix.values] = {values, scales};
    values += aligned(numbers(matrix));
    scales += aligned(static_cast<std::size_t>(matrix.rows) * sizeof(float));
  }
  auto value_memory = device_.allocate(values, "the fp8 copy of the weights");
  if (!value_memory) return value_memory.error();
  auto scale_memory = device_.allocate(scales, "the scales of the fp8 copy");
  if (!scale_memory) return scale_memory.error();
  values_ = std::move(*value_memory);
  scales_ = std::move(*scale_memory);
  for (const DeviceMatrix& matrix : matrices) {
    const Copy& copy = copies_[matrix.values];
    dequantize_fp8(device_.compute(), matrix, values_.as<std::uint8_t>() + copy.values,
                   reinterpret_cast<float*>(scales_.data() + copy.scales));
  }
  return device_.compute().wait();
}

Result<void> WideGemm::use_bf16(std::span<const DeviceMatrix> matrices, std::size_t slab_bytes) {
  format_ = ActivationFormat::bf16;
  copies_.clear();
  std::size_t bytes = 0;
  for (const DeviceMatrix& matrix : matrices) {
    copies_[matrix.values] = {};
    // At least a tile of rows, at most the whole matrix.
    const std::size_t row = static_cast<std::size_t>(matrix.columns) * sizeof(std::uint16_t);
    bytes = std::max(bytes,
                     std::clamp(slab_bytes, 16 * row, std::max(row * static_cast<std::size_t>(matrix.rows), 16 * row)));
  }
  auto slab = device_.allocate(bytes, "unpacked weights");
  if (!slab) return slab.error();
  slab_ = std::move(*slab);
  return {};
}

Result<void> WideGemm::check(std::span<const DeviceMatrix> matrices, int most_rows) {
  std::vector<std::pair<int, int>> seen;
  for (const DeviceMatrix& matrix : matrices) {
    const std::pair shape(matrix.rows, matrix.columns);
    if (std::find(seen.begin(), seen.end(), shape) != seen.end()) continue;
    seen.push_back(shape);
    const auto product = [this](const DeviceMatrix& of, const Activations& x, int m, float* out) {
      return multiply(of, x, m, out);
    };
    Result<void> same = check_wide_product(device_, matrix, format_, std::min(most_rows, kLeastRowsFp8), product);
    // Refused now, it would be refused later.
    if (!same && same.error().code == "wide_product_failed") same.error().code = "no_wide_products";
    if (!same) return same;
  }
  return {};
}

std::size_t WideGemm::bytes() const { return values_.size() + scales_.size() + slab_.size(); }

Result<void> WideGemm::multiply(const DeviceMatrix& matrix, const Activations& x, int m, float* out) {
  return format_ == ActivationFormat::fp8 ? multiply_fp8(matrix, x, m, out) : multiply_bf16(matrix, x, m, out);
}

Result<void> WideGemm::multiply_fp8(const DeviceMatrix& matrix, const Activations& x, int m, float* out) {
  const Copy& copy = copies_.at(matrix.values);
  PlainProduct product{ActivationFormat::fp8, m, matrix.rows, matrix.columns};
  product.weights = values_.data() + copy.values;
  product.weight_scales = reinterpret_cast<const float*>(scales_.data() + copy.scales);
  product.x = x.values;
  product.x_scales = x.scales;
  product.out = out;
  product.out_stride = matrix.rows;
  return library_->multiply(device_.compute(), product);
}

Result<void> WideGemm::multiply_bf16(const DeviceMatrix& matrix, const Activations& x, int m, float* out) {
  const std::size_t row = static_cast<std::size_t>(matrix.columns) * sizeof(std::uint16_t);
  const int slab_rows = static_cast<int>(slab_.size() / row) / 16 * 16;
  for (int first = 0; first < matrix.rows; first += slab_rows) {
    const int count = std::min(slab_rows, matrix.rows - first);
    dequantize_bf16(device_.compute(), rows_of(matrix, first, count), slab_.as<std::uint16_t>());
    PlainProduct product{ActivationFormat::bf16, m, count, matrix.columns};
    product.weights = slab_.data();
    product.x = x.values;
    product.out = out + first;
    product.out_stride = matrix.rows;
    if (Result<void> done = library_->multiply(device_.compute(), product); !done) return done;
  }
  return {};
}

}  // namespace tollgate::local::gpu
