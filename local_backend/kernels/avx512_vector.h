// Sixteen floats, or sixteen rows of four bytes, under the names that the level-independent code uses (panel_vector.h,
// narrow_product.h, float_product.h, attend_tile.h, row_functions.h). avx2_vector.h has the same for eight. Only for
// files compiled for one of the AVX-512 levels, which include one of the two; all of it stays inside the including
// file.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tollgate::local {
namespace {

struct Vector {
  using Floats = __m512;
  using Ints = __m512i;
  static constexpr int kLanes = 16;
  // Rows of queries and columns of values whose sums fit into registers together.
  static constexpr int kScoreRows = 8, kValueVectors = 4;

  static __mmask16 lanes(std::size_t n) {
    return n >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << n) - 1);
  }

  static Floats zero() { return _mm512_setzero_ps(); }
  static Floats set1(float x) { return _mm512_set1_ps(x); }
  static Floats load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
  // The first n lanes, all if n is larger; lanes that are not loaded are zero.
  static Floats load_first(const float* p, std::size_t n) { return _mm512_maskz_loadu_ps(lanes(n), p); }
  static void store_first(float* p, std::size_t n, Floats v) { _mm512_mask_storeu_ps(p, lanes(n), v); }

  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
  static Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
  static Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
  static Floats abs(Floats a) { return _mm512_abs_ps(a); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }    // a * b + c
  static Floats fnma(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
  static Floats round(Floats a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Floats times_power_of_two(Floats a, Floats n) { return _mm512_scalef_ps(a, n); }
  static float reduce_add(Floats a) { return _mm512_reduce_add_ps(a); }
  static float reduce_max(Floats a) { return _mm512_reduce_max_ps(a); }
  // Lane i of a where bit i of `bits` is set, else of b.
  static Floats select(std::uint32_t bits, Floats a, Floats b) {
    return _mm512_mask_blend_ps(static_cast<__mmask16>(bits), b, a);
  }
  // rows[i] lane j becomes rows[j] lane i.
  static void transpose(Floats (&rows)[kLanes]) {
    __m512 t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      rows[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
      rows[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
      rows[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
      rows[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
      t[i + 4] = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xDD);
      t[i + 8] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
      t[i + 12] = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xDD);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      rows[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
      rows[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xDD);
      rows[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
      rows[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xDD);
    }
  }

  static Floats load_halves(const std::uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Floats load_halves_first(const std::uint8_t* p, std::size_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes(n), p));
  }
  static void store_halves_first(std::uint8_t* p, std::size_t n, Floats v) {
    _mm256_mask_storeu_epi16(p, lanes(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static Floats load_bf16(const std::uint8_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static Floats load_int8(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static Floats load_uint8(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static Floats load_int8_first(const std::uint8_t* p, std::size_t n) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes(n), p)));
  }
  // Rounded to even; the values must fit into 8 bits. Returns their sum.
  static int store_int8_first(std::int8_t* p, std::size_t n, Floats v) {
    const __m512i ints = _mm512_cvtps_epi32(v);
    _mm_mask_storeu_epi8(p, lanes(n), _mm512_cvtsepi32_epi8(ints));
    return _mm512_reduce_add_epi32(ints);
  }

  static Ints load_bytes(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static Ints set1_bytes(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static Ints set1_ints(int x) { return _mm512_set1_epi32(x); }
  static Ints bit_and(Ints a, Ints b) { return _mm512_and_si512(a, b); }
  static Ints or_masked(Ints a, Ints b, Ints mask) {
    return _mm512_ternarylogic_epi32(a, b, mask, 0xF8);
  }  // a|(b&mask)
  template <int kBits>
  static Ints shift_left(Ints a) {  // bits may cross bytes
    return _mm512_slli_epi16(a, kBits);
  }
  template <int kBits>
  static Ints shift_right(Ints a) {
    return _mm512_srli_epi16(a, kBits);
  }
  static Ints look_up(__m128i table, Ints nibbles) {
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), nibbles);
  }
  // Byte kByte of each four, minus `zero`, as floats.
  template <int kByte>
  static Floats byte_floats(Ints a, Ints zero) {
    const __m512i byte = _mm512_and_si512(_mm512_srli_epi32(a, 8 * kByte), _mm512_set1_epi32(255));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(byte, zero));
  }
  static Floats to_floats(Ints a) { return _mm512_cvtepi32_ps(a); }

  // sums + the four products of each lane, of unsigned quants less kZero and signed inputs. dot_start() gives the sums
  // to begin with; `bias` is -128 times the sum of the inputs that all calls for these sums see.
#if defined(__AVX512VNNI__)
  template <int kZero>
  static Ints dot_start(const std::int32_t* bias) {
    if constexpr (kZero == 0)
      return _mm512_setzero_si512();
    else
      return _mm512_srai_epi32(_mm512_set1_epi32(*bias), __builtin_ctz(128 / kZero));
  }
  template <int kZero>
  static Ints dot(Ints sums, Ints quants, Ints inputs) {
    return _mm512_dpbusd_epi32(sums, quants, inputs);
  }
#else
  template <int kZero>
  static Ints dot_start(const std::int32_t*) {
    return _mm512_setzero_si512();
  }
  // See avx2_vector.h for the signs.
  template <int kZero>
  static Ints dot(Ints sums, Ints quants, Ints inputs) {
    if constexpr (kZero != 0) {
      const __m512i values = _mm512_sub_epi8(quants, set1_bytes(kZero));
      inputs = _mm512_mask_sub_epi8(inputs, _mm512_movepi8_mask(values), _mm512_setzero_si512(), inputs);
      quants = _mm512_abs_epi8(values);
    }
    const __m512i pairs = _mm512_maddubs_epi16(quants, inputs);
    return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
#endif
};

}  // namespace
}  // namespace tollgate::local
