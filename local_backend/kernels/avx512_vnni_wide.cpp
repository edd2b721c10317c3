// Products of the avx512_vnni level with many input rows: a block (byte_block.h) stays in the first-level cache while
// all tiles of six input rows pass by; the six times 32 sums are registers.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/byte_block.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kTile = 6;

template <int kRows>
struct Sums {
  __m512 at[2][kRows];
};

// The four-column products of kSteps steps, both halves, then scaled into `sums`.
template <int kRows, int kSteps>
[[gnu::always_inline]] inline void multiply_part(const std::uint8_t (*weights)[2][64], const float (*scales)[16],
                                                 const std::int8_t* q, const float* d, const std::int32_t* bias,
                                                 Sums<kRows>& sums) {
  __m512i products[2][kRows];
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row)
    products[0][row] = products[1][row] = bias ? _mm512_set1_epi32(bias[row]) : _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int step = 0; step < kSteps; ++step) {
    const __m512i low = _mm512_load_si512(weights[step][0]), high = _mm512_load_si512(weights[step][1]);
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
      const __m512i inputs = broadcast4(q + 32 * row + 4 * step);
      products[0][row] = _mm512_dpbusd_epi32(products[0][row], low, inputs);
      products[1][row] = _mm512_dpbusd_epi32(products[1][row], high, inputs);
    }
  }
  const __m512 low_scale = _mm512_load_ps(scales[0]), high_scale = _mm512_load_ps(scales[1]);
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row) {
    const __m512 input_scale = _mm512_set1_ps(d[row]);
    sums.at[0][row] =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[0][row]), _mm512_mul_ps(low_scale, input_scale), sums.at[0][row]);
    sums.at[1][row] =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[1][row]), _mm512_mul_ps(high_scale, input_scale), sums.at[1][row]);
  }
}

// One tile of kRows input rows times a block; `first` is the tile's first row, `unit` the block's first unit.
template <int kRows, bool kMinimum, bool kHalves>
void multiply_tile(const ByteBlock& block, std::size_t units, const Activations& in, std::size_t first,
                   std::size_t unit, Sums<kRows>& sums) {
  const std::size_t base = first * in.units + unit * kRows;
  const std::int8_t* q = in.q + base * kUnitColumns;
  const float *d = in.d + base, *sum = in.sum + base;
  const std::int32_t *bias = in.bias + base, *half_bias = in.half_bias + 2 * base;
  for (std::size_t i = 0; i < units; ++i) {
    if constexpr (kHalves) {
      multiply_part<kRows, 4>(block.weights[i], block.scales[i][0], q, d, half_bias, sums);
      multiply_part<kRows, 4>(block.weights[i] + 4, block.scales[i][1], q + 16, d, half_bias + kRows, sums);
    } else {
      multiply_part<kRows, 8>(block.weights[i], block.scales[i][0], q, d, kMinimum ? nullptr : bias, sums);
    }
    if constexpr (kMinimum) {
      const __m512 low = _mm512_load_ps(block.minima[i][0]), high = _mm512_load_ps(block.minima[i][1]);
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        sums.at[0][row] = _mm512_fmadd_ps(low, _mm512_set1_ps(sum[row]), sums.at[0][row]);
        sums.at[1][row] = _mm512_fmadd_ps(high, _mm512_set1_ps(sum[row]), sums.at[1][row]);
      }
    }
    q += kRows * 32, d += kRows, sum += kRows, bias += kRows, half_bias += 2 * kRows;
  }
}

// The sums of all rows between one block and the next. In `y` each row would be on a page of its own.
struct Partial {
  alignas(64) float at[kWideRows][2][16];
};

template <int kRows, bool kMinimum, bool kHalves>
void multiply_and_store(const ByteBlock& block, std::size_t units, const PanelTask& task, std::size_t row,
                        std::size_t unit, Partial& partial) {
  Sums<kRows> sums;
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      sums.at[half][i] =
          unit == 0 ? _mm512_setzero_ps() : _mm512_load_ps(partial.at[row + static_cast<std::size_t>(i)][half]);
  multiply_tile<kRows, kMinimum, kHalves>(block, units, *task.in, task.first + row, unit, sums);
  if (unit + units < task.in->units) {
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half)
        _mm512_store_ps(partial.at[row + static_cast<std::size_t>(i)][half], sums.at[half][i]);
    return;
  }
  const __mmask16 masks[2] = {Vector::lanes(rows_from(task.rows, 0)), Vector::lanes(rows_from(task.rows, 1))};
  float* y = task.y + row * task.stride;
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
      _mm512_mask_storeu_ps(y + static_cast<std::size_t>(i) * task.stride + 16 * half, masks[half], sums.at[half][i]);
}

// Brings the weights of the next block into the second-level cache, some lines with each tile. What follows a panel's
// last block is the next panel, which is often this thread's next one.
class Prefetch {
 public:
  Prefetch(const PanelTask& task, std::size_t unit)
      : at_(task.panel + unit_offset(panel_form(task.type), unit)),
        bytes_(unit_bytes(panel_form(task.type)) * kBlockUnits / (task.count / kTile + 1)) {}
  void step() {
    for (std::size_t i = 0; i < bytes_; i += 64) _mm_prefetch(reinterpret_cast<const char*>(at_ + i), _MM_HINT_T1);
    at_ += bytes_;
  }

 private:
  const std::uint8_t* at_;
  std::size_t bytes_;
};

template <bool kMinimum, bool kHalves>
void multiply_block(const ByteBlock& block, std::size_t units, const PanelTask& task, std::size_t unit,
                    Partial& partial) {
  std::size_t row = 0;
  Prefetch next(task, unit + units);
  for (; row + kTile <= task.count; row += kTile) {
    next.step();
    multiply_and_store<kTile, kMinimum, kHalves>(block, units, task, row, unit, partial);
  }
  switch (task.count - row) {
    case 1:
      return multiply_and_store<1, kMinimum, kHalves>(block, units, task, row, unit, partial);
    case 2:
      return multiply_and_store<2, kMinimum, kHalves>(block, units, task, row, unit, partial);
    case 3:
      return multiply_and_store<3, kMinimum, kHalves>(block, units, task, row, unit, partial);
    case 4:
      return multiply_and_store<4, kMinimum, kHalves>(block, units, task, row, unit, partial);
    case 5:
      return multiply_and_store<5, kMinimum, kHalves>(block, units, task, row, unit, partial);
    default:
      return;
  }
}

}  // namespace

void vnni_multiply_wide(const PanelTask& task) {
  const PanelForm form = panel_form(task.type);
  if (is_float(form)) return avx512_multiply_floats(task);
  ByteBlock block;
  Partial partial;
  for (std::size_t unit = 0; unit < task.in->units; unit += kBlockUnits) {
    const std::size_t units = task.in->units - unit < kBlockUnits ? task.in->units - unit : kBlockUnits;
    expand(task.type, task.panel, unit, units, block);
    if (form.minimum)
      multiply_block<true, false>(block, units, task, unit, partial);
    else if (form.halves)
      multiply_block<false, true>(block, units, task, unit, partial);
    else
      multiply_block<false, false>(block, units, task, unit, partial);
  }
}

}  // namespace tollgate::local
