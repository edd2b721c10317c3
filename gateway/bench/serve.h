// Traffic against an engine in this process: requests come when they are planned to come, whatever the engine is at
// (open loop), and times count from then on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/result.h"
#include "gateway/bench/cost.h"
#include "gateway/bench/patience.h"
#include "gateway/bench/progress.h"
#include "gateway/bench/samples.h"
#include "gateway/bench/workload.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench {

struct ServeFigures {
  std::size_t requests = 0, failed = 0;
  std::string first_failure;
  std::int64_t took_us = 0;  // from the first planned arrival to the last end
  std::int64_t idle_us = 0;  // of it the engine had nothing to do
  std::int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // of requests that did not fail
  std::uint64_t preemptions = 0, steps = 0;
  std::optional<Percentiles> first_token, between_tokens, whole;  // TTFT, ITL, end to end: microseconds
  std::vector<Traffic> traffic;                                   // of each request that did not fail
};

// Errors: Patience's; requests that the engine refuses or fails are counted instead. REQUIRES: a plan that is not
// empty.
Result<ServeFigures> run_serve(local::Engine& engine, const std::vector<PlannedRequest>& plan, std::uint64_t seed,
                               std::chrono::milliseconds patience, Progress& progress);

// KV blocks for as many of these requests at once as may run.
std::size_t blocks_for(const std::vector<PlannedRequest>& plan, std::size_t max_running);

}  // namespace tollgate::gateway::bench
