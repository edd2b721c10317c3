// Functions of vectors of floats. Included after the file's vectors.
#pragma once

namespace tollgate::local {
namespace {

// e^x within 2 units in the last place; 0 below -104, infinity above 89. The range is cut by powers of two and the
// rest, |r| <= ln(2) / 2, goes through the polynomial of the Cephes library's expf.
inline Vector::Floats exp_of(Vector::Floats x) {
  x = Vector::min(Vector::set1(110.0f), Vector::max(Vector::set1(-110.0f), x));
  const Vector::Floats n = Vector::round(Vector::mul(x, Vector::set1(1.44269504088896341f)));
  Vector::Floats r = Vector::fnma(n, Vector::set1(0.693359375f), x);
  r = Vector::fnma(n, Vector::set1(-2.12194440e-4f), r);
  Vector::Floats p = Vector::set1(1.9875691500e-4f);
  p = Vector::fma(p, r, Vector::set1(1.3981999507e-3f));
  p = Vector::fma(p, r, Vector::set1(8.3334519073e-3f));
  p = Vector::fma(p, r, Vector::set1(4.1665795894e-2f));
  p = Vector::fma(p, r, Vector::set1(1.6666665459e-1f));
  p = Vector::fma(p, r, Vector::set1(5.0000001201e-1f));
  p = Vector::fma(p, Vector::mul(r, r), Vector::add(r, Vector::set1(1.0f)));
  return Vector::times_power_of_two(p, n);
}

// tanh(x) = 1 - 2 / (1 + e^2x)
inline Vector::Floats tanh_of(Vector::Floats x) {
  const Vector::Floats one = Vector::set1(1.0f);
  return Vector::sub(one, Vector::div(Vector::set1(2.0f), Vector::add(one, exp_of(Vector::add(x, x)))));
}

}  // namespace
}  // namespace tollgate::local
