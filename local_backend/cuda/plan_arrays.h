// A step's plan as the arrays that the kernels read: one piece of memory, filled on the host and copied in at once.
// Where each array lies follows from the plan's sizes alone, so that a recorded step finds its arrays again whenever a
// plan is padded to the same sizes. Thread rule: plain values; a writer belongs to its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "local_backend/backend.h"
#include "local_backend/cuda/kernels.h"

namespace tollgate::local::gpu {

inline constexpr int kMostGraphRows = 256;
// Logit rows that are computed and sampled at a time, which bounds the memory that logits take: DeviceSample's
// logit_row counts within so many.
inline constexpr std::size_t kLogitRows = 256;
inline constexpr int kShortRow = 8;  // rows of at most so many tokens are attended together

// The size of recorded steps that takes `rows` rows of one token each: 1, 2, 4, 8, 16, 24, ... 256; 0: too many.
int graph_size(std::size_t rows);
// All of them up to `most`, the largest first.
std::vector<int> graph_sizes(std::size_t most);
// Every row has one token, and all logits are wanted.
bool is_uniform_decode(const StepPlan& plan);
// Rows follow each other and cover the tokens, positions are the rows', and no context is longer than `context`.
bool rows_are_whole(const StepPlan& plan, std::size_t context);

// A plan's sizes, padding included. Rows stand in another order than in the plan: the short ones first.
struct PlanShape {
  int tokens = 0, rows = 0, logits = 0;
  int block_stride = 0;                     // block table entries of each row
  struct Group {                            // of rows that are attended together
    int rows = 0, tokens = 0, context = 0;  // how many; the most tokens and the longest context of one
  };
  Group short_rows, long_rows;
};
PlanShape shape_of(const StepPlan& plan);
// Of a recorded step with `rows` rows of one token and at most `context` tokens each.
PlanShape graph_shape(int rows, std::size_t context);

class PlanLayout {
 public:
  explicit PlanLayout(const PlanShape& shape);

  // Of everything but the extras, which follow: masks, histories and biases of the rows that have them.
  std::size_t bytes() const { return bytes_; }
  PlanArrays arrays(const std::byte* base) const;
  const std::int32_t* logit_rows(const std::byte* base) const { return at<std::int32_t>(base, logit_rows_); }
  const DeviceSample* samples(const std::byte* base) const { return at<DeviceSample>(base, samples_); }
  // What DeviceSample's mask_at, seen_first and bias_first count from.
  const std::byte* extras(const std::byte* base) const { return base + bytes_; }

 private:
  friend class PlanWriter;
  template <class Value>
  static const Value* at(const std::byte* base, std::size_t offset) {
    return reinterpret_cast<const Value*>(base + offset);
  }
  std::size_t add(std::size_t bytes);

  std::size_t bytes_ = 0;
  int block_stride_ = 0;
  std::size_t tokens_, positions_, token_row_, logit_rows_, row_first_, row_tokens_, row_context_, samples_, blocks_;
};

class PlanWriter {
 public:
  explicit PlanWriter(std::size_t vocabulary) : counts_(vocabulary) {}

  // Bytes that write() fills at most.
  std::size_t bytes_for(const StepPlan& plan, const PlanShape& shape) const;
  // Returns how many bytes from `to` on count. REQUIRES: a plan that fits the back end and is no larger than `shape`;
  // `to` 16-byte aligned.
  std::size_t write(const StepPlan& plan, const PlanShape& shape, std::byte* to);

 private:
  void write_rows(const StepPlan& plan, const PlanShape& shape, const PlanLayout& layout, std::byte* to) const;
  DeviceSample flat(const SampleRow& row);
  void add_history(const SampleRow& row, DeviceSample& flat);
  void add_biases(const SamplingParams& params, DeviceSample& flat);
  void add_mask(std::span<const std::uint32_t> mask, DeviceSample& flat);
  std::size_t mask_words() const { return (counts_.size() + 31) / 32; }
  bool known(Token token) const { return token >= 0 && static_cast<std::size_t>(token) < counts_.size(); }

  std::byte* extras_ = nullptr;
  std::size_t used_ = 0;               // of the extras; a multiple of 8
  std::vector<std::uint32_t> counts_;  // [vocabulary] all zero between calls
  std::vector<Token> seen_;
};

}  // namespace tollgate::local::gpu
