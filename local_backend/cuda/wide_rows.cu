// What wide products leave to kernels of our own.
#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/wide_gemm.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kThreads = 256;

// Block (t, tile): kThreads numbers of row t.
TOLLGATE_KERNEL_OF(kThreads, 8)
scale_kernel(float* out, const float* x_scales, const float* weight_scales, int rows, int out_stride) {
  const int r = block_y() * kThreads + thread_index();
  wait_for_previous_kernel();
  let_next_kernel_start();
  if (r >= rows) return;
  const std::int64_t at = static_cast<std::int64_t>(block_x()) * out_stride + r;
  out[at] = out[at] * x_scales[block_x()] * weight_scales[r];
}

}  // namespace

void scale_product(Stream& stream, const PlainProduct& product) {
  const Grid grid{static_cast<unsigned>(product.m), static_cast<unsigned>((product.rows + kThreads - 1) / kThreads), 1,
                  kThreads, 0};
  launch(stream, grid, scale_kernel, product.out, product.x_scales, product.weight_scales, product.rows,
         product.out_stride);
}

}  // namespace tollgate::local::gpu
