// Prompts and decoding, one size at a time: how many tokens a second an engine computes when it has nothing else to do.
// Through Engine alone, so the same on every device; what the scheduler takes is part of the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "gateway/bench/patience.h"
#include "gateway/bench/progress.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench {

struct GridRow {
  bool prefill = false;
  std::size_t size = 0;  // prefill: tokens of one prompt; else sequences that decode at once
  std::string name() const { return (prefill ? "pp" : "tg") + std::to_string(size); }
};
inline constexpr std::size_t kMostBatch = 512, kMostPrompt = 1u << 20, kMostSteps = 4096, kMostRepeats = 100;

// "pp128,tg8". Errors: client_fault with what may be said.
Result<std::vector<GridRow>> parse_rows(std::string_view text);
inline constexpr std::string_view kUsualRows = "pp128,pp512,pp2048,tg1,tg8,tg32,tg256";

struct GridOptions {
  std::vector<GridRow> rows;
  std::size_t depth = 128;  // tokens of context behind which decoding begins
  std::size_t steps = 32;   // of decoding that are timed
  std::size_t repeats = 3;
  std::uint64_t seed = 1;
  std::chrono::milliseconds patience = kPatience;
};

struct GridFigure {
  GridRow row;
  std::vector<std::int64_t> us;  // of each repeat; empty: left out
  std::int64_t tokens = 0;       // that were computed (prefill) or drawn (decoding) in that time
  double context = 0;            // decoding: mean tokens of context of a sequence in the timed steps
  std::string left_out;          // why there is no time
};

// The blocks of the largest row that the context holds, and the most sequences of any: what an engine for this needs.
std::size_t blocks_for(const GridOptions& options, std::size_t context);
std::size_t largest_batch(const std::vector<GridRow>& rows);

// REQUIRES: an engine without speculation and without other work. A row that does not fit is left out with the reason.
// Errors: what the engine says, and Patience's.
Result<std::vector<GridFigure>> run_grid(local::Engine& engine, const GridOptions& options, Progress& progress);

}  // namespace tollgate::gateway::bench
