// How products are cut into chunks for the workers: activations quantised once, then panels of rows.
#include <algorithm>
#include <functional>
#include <utility>

#include "local_backend/kernels/drive.h"
#include "local_backend/kernels/panel.h"

namespace tollgate::local::drive {
namespace {

constexpr std::size_t kAlign = 64;
// Bytes of weights that a run of panels has in a narrow product. Runs shrink towards the end: long ones stream from
// memory at its full speed, short ones let the threads finish together. The least is about two microseconds of one
// core's memory bandwidth, the most what a thread may be late by.
constexpr std::size_t kLeastBytes = std::size_t{32} * 1024, kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kMostRuns = 512;  // of a narrow product
constexpr std::size_t kMostMatrices = 8;
constexpr std::size_t kQuantizeRows = 8;  // per chunk

std::size_t aligned(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Cuts `scratch` into the arrays of Activations.
Activations place(std::byte* scratch, const float* x, std::size_t m, std::size_t columns, std::size_t tile) {
  Activations in{.x = x, .m = m, .columns = columns, .units = panel_units(columns), .tile = tile};
  const std::size_t cells = m * in.units;
  auto* at = reinterpret_cast<std::byte*>(aligned(reinterpret_cast<std::uintptr_t>(scratch)));
  auto take = [&at](std::size_t bytes) { return std::exchange(at, at + aligned(bytes)); };
  in.q = reinterpret_cast<std::int8_t*>(take(cells * kUnitColumns));
  in.d = reinterpret_cast<float*>(take(cells * sizeof(float)));
  in.sum = reinterpret_cast<float*>(take(cells * sizeof(float)));
  in.bias = reinterpret_cast<std::int32_t*>(take(cells * sizeof(std::int32_t)));
  in.half_bias = reinterpret_cast<std::int32_t*>(take(2 * cells * sizeof(std::int32_t)));
  return in;
}

void quantize(const LevelOps& ops, const Activations& in, Workers& workers) {
  auto chunk = [&](int index) {
    const std::size_t first = static_cast<std::size_t>(index) * kQuantizeRows;
    for (std::size_t row = first; row < std::min(first + kQuantizeRows, in.m); ++row) ops.quantize(in, row);
  };
  workers.run(static_cast<int>((in.m + kQuantizeRows - 1) / kQuantizeRows), std::ref(chunk));
}

using Matrices = std::span<const PackedMatrix* const>;

std::size_t panel_bytes_of(const PackedMatrix& matrix) { return panel_bytes(panel_form(matrix.type), matrix.columns); }

// Panels [first, end) of one matrix.
struct Run {
  std::uint32_t matrix = 0, first = 0, end = 0;
};

struct Runs {
  std::size_t count = 0;
  Run at[kMostRuns];
};

// REQUIRES: at most kMostMatrices. A run has at least half of `least`, but for a matrix's last one: so all fit.
void cut(Matrices matrices, std::size_t threads, Runs& runs) {
  std::size_t left = 0;
  for (const PackedMatrix* matrix : matrices) left += matrix->bytes;
  const std::size_t least = std::max(kLeastBytes, 2 * left / (kMostRuns - kMostMatrices) + 1);
  const std::size_t most = std::max(kMostBytes, least);
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const std::size_t bytes = panel_bytes_of(*matrices[i]), panels = panel_count(matrices[i]->rows);
    for (std::size_t panel = 0; panel < panels;) {
      const std::size_t wanted = std::clamp(left / (2 * threads), least, most);
      const std::size_t end = std::min(panel + std::max<std::size_t>(wanted / bytes, 1), panels);
      runs.at[runs.count++] = {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(panel),
                               static_cast<std::uint32_t>(end)};
      left -= std::min(left, (end - panel) * bytes);
      panel = end;
    }
  }
}

void multiply(const LevelOps& ops, const PackedMatrix& matrix, std::size_t first, std::size_t end, PanelTask task,
              float* y, bool narrow) {
  const std::size_t bytes = panel_bytes_of(matrix);
  task.type = matrix.type;
  task.stride = matrix.rows;
  for (std::size_t panel = first; panel < end; ++panel) {
    task.panel = reinterpret_cast<const std::uint8_t*>(matrix.data.get()) + panel * bytes;
    task.rows = std::min(kPanelRows, matrix.rows - panel * kPanelRows);
    task.y = y + task.first * matrix.rows + panel * kPanelRows;
    narrow ? ops.multiply_narrow(task) : ops.multiply_wide(task);
  }
}

// Few input rows: runs of panels, each read once.
void multiply_narrow(const LevelOps& ops, Matrices matrices, const Activations& in, std::span<float* const> ys,
                     Workers& workers) {
  Runs runs;
  cut(matrices, static_cast<std::size_t>(workers.threads()), runs);
  auto chunk = [&](int index) {
    const Run& run = runs.at[static_cast<std::size_t>(index)];
    multiply(ops, *matrices[run.matrix], run.first, run.end, {.in = &in, .count = in.m}, ys[run.matrix], true);
  };
  workers.run(static_cast<int>(runs.count), std::ref(chunk));
}

// Many: blocks of input rows, as equal as tiles allow, times single panels.
void multiply_wide(const LevelOps& ops, Matrices matrices, const Activations& in, std::span<float* const> ys,
                   Workers& workers) {
  std::size_t panels = 0;
  for (const PackedMatrix* matrix : matrices) panels += panel_count(matrix->rows);
  const std::size_t blocks = (in.m + kWideRows - 1) / kWideRows;
  const std::size_t block_rows = ((in.m + blocks - 1) / blocks + ops.tile - 1) / ops.tile * ops.tile;
  auto chunk = [&](int index) {
    const std::size_t first = static_cast<std::size_t>(index) / panels * block_rows;
    const PanelTask task{.in = &in, .first = first, .count = std::min(block_rows, in.m - first)};
    std::size_t panel = static_cast<std::size_t>(index) % panels;
    std::size_t i = 0;
    for (; panel >= panel_count(matrices[i]->rows); ++i) panel -= panel_count(matrices[i]->rows);
    multiply(ops, *matrices[i], panel, panel + 1, task, ys[i], false);
  };
  workers.run(static_cast<int>(panels * blocks), std::ref(chunk));
}

}  // namespace

std::size_t scratch_bytes(std::size_t max_m, std::size_t max_columns) {
  const std::size_t cells = max_m * panel_units(max_columns);
  return cells * (kUnitColumns + 5 * sizeof(float)) + 6 * kAlign;
}

void matmul(const LevelOps& ops, std::span<const PackedMatrix* const> matrices, const float* x, std::size_t m,
            std::span<float* const> ys, std::byte* scratch, Workers& workers) {
  if (m == 0 || matrices.empty()) return;
  const bool narrow = m <= ops.narrow;
  const Activations in = place(scratch, x, m, matrices[0]->columns, narrow ? m : ops.tile);
  const bool quants = std::any_of(matrices.begin(), matrices.end(),
                                  [](const PackedMatrix* matrix) { return !is_float(panel_form(matrix->type)); });
  if (quants) quantize(ops, in, workers);
  (narrow ? multiply_narrow : multiply_wide)(ops, matrices, in, ys, workers);
}

}  // namespace tollgate::local::drive
