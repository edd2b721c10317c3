// The packed form of weight matrices that all fast levels share. Inside kernels/ only.
//
// A panel is 32 rows. It is a run of units of 32 columns; a unit holds its scales, then for each half (16 rows) the
// quants of eight steps of four columns. One step of one half is 64 bytes, [16 rows][4 columns]: what one multiply-add
// of four byte pairs per 32-bit lane takes. Quants keep the bits that the file gave them:
//   4 bits: 4 x 64 bytes; low nibbles are steps 0..3, high nibbles steps 4..7
//   5 bits: the same, then 64 bytes whose bit s is the fifth bit of step s
//   6 bits: the same, then 2 x 64 bytes; bits 2s, 2s+1 are bits 4 and 5 of step s (first plane) and s + 4 (second)
//   8 bits: 8 x 64 bytes
// A quant is unsigned; its value is quant - zero (or, with a table, what iq4_nl's table says). Scales of a unit:
//   simple types: f16 d[32 rows]; with minimum also f16 m[32]
//   super types:  int8 s[32]; q6_k int8 s[2][32], one per 16 columns; q4_k and q5_k uint8 s[32], uint8 m[32];
//                 and every eighth unit is preceded by the head: f16 d[32], and where there are minima f16 -dmin[32]
// Floats (f32, f16, bf16) are [column][32 rows] per unit. Rows and columns beyond the matrix are zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

inline constexpr std::size_t kPanelRows = 32, kHalfRows = 16, kUnitColumns = 32, kSuperUnits = 8;

struct PanelForm {
  int bits = 0;          // of a quant; 16 or 32: plain floats
  int zero = 0;          // subtracted from a quant
  bool minimum = false;  // a value per row and unit is added
  bool super = false;    // scales are bytes times the head's f16
  bool halves = false;   // one scale per 16 columns instead of 32
  bool table = false;    // quants are indices of iq4_nl's table
};

constexpr PanelForm panel_form(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return {.bits = 32};
    case TensorType::f16:
    case TensorType::bf16:
      return {.bits = 16};
    case TensorType::q8_0:
      return {.bits = 8, .zero = 128};
    case TensorType::q4_0:
      return {.bits = 4, .zero = 8};
    case TensorType::q4_1:
      return {.bits = 4, .minimum = true};
    case TensorType::q5_0:
      return {.bits = 5, .zero = 16};
    case TensorType::q5_1:
      return {.bits = 5, .minimum = true};
    case TensorType::q4_k:
      return {.bits = 4, .minimum = true, .super = true};
    case TensorType::q5_k:
      return {.bits = 5, .minimum = true, .super = true};
    case TensorType::q6_k:
      return {.bits = 6, .zero = 32, .super = true, .halves = true};
    case TensorType::iq4_nl:
      return {.bits = 4, .zero = 128, .table = true};
    case TensorType::iq4_xs:
      return {.bits = 4, .zero = 128, .super = true, .table = true};
  }
  return {};
}

constexpr bool is_float(const PanelForm& form) { return form.bits >= 16; }

// Bytes of the scales at the start of a unit; whole cache lines, so that the quants are aligned.
constexpr std::size_t scale_bytes(const PanelForm& form) {
  if (is_float(form)) return 0;
  return form.minimum && !form.super ? 128 : 64;
}

constexpr std::size_t half_quant_bytes(const PanelForm& form) { return 64 * static_cast<std::size_t>(form.bits); }

constexpr std::size_t unit_bytes(const PanelForm& form) {
  if (is_float(form)) return kPanelRows * kUnitColumns * static_cast<std::size_t>(form.bits) / 8;
  return scale_bytes(form) + 2 * half_quant_bytes(form);
}

constexpr std::size_t head_bytes(const PanelForm& form) {
  if (!form.super) return 0;
  return form.minimum ? 128 : 64;
}

// Where unit `unit` of a panel begins, from the panel's first byte; its head lies before the first unit of each eight.
constexpr std::size_t unit_offset(const PanelForm& form, std::size_t unit) {
  return unit * unit_bytes(form) + (unit / kSuperUnits + 1) * head_bytes(form);
}

constexpr std::size_t panel_units(std::size_t columns) { return (columns + kUnitColumns - 1) / kUnitColumns; }

constexpr std::size_t panel_bytes(const PanelForm& form, std::size_t columns) {
  const std::size_t units = panel_units(columns);
  return units * unit_bytes(form) + (units + kSuperUnits - 1) / kSuperUnits * head_bytes(form);
}

constexpr std::size_t panel_count(std::size_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

}  // namespace tollgate::local
