// Products of the avx512_vnni level with up to four input rows: each weight is read once, unpacked in registers and
// multiplied into all of them. The bound is the memory's bandwidth. Also the quantising of input rows.
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/avx512_panel.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kPrefetchBytes = 4096;

// sums[row] += the four-column products of steps [kStep, kEnd) of one half.
template <PanelForm kForm, int kRows, int kStep, int kEnd>
inline void multiply_steps(const std::uint8_t* half, const std::int8_t* q, __m512i (&sums)[kRows]) {
  if constexpr (kStep < kEnd) {
    const __m512i weights = quants<kForm, kStep>(half);
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row)
      sums[row] = _mm512_dpbusd_epi32(sums[row], weights, broadcast4(q + 32 * row + 4 * kStep));
    multiply_steps<kForm, kRows, kStep + 1, kEnd>(half, q, sums);
  }
}

// -zero * (sum of q), of which `bias` holds -128 times; no minimum goes with a zero.
template <PanelForm kForm>
inline __m512i start(const std::int32_t* bias) {
  if constexpr (kForm.zero == 0) return _mm512_setzero_si512();
  return _mm512_srai_epi32(_mm512_set1_epi32(*bias), __builtin_ctz(128 / kForm.zero));
}

template <PanelForm kForm, int kRows>
inline void multiply_unit(const std::uint8_t* unit, const Head& head, const Activations& in, std::size_t index,
                          __m512 (&sums)[2][kRows]) {
  constexpr int kParts = kForm.halves ? 2 : 1;
  const std::size_t cell = index * kRows;
  const std::int8_t* q = in.q + cell * kUnitColumns;
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const std::uint8_t* at = unit + scale_bytes(kForm) + half_quant_bytes(kForm) * static_cast<std::size_t>(half);
#pragma GCC unroll 2
    for (int part = 0; part < kParts; ++part) {
      __m512i products[kRows];
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row)
        products[row] =
            start<kForm>(kForm.halves ? in.half_bias + 2 * cell + kRows * part + row : in.bias + cell + row);
      if constexpr (!kForm.halves)
        multiply_steps<kForm, kRows, 0, 8>(at, q, products);
      else if (part == 0)
        multiply_steps<kForm, kRows, 0, 4>(at, q, products);
      else
        multiply_steps<kForm, kRows, 4, 8>(at, q, products);
      const __m512 scale = scales<kForm>(unit, head, half, part);
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row)
        sums[half][row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[row]),
                                          _mm512_mul_ps(scale, _mm512_set1_ps(in.d[cell + row])), sums[half][row]);
    }
    if constexpr (kForm.minimum) {
      const __m512 minimum = minima<kForm>(unit, head, half);
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row)
        sums[half][row] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(in.sum[cell + row]), sums[half][row]);
    }
  }
}

template <PanelForm kForm, int kRows>
void multiply_panel(const PanelTask& task) {
  const Activations in = *task.in;
  const std::uint8_t* at = task.panel;
  Head head{};
  __m512 sums[2][kRows];
  for (auto& half : sums)
    for (auto& sum : half) sum = _mm512_setzero_ps();
  for (std::size_t unit = 0; unit < in.units; ++unit, at += unit_bytes(kForm)) {
    for (std::size_t line = 0; line < unit_bytes(kForm); line += 64)
      _mm_prefetch(reinterpret_cast<const char*>(at + kPrefetchBytes + line), _MM_HINT_T0);
    if constexpr (kForm.super)
      if (unit % kSuperUnits == 0) {
        load_head<kForm>(at, head);
        at += head_bytes(kForm);
      }
    multiply_unit<kForm, kRows>(at, head, in, unit, sums);
  }
  for (int row = 0; row < kRows; ++row)
    for (int half = 0; half < 2; ++half)
      _mm512_mask_storeu_ps(task.y + static_cast<std::size_t>(row) * task.stride + 16 * half, row_mask(task.rows, half),
                            sums[half][row]);
}

template <TensorType kType>
void multiply(const PanelTask& task) {
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
}

}  // namespace

void vnni_multiply_narrow(const PanelTask& task) {
  switch (task.type) {
    case TensorType::q8_0:
      return multiply<TensorType::q8_0>(task);
    case TensorType::q4_0:
      return multiply<TensorType::q4_0>(task);
    case TensorType::q4_1:
      return multiply<TensorType::q4_1>(task);
    case TensorType::q5_0:
      return multiply<TensorType::q5_0>(task);
    case TensorType::q5_1:
      return multiply<TensorType::q5_1>(task);
    case TensorType::q4_k:
      return multiply<TensorType::q4_k>(task);
    case TensorType::q5_k:
      return multiply<TensorType::q5_k>(task);
    case TensorType::q6_k:
      return multiply<TensorType::q6_k>(task);
    case TensorType::iq4_nl:
      return multiply<TensorType::iq4_nl>(task);
    case TensorType::iq4_xs:
      return multiply<TensorType::iq4_xs>(task);
    default:
      return avx512_multiply_floats(task);
  }
}

void avx512_quantize(const Activations& in, std::size_t row) {
  const std::size_t tile = row / in.tile, first = tile * in.tile;
  const std::size_t n = in.m - first < in.tile ? in.m - first : in.tile;
  const std::size_t base = first * in.units, lane = row - first;
  const float* x = in.x + row * in.columns;
  for (std::size_t unit = 0; unit < in.units; ++unit, x += kUnitColumns) {
    const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    const __m512 inverse = _mm512_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);
    const __m512i first_half = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    const __m512i second_half = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    const int sums[2] = {_mm512_reduce_add_epi32(first_half), _mm512_reduce_add_epi32(second_half)};
    const std::size_t cell = base + unit * n + lane;
    auto* q = reinterpret_cast<__m128i*>(in.q + cell * kUnitColumns);
    _mm_storeu_si128(q, _mm512_cvtsepi32_epi8(first_half));
    _mm_storeu_si128(q + 1, _mm512_cvtsepi32_epi8(second_half));
    in.d[cell] = largest / 127.0f;
    in.sum[cell] = largest / 127.0f * static_cast<float>(sums[0] + sums[1]);
    in.bias[cell] = -128 * (sums[0] + sums[1]);
    std::int32_t* halves = in.half_bias + 2 * (base + unit * n) + lane;
    halves[0] = -128 * sums[0], halves[n] = -128 * sums[1];
  }
}

}  // namespace tollgate::local
