// Writes a row of floats as activations. Included by .cu files alone.
#pragma once

#include "local_backend/cuda/activation_scale.h"
#include "local_backend/cuda/rows.h"

namespace tollgate::local::gpu {

inline constexpr int kLanesPerSum = kSumGroup / 4;

// Row `row` of `out`, by the whole block. values: [columns] in shared memory; a thread reads what is at its own places,
// 4 * thread_index() + 4 * block_threads() * i and the three behind. `largest`: of the row's magnitudes.
TOLLGATE_DEVICE void write_row(const Activations& out, int row, int columns, const float* values, float largest) {
  const RowScale scale = row_scale(out.format, largest);
  const std::int64_t start = static_cast<std::int64_t>(row) * columns;
  if (thread_index() == 0 && out.format != ActivationFormat::bf16) out.scales[row] = scale.scale;
  for (int base = 0; base < columns; base += 4 * block_threads()) {
    const int column = base + 4 * thread_index();
    const bool mine = column < columns;
    const Floats4 four = mine ? load_floats(values + column) : Floats4{};
    float sum = 0;
    if (mine && out.format == ActivationFormat::f16) {
      sum = write_halves(static_cast<std::uint16_t*>(out.values) + start + column, four, scale.inverse);
    } else if (mine && out.format == ActivationFormat::fp8) {
      *reinterpret_cast<std::uint32_t*>(static_cast<std::uint8_t*>(out.values) + start + column) =
          fp8_word(four, scale.inverse);
    } else if (mine) {
      const auto pair = [&](int i) {
        return float_to_bf16(four.at[i]) | static_cast<std::uint32_t>(float_to_bf16(four.at[i + 1])) << 16;
      };
      *reinterpret_cast<Words2*>(static_cast<std::uint16_t*>(out.values) + start + column) = Words2{pair(0), pair(2)};
    }
    if (out.format != ActivationFormat::f16 || out.sums == nullptr) continue;
    TOLLGATE_UNROLL
    for (int mask = 1; mask < kLanesPerSum; mask *= 2) sum += shuffle_xor(sum, mask);
    if (mine && lane_index() % kLanesPerSum == 0) out.sums[start / kSumGroup + column / kSumGroup] = sum * scale.scale;
  }
}

}  // namespace tollgate::local::gpu
