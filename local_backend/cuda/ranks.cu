// join_columns(): what all_gather() of collective.h leaves, as rows.
#include "local_backend/cuda/gpu.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kThreads = 256;

// Block (tile, row): kThreads columns of a row.
TOLLGATE_KERNEL_OF(kThreads, 8)
join_columns_kernel(const float* parts, int m, int columns, int part_columns, float* out) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int column = block_x() * kThreads + thread_index(), row = block_y();
  if (column >= columns) return;
  const int part = column / part_columns, first = part * part_columns;
  const int width = columns - first < part_columns ? columns - first : part_columns;
  const std::int64_t begin = static_cast<std::int64_t>(part) * m * part_columns;
  out[static_cast<std::int64_t>(row) * columns + column] =
      parts[begin + static_cast<std::int64_t>(row) * width + column - first];
}

}  // namespace

void join_columns(Stream& stream, const float* parts, int m, int columns, int part_columns, float* out) {
  const Grid grid{static_cast<unsigned>((columns + kThreads - 1) / kThreads), static_cast<unsigned>(m), 1, kThreads, 0};
  launch(stream, grid, join_columns_kernel, parts, m, columns, part_columns, out);
}

}  // namespace tollgate::local::gpu
