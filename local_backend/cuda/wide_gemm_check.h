// Whether a library's products are ours: one of each is computed both ways when a model is loaded. Thread rule: that of
// the device.
#pragma once

#include <functional>

#include "core/result.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

// Writes out[m][matrix.rows].
using WideProduct = std::function<Result<void>(const DeviceMatrix& matrix, const Activations& x, int m, float* out)>;

// Compares with quantized_gemm() on `m` rows of small integers, which all formats hold exactly, so that only the
// rounding of the weights remains. Errors: status 500, code "no_wide_products" if they differ by more than it; those of
// `product`, Device::allocate() and Stream::wait().
Result<void> check_wide_product(Device& device, const DeviceMatrix& matrix, ActivationFormat format, int m,
                                const WideProduct& product);

}  // namespace tollgate::local::gpu
