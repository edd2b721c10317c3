// What was measured, as tables for people and as JSON for programs. What is not known is "-" and null. Thread rule:
// pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/money.h"
#include "gateway/bench/cost.h"
#include "gateway/bench/grid.h"
#include "gateway/bench/roofline.h"
#include "gateway/bench/serve.h"

namespace tollgate::gateway::bench {

// On what it was measured.
struct Setting {
  std::string file, name, architecture, device, kv;
  std::uint64_t file_bytes = 0;
  std::size_t context = 0, kv_blocks = 0, step_tokens = 0;
  std::optional<double> bandwidth, peak;  // GB/s, TFLOPS
  bool bandwidth_measured = false;
  std::optional<Money> hourly;
};

struct GridSpeed {
  GridRow row;
  std::vector<std::int64_t> us;
  std::string left_out;  // why the rest is empty
  double tokens_per_second = 0;
  std::optional<double> memory_ceiling, compute_ceiling;  // tokens per second
  std::optional<Money> per_million;                       // USD
};
GridSpeed speed_of(const GridFigure& figure, const GridOptions& options, const ModelWork& model,
                   const Setting& setting);

struct ServeCost {
  Money machine;
  std::optional<Money> per_million_output, per_million;
  std::string against;  // empty: nothing
  std::optional<Money> hosted, hosted_per_million_output, hosted_per_million;
  std::optional<BreakEven> break_even;
};
std::optional<ServeCost> cost_of(const ServeFigures& figures, const std::optional<Money>& hourly,
                                 const std::optional<HostedPrice>& hosted);

struct GridReport {
  GridOptions options;
  std::vector<GridSpeed> rows;
};
struct ServeReport {
  std::string shape;
  WorkloadOptions options;
  ServeFigures figures;
  std::optional<ServeCost> cost;
};

std::string setting_text(const Setting& setting);
std::string grid_text(const Setting& setting, const GridReport& report);
std::string serve_text(const ServeReport& report);

// One object; of `grid` and `serve` one is null.
std::string report_json(const Setting& setting, const GridReport* grid, const ServeReport* serve);

}  // namespace tollgate::gateway::bench
