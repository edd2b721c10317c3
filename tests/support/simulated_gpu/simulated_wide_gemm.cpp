// The library of wide products in plain loops: products of bf16 or e4m3 numbers, which floats hold exactly, are added
// as floats in the order of the columns, then scaled. Thread rule: that of the device.
#include <bit>

#include "local_backend/cuda/fp8.h"
#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/wide_gemm.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"

namespace tollgate::local::gpu {
namespace {

float number(ActivationFormat format, const void* from, std::size_t index) {
  if (format == ActivationFormat::fp8) return fp8_to_float(static_cast<const std::uint8_t*>(from)[index]);
  return std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(from)[index]) << 16);
}

void compute(const PlainProduct& product) {
  const auto columns = static_cast<std::size_t>(product.columns);
  for (int t = 0; t < product.m; ++t) {
    for (int r = 0; r < product.rows; ++r) {
      float sum = 0;
      for (std::size_t k = 0; k < columns; ++k) {
        // Wrongly: as a library that takes rows for columns.
        const std::size_t weight = simulated_machine().multiplies_wrongly
                                       ? k * static_cast<std::size_t>(product.rows) + static_cast<std::size_t>(r)
                                       : static_cast<std::size_t>(r) * columns + k;
        sum += number(product.format, product.x, static_cast<std::size_t>(t) * columns + k) *
               number(product.format, product.weights, weight);
      }
      if (product.format == ActivationFormat::fp8) sum *= product.x_scales[t] * product.weight_scales[r];
      const auto at = static_cast<std::size_t>(t) * static_cast<std::size_t>(product.out_stride);
      product.out[at + static_cast<std::size_t>(r)] = sum;
    }
  }
}

class SimulatedMatmul final : public MatmulLibrary {
 public:
  Result<void> multiply(Stream& stream, const PlainProduct& product) override {
    const SimulatedMachine& machine = simulated_machine();
    if (product.format == ActivationFormat::fp8 ? !machine.multiplies_fp8 : !machine.multiplies_bf16)
      return Error{ErrorKind::fatal, 500, "wide_product_failed", "the simulated library does not take this format"};
    enqueue(stream, [product] { compute(product); });
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<MatmulLibrary>> open_matmul_library(Device&) {
  if (!simulated_machine().has_matmul)
    return Error{ErrorKind::fatal, 500, "no_wide_products", "the simulated machine has no library"};
  return std::unique_ptr<MatmulLibrary>(std::make_unique<SimulatedMatmul>());
}

}  // namespace tollgate::local::gpu
