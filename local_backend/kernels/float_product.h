// Products through floats: float matrices of any level, and all matrices where there are no fast byte products. A panel
// is expanded to floats block by block; inputs stay as they are. Sums run over columns in order. Included after the
// file's vectors.
#pragma once

#include "local_backend/kernels/level_ops.h"
#include "local_backend/kernels/panel_vector.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kFloatTile = 6;        // input rows
constexpr std::size_t kFloatBlockUnits = 4;  // 128 columns: 16 KiB of floats
using FloatBlock = float[kFloatBlockUnits * kUnitColumns][kPanelRows];
using FloatColumns = float (*)[kPanelRows];

template <PanelForm kForm, int kStep>
[[gnu::always_inline]] inline void expand_float_steps(const std::uint8_t* at, Vector::Floats low, Vector::Floats high,
                                                      Vector::Floats minimum, FloatColumns out, std::size_t row) {
  if constexpr (kStep < 8) {
    const Vector::Ints packed = quants<kForm, kStep>(at), zero = Vector::set1_ints(kForm.zero);
    const Vector::Floats scale = kStep < 4 ? low : high;
    Vector::store(out[4 * kStep] + row, Vector::fma(Vector::byte_floats<0>(packed, zero), scale, minimum));
    Vector::store(out[4 * kStep + 1] + row, Vector::fma(Vector::byte_floats<1>(packed, zero), scale, minimum));
    Vector::store(out[4 * kStep + 2] + row, Vector::fma(Vector::byte_floats<2>(packed, zero), scale, minimum));
    Vector::store(out[4 * kStep + 3] + row, Vector::fma(Vector::byte_floats<3>(packed, zero), scale, minimum));
    expand_float_steps<kForm, kStep + 1>(at, low, high, minimum, out, row);
  }
}

template <PanelForm kForm>
void expand_quants(const std::uint8_t* panel, std::size_t first, std::size_t units, FloatColumns out) {
  for (std::size_t i = first; i < first + units; ++i, out += kUnitColumns) {
    Head head{};
    const std::uint8_t* unit = panel + unit_offset(kForm, i);
    if constexpr (kForm.super)
      load_head<kForm>(panel + unit_offset(kForm, i / kSuperUnits * kSuperUnits) - head_bytes(kForm), head);
    for (int index = 0; index < kPanelVectors; ++index) {
      Vector::Floats minimum = Vector::zero();
      if constexpr (kForm.minimum) minimum = minima<kForm>(unit, head, index);
      const Vector::Floats low = scales<kForm>(unit, head, index, 0);
      const Vector::Floats high = kForm.halves ? scales<kForm>(unit, head, index, 1) : low;
      expand_float_steps<kForm, 0>(unit + quant_offset<kForm>(index), low, high, minimum, out, row_offset(index, 1));
    }
  }
}

template <TensorType kType>
void expand_floats(const std::uint8_t* panel, std::size_t first, std::size_t units, FloatColumns out) {
  constexpr std::size_t kBytes = static_cast<std::size_t>(panel_form(kType).bits) / 8;
  const std::uint8_t* at = panel + first * kUnitColumns * kPanelRows * kBytes;
  float* to = out[0];
  for (std::size_t i = 0; i < units * kUnitColumns * kPanelRows; i += Vector::kLanes, at += Vector::kLanes * kBytes) {
    if constexpr (kType == TensorType::f32)
      __builtin_memcpy(to + i, at, Vector::kLanes * kBytes);
    else if constexpr (kType == TensorType::f16)
      Vector::store(to + i, Vector::load_halves(at));
    else
      Vector::store(to + i, Vector::load_bf16(at));
  }
}

inline void expand_to_floats(TensorType type, const std::uint8_t* panel, std::size_t first, std::size_t units,
                             FloatColumns out) {
  switch (type) {
    case TensorType::f32:
      return expand_floats<TensorType::f32>(panel, first, units, out);
    case TensorType::f16:
      return expand_floats<TensorType::f16>(panel, first, units, out);
    case TensorType::bf16:
      return expand_floats<TensorType::bf16>(panel, first, units, out);
    default:
      with_quant_type(type, [&]<TensorType kType>() { expand_quants<panel_form(kType)>(panel, first, units, out); });
  }
}

// Which part of the product a tile computes: two vectors of panel rows, some input rows and columns.
struct FloatPart {
  std::size_t row = 0, column = 0, columns = 0;
  int vector = 0;  // the first of two
};

template <int kRows>
void multiply_float_tile(const FloatBlock& block, const PanelTask& task, const FloatPart& part) {
  const std::size_t low_row = row_offset(part.vector, 1), high_row = row_offset(part.vector + 1, 1);
  const std::size_t low_rows = rows_from(task.rows, part.vector), high_rows = rows_from(task.rows, part.vector + 1);
  const std::size_t stride = task.in->columns;
  const float* x = task.in->x + (task.first + part.row) * stride + part.column;
  float* y = task.y + part.row * task.stride;
  Vector::Floats low_sums[kRows], high_sums[kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    low_sums[i] = high_sums[i] = Vector::zero();
    if (part.column == 0) continue;
    const float* from = y + static_cast<std::size_t>(i) * task.stride;
    low_sums[i] = Vector::load_first(from + low_row, low_rows);
    if (high_rows != 0) high_sums[i] = Vector::load_first(from + high_row, high_rows);
  }
  for (std::size_t k = 0; k < part.columns; ++k) {
    const Vector::Floats low = Vector::load(block[k] + low_row), high = Vector::load(block[k] + high_row);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vector::Floats input = Vector::set1(x[static_cast<std::size_t>(i) * stride + k]);
      low_sums[i] = Vector::fma(low, input, low_sums[i]);
      high_sums[i] = Vector::fma(high, input, high_sums[i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    float* to = y + static_cast<std::size_t>(i) * task.stride;
    Vector::store_first(to + low_row, low_rows, low_sums[i]);
    if (high_rows != 0) Vector::store_first(to + high_row, high_rows, high_sums[i]);
  }
}

inline void multiply_float_rest(const FloatBlock& block, const PanelTask& task, const FloatPart& part) {
  switch (task.count - part.row) {
    case 1:
      return multiply_float_tile<1>(block, task, part);
    case 2:
      return multiply_float_tile<2>(block, task, part);
    case 3:
      return multiply_float_tile<3>(block, task, part);
    case 4:
      return multiply_float_tile<4>(block, task, part);
    case 5:
      return multiply_float_tile<5>(block, task, part);
    default:
      return;
  }
}

inline void multiply_floats(const PanelTask& task) {
  constexpr std::size_t kColumns = kFloatBlockUnits * kUnitColumns;
  alignas(64) FloatBlock block;
  const std::size_t all = task.in->columns;
  for (std::size_t column = 0; column < all; column += kColumns) {
    FloatPart part{.column = column, .columns = all - column < kColumns ? all - column : kColumns};
    expand_to_floats(task.type, task.panel, column / kUnitColumns, panel_units(part.columns), block);
    for (part.vector = 0; part.vector < kPanelVectors && rows_from(task.rows, part.vector) != 0; part.vector += 2) {
      for (part.row = 0; part.row + kFloatTile <= task.count; part.row += kFloatTile)
        multiply_float_tile<kFloatTile>(block, task, part);
      multiply_float_rest(block, task, part);
    }
  }
}

}  // namespace
}  // namespace tollgate::local
