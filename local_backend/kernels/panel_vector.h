// Reading of panels (panel.h) with the vectors of the including file, which it includes first.
#pragma once

#include "local_backend/kernels/panel.h"

namespace tollgate::local {
namespace {

inline constexpr int kPanelVectors = static_cast<int>(kPanelRows) / Vector::kLanes;

// Where the rows of vector `index` begin: in an array of 32 rows of `size` bytes, and in the quants of a unit.
constexpr std::size_t row_offset(int index, std::size_t size) {
  return static_cast<std::size_t>(index) * Vector::kLanes * size;
}
template <PanelForm kForm>
constexpr std::size_t quant_offset(int index) {
  const std::size_t row = row_offset(index, 1);
  return scale_bytes(kForm) + row / kHalfRows * half_quant_bytes(kForm) + row % kHalfRows * 4;
}

// iq4_nl's table plus 128, so that its values are unsigned with the zero of panel_form().
inline Vector::Ints table_values(Vector::Ints nibbles) {
  return Vector::look_up(_mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15),
                         nibbles);
}

// The quants of step kStep as unsigned bytes; `at`: of the unit, quant_offset() behind its begin.
template <PanelForm kForm, int kStep>
inline Vector::Ints quants(const std::uint8_t* at) {
  if constexpr (kForm.bits == 8) {
    return Vector::load_bytes(at + 64 * kStep);
  } else {
    Vector::Ints low = Vector::load_bytes(at + 64 * (kStep % 4));
    if constexpr (kStep >= 4) low = Vector::shift_right<4>(low);
    low = Vector::bit_and(low, Vector::set1_bytes(15));
    if constexpr (kForm.table) return table_values(low);
    if constexpr (kForm.bits == 4) return low;
    constexpr int kAt = kForm.bits == 5 ? kStep : kStep % 4 * 2;  // of the bits above the nibble in their plane
    Vector::Ints high = Vector::load_bytes(at + 256 + (kForm.bits == 6 ? 64 * (kStep / 4) : 0));
    if constexpr (kAt < 4) high = Vector::shift_left<4 - kAt>(high);
    if constexpr (kAt > 4) high = Vector::shift_right<kAt - 4>(high);
    return Vector::or_masked(low, high, Vector::set1_bytes(kForm.bits == 5 ? 0x10 : 0x30));
  }
}

// The head of eight units of a super type; unused for the others.
struct Head {
  Vector::Floats d[kPanelVectors], minimum[kPanelVectors];
};

template <PanelForm kForm>
inline void load_head(const std::uint8_t* head, Head& out) {
#pragma GCC unroll 4
  for (int i = 0; i < kPanelVectors; ++i) {
    out.d[i] = Vector::load_halves(head + row_offset(i, 2));
    if constexpr (kForm.minimum) out.minimum[i] = Vector::load_halves(head + 64 + row_offset(i, 2));
  }
}

// Scales of vector `index`; `part`: which 16 columns, where those have scales of their own.
template <PanelForm kForm>
inline Vector::Floats scales(const std::uint8_t* unit, const Head& head, int index, int part) {
  if constexpr (!kForm.super) return Vector::load_halves(unit + row_offset(index, 2));
  const std::uint8_t* at = unit + 32 * part + row_offset(index, 1);
  return Vector::mul(kForm.minimum ? Vector::load_uint8(at) : Vector::load_int8(at), head.d[index]);
}

template <PanelForm kForm>
inline Vector::Floats minima(const std::uint8_t* unit, const Head& head, int index) {
  if constexpr (!kForm.super) return Vector::load_halves(unit + 64 + row_offset(index, 2));
  return Vector::mul(Vector::load_uint8(unit + 32 + row_offset(index, 1)), head.minimum[index]);
}

// Four input columns for all lanes.
inline Vector::Ints broadcast4(const std::int8_t* at) {
  std::int32_t four;
  __builtin_memcpy(&four, at, sizeof four);
  return Vector::set1_ints(four);
}

// Of `rows` rows, how many vector `index` has: its own and beyond, or none.
inline std::size_t rows_from(std::size_t rows, int index) {
  const std::size_t before = row_offset(index, 1);
  return rows > before ? rows - before : 0;
}

// visitor.template operator()<kType>() for the quantised type at hand.
template <class Visitor>
inline auto with_quant_type(TensorType type, Visitor visitor) {
  switch (type) {
    case TensorType::q8_0:
      return visitor.template operator()<TensorType::q8_0>();
    case TensorType::q4_0:
      return visitor.template operator()<TensorType::q4_0>();
    case TensorType::q4_1:
      return visitor.template operator()<TensorType::q4_1>();
    case TensorType::q5_0:
      return visitor.template operator()<TensorType::q5_0>();
    case TensorType::q5_1:
      return visitor.template operator()<TensorType::q5_1>();
    case TensorType::q4_k:
      return visitor.template operator()<TensorType::q4_k>();
    case TensorType::q5_k:
      return visitor.template operator()<TensorType::q5_k>();
    case TensorType::q6_k:
      return visitor.template operator()<TensorType::q6_k>();
    case TensorType::iq4_nl:
      return visitor.template operator()<TensorType::iq4_nl>();
    default:
      return visitor.template operator()<TensorType::iq4_xs>();
  }
}

}  // namespace
}  // namespace tollgate::local
