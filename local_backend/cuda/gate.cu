// gate() and convert_rows(): rows that become another product's input by themselves, one block for each.
// At one row of 14,336 columns and 2 parts a gate reads 224 KiB: 4 us are expected, of them 1 for the launch. Two
// launches, the first one spread over the device, would take as long: the scale needs the whole row.
#include "local_backend/cuda/row_writer.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kChunks = 4;      // of four columns, of a thread at once
constexpr int kGateWarps = 28;  // at most: as many as leave a thread 72 registers, and 14,336 columns at once

TOLLGATE_DEVICE float silu(float x) { return x / (1.0f + expf(-x)); }
// The tanh form: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2.
TOLLGATE_DEVICE float gelu(float x) {
  constexpr float kRoot = 0.7978845608028654f;  // sqrt(2 / pi)
  return 0.5f * x * (1.0f + tanhf(kRoot * (x + 0.044715f * x * x * x)));
}

TOLLGATE_DEVICE float larger_magnitude(float largest, const Floats4& four) {
  TOLLGATE_UNROLL
  for (int i = 0; i < 4; ++i) largest = fabsf(four.at[i]) > largest ? fabsf(four.at[i]) : largest;
  return largest;
}

TOLLGATE_KERNEL_OF(kGateWarps* kWarp, 1) gate_kernel(GateArgs args) {
  float* scratch = reinterpret_cast<float*>(shared_memory());
  float* values = scratch + kMaxWarps;
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int row = block_x(), step = 4 * block_threads();
  float largest = 0;
  for (int column = 4 * thread_index(); column < args.ffn; column += kChunks * step) {
    Floats4 gates[kChunks] = {}, ups[kChunks] = {};
    add_parts(gates, args.gate, row, column, step, args.ffn);
    add_parts(ups, args.up, row, column, step, args.ffn);
    add_vector(gates, args.gate_bias, column, step, args.ffn);
    add_vector(ups, args.up_bias, column, step, args.ffn);
    TOLLGATE_UNROLL
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      if (column + chunk * step >= args.ffn) continue;
      Floats4& four = gates[chunk];
      TOLLGATE_UNROLL
      for (int i = 0; i < 4; ++i) four.at[i] = (args.gelu ? gelu(four.at[i]) : silu(four.at[i])) * ups[chunk].at[i];
      largest = larger_magnitude(largest, four);
      store_floats(values + column + chunk * step, four);
    }
  }
  write_row(args.out, row, args.ffn, values, block_max(largest, scratch));
}

TOLLGATE_KERNEL_OF(kGateWarps* kWarp, 1)
convert_rows_kernel(const std::uint16_t* halves, int columns, Activations out) {
  float* scratch = reinterpret_cast<float*>(shared_memory());
  float* values = scratch + kMaxWarps;
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int row = block_x();
  const std::uint16_t* from = halves + static_cast<std::int64_t>(row) * columns;
  float largest = 0;
  for (int column = 4 * thread_index(); column < columns; column += 4 * block_threads()) {
    const Words2 words = *reinterpret_cast<const Words2*>(from + column);
    const Floats4 four{{low_half(words.x), high_half(words.x), low_half(words.y), high_half(words.y)}};
    largest = larger_magnitude(largest, four);
    store_floats(values + column, four);
  }
  write_row(out, row, columns, values, block_max(largest, scratch));
}

Grid row_grid(int m, int columns) {
  const std::size_t shared = (kMaxWarps + static_cast<std::size_t>(columns)) * sizeof(float);
  return {static_cast<unsigned>(m), 1, 1, threads_for(columns, kChunks, kGateWarps), shared};
}

}  // namespace

void gate(Stream& stream, const GateArgs& args) { launch(stream, row_grid(args.m, args.ffn), gate_kernel, args); }

void convert_rows(Stream& stream, const std::uint16_t* halves, int m, int columns, const Activations& out) {
  launch(stream, row_grid(m, columns), convert_rows_kernel, halves, columns, out);
}

}  // namespace tollgate::local::gpu
