// Products of the amx level with many input rows: tile instructions multiply 16 input rows by 16 panel rows over the
// columns that share a scale, and vectors scale the integers into float sums. The operations on each number are those
// of the avx512_vnni level in the same order, so the two levels agree to the last bit.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/amx_ops.h"
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/byte_block.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kTile = 16;
constexpr int kProducts = 0, kInputs = 1, kWeights = 2;  // tile registers

// The operand of LDTILECFG.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t column_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// Tiles for n input rows and `columns` columns at a time.
void configure(std::size_t n, std::size_t columns) {
  TileConfig config;
  config.rows[kProducts] = config.rows[kInputs] = static_cast<std::uint8_t>(n);
  config.rows[kWeights] = static_cast<std::uint8_t>(columns / 4);
  config.column_bytes[kProducts] = config.column_bytes[kWeights] = 64;
  config.column_bytes[kInputs] = static_cast<std::uint16_t>(columns);
  _tile_loadconfig(&config);
}

// A tile's n input rows, from the first unit of a block on.
struct TileInputs {
  const std::int8_t* q;
  const float *d, *sum;
  const std::int32_t *bias, *half_bias;
  std::size_t n;
};

TileInputs inputs_of(const Activations& in, std::size_t first, std::size_t n, std::size_t unit) {
  const std::size_t base = first * in.units + unit * n;
  return {in.q + base * kUnitColumns, in.d + base, in.sum + base, in.bias + base, in.half_bias + 2 * base, n};
}

// sums[row] += scale * d[row] * (products[row] + bias[row]), a half of the panel's rows for each input row.
void scale_products(const std::int32_t (&products)[kTile][16], __m512 scale, const float* d, const std::int32_t* bias,
                    std::size_t n, float (&sums)[kTile][16]) {
  for (std::size_t row = 0; row < n; ++row) {
    __m512i product = _mm512_load_si512(products[row]);
    if (bias != nullptr) product = _mm512_add_epi32(product, _mm512_set1_epi32(bias[row]));
    const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(d[row]));
    _mm512_store_ps(sums[row], _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), factor, _mm512_load_ps(sums[row])));
  }
}

void add_minimum(__m512 minimum, const float* sum, std::size_t n, float (&sums)[kTile][16]) {
  for (std::size_t row = 0; row < n; ++row)
    _mm512_store_ps(sums[row], _mm512_fmadd_ps(minimum, _mm512_set1_ps(sum[row]), _mm512_load_ps(sums[row])));
}

// One half of the panel's rows; the tiles are configured.
void multiply_half(const ByteBlock& block, std::size_t units, const PanelForm& form, TileInputs in, int half,
                   float (&sums)[kTile][16]) {
  alignas(64) std::int32_t products[kTile][16];
  const int parts = form.halves ? 2 : 1;
  for (std::size_t i = 0; i < units; ++i) {
    for (int part = 0; part < parts; ++part) {
      // Products 0, inputs 1, weights 2: GCC wants the registers as literals here.
      _tile_zero(0);
      _tile_loadd(1, in.q + 16 * part, kUnitColumns);
      _tile_loadd(2, block.weights[i][4 * part][half], sizeof block.weights[i][0]);
      _tile_dpbsud(0, 1, 2);
      _tile_stored(0, products, sizeof products[0]);
      const std::int32_t* bias = form.minimum ? nullptr : in.bias;
      if (form.halves) bias = in.half_bias + static_cast<std::size_t>(part) * in.n;
      scale_products(products, _mm512_load_ps(block.scales[i][part][half]), in.d, bias, in.n, sums);
    }
    if (form.minimum) add_minimum(_mm512_load_ps(block.minima[i][half]), in.sum, in.n, sums);
    in.q += in.n * kUnitColumns, in.d += in.n, in.sum += in.n, in.bias += in.n, in.half_bias += 2 * in.n;
  }
}

void multiply_tile(const ByteBlock& block, std::size_t units, const PanelTask& task, std::size_t row, std::size_t n,
                   std::size_t unit) {
  const PanelForm form = panel_form(task.type);
  alignas(64) float sums[kTile][16];
  for (int half = 0; half < 2; ++half) {
    const __mmask16 mask = Vector::lanes(rows_from(task.rows, half));
    float* y = task.y + row * task.stride + 16 * half;
    for (std::size_t i = 0; i < n; ++i)
      _mm512_store_ps(sums[i], unit == 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, y + i * task.stride));
    multiply_half(block, units, form, inputs_of(*task.in, task.first + row, n, unit), half, sums);
    for (std::size_t i = 0; i < n; ++i) _mm512_mask_storeu_ps(y + i * task.stride, mask, _mm512_load_ps(sums[i]));
  }
}

}  // namespace

void amx_multiply_wide(const PanelTask& task) {
  const PanelForm form = panel_form(task.type);
  if (is_float(form)) return avx512_multiply_floats(task);
  const std::size_t columns = form.halves ? kUnitColumns / 2 : kUnitColumns;
  const std::size_t whole = task.count / kTile * kTile;
  ByteBlock block;
  for (std::size_t unit = 0; unit < task.in->units; unit += kBlockUnits) {
    const std::size_t units = task.in->units - unit < kBlockUnits ? task.in->units - unit : kBlockUnits;
    expand(task.type, task.panel, unit, units, block);
    if (whole != 0) configure(kTile, columns);
    for (std::size_t row = 0; row < whole; row += kTile) multiply_tile(block, units, task, row, kTile, unit);
    if (whole == task.count) continue;
    configure(task.count - whole, columns);
    multiply_tile(block, units, task, whole, task.count - whole, unit);
  }
  _tile_release();
}

}  // namespace tollgate::local
