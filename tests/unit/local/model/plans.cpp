#include "plans.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace tollgate::local {

PlanMaker& PlanMaker::add(TestSequence& sequence, std::int32_t count, bool all_logits) {
  PlanRow row;
  row.first_token = static_cast<std::int32_t>(plan_.tokens.size());
  row.tokens = count;
  row.context = sequence.computed + count;
  row.first_block = static_cast<std::int32_t>(plan_.blocks.size());
  for (std::int32_t i = 0; i < count; ++i) {
    plan_.tokens.push_back(sequence.tokens[static_cast<std::size_t>(sequence.computed + i)]);
    plan_.positions.push_back(sequence.computed + i);
    if (!all_logits && i + 1 < count) continue;
    plan_.logit_rows.push_back(row.first_token + i);
    plan_.samples.push_back({.params = &greedy_, .prompt = {}, .answer = {}, .mask = {}});
  }
  const auto blocks = static_cast<std::ptrdiff_t>((row.context + kBlockTokens - 1) / kBlockTokens);
  plan_.blocks.insert(plan_.blocks.end(), sequence.blocks.begin(), sequence.blocks.begin() + blocks);
  plan_.rows.push_back(row);
  sequence.computed += count;
  return *this;
}

PlanMaker& PlanMaker::copy(std::int32_t from, std::int32_t to) {
  plan_.copies.emplace_back(from, to);
  return *this;
}

std::vector<float> PlanMaker::run() {
  const auto done = backend_.step(plan_, result_);
  EXPECT_TRUE(done) << done.error().message;
  return result_.logits;
}

std::vector<std::int32_t> blocks_from(std::int32_t first, std::size_t tokens) {
  std::vector<std::int32_t> blocks((tokens + kBlockTokens - 1) / kBlockTokens);
  std::iota(blocks.begin(), blocks.end(), first);
  return blocks;
}

std::vector<float> whole(Backend& backend, const std::vector<Token>& tokens) {
  TestSequence sequence{tokens, blocks_from(0, tokens.size())};
  return PlanMaker(backend).add(sequence, static_cast<std::int32_t>(tokens.size())).run();
}

std::unique_ptr<Backend> backend_of(CpuLevel level, std::shared_ptr<const GgufFile> file, KvType kv) {
  CpuBackendOptions options;
  options.level = level;
  options.threads = 2;
  options.kv = kv;
  options.kv_bytes = 16u << 20;
  options.keep_logits = true;
  auto backend = make_cpu_backend(std::move(file), options);
  EXPECT_TRUE(backend) << backend.error().message;
  return std::move(*backend);
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<float>::infinity();
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float difference = std::fabs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;  // NaN stays
  }
  return largest;
}

}  // namespace tollgate::local
