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

// A placeholder stands for the row's own next token, drawn by the step in flight.
std::string FakeBackend::illegal_token(const StepPlan& plan, const PlanRow& row, std::size_t at) const {
  const Token token = plan.tokens[at];
  if (token >= 0) return static_cast<std::size_t>(token) < model_.vocabulary ? "" : "a wrong token";
  if (started_.size() != 1) return "a placeholder without a step before it";
  const StepPlan& before = started_.back().kept.plan;
  if (drawn_at(token) >= before.logit_rows.size()) return "a placeholder for what is not drawn";
  const std::int32_t from = before.logit_rows[drawn_at(token)];
  const auto behind = std::ranges::upper_bound(before.rows, from, {}, &PlanRow::first_token);
  if (std::prev(behind)->sequence != row.sequence) return "a placeholder for the token of another sequence";
  if (before.positions[static_cast<std::size_t>(from)] + 1 != plan.positions[at]) return "a placeholder out of place";
  return {};
}

bool FakeBackend::used(std::int32_t block, bool written) const {
  for (const Started& one : started_) {
    const StepPlan& plan = one.kept.plan;
    for (const auto& [from, to] : plan.copies)
      if (block == to || (block == from && !written)) return true;
    for (const PlanRow& row : plan.rows)
      for (std::int32_t i = written ? (row.context - row.tokens) / kBlockTokens : 0; i * kBlockTokens < row.context;
           ++i)
        if (plan.blocks[static_cast<std::size_t>(row.first_block + i)] == block) return true;
  }
  return false;
}

// Blocks that a row of the step in flight uses are written by the same sequence only: nobody else got them meanwhile.
std::string FakeBackend::illegal_beside(const StepPlan& plan) const {
  if (started_.size() > 1) return "a third step";
  if (started_.empty()) return {};
  std::vector<std::vector<std::uint64_t>> users(info_.blocks);
  const StepPlan& before = started_.front().kept.plan;
  for (const PlanRow& row : before.rows)
    for (std::int32_t i = 0; i * kBlockTokens < row.context; ++i)
      users[static_cast<std::size_t>(before.blocks[static_cast<std::size_t>(row.first_block + i)])].push_back(
          row.sequence);
  for (const PlanRow& row : plan.rows)
    for (std::int32_t i = (row.context - row.tokens) / kBlockTokens; i * kBlockTokens < row.context; ++i)
      for (const std::uint64_t user :
           users[static_cast<std::size_t>(plan.blocks[static_cast<std::size_t>(row.first_block + i)])])
        if (user != row.sequence) return "a block is written while a step in flight uses it for another sequence";
  return {};
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
    if (std::string wrong = illegal_token(plan, row, at); !wrong.empty()) return wrong;
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
    const SamplingParams& params = *sample.params;
    const bool penalties =
        params.repetition_penalty != 1.0f || params.presence_penalty != 0 || params.frequency_penalty != 0;
    if (plan.tokens[static_cast<std::size_t>(row)] < 0 && (penalties || !sample.mask.empty()))
      return "a draw that needs a token which is not known";
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
  const auto last = static_cast<std::size_t>(row.first_token + position - (row.context - row.tokens));
  const std::int64_t known = filled_[last] ? position : position + 1;
  if (static_cast<std::int64_t>(sample.prompt.size() + sample.answer.size()) != known)
    return "a history of another length";
  for (std::int64_t q = 0; q < known; ++q) {
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

Result<void> FakeBackend::compute(const StepPlan& plan, StepResult& result) {
  result.sampled.clear();
  for (const auto& [from, to] : plan.copies)
    std::copy_n(slots_.begin() + from * kBlockTokens, kBlockTokens, slots_.begin() + to * kBlockTokens);
  std::size_t sample = 0;
  for (const PlanRow& row : plan.rows) compute(plan, row, result, sample);
  if (problem.empty()) return {};
  return Error{.code = "illegal_plan", .message = problem};
}

Result<void> FakeBackend::step(const StepPlan& plan, StepResult& result) {
  if (problem.empty()) problem = illegal(plan);
  if (!problem.empty()) return Error{.code = "illegal_plan", .message = problem};
  filled_.assign(plan.tokens.size(), false);
  const Result<void> done = compute(plan, result);
  if (!std::exchange(fail_next, false)) return done;
  return Error{.code = "device_lost", .message = "asked for"};
}

Result<void> FakeBackend::start(const StepPlan& plan) {
  if (!overlapping) return Backend::start(plan);
  if (problem.empty()) problem = illegal(plan);
  if (problem.empty()) problem = illegal_beside(plan);
  if (!problem.empty()) return Error{.code = "illegal_plan", .message = problem};
  started_.push_back({.kept = KeptPlan(plan), .fails = std::exchange(fail_next, false)});
  return {};
}

Result<void> FakeBackend::finish(StepResult& result) {
  if (!overlapping) return Backend::finish(result);
  if (started_.empty()) return Error{.code = "illegal_call", .message = problem = "nothing was started"};
  Started& oldest = started_.front();
  filled_.clear();
  for (const Token token : oldest.kept.plan.tokens) filled_.push_back(token < 0);
  oldest.kept.fill(drawn_);
  Result<void> done = compute(oldest.kept.plan, result);
  drawn_ = result.sampled;
  if (oldest.fails) {
    drawn_.clear();
    result.sampled.clear();
    done = Error{.code = "device_lost", .message = "asked for"};
  }
  started_.pop_front();
  return done;
}

bool FakeBackend::read_block(std::int32_t block, std::span<std::byte> out) const {
  if (problem.empty() && used(block, true)) problem = "a block is read while a step writes it";
  std::memcpy(out.data(), &slots_[static_cast<std::size_t>(block) * kBlockTokens], info_.block_bytes);
  return true;
}

bool FakeBackend::write_block(std::int32_t block, std::span<const std::byte> in) {
  if (problem.empty() && used(block, false)) problem = "a block is written over while a step uses it";
  std::memcpy(&slots_[static_cast<std::size_t>(block) * kBlockTokens], in.data(), info_.block_bytes);
  return true;
}

}  // namespace tollgate::local::testing
