// embed(), where a step begins, and sum_parts(), for results that no other kernel takes as they are.
#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/kernels.h"
#include "local_backend/cuda/matrix_layout.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kThreads = 256;
constexpr int kColumns = 4;  // of a thread; neighbours' columns lie together, so that any `n` and stride will do

TOLLGATE_KERNEL_OF(kThreads, 4) embed_kernel(EmbedArgs args) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int row = block_y(), width = args.embedding.columns;
  std::int32_t token = args.tokens[row];
  if (token < 0) token = args.sampled[-(token + 1)];
  if (args.resolved != nullptr && block_x() == 0 && thread_index() == 0) args.resolved[row] = token;
  TOLLGATE_UNROLL
  for (int i = 0; i < kColumns; ++i) {
    const int column = (block_x() * kColumns + i) * kThreads + thread_index();
    if (column >= width) continue;
    args.x[static_cast<std::int64_t>(row) * width + column] = matrix_value(args.embedding, token, column) * args.scale;
  }
}

TOLLGATE_KERNEL_OF(kThreads, 4) sum_parts_kernel(Partials parts, const float* bias, int n, float* x) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int row = block_y(), first = block_x() * kThreads * kColumns + thread_index();
  float sums[kColumns] = {};
  const float* from = parts.data + row * parts.row_stride;
  for (int part = 0; part < parts.parts; ++part, from += parts.part_stride) {
    TOLLGATE_UNROLL
    for (int i = 0; i < kColumns; ++i)
      if (first + i * kThreads < n) sums[i] += from[first + i * kThreads];
  }
  TOLLGATE_UNROLL
  for (int i = 0; i < kColumns; ++i) {
    const int column = first + i * kThreads;
    if (column < n) x[static_cast<std::int64_t>(row) * n + column] = sums[i] + (bias != nullptr ? bias[column] : 0.0f);
  }
}

unsigned blocks_for(int columns) {
  return static_cast<unsigned>((columns + kThreads * kColumns - 1) / (kThreads * kColumns));
}

}  // namespace

void embed(Stream& stream, const EmbedArgs& args) {
  const unsigned blocks = blocks_for(args.embedding.columns);
  launch(stream, {blocks, static_cast<unsigned>(args.m), 1, kThreads, 0}, embed_kernel, args);
}

void sum_parts(Stream& stream, const Partials& parts, const float* bias, int m, int n, float* x) {
  launch(stream, {blocks_for(n), static_cast<unsigned>(m), 1, kThreads, 0}, sum_parts_kernel, parts, bias, n, x);
}

}  // namespace tollgate::local::gpu
