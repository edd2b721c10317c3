// What `tollgate bench engine` is asked for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/money.h"
#include "core/result.h"
#include "gateway/bench/cost.h"
#include "gateway/bench/grid.h"
#include "gateway/bench/workload.h"
#include "gateway/commands.h"
#include "local_backend/kernels/kernels.h"

namespace tollgate::gateway::bench {

struct Options {
  std::string model, device = "auto";
  int threads = 0;  // 0 = the engine's own choice; so below
  local::KvType kv = local::KvType::f16;
  std::size_t kv_bytes = 0, context = 0;
  std::optional<Money> hourly;  // USD for an hour of the machine
  std::string json;             // a file, or "-" for stdout instead of the tables; empty: none
  std::uint64_t seed = 1;

  bool serve = false;
  GridOptions grid;                       // unless serve; so the next line
  std::optional<double> bandwidth, peak;  // GB/s, TFLOPS
  std::string shape_name;
  WorkloadOptions workload;  // of serve; its context is filled in once the model is loaded
  std::size_t max_running = 256;
  std::optional<HostedPrice> hosted;
};

// Errors: client_fault that says what is wrong and what may be said.
Result<Options> read_options(Arguments& arguments);

}  // namespace tollgate::gateway::bench
