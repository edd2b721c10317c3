// Products of the AVX-512 levels through floats: float matrices of any level, and all matrices where there are no byte
// dot products. A panel is expanded to floats block by block; inputs stay as they are. Sums run over columns in order.
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/avx512_panel.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kTile = 6;
constexpr std::size_t kBlockUnits = 4;  // 128 columns: 16 KiB of floats
using Block = float[kBlockUnits * kUnitColumns][kPanelRows];

template <PanelForm kForm, int kStep>
inline void expand_step(const std::uint8_t* half, __m512 scale, __m512 minimum, float (*out)[kPanelRows]) {
  const __m512i packed = quants<kForm, kStep>(half);
  const __m512i mask = _mm512_set1_epi32(255), zero = _mm512_set1_epi32(kForm.zero);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i value =
        _mm512_sub_epi32(_mm512_and_si512(_mm512_srl_epi32(packed, _mm_cvtsi32_si128(8 * i)), mask), zero);
    _mm512_storeu_ps(out[4 * kStep + i], _mm512_fmadd_ps(_mm512_cvtepi32_ps(value), scale, minimum));
  }
}

template <PanelForm kForm>
void expand(const std::uint8_t* panel, std::size_t first, std::size_t units, Block& block) {
  for (std::size_t i = 0; i < units; ++i) {
    Head head{};
    const std::uint8_t* unit = panel + unit_offset(kForm, first + i);
    if constexpr (kForm.super)
      load_head<kForm>(panel + unit_offset(kForm, (first + i) / kSuperUnits * kSuperUnits) - head_bytes(kForm), head);
    for (int half = 0; half < 2; ++half) {
      const std::uint8_t* at = unit + scale_bytes(kForm) + half_quant_bytes(kForm) * static_cast<std::size_t>(half);
      auto* out = reinterpret_cast<float(*)[kPanelRows]>(block[i * kUnitColumns] + 16 * half);
      __m512 minimum = _mm512_setzero_ps();
      if constexpr (kForm.minimum) minimum = minima<kForm>(unit, head, half);
      const __m512 low = scales<kForm>(unit, head, half, 0);
      const __m512 high = kForm.halves ? scales<kForm>(unit, head, half, 1) : low;
      expand_step<kForm, 0>(at, low, minimum, out);
      expand_step<kForm, 1>(at, low, minimum, out);
      expand_step<kForm, 2>(at, low, minimum, out);
      expand_step<kForm, 3>(at, low, minimum, out);
      expand_step<kForm, 4>(at, high, minimum, out);
      expand_step<kForm, 5>(at, high, minimum, out);
      expand_step<kForm, 6>(at, high, minimum, out);
      expand_step<kForm, 7>(at, high, minimum, out);
    }
  }
}

template <TensorType kType>
void expand_floats(const std::uint8_t* panel, std::size_t first, std::size_t units, Block& block) {
  constexpr std::size_t kBytes = panel_form(kType).bits / 8;
  const std::uint8_t* at = panel + first * kUnitColumns * kPanelRows * kBytes;
  float* out = &block[0][0];
  for (std::size_t i = 0; i < units * kUnitColumns * kPanelRows; i += 16, at += 16 * kBytes) {
    __m512 values;
    if constexpr (kType == TensorType::f32) {
      values = _mm512_loadu_ps(at);
    } else if constexpr (kType == TensorType::f16) {
      values = load_halves(at);
    } else {
      const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
      values = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
    }
    _mm512_storeu_ps(out + i, values);
  }
}

using Expand = void (*)(const std::uint8_t*, std::size_t, std::size_t, Block&);

Expand expand_of(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return expand_floats<TensorType::f32>;
    case TensorType::f16:
      return expand_floats<TensorType::f16>;
    case TensorType::bf16:
      return expand_floats<TensorType::bf16>;
    case TensorType::q8_0:
      return expand<panel_form(TensorType::q8_0)>;
    case TensorType::q4_0:
      return expand<panel_form(TensorType::q4_0)>;
    case TensorType::q4_1:
      return expand<panel_form(TensorType::q4_1)>;
    case TensorType::q5_0:
      return expand<panel_form(TensorType::q5_0)>;
    case TensorType::q5_1:
      return expand<panel_form(TensorType::q5_1)>;
    case TensorType::q4_k:
      return expand<panel_form(TensorType::q4_k)>;
    case TensorType::q5_k:
      return expand<panel_form(TensorType::q5_k)>;
    case TensorType::q6_k:
      return expand<panel_form(TensorType::q6_k)>;
    case TensorType::iq4_nl:
      return expand<panel_form(TensorType::iq4_nl)>;
    case TensorType::iq4_xs:
      break;
  }
  return expand<panel_form(TensorType::iq4_xs)>;
}

// kRows input rows from `row` on times `columns` columns from `column` on.
template <int kRows>
void multiply_tile(const Block& block, const PanelTask& task, std::size_t row, std::size_t column,
                   std::size_t columns) {
  const __mmask16 masks[2] = {row_mask(task.rows, 0), row_mask(task.rows, 1)};
  const float* x = task.in->x + (task.first + row) * task.in->columns + column;
  const std::size_t stride = task.in->columns;
  float* y = task.y + row * task.stride;
  __m512 sums[2][kRows];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      sums[half][i] =
          column == 0 ? _mm512_setzero_ps()
                      : _mm512_maskz_loadu_ps(masks[half], y + static_cast<std::size_t>(i) * task.stride + 16 * half);
  for (std::size_t k = 0; k < columns; ++k) {
    const __m512 low = _mm512_loadu_ps(block[k]), high = _mm512_loadu_ps(block[k] + 16);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const __m512 input = _mm512_set1_ps(x[static_cast<std::size_t>(i) * stride + k]);
      sums[0][i] = _mm512_fmadd_ps(low, input, sums[0][i]);
      sums[1][i] = _mm512_fmadd_ps(high, input, sums[1][i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      _mm512_mask_storeu_ps(y + static_cast<std::size_t>(i) * task.stride + 16 * half, masks[half], sums[half][i]);
}

void multiply_rest(const Block& block, const PanelTask& task, std::size_t row, std::size_t column,
                   std::size_t columns) {
  switch (task.count - row) {
    case 1:
      return multiply_tile<1>(block, task, row, column, columns);
    case 2:
      return multiply_tile<2>(block, task, row, column, columns);
    case 3:
      return multiply_tile<3>(block, task, row, column, columns);
    case 4:
      return multiply_tile<4>(block, task, row, column, columns);
    case 5:
      return multiply_tile<5>(block, task, row, column, columns);
    default:
      return;
  }
}

}  // namespace

void avx512_multiply_floats(const PanelTask& task) {
  alignas(64) Block block;
  const Expand expand = expand_of(task.type);
  const std::size_t all = task.in->columns;
  for (std::size_t column = 0; column < all; column += kBlockUnits * kUnitColumns) {
    const std::size_t columns = all - column < kBlockUnits * kUnitColumns ? all - column : kBlockUnits * kUnitColumns;
    expand(task.panel, column / kUnitColumns, panel_units(columns), block);
    std::size_t row = 0;
    for (; row + kTile <= task.count; row += kTile) multiply_tile<kTile>(block, task, row, column, columns);
    multiply_rest(block, task, row, column, columns);
  }
}

}  // namespace tollgate::local
