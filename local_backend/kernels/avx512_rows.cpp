// Norms, activations and sums of the AVX-512 levels.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/row_functions.h"

namespace tollgate::local {

void avx512_rms_norm(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out) {
  rms_norm(x, weight, eps, m, n, out);
}

void avx512_silu_mul(float* gate, const float* up, std::size_t n) { combine(gate, up, n, silu_times); }

void avx512_gelu_mul(float* gate, const float* up, std::size_t n) { combine(gate, up, n, gelu_times); }

void avx512_add(float* x, const float* y, std::size_t n) { combine(x, y, n, Vector::add); }

void avx512_store_kv(const float* x, std::size_t dim, float* scale, std::uint8_t* out) {
  store_token(x, dim, scale, out);
}

}  // namespace tollgate::local
