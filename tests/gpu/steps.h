// Steps for the programs of this folder: plans of sequences whose blocks lie one behind the other. Thread rule: plain
// values.
#pragma once

#include <vector>

#include "local_backend/backend.h"

namespace tollgate::local {

inline const SamplingParams& greedy() {
  static const SamplingParams params{.temperature = 0};
  return params;
}

// Appends `tokens` of sequence `sequence`, which ends at position context - 1 and owns blocks [sequence * room, ...).
// `every`: a next token is wanted behind each of them, else behind the last one.
inline void add_row(StepPlan& plan, int sequence, int room, int context, const std::vector<Token>& tokens, bool every) {
  const auto count = static_cast<std::int32_t>(tokens.size());
  plan.rows.push_back({.first_token = static_cast<std::int32_t>(plan.tokens.size()),
                       .tokens = count,
                       .context = context,
                       .first_block = static_cast<std::int32_t>(plan.blocks.size()),
                       .sequence = static_cast<std::uint64_t>(sequence)});
  for (int i = 0; i < (context + kBlockTokens - 1) / kBlockTokens; ++i) plan.blocks.push_back(sequence * room + i);
  for (std::int32_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::int32_t>(plan.tokens.size());
    plan.tokens.push_back(tokens[static_cast<std::size_t>(i)]);
    plan.positions.push_back(context - count + i);
    if (!every && i + 1 < count) continue;
    plan.logit_rows.push_back(at);
    plan.samples.push_back({.params = &greedy(), .position = context - count + i + 1});
  }
}

// A text without sense, the same for the same number.
inline std::vector<Token> some_tokens(int sequence, int first, int count, std::size_t vocabulary) {
  std::vector<Token> tokens;
  for (int i = first; i < first + count; ++i)
    tokens.push_back(static_cast<Token>(
        (static_cast<std::uint64_t>(sequence) * 7919 + static_cast<std::uint64_t>(i) * 104729 + 17) % vocabulary));
  return tokens;
}

}  // namespace tollgate::local
