// Reading of panels (panel.h) with AVX-512 BW. Only for files compiled for one of the AVX-512 levels.
#pragma once

#include <immintrin.h>

#include "local_backend/kernels/level_ops.h"
#include "local_backend/kernels/panel.h"

// Everything here must stay inside the including file: see level_ops.h.
namespace tollgate::local {
namespace {

inline __m512i load_bytes(const std::uint8_t* at) { return _mm512_loadu_si512(at); }

inline __m512 load_halves(const std::uint8_t* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

inline __m512 load_scale_bytes(const std::uint8_t* at, bool is_signed) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes));
}

inline __m512i broadcast4(const std::int8_t* at) {
  std::int32_t four;
  __builtin_memcpy(&four, at, sizeof four);
  return _mm512_set1_epi32(four);
}

// iq4_nl's table plus 128, so that its values are unsigned with the zero of panel_form().
inline __m512i table_values(__m512i nibbles) {
  const __m128i table = _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), nibbles);
}

// The quants of step kStep of a half, as unsigned bytes.
template <PanelForm kForm, int kStep>
inline __m512i quants(const std::uint8_t* half) {
  if constexpr (kForm.bits == 8) return load_bytes(half + 64 * kStep);
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i low = load_bytes(half + 64 * (kStep % 4));
  if constexpr (kStep >= 4) low = _mm512_srli_epi16(low, 4);
  low = _mm512_and_si512(low, nibble);
  if constexpr (kForm.table) return table_values(low);
  if constexpr (kForm.bits == 4) return low;
  constexpr int kAt = kForm.bits == 5 ? kStep : kStep % 4 * 2;  // where the bits above the nibble lie in their plane
  __m512i high = load_bytes(half + 256 + (kForm.bits == 6 ? 64 * (kStep / 4) : 0));
  if constexpr (kAt < 4) high = _mm512_slli_epi16(high, 4 - kAt);
  if constexpr (kAt > 4) high = _mm512_srli_epi16(high, kAt - 4);
  const __m512i mask = _mm512_set1_epi8(kForm.bits == 5 ? 0x10 : 0x30);
  return _mm512_ternarylogic_epi32(low, high, mask, 0xF8);  // low | (high & mask)
}

// The head of eight units of a super type, both halves; nothing for the others.
struct Head {
  __m512 d[2], minimum[2];
};

template <PanelForm kForm>
inline void load_head(const std::uint8_t* head, Head& out) {
  for (int half = 0; half < 2; ++half) {
    out.d[half] = load_halves(head + 32 * half);
    if constexpr (kForm.minimum) out.minimum[half] = load_halves(head + 64 + 32 * half);
  }
}

// Scales of the 16 rows of a half; `part`: which 16 columns, where those have scales of their own.
template <PanelForm kForm>
inline __m512 scales(const std::uint8_t* unit, const Head& head, int half, int part) {
  if constexpr (!kForm.super) return load_halves(unit + 32 * half);
  return _mm512_mul_ps(load_scale_bytes(unit + 32 * part + 16 * half, !kForm.minimum), head.d[half]);
}

template <PanelForm kForm>
inline __m512 minima(const std::uint8_t* unit, const Head& head, int half) {
  if constexpr (!kForm.super) return load_halves(unit + 64 + 32 * half);
  return _mm512_mul_ps(load_scale_bytes(unit + 32 + 16 * half, false), head.minimum[half]);
}

inline __mmask16 row_mask(std::size_t rows, int half) {
  const std::size_t left = rows > 16 * static_cast<std::size_t>(half) ? rows - 16 * static_cast<std::size_t>(half) : 0;
  return left >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
}

}  // namespace
}  // namespace tollgate::local
