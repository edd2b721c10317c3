#include "fake_backend.h"

#include <algorithm>
#include <cstring>

namespace tollgate::local::testing {

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

std::uint64_t FakeModel::value(std::uint64_t seen, Token token, std::int64_t position) const {
  return mix(seen ^ static_cast<std::uint64_t>(token) << 40 ^ static_cast<std::uint64_t>(position));
}

std::uint64_t FakeModel::see(std::uint64_t seen, std::uint64_t value) const {
  return (seen ^ value) * 0x9e3779b97f4a7c15u + 1;
}

Token FakeModel::draw(std::uint64_t seen, Token before, Token last, std::uint64_t seed, std::uint32_t stream,
                      std::span<const std::uint32_t> mask) const {
  const std::uint64_t chance = mix(seen ^ mix(seed + stream));
  std::uint64_t pick = chance >> 8;
  if ((chance & 15) < predictable)
    pick = mix(static_cast<std::uint64_t>(before) << 32 ^ static_cast<std::uint64_t>(last));
  auto token = static_cast<std::size_t>(pick % vocabulary);
  if (mask.empty()) return static_cast<Token>(token);
  while ((mask[token / 32] >> (token % 32) & 1) == 0) token = (token + 1) % vocabulary;
  return static_cast<Token>(token);
}

FakeBackend::FakeBackend(const FakeModel& model, std::size_t blocks, std::size_t max_step_tokens)
    : model_(model), slots_(blocks * kBlockTokens), readers_(blocks), writers_(blocks) {
  info_.device = "fake";
  info_.vocabulary = model.vocabulary;
  info_.max_step_tokens = max_step_tokens;
  info_.blocks = blocks;
  info_.block_bytes = kBlockTokens * sizeof(Slot);
  info_.fingerprint = "fake";
}

FakeBackend::Slot& FakeBackend::slot(const StepPlan& plan, const PlanRow& row, std::int64_t position) {
  const auto entry = static_cast<std::size_t>(row.first_block + position / kBlockTokens);
  return slots_[static_cast<std::size_t>(plan.blocks[entry]) * kBlockTokens +
                static_cast<std::size_t>(position % kBlockTokens)];
}

std::string FakeBackend::illegal_row(const StepPlan& plan, std::size_t index) {
  const PlanRow& row = plan.rows[index];
  const std::int32_t table = (row.context + kBlockTokens - 1) / kBlockTokens;
  const bool last = index + 1 == plan.rows.size();
  const auto tokens_end = last ? static_cast<std::int32_t>(plan.tokens.size()) : plan.rows[index + 1].first_token;
  const auto blocks_end = last ? static_cast<std::int32_t>(plan.blocks.size()) : plan.rows[index + 1].first_block;
  if (row.tokens < 1 || row.context < row.tokens) return "a row without tokens or context";
  if (row.first_token + row.tokens != tokens_end || row.first_block + table != blocks_end)
    return "rows are not one after the other";
  for (std::int32_t i = 0; i < row.tokens; ++i) {
    const auto at = static_cast<std::size_t>(row.first_token + i);
    if (plan.positions[at] != row.context - row.tokens + i) return "a wrong position";
    if (plan.tokens[at] < 0 || static_cast<std::size_t>(plan.tokens[at]) >= model_.vocabulary) return "a wrong token";
  }
  const std::int32_t first_written = (row.context - row.tokens) / kBlockTokens;
  for (std::int32_t i = 0; i < table; ++i) {
    const std::int32_t block = plan.blocks[static_cast<std::size_t>(row.first_block + i)];
    if (block < 0 || static_cast<std::size_t>(block) >= info_.blocks) return "a block outside of the pool";
    ++readers_[static_cast<std::size_t>(block)];
    if (i >= first_written) ++writers_[static_cast<std::size_t>(block)];
  }
  return {};
}

std::string FakeBackend::illegal_copies(const StepPlan& plan) {
  for (const auto& [from, to] : plan.copies) {
    for (const std::int32_t block : {from, to})
      if (block < 0 || static_cast<std::size_t>(block) >= info_.blocks) return "a copy outside of the pool";
    if (writers_[static_cast<std::size_t>(to)] != 1) return "a copy into a block that is not its row's own";
    for (const auto& [other_from, other_to] : plan.copies)
      if (to == other_from || (to == other_to && from != other_from)) return "copies that depend on their order";
  }
  return {};
}

std::string FakeBackend::illegal_samples(const StepPlan& plan) {
  if (plan.samples.size() != plan.logit_rows.size()) return "samples and logit rows differ in number";
  for (std::size_t i = 0; i < plan.samples.size(); ++i) {
    const std::int32_t row = plan.logit_rows[i];
    if (row < 0 || static_cast<std::size_t>(row) >= plan.tokens.size()) return "a logit row outside of the plan";
    if (i > 0 && row <= plan.logit_rows[i - 1]) return "logit rows do not ascend";
    const SampleRow& sample = plan.samples[i];
    if (!sample.params) return "a sample without parameters";
    if (sample.position != plan.positions[static_cast<std::size_t>(row)] + 1) return "a sample of another position";
    if (!sample.mask.empty() && sample.mask.size() != (model_.vocabulary + 31) / 32) return "a mask of a wrong size";
  }
  return {};
}

std::string FakeBackend::illegal(const StepPlan& plan) {
  if (plan.rows.empty() || plan.rows[0].first_token != 0 || plan.rows[0].first_block != 0) return "no first row";
  if (plan.tokens.size() > info_.max_step_tokens) return "too many tokens";
  if (plan.positions.size() != plan.tokens.size()) return "tokens and positions differ in number";
  std::ranges::fill(readers_, 0);
  std::ranges::fill(writers_, 0);
  for (std::size_t i = 0; i < plan.rows.size(); ++i)
    if (std::string wrong = illegal_row(plan, i); !wrong.empty()) return wrong;
  for (std::size_t i = 0; i < readers_.size(); ++i)
    if (writers_[i] > 0 && readers_[i] != 1) return "a block is written and seen by two rows";
  if (std::string wrong = illegal_copies(plan); !wrong.empty()) return wrong;
  return illegal_samples(plan);
}

// What penalties and the like would look at must be what the row's KV was made of.
std::string FakeBackend::check_history(const StepPlan& plan, const PlanRow& row, std::int64_t position,
                                       const SampleRow& sample) {
  if (static_cast<std::int64_t>(sample.prompt.size() + sample.answer.size()) != position + 1)
    return "a history of another length";
  for (std::int64_t q = 0; q <= position; ++q) {
    const auto at = static_cast<std::size_t>(q);
    const Token token = at < sample.prompt.size() ? sample.prompt[at] : sample.answer[at - sample.prompt.size()];
    if (slot(plan, row, q).token != token) return "a history of another text";
  }
  return {};
}

void FakeBackend::compute(const StepPlan& plan, const PlanRow& row, StepResult& result, std::size_t& sample) {
  const std::int64_t first = row.context - row.tokens;
  std::uint64_t seen = 0;
  for (std::int64_t q = 0; q < first; ++q) {
    const Slot& old = slot(plan, row, q);
    if (old.position != q) problem = "a stale slot is visible";
    seen = model_.see(seen, old.value);
  }
  for (std::int32_t i = 0; i < row.tokens; ++i) {
    const std::int32_t at = row.first_token + i;
    const Token token = plan.tokens[static_cast<std::size_t>(at)];
    Slot& now = slot(plan, row, first + i);
    now = {.value = model_.value(seen, token, first + i),
           .token = token,
           .position = static_cast<std::int32_t>(first + i)};
    seen = model_.see(seen, now.value);
    if (sample == plan.logit_rows.size() || plan.logit_rows[sample] != at) continue;
    const SampleRow& wanted = plan.samples[sample++];
    if (problem.empty()) problem = check_history(plan, row, first + i, wanted);
    const Token before = first + i == 0 ? 0 : slot(plan, row, first + i - 1).token;
    const Token drawn = model_.draw(seen, before, token, wanted.params->seed, wanted.stream, wanted.mask);
    result.sampled.push_back({.token = drawn});
  }
}

Result<void> FakeBackend::step(const StepPlan& plan, StepResult& result) {
  result.sampled.clear();
  if (problem.empty()) problem = illegal(plan);
  if (!problem.empty()) return Error{.code = "illegal_plan", .message = problem};
  for (const auto& [from, to] : plan.copies)
    std::copy_n(slots_.begin() + from * kBlockTokens, kBlockTokens, slots_.begin() + to * kBlockTokens);
  std::size_t sample = 0;
  for (const PlanRow& row : plan.rows) compute(plan, row, result, sample);
  if (!std::exchange(fail_next, false)) return {};
  return Error{.code = "device_lost", .message = "asked for"};
}

void FakeBackend::read_block(std::int32_t block, std::span<std::byte> out) const {
  std::memcpy(out.data(), &slots_[static_cast<std::size_t>(block) * kBlockTokens], info_.block_bytes);
}

void FakeBackend::write_block(std::int32_t block, std::span<const std::byte> in) {
  std::memcpy(&slots_[static_cast<std::size_t>(block) * kBlockTokens], in.data(), info_.block_bytes);
}

}  // namespace tollgate::local::testing
