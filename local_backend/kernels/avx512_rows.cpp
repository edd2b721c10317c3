// Norms, gates and KV stores of the AVX-512 levels.
#include "local_backend/kernels/avx512_math.h"
#include "local_backend/kernels/avx512_ops.h"

namespace tollgate::local {

void avx512_rms_norm(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out) {
  for (std::size_t row = 0; row < m; ++row, x += n, out += n) {
    __m512 squares = _mm512_setzero_ps();
    for (std::size_t i = 0; i < n; i += 16) {
      const __m512 v = _mm512_maskz_loadu_ps(first_lanes(n - i), x + i);
      squares = _mm512_fmadd_ps(v, v, squares);
    }
    const float mean = _mm512_reduce_add_ps(squares) / static_cast<float>(n);
    const __m512 scale = _mm512_set1_ps(1.0f / __builtin_sqrtf(mean + eps));
    for (std::size_t i = 0; i < n; i += 16) {
      const __mmask16 lanes = first_lanes(n - i);
      __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), scale);
      if (weight != nullptr) v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(lanes, weight + i));
      _mm512_mask_storeu_ps(out + i, lanes, v);
    }
  }
}

void avx512_silu_mul(float* gate, const float* up, std::size_t n) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m512 x = _mm512_maskz_loadu_ps(lanes, gate + i), u = _mm512_maskz_loadu_ps(lanes, up + i);
    const __m512 e = exp16(_mm512_sub_ps(_mm512_setzero_ps(), x));
    _mm512_mask_storeu_ps(gate + i, lanes, _mm512_mul_ps(_mm512_div_ps(x, _mm512_add_ps(one, e)), u));
  }
}

// gelu(x) = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
void avx512_gelu_mul(float* gate, const float* up, std::size_t n) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    const __m512 x = _mm512_maskz_loadu_ps(lanes, gate + i), u = _mm512_maskz_loadu_ps(lanes, up + i);
    const __m512 cube = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_mul_ps(x, x), x), _mm512_set1_ps(0.044715f), x);
    const __m512 t = tanh16(_mm512_mul_ps(cube, _mm512_set1_ps(0.7978845608028654f)));
    const __m512 half = _mm512_mul_ps(x, _mm512_set1_ps(0.5f));
    _mm512_mask_storeu_ps(gate + i, lanes, _mm512_mul_ps(_mm512_mul_ps(half, _mm512_add_ps(one, t)), u));
  }
}

void avx512_add(float* x, const float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = first_lanes(n - i);
    _mm512_mask_storeu_ps(x + i, lanes,
                          _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, x + i), _mm512_maskz_loadu_ps(lanes, y + i)));
  }
}

void avx512_store_kv(const float* x, std::size_t dim, float* scale, std::uint8_t* out) {
  if (scale == nullptr) {
    for (std::size_t i = 0; i < dim; i += 16) {
      const __mmask16 lanes = first_lanes(dim - i);
      _mm256_mask_storeu_epi16(out + 2 * i, lanes,
                               _mm512_cvtps_ph(_mm512_maskz_loadu_ps(lanes, x + i), _MM_FROUND_TO_NEAREST_INT));
    }
    return;
  }
  __m512 largest = _mm512_setzero_ps();
  for (std::size_t i = 0; i < dim; i += 16)
    largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_maskz_loadu_ps(first_lanes(dim - i), x + i)));
  const float top = _mm512_reduce_max_ps(largest);
  *scale = top / 127.0f;
  const __m512 inverse = _mm512_set1_ps(top > 0 ? 127.0f / top : 0.0f);
  for (std::size_t i = 0; i < dim; i += 16) {
    const __mmask16 lanes = first_lanes(dim - i);
    const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), inverse));
    _mm_mask_storeu_epi8(out + i, lanes, _mm512_cvtsepi32_epi8(q));
  }
}

}  // namespace tollgate::local
