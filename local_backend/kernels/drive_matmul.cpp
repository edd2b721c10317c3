// How products are cut into chunks for the workers: activations quantised once, then panels of rows.
#include <algorithm>
#include <functional>
#include <utility>

#include "local_backend/kernels/drive.h"
#include "local_backend/kernels/panel.h"

namespace tollgate::local::drive {
namespace {

constexpr std::size_t kAlign = 64;
// Input rows that a chunk of a wide product takes: their bytes should stay in the second-level cache while panel after
// panel passes by.
constexpr std::size_t kWideRows = 240;
// Bytes of weights that a chunk of a narrow product reads: about ten microseconds of one core's memory bandwidth.
constexpr std::size_t kNarrowBytes = std::size_t{96} * 1024;
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

// How one matrix is cut: `blocks` runs of input rows times `runs` runs of panels.
struct Cut {
  std::size_t panels = 0, panels_per_run = 1, runs = 0;
};

Cut cut(const PackedMatrix& matrix, bool narrow) {
  const std::size_t panels = panel_count(matrix.rows);
  const std::size_t bytes = panel_bytes(panel_form(matrix.type), matrix.columns);
  const std::size_t each = narrow ? std::max<std::size_t>(kNarrowBytes / bytes, 1) : 1;
  return {panels, each, (panels + each - 1) / each};
}

void multiply(const LevelOps& ops, const PackedMatrix& matrix, const Cut& cut, std::size_t run, PanelTask task,
              float* y, bool narrow) {
  const std::size_t bytes = panel_bytes(panel_form(matrix.type), matrix.columns);
  const std::size_t end = std::min((run + 1) * cut.panels_per_run, cut.panels);
  task.type = matrix.type;
  task.stride = matrix.rows;
  for (std::size_t panel = run * cut.panels_per_run; panel < end; ++panel) {
    task.panel = reinterpret_cast<const std::uint8_t*>(matrix.data.get()) + panel * bytes;
    task.rows = std::min(kPanelRows, matrix.rows - panel * kPanelRows);
    task.y = y + task.first * matrix.rows + panel * kPanelRows;
    narrow ? ops.multiply_narrow(task) : ops.multiply_wide(task);
  }
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

  std::size_t runs = 0;
  for (const PackedMatrix* matrix : matrices) runs += cut(*matrix, narrow).runs;
  const std::size_t block_rows = narrow ? m : std::max<std::size_t>(kWideRows / ops.tile, 1) * ops.tile;
  const std::size_t blocks = (m + block_rows - 1) / block_rows;
  auto chunk = [&](int index) {
    PanelTask task{.in = &in};
    task.first = static_cast<std::size_t>(index) / runs * block_rows;
    task.count = std::min(block_rows, m - task.first);
    std::size_t run = static_cast<std::size_t>(index) % runs;
    for (std::size_t i = 0; i < matrices.size(); ++i) {
      const Cut parts = cut(*matrices[i], narrow);
      if (run < parts.runs) return multiply(ops, *matrices[i], parts, run, task, ys[i], narrow);
      run -= parts.runs;
    }
  };
  workers.run(static_cast<int>(runs * blocks), std::ref(chunk));
}

}  // namespace tollgate::local::drive
