// Norms, activations and sums of the AVX2 level.
#include "local_backend/kernels/avx2_vector.h"
//
#include "local_backend/kernels/avx2_ops.h"
#include "local_backend/kernels/row_functions.h"

namespace tollgate::local {

void avx2_rms_norm(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out) {
  rms_norm(x, weight, eps, m, n, out);
}

void avx2_silu_mul(float* gate, const float* up, std::size_t n) { combine(gate, up, n, silu_times); }

void avx2_gelu_mul(float* gate, const float* up, std::size_t n) { combine(gate, up, n, gelu_times); }

void avx2_add(float* x, const float* y, std::size_t n) { combine(x, y, n, Vector::add); }

void avx2_store_kv(const float* x, std::size_t dim, float* scale, std::uint8_t* out) {
  store_token(x, dim, scale, out);
}

}  // namespace tollgate::local
