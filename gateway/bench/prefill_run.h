// One prompt alone, from its first step to the first token of its answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/result.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench {

// Microseconds. A prompt of another `seed` or another length has other tokens: nothing of it is found computed.
// Errors: what the engine says, and Patience's.
Result<std::int64_t> time_prefill(local::Engine& engine, std::size_t tokens, std::uint64_t seed,
                                  std::chrono::milliseconds patience);

// The first steps find memory that was never touched: they are for nobody's figures.
Result<void> warm_up(local::Engine& engine, std::chrono::milliseconds patience);

}  // namespace tollgate::gateway::bench
