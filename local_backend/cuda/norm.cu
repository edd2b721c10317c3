// add_norm(): what a sublayer gave joins the residual stream, and the norm of the sum becomes the next product's rows.
// At one row of 4,096 columns and 8 parts a block reads 144 KiB: 3 us are expected, of them 1 for the launch.
#include "local_backend/cuda/row_writer.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kChunks = 2;  // of four columns, of a thread at once
constexpr int kScratchFloats = 3 * kMaxWarps;

// Of a thread's values in shared memory, its part of the sum of squares.
TOLLGATE_DEVICE float squares_of(const float* values, int width) {
  float sum = 0;
  for (int column = 4 * thread_index(); column < width; column += 4 * block_threads()) {
    const Floats4 four = load_floats(values + column);
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) sum += four.at[i] * four.at[i];
  }
  return sum;
}

TOLLGATE_DEVICE float norm_scale(float squares, int width, float eps) {
  return 1.0f / sqrtf(squares / static_cast<float>(width) + eps);
}

// Into `values`: the sum of parts and bias.
TOLLGATE_DEVICE void gather_delta(const AddNormArgs& args, int row, float* values) {
  const int step = 4 * block_threads();
  for (int column = 4 * thread_index(); column < args.width; column += kChunks * step) {
    Floats4 sums[kChunks] = {};
    add_parts(sums, args.delta, row, column, step, args.width);
    add_vector(sums, args.bias, column, step, args.width);
    TOLLGATE_UNROLL
    for (int i = 0; i < kChunks; ++i)
      if (column + i * step < args.width) store_floats(values + column + i * step, sums[i]);
  }
}

// values = x + values * (post norm's weight times `scale`, or 1), which becomes the new x; without a delta values = x.
TOLLGATE_DEVICE void add_to_stream(const AddNormArgs& args, float* x, float scale, float* values) {
  for (int column = 4 * thread_index(); column < args.width; column += 4 * block_threads()) {
    Floats4 sum = load_floats(x + column);
    if (args.delta.parts > 0) {
      const Floats4 delta = load_floats(values + column);
      const Floats4 weight = args.post_norm != nullptr ? load_floats(args.post_norm + column) : Floats4{{1, 1, 1, 1}};
      TOLLGATE_UNROLL
      for (int i = 0; i < 4; ++i) sum.at[i] += delta.at[i] * scale * weight.at[i];
      store_floats(x + column, sum);
    }
    store_floats(values + column, sum);
  }
}

// A block for each row. Every thread reads back from shared memory only what it wrote there itself.
TOLLGATE_KERNEL_OF(1024, 1) add_norm_kernel(AddNormArgs args) {
  float* scratch = reinterpret_cast<float*>(shared_memory());
  float* values = scratch + kScratchFloats;
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int row = block_x();
  const int width = args.width;
  float* x = args.x + static_cast<std::int64_t>(args.rows != nullptr ? args.rows[row] : row) * width;
  float scale = 1;
  if (args.delta.parts > 0) {
    gather_delta(args, row, values);
    if (args.post_norm != nullptr) scale = norm_scale(block_sum(squares_of(values, width), scratch), width, args.eps);
  }
  add_to_stream(args, x, scale, values);
  if (args.weight == nullptr) return;

  scale = norm_scale(block_sum(squares_of(values, width), scratch + kMaxWarps), width, args.eps);
  float largest = 0;
  for (int column = 4 * thread_index(); column < width; column += 4 * block_threads()) {
    Floats4 four = load_floats(values + column);
    const Floats4 weight = load_floats(args.weight + column);
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) {
      four.at[i] = four.at[i] * scale * weight.at[i];
      largest = fabsf(four.at[i]) > largest ? fabsf(four.at[i]) : largest;
    }
    store_floats(values + column, four);
    if (args.out_float != nullptr) store_floats(args.out_float + static_cast<std::int64_t>(row) * width + column, four);
  }
  if (args.out.values == nullptr) return;
  write_row(args.out, row, width, values, block_max(largest, scratch + 2 * kMaxWarps));
}

}  // namespace

void add_norm(Stream& stream, const AddNormArgs& args) {
  const std::size_t shared = (kScratchFloats + static_cast<std::size_t>(args.width)) * sizeof(float);
  launch(stream, {static_cast<unsigned>(args.m), 1, 1, threads_for(args.width, kChunks), shared}, add_norm_kernel,
         args);
}

}  // namespace tollgate::local::gpu
