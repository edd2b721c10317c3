// Products with up to four input rows: each weight is read once, unpacked in registers and multiplied into all of them,
// so the bound is the memory's bandwidth. No prefetch instructions: the machine's own prefetching of the one long
// stream is faster without them (docs/engine-kernels.md). Levels without a better way take more rows four by four,
// while the panel stays in the cache. Also the quantising of input rows. Included after the file's vectors.
#pragma once

#include "local_backend/kernels/level_ops.h"
#include "local_backend/kernels/panel_vector.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kNarrowTile = 4;

// sums[row] += the four-column products of steps [kStep, kEnd).
template <PanelForm kForm, int kRows, int kStep, int kEnd>
[[gnu::always_inline]] inline void multiply_steps(const std::uint8_t* at, const std::int8_t* q,
                                                  Vector::Ints (&sums)[kRows]) {
  if constexpr (kStep < kEnd) {
    const Vector::Ints weights = quants<kForm, kStep>(at);
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row)
      sums[row] = Vector::dot<kForm.zero>(sums[row], weights, broadcast4(q + 32 * row + 4 * kStep));
    multiply_steps<kForm, kRows, kStep + 1, kEnd>(at, q, sums);
  }
}

template <PanelForm kForm, int kRows>
[[gnu::always_inline]] inline void multiply_unit(const std::uint8_t* unit, const Head& head, const Activations& in,
                                                 std::size_t cell, Vector::Floats (&sums)[kPanelVectors][kRows]) {
  constexpr int kParts = kForm.halves ? 2 : 1;
  const std::int8_t* q = in.q + cell * kUnitColumns;
#pragma GCC unroll 4
  for (int index = 0; index < kPanelVectors; ++index) {
    const std::uint8_t* at = unit + quant_offset<kForm>(index);
#pragma GCC unroll 2
    for (int part = 0; part < kParts; ++part) {
      const std::int32_t* bias = kForm.halves ? in.half_bias + 2 * cell + kRows * part : in.bias + cell;
      Vector::Ints products[kRows];
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) products[row] = Vector::dot_start<kForm.zero>(bias + row);
      if constexpr (!kForm.halves)
        multiply_steps<kForm, kRows, 0, 8>(at, q, products);
      else if (part == 0)
        multiply_steps<kForm, kRows, 0, 4>(at, q, products);
      else
        multiply_steps<kForm, kRows, 4, 8>(at, q, products);
      const Vector::Floats scale = scales<kForm>(unit, head, index, part);
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row)
        sums[index][row] = Vector::fma(Vector::to_floats(products[row]),
                                       Vector::mul(scale, Vector::set1(in.d[cell + row])), sums[index][row]);
    }
    if constexpr (kForm.minimum) {
      const Vector::Floats minimum = minima<kForm>(unit, head, index);
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row)
        sums[index][row] = Vector::fma(minimum, Vector::set1(in.sum[cell + row]), sums[index][row]);
    }
  }
}

template <PanelForm kForm, int kRows>
void multiply_panel(const PanelTask& task) {
  const Activations in = *task.in;
  const std::size_t base = task.first * in.units;
  const std::uint8_t* at = task.panel;
  Head head{};
  Vector::Floats sums[kPanelVectors][kRows];
  for (auto& vector : sums)
    for (auto& sum : vector) sum = Vector::zero();
  for (std::size_t unit = 0; unit < in.units; ++unit, at += unit_bytes(kForm)) {
    if constexpr (kForm.super)
      if (unit % kSuperUnits == 0) {
        load_head<kForm>(at, head);
        at += head_bytes(kForm);
      }
    multiply_unit<kForm, kRows>(at, head, in, base + unit * kRows, sums);
  }
  for (int row = 0; row < kRows; ++row)
    for (int index = 0; index < kPanelVectors; ++index)
      if (const std::size_t rows = rows_from(task.rows, index); rows != 0)
        Vector::store_first(task.y + static_cast<std::size_t>(row) * task.stride + row_offset(index, 1), rows,
                            sums[index][row]);
}

// All types but floats.
inline void multiply_narrow(const PanelTask& task) {
  with_quant_type(task.type, [&]<TensorType kType>() {
    constexpr PanelForm kForm = panel_form(kType);
    switch (task.count) {
      case 1:
        return multiply_panel<kForm, 1>(task);
      case 2:
        return multiply_panel<kForm, 2>(task);
      case 3:
        return multiply_panel<kForm, 3>(task);
      default:
        return multiply_panel<kForm, 4>(task);
    }
  });
}

// Any number of rows in tiles of kNarrowTile, all types but floats.
inline void multiply_in_tiles(const PanelTask& task) {
  PanelTask tile = task;
  for (std::size_t row = 0; row < task.count; row += kNarrowTile) {
    tile.first = task.first + row;
    tile.count = task.count - row < kNarrowTile ? task.count - row : kNarrowTile;
    tile.y = task.y + row * task.stride;
    multiply_narrow(tile);
  }
}

inline void quantize_row(const Activations& in, std::size_t row) {
  const std::size_t tile = row / in.tile, first = tile * in.tile;
  const std::size_t n = in.m - first < in.tile ? in.m - first : in.tile;
  const std::size_t base = first * in.units, lane = row - first;
  const float* x = in.x + row * in.columns;
  for (std::size_t unit = 0; unit < in.units; ++unit, x += kUnitColumns) {
    Vector::Floats top = Vector::abs(Vector::load(x));
    for (int index = 1; index < kPanelVectors; ++index)
      top = Vector::max(top, Vector::abs(Vector::load(x + row_offset(index, 1))));
    const float largest = Vector::reduce_max(top);
    const Vector::Floats inverse = Vector::set1(largest > 0 ? 127.0f / largest : 0.0f);
    const std::size_t cell = base + unit * n + lane;
    int sums[2] = {0, 0};  // of each 16 columns
    for (int index = 0; index < kPanelVectors; ++index) {
      const std::size_t at = row_offset(index, 1);
      sums[at / 16] += Vector::store_int8_first(in.q + cell * kUnitColumns + at, Vector::kLanes,
                                                Vector::mul(Vector::load(x + at), inverse));
    }
    in.d[cell] = largest / 127.0f;
    in.sum[cell] = largest / 127.0f * static_cast<float>(sums[0] + sums[1]);
    in.bias[cell] = -128 * (sums[0] + sums[1]);
    std::int32_t* halves = in.half_bias + 2 * (base + unit * n) + lane;
    halves[0] = -128 * sums[0], halves[n] = -128 * sums[1];
  }
}

}  // namespace
}  // namespace tollgate::local
