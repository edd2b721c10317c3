// Sequences that decode together: steps of one token each, timed once all of them are in the same step.
//
// Their prompts are computed before and found again, so that all begin at nearly the same step; the last one to begin
// holds the watch. When it has had its tokens, everything is cancelled.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench {

struct DecodeOptions {
  std::size_t batch = 1;
  std::size_t depth = 0;  // tokens of context before the one that is fed first
  std::size_t steps = 32;
  std::uint64_t seed = 1;
  std::chrono::milliseconds patience{0};
};

// Tokens that each sequence may draw: those that are timed, and some for the time until the last one has begun.
std::size_t decoded_tokens(std::size_t steps);

struct DecodeTime {
  std::int64_t us = 0;    // of `steps` steps of all sequences
  double context = 0;     // of a sequence in the middle of them, on average
  std::string disturbed;  // why the time is of no use; empty if it is
};

class DecodeRun {
 public:
  DecodeRun(local::Engine& engine, const DecodeOptions& options) : engine_(engine), options_(options) {}
  // Computes the prompts. Errors: what the engine says, and Patience's; of time(), too.
  Result<void> prepare();
  Result<DecodeTime> time();

 private:
  local::AnswerRequest request(std::size_t index, std::size_t answer) const;

  local::Engine& engine_;
  DecodeOptions options_;
};

}  // namespace tollgate::gateway::bench
