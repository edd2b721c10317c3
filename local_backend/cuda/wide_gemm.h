// Products of many rows, prompts above all, through the vendor's library, which is faster there than kernels that
// unpack weights as they multiply. Two ways. fp8: e4m3 weights with a scale for each row of the matrix, kept beside the
// quantized ones at a byte for each number, times e4m3 activations with a scale for each token; twice the arithmetic
// rate of 16 bits, and coarser: an e4m3 number has 3 bits of mantissa. bf16: the weights are unpacked, a slab of rows
// at a time, before each product; exact but for bf16's 8 bits, at the cost of writing and reading them once more.
//
// A row's sum depends on how the library cuts its columns, which changes with the number of rows: whoever promises the
// same bits for every cut of a prompt must do without. Thread rule: that of the device.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

// out[t * out_stride + r] = sum over k of x[t][k] * weights[r][k], times the scales where there are some. All row by
// row (the last index moves fastest), of one format.
struct PlainProduct {
  ActivationFormat format = ActivationFormat::bf16;  // bf16 or fp8
  int m = 0, rows = 0, columns = 0;
  const void* weights = nullptr;         // [rows][columns]
  const float* weight_scales = nullptr;  // [rows], fp8
  const void* x = nullptr;               // [m][columns]
  const float* x_scales = nullptr;       // [m], fp8
  float* out = nullptr;
  int out_stride = 0;
};

// The library: cuBLASLt on a device (wide_gemm_cublaslt.cpp), plain loops on the simulated GPU.
class MatmulLibrary {
 public:
  virtual ~MatmulLibrary() = default;
  // Adds the product to the stream. Errors: status 500, code "wide_product_failed", with what the library said; then
  // nothing was added.
  virtual Result<void> multiply(Stream& stream, const PlainProduct& product) = 0;
};
// Errors: status 500, code "no_wide_products": where the library was looked for, or what it lacks. `device` must
// outlive what is returned.
Result<std::unique_ptr<MatmulLibrary>> open_matmul_library(Device& device);

struct WideOptions {
  std::size_t fp8_bytes = 0;                        // that copies of the weights may take; 0: the bf16 way at once
  std::size_t slab_bytes = std::size_t{128} << 20;  // of unpacked weights, the bf16 way
};

class WideGemm {
 public:
  // For these matrices, whose memory must live on; `device` too. Takes fp8 if the copies fit and the library multiplies
  // every shape of them, else bf16. Either way one product of each shape is computed and compared with
  // quantized_gemm(), so that a library that misunderstands us is not used. `most_rows`: of x, at least 1.
  // Errors: code "no_wide_products", with the reason; quantized_gemm() takes any number of rows. Those of
  // Device::allocate() and Stream::wait().
  static Result<std::unique_ptr<WideGemm>> make(Device& device, std::span<const DeviceMatrix> matrices, int most_rows,
                                                const WideOptions& options = {});

  // How x must be written: bf16 or fp8.
  ActivationFormat format() const { return format_; }
  // From how many rows on this way is expected to be the faster one. By counting bytes, not measured.
  int least_rows() const { return format_ == ActivationFormat::fp8 ? kLeastRowsFp8 : kLeastRowsBf16; }
  // Bytes of device memory that it holds.
  std::size_t bytes() const;
  bool has(const DeviceMatrix& matrix) const { return copies_.contains(matrix.values); }

  // out[m][matrix.rows] = x * matrix^T. REQUIRES: has(matrix), x in format(), m <= most_rows. Errors: those of
  // MatmulLibrary::multiply().
  Result<void> multiply(const DeviceMatrix& matrix, const Activations& x, int m, float* out);

  static constexpr int kLeastRowsFp8 = 65, kLeastRowsBf16 = 192;

 private:
  // A matrix of make(): where its fp8 copy begins.
  struct Copy {
    std::size_t values = 0, scales = 0;
  };

  WideGemm(Device& device, std::unique_ptr<MatmulLibrary> library) : device_(device), library_(std::move(library)) {}
  Result<void> use_fp8(std::span<const DeviceMatrix> matrices);
  Result<void> use_bf16(std::span<const DeviceMatrix> matrices, std::size_t slab_bytes);
  Result<void> check(std::span<const DeviceMatrix> matrices, int most_rows);
  Result<void> check(const DeviceMatrix& matrix, int m);
  Result<void> multiply_fp8(const DeviceMatrix& matrix, const Activations& x, int m, float* out);
  Result<void> multiply_bf16(const DeviceMatrix& matrix, const Activations& x, int m, float* out);

  Device& device_;
  std::unique_ptr<MatmulLibrary> library_;
  ActivationFormat format_ = ActivationFormat::bf16;
  std::map<const std::byte*, Copy> copies_;  // by DeviceMatrix::values
  Memory values_, scales_;                   // fp8
  Memory slab_;                              // bf16
};

// out[t * out_stride + r] *= x_scales[t] * weight_scales[r]: what a library that takes no scales leaves to do.
void scale_product(Stream& stream, const PlainProduct& product);

}  // namespace tollgate::local::gpu
