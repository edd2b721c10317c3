// Norms, gates and KV stores. Included after the file's vectors.
#pragma once

#include "local_backend/kernels/vector_math.h"

namespace tollgate::local {
namespace {

inline void rms_norm(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out) {
  for (std::size_t row = 0; row < m; ++row, x += n, out += n) {
    Vector::Floats squares = Vector::zero();
    for (std::size_t i = 0; i < n; i += Vector::kLanes) {
      const Vector::Floats v = Vector::load_first(x + i, n - i);
      squares = Vector::fma(v, v, squares);
    }
    const float mean = Vector::reduce_add(squares) / static_cast<float>(n);
    const Vector::Floats scale = Vector::set1(1.0f / __builtin_sqrtf(mean + eps));
    for (std::size_t i = 0; i < n; i += Vector::kLanes) {
      Vector::Floats v = Vector::mul(Vector::load_first(x + i, n - i), scale);
      if (weight != nullptr) v = Vector::mul(v, Vector::load_first(weight + i, n - i));
      Vector::store_first(out + i, n - i, v);
    }
  }
}

// x = function(x, y), element by element.
template <class Function>
inline void combine(float* x, const float* y, std::size_t n, Function function) {
  for (std::size_t i = 0; i < n; i += Vector::kLanes)
    Vector::store_first(x + i, n - i, function(Vector::load_first(x + i, n - i), Vector::load_first(y + i, n - i)));
}

// silu(x) y = x / (1 + e^-x) y
inline Vector::Floats silu_times(Vector::Floats x, Vector::Floats y) {
  const Vector::Floats e = exp_of(Vector::sub(Vector::zero(), x));
  return Vector::mul(Vector::div(x, Vector::add(Vector::set1(1.0f), e)), y);
}

// gelu(x) y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 y
inline Vector::Floats gelu_times(Vector::Floats x, Vector::Floats y) {
  const Vector::Floats cube = Vector::fma(Vector::mul(Vector::mul(x, x), x), Vector::set1(0.044715f), x);
  const Vector::Floats t = tanh_of(Vector::mul(cube, Vector::set1(0.7978845608028654f)));
  return Vector::mul(Vector::mul(Vector::mul(x, Vector::set1(0.5f)), Vector::add(Vector::set1(1.0f), t)), y);
}

inline void store_token(const float* x, std::size_t dim, float* scale, std::uint8_t* out) {
  if (scale == nullptr) {
    for (std::size_t i = 0; i < dim; i += Vector::kLanes)
      Vector::store_halves_first(out + 2 * i, dim - i, Vector::load_first(x + i, dim - i));
    return;
  }
  Vector::Floats top = Vector::zero();
  for (std::size_t i = 0; i < dim; i += Vector::kLanes)
    top = Vector::max(top, Vector::abs(Vector::load_first(x + i, dim - i)));
  const float largest = Vector::reduce_max(top);
  *scale = largest / 127.0f;
  const Vector::Floats inverse = Vector::set1(largest > 0 ? 127.0f / largest : 0.0f);
  for (std::size_t i = 0; i < dim; i += Vector::kLanes)
    Vector::store_int8_first(reinterpret_cast<std::int8_t*>(out) + i, dim - i,
                             Vector::mul(Vector::load_first(x + i, dim - i), inverse));
}

}  // namespace
}  // namespace tollgate::local
