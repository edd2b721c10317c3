// What the scheduler hands to a device and gets back: a flat plan of one step. No phases: a step computes any number of
// tokens for any number of sequences. Back ends see no requests, the scheduler sees no tensors. The same plan runs on
// the CPU, on CUDA and on the fake back end of the tests. A device that computes by itself gets the next plan while it
// computes the last one. Thread rule: one engine thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
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

// In StepPlan::tokens: what the step started before this one draws for its i-th logit row. The device puts it in.
constexpr Token placeholder(std::size_t i) { return -1 - static_cast<Token>(i); }
constexpr std::size_t drawn_at(Token placeholder) { return static_cast<std::size_t>(-(placeholder + 1)); }

struct StepPlan {
  std::vector<Token> tokens;            // [T], sequence after sequence; negative: see placeholder()
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
  // REQUIRES: a plan within info()'s bounds whose blocks are disjoint where written, without placeholders; no step is
  // started and not finished. Errors: fatal (device lost).
  virtual Result<void> step(const StepPlan& plan, StepResult& result) = 0;

  // The same in two parts. True: start() returns while the device still computes, and a second step may be started
  // before the first is finished; the device computes one after the other. Those that say so implement both parts.
  virtual bool overlaps() const { return false; }
  // What the plan points to (parameters, histories, masks) may be gone when this returns. Placeholders stand only in
  // plans that are started while one step is not finished; their rows have neither penalties nor a mask, and their
  // histories end before the unknown token. Error: the step is not started.
  virtual Result<void> start(const StepPlan& plan) { return step(plan, started_); }
  // Waits for the older of the started steps. Error: what it drew is unknown; for placeholders of the step behind it
  // any token of the vocabulary will do.
  virtual Result<void> finish(StepResult& result) {
    std::swap(result, started_);
    return {};
  }

  // A whole block out and in, for the KV tiers, also while steps are started and not finished: none of them writes a
  // block that is read, nor uses one that is written. False: the device failed, and what was read is nothing.
  [[nodiscard]] virtual bool read_block(std::int32_t block, std::span<std::byte> out) const = 0;
  [[nodiscard]] virtual bool write_block(std::int32_t block, std::span<const std::byte> in) = 0;

 private:
  StepResult started_;  // by a back end that does not overlap
};

}  // namespace tollgate::local
