// Weights as plain numbers, for products of many tokens that a library does: bf16, or e4m3 with a scale for each row.
// The numbers before rounding are those of matrix_value() to the last bit.
#include "local_backend/cuda/activation_scale.h"
#include "local_backend/cuda/fp8.h"
#include "local_backend/cuda/gemm_formats.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kWarps = 8;

// Four neighbouring numbers of rows g and g + 8 each: what a lane has of 16 columns.
struct Numbers {
  float rows[2][4];
};

// `row_scales`: of rows g and g + 8 where the format has 16 bits.
template <class Format>
TOLLGATE_DEVICE Numbers numbers_of(const GemmUnit<Format>& unit, int step, const float (&row_scales)[2]) {
  std::uint32_t a[4], scales = 0, minima = 0;
  unpack(unit, step, a);
  const int group = step / Format::kGroupSteps;
  if constexpr (Format::kScaleWords > 0) scales = scales_of(unit, group * (Format::kMinimum ? 2 : 1));
  if constexpr (Format::kMinimum) minima = scales_of(unit, group * 2 + 1);
  Numbers out;
  TOLLGATE_UNROLL
  for (int high = 0; high < 2; ++high) {
    float scale = row_scales[high], minimum = 0;
    if constexpr (Format::kScaleWords > 0) scale = high == 0 ? low_half(scales) : high_half(scales);
    if constexpr (Format::kMinimum) minimum = high == 0 ? low_half(minima) : high_half(minima);
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t pair = a[high + i / 2 * 2];
      const float number = (i % 2 == 0 ? low_half(pair) : high_half(pair)) * scale;  // exact but with 16 bits
      out.rows[high][i] = Format::kMinimum ? number + minimum : number;
    }
  }
  return out;
}

// A unit of a tile: the lane's numbers, and where in the matrix they are.
template <class Format>
class TileReader {
 public:
  TOLLGATE_DEVICE TileReader(const DeviceMatrix& matrix, int tile) : matrix_(matrix), tile_(tile) {
    if constexpr (Format::kScaleWords == 0) {
      for (int high = 0; high < 2; ++high) row_scales_[high] = reinterpret_cast<const float*>(matrix.scales)[row(high)];
    }
  }
  TOLLGATE_DEVICE int row(int high) const { return tile_ * kTileRows + lane_index() / 4 + 8 * high; }

  // Calls use(high, column, numbers[4]) for what is within the matrix's columns; rows may be padding.
  template <class Use>
  TOLLGATE_DEVICE void each(int unit, const Use& use) const {
    const std::size_t index =
        static_cast<std::size_t>(tile_) * static_cast<std::size_t>(matrix_units(matrix_.columns)) +
        static_cast<std::size_t>(unit);
    const GemmUnit<Format> weights =
        read_unit<Format>(matrix_.values + index * Format::kUnitBytes, matrix_.scales + index * Format::kScaleBytes);
    TOLLGATE_UNROLL
    for (int step = 0; step < 4; ++step) {
      const Numbers numbers = numbers_of(weights, step, row_scales_);
      const int column = unit * kUnitColumns + step * 16 + lane_index() % 4 * 4;
      if (column >= matrix_.columns) continue;
      use(0, column, numbers.rows[0]);
      use(1, column, numbers.rows[1]);
    }
  }

 private:
  const DeviceMatrix& matrix_;
  const int tile_;
  float row_scales_[2] = {};
};

TOLLGATE_DEVICE std::uint32_t bf16_pair(float low, float high) {
  return float_to_bf16(low) | static_cast<std::uint32_t>(float_to_bf16(high)) << 16;
}

// Block: a tile of 16 rows and eight units, one for each warp.
template <class Format>
TOLLGATE_KERNEL_OF(kWarps* kWarp, 2)
bf16_kernel(DeviceMatrix matrix, std::uint16_t* out) {
  wait_for_previous_kernel();
  const int units = matrix_units(matrix.columns), across = (units + kWarps - 1) / kWarps;
  const int unit = block_x() % across * kWarps + warp_index();
  if (unit >= units) return;
  const TileReader<Format> tile(matrix, block_x() / across);
  tile.each(unit, [&](int high, int column, const float(&numbers)[4]) {
    const int row = tile.row(high);
    if (row >= matrix.rows) return;
    const std::size_t at = static_cast<std::size_t>(row) * static_cast<std::size_t>(matrix.columns);
    const Words2 words{bf16_pair(numbers[0], numbers[1]), bf16_pair(numbers[2], numbers[3])};
    *reinterpret_cast<Words2*>(out + at + static_cast<std::size_t>(column)) = words;
  });
}

// The largest magnitude of each of the block's 16 rows, of what each lane has seen of its two; for all threads.
TOLLGATE_DEVICE void largest_of_rows(float (&largest)[2]) {
  auto* const shared = reinterpret_cast<float*>(shared_memory());  // [kWarps][kTileRows]
  TOLLGATE_UNROLL
  for (int high = 0; high < 2; ++high) {
    for (int mask = 1; mask < 4; mask *= 2) {
      const float other = shuffle_xor(largest[high], mask);
      largest[high] = other > largest[high] ? other : largest[high];
    }
    if (lane_index() % 4 == 0) shared[warp_index() * kTileRows + lane_index() / 4 + 8 * high] = largest[high];
  }
  sync_block();
  for (int high = 0; high < 2; ++high) {
    for (int warp = 0; warp < kWarps; ++warp) {
      const float other = shared[warp * kTileRows + lane_index() / 4 + 8 * high];
      largest[high] = other > largest[high] ? other : largest[high];
    }
  }
}

// Block: a tile of 16 rows, read twice: for the largest magnitudes, then for the numbers.
template <class Format>
TOLLGATE_KERNEL_OF(kWarps* kWarp, 2)
fp8_kernel(DeviceMatrix matrix, std::uint8_t* out, float* row_scales) {
  wait_for_previous_kernel();
  const TileReader<Format> tile(matrix, block_x());
  const int units = matrix_units(matrix.columns);
  float largest[2] = {};
  for (int unit = warp_index(); unit < units; unit += kWarps) {
    tile.each(unit, [&](int high, int, const float(&numbers)[4]) {
      for (const float number : numbers) {
        const float magnitude = number < 0 ? -number : number;
        largest[high] = magnitude > largest[high] ? magnitude : largest[high];
      }
    });
  }
  largest_of_rows(largest);
  float inverse[2];
  for (int high = 0; high < 2; ++high) {
    const RowScale scale = row_scale(ActivationFormat::fp8, largest[high]);
    inverse[high] = scale.inverse;
    if (warp_index() == 0 && lane_index() % 4 == 0 && tile.row(high) < matrix.rows)
      row_scales[tile.row(high)] = scale.scale;
  }
  for (int unit = warp_index(); unit < units; unit += kWarps) {
    tile.each(unit, [&](int high, int column, const float(&numbers)[4]) {
      const int row = tile.row(high);
      if (row >= matrix.rows) return;
      std::uint32_t word = 0;
      for (int i = 0; i < 4; ++i)
        word |= static_cast<std::uint32_t>(float_to_fp8(numbers[i] * inverse[high])) << (8 * i);
      const std::size_t at = static_cast<std::size_t>(row) * static_cast<std::size_t>(matrix.columns);
      *reinterpret_cast<std::uint32_t*>(out + at + static_cast<std::size_t>(column)) = word;
    });
  }
}

}  // namespace

void dequantize_bf16(Stream& stream, const DeviceMatrix& matrix, std::uint16_t* out) {
  const int across = (matrix_units(matrix.columns) + kWarps - 1) / kWarps;
  const Grid grid{.x = static_cast<unsigned>(matrix_tiles(matrix.rows) * across), .threads = kWarps * kWarp};
  with_format(matrix, [&](auto format) { launch(stream, grid, bf16_kernel<decltype(format)>, matrix, out); });
}

void dequantize_fp8(Stream& stream, const DeviceMatrix& matrix, std::uint8_t* out, float* row_scales) {
  const Grid grid{.x = static_cast<unsigned>(matrix_tiles(matrix.rows)),
                  .threads = kWarps * kWarp,
                  .shared_bytes = kWarps * kTileRows * sizeof(float)};
  with_format(matrix,
              [&](auto format) { launch(stream, grid, fp8_kernel<decltype(format)>, matrix, out, row_scales); });
}

}  // namespace tollgate::local::gpu
