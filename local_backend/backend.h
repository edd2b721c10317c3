// What the scheduler hands to a device and gets back: a flat plan of one step. No phases: a step computes any number of
// tokens for any number of sequences. Back ends see no requests, the scheduler sees no tensors. The same plan runs on
// the CPU, on CUDA and on the fake back end of the tests. Thread rule: one engine thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "local_backend/sampling/sampler.h"

namespace tollgate::local {

inline constexpr int kBlockTokens = 32;  // tokens of one KV block

// One sequence's part of a step: `tokens` query tokens that end at position context - 1.
struct PlanRow {
  std::int32_t first_token = 0;  // index into StepPlan::tokens
  std::int32_t tokens = 0;       // >= 1
  std::int32_t context = 0;      // KV length after this step; >= tokens
  std::int32_t first_block = 0;  // index into StepPlan::blocks; (context + kBlockTokens - 1) / kBlockTokens entries
  std::uint64_t sequence = 0;    // whose; for the accounts, back ends ignore it
};

struct StepPlan {
  std::vector<Token> tokens;            // [T], sequence after sequence
  std::vector<std::int32_t> positions;  // [T], the row's context - tokens + i
  std::vector<PlanRow> rows;
  std::vector<std::int32_t> blocks;      // block tables of all rows, one after the other
  std::vector<std::int32_t> logit_rows;  // [L], ascending indices into tokens: where a next token is wanted
  std::vector<SampleRow> samples;        // [L]
  std::vector<std::pair<std::int32_t, std::int32_t>> copies;  // (from, to): whole blocks copied before the step
  void clear();
};

struct StepResult {
  std::vector<Sampled> sampled;  // [L]
  std::vector<float> logits;     // [L][vocabulary], row by row, when BackendOptions::keep_logits; before sampling
};

struct BackendInfo {
  std::string device;  // "cpu (avx512-vnni, 2 threads)"
  std::size_t vocabulary = 0;
  std::size_t max_step_tokens = 0;  // T of the largest plan
  std::size_t blocks = 0;           // of the KV pool
  std::size_t block_bytes = 0;      // one block, all layers: a contiguous object
  std::string fingerprint;          // of model, KV type and layout: equal fingerprints may share blocks
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const BackendInfo& info() const = 0;
  // REQUIRES: a plan within info()'s bounds whose blocks are disjoint where written. Errors: fatal (device lost).
  virtual Result<void> step(const StepPlan& plan, StepResult& result) = 0;
  // A whole block out and in, for the KV tiers; never of a block that a running step writes.
  virtual void read_block(std::int32_t block, std::span<std::byte> out) const = 0;
  virtual void write_block(std::int32_t block, std::span<const std::byte> in) = 0;
};

}  // namespace tollgate::local
