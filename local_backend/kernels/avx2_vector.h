// Eight floats, or eight rows of four bytes: see avx512_vector.h. Only for files compiled for AVX2, FMA and F16C.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tollgate::local {
namespace {

struct Vector {
  using Floats = __m256;
  using Ints = __m256i;
  static constexpr int kLanes = 8;
  static constexpr int kScoreRows = 2, kValueVectors = 2;

  static Ints lanes(std::size_t n) {
    const int count = n >= 8 ? 8 : static_cast<int>(n);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }

  static Floats zero() { return _mm256_setzero_ps(); }
  static Floats set1(float x) { return _mm256_set1_ps(x); }
  static Floats load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
  static Floats load_first(const float* p, std::size_t n) { return _mm256_maskload_ps(p, lanes(n)); }
  static void store_first(float* p, std::size_t n, Floats v) { _mm256_maskstore_ps(p, lanes(n), v); }

  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  static Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  static Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  static Floats abs(Floats a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats fnma(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }
  static Floats round(Floats a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // |n| < 252: in two factors, of which neither leaves the range of exponents.
  static Floats times_power_of_two(Floats a, Floats n) {
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
  }
  static float reduce_add(Floats a) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
  }
  static float reduce_max(Floats a) {
    __m128 top = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    top = _mm_max_ps(top, _mm_movehl_ps(top, top));
    return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
  }
  static Floats select(std::uint32_t bits, Floats a, Floats b) {
    const __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), each);
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, each)));
  }
  static void transpose(Floats (&rows)[kLanes]) {
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      rows[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
      rows[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
      rows[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
      rows[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20);
      t[i + 4] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31);
    }
    for (int i = 0; i < 8; ++i) rows[i] = t[i];
  }

  static __m128i load16(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static __m128i load8(const std::uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  // The first n elements of kSize bytes; the bytes behind are not touched.
  template <std::size_t kSize>
  static __m128i load_some(const std::uint8_t* p, std::size_t n) {
    alignas(16) std::uint8_t bytes[16] = {};
    __builtin_memcpy(bytes, p, (n < 8 ? n : 8) * kSize);
    return load16(bytes);
  }
  template <std::size_t kSize>
  static void store_some(void* p, std::size_t n, __m128i v) {
    alignas(16) std::uint8_t bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), v);
    __builtin_memcpy(p, bytes, (n < 8 ? n : 8) * kSize);
  }

  static Floats load_halves(const std::uint8_t* p) { return _mm256_cvtph_ps(load16(p)); }
  static Floats load_halves_first(const std::uint8_t* p, std::size_t n) { return _mm256_cvtph_ps(load_some<2>(p, n)); }
  static void store_halves_first(std::uint8_t* p, std::size_t n, Floats v) {
    store_some<2>(p, n, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static Floats load_bf16(const std::uint8_t* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load16(p)), 16));
  }
  static Floats load_int8(const std::uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load8(p))); }
  static Floats load_uint8(const std::uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(load8(p))); }
  static Floats load_int8_first(const std::uint8_t* p, std::size_t n) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_some<1>(p, n)));
  }
  static int store_int8_first(std::int8_t* p, std::size_t n, Floats v) {
    const __m256i ints = _mm256_cvtps_epi32(v);
    const __m128i low = _mm256_castsi256_si128(ints), high = _mm256_extracti128_si256(ints, 1);
    const __m128i words = _mm_packs_epi32(low, high);
    store_some<1>(p, n, _mm_packs_epi16(words, words));
    __m128i sum = _mm_add_epi32(low, high);
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
  }

  static Ints load_bytes(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Ints set1_bytes(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  static Ints set1_ints(int x) { return _mm256_set1_epi32(x); }
  static Ints bit_and(Ints a, Ints b) { return _mm256_and_si256(a, b); }
  static Ints or_masked(Ints a, Ints b, Ints mask) { return _mm256_or_si256(a, _mm256_and_si256(b, mask)); }
  template <int kBits>
  static Ints shift_left(Ints a) {
    return _mm256_slli_epi16(a, kBits);
  }
  template <int kBits>
  static Ints shift_right(Ints a) {
    return _mm256_srli_epi16(a, kBits);
  }
  static Ints look_up(__m128i table, Ints nibbles) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), nibbles);
  }
  template <int kByte>
  static Floats byte_floats(Ints a, Ints zero) {
    const __m256i byte = _mm256_and_si256(_mm256_srli_epi32(a, 8 * kByte), _mm256_set1_epi32(255));
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(byte, zero));
  }
  static Floats to_floats(Ints a) { return _mm256_cvtepi32_ps(a); }

  template <int kZero>
  static Ints dot_start(const std::int32_t*) {
    return _mm256_setzero_si256();
  }
  // The byte products are summed in pairs to 16 bits, which saturates; so one factor must be small: quants without zero
  // are below 32, and of the others the magnitude, at most 128, meets inputs of at most 127 that take over the sign.
  template <int kZero>
  static Ints dot(Ints sums, Ints quants, Ints inputs) {
    if constexpr (kZero != 0) {
      const __m256i values = _mm256_sub_epi8(quants, set1_bytes(kZero));
      inputs = _mm256_sign_epi8(inputs, values);
      quants = _mm256_abs_epi8(values);
    }
    const __m256i pairs = _mm256_maddubs_epi16(quants, inputs);
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

}  // namespace
}  // namespace tollgate::local
