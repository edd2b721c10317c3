#include "local_backend/scheduler/speculation.h"

#include <algorithm>
#include <bit>

namespace tollgate::local {
namespace {

constexpr std::size_t kOrders[] = {2, 3};
constexpr double kFade = 0.99;  // of older steps
constexpr double kMostFree = 4096;

std::size_t slot_of(std::span<const Token> gram, std::size_t slots) {
  std::uint64_t hash = 0x9e3779b97f4a7c15u;
  for (const Token token : gram) hash = (hash ^ static_cast<std::uint32_t>(token)) * 0xff51afd7ed558ccdu;
  return static_cast<std::size_t>(hash >> 40) & (slots - 1);
}

}  // namespace

void NgramIndex::learn(std::span<const Token> tokens) {
  const std::size_t wanted = std::bit_ceil(2 * tokens.size() + 64);
  if (tables_[0].last.size() < wanted) {
    for (Table& table : tables_) table.last.assign(2 * wanted, -1);
    learned_ = 0;
  }
  for (std::size_t at = learned_; at < tokens.size(); ++at)
    for (std::size_t i = 0; i < tables_.size(); ++i)
      if (at >= kOrders[i])
        tables_[i].last[slot_of(tokens.subspan(at - kOrders[i], kOrders[i]), tables_[i].last.size())] =
            static_cast<std::int32_t>(at);
  learned_ = tokens.size();
}

std::int32_t NgramIndex::find(std::span<const Token> tokens, std::size_t order) const {
  const std::size_t size = kOrders[order];
  if (tokens.size() <= size) return -1;
  const auto gram = tokens.last(size);
  const std::vector<std::int32_t>& last = tables_[order].last;
  const std::int32_t at = last[slot_of(gram, last.size())];
  if (at < 0) return -1;
  const auto there = tokens.subspan(static_cast<std::size_t>(at) - size, size);
  return std::ranges::equal(there, gram) ? at : -1;
}

std::size_t NgramIndex::draft(std::span<const Token> tokens, std::span<Token> out) {
  learn(tokens);
  std::int32_t from = find(tokens, 1);
  if (from < 0) from = find(tokens, 0);
  if (from < 0) return 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t source = static_cast<std::size_t>(from) + i;
    // Past the end the guesses repeat themselves: a short cycle goes on.
    out[i] = source < tokens.size() ? tokens[source] : out[source - tokens.size()];
  }
  return out.size();
}

void Acceptance::verified(std::size_t drafted, std::size_t accepted) {
  for (std::size_t i = 0; i < accepted; ++i) rate_ += (1 - rate_) * learn_;
  if (accepted < drafted) rate_ -= rate_ * learn_;
}

void StepCost::measured(std::size_t tokens, double microseconds) {
  const auto x = static_cast<double>(tokens);
  for (double* sum : {&weight_, &x_, &y_, &xx_, &xy_}) *sum *= kFade;
  weight_ += 1;
  x_ += x;
  y_ += microseconds;
  xx_ += x * x;
  xy_ += x * microseconds;
  // Steps of nearly one size tell nothing about the slope: the last good estimate stays.
  const double spread = weight_ * xx_ - x_ * x_;
  if (weight_ < 8 || spread < 0.01 * weight_ * xx_) return;
  const double per_token = (weight_ * xy_ - x_ * y_) / spread;
  const double base = (y_ - per_token * x_) / weight_;
  if (per_token > 0) free_tokens_ = std::clamp(base / per_token, 0.0, kMostFree);
}

StepCost::Worth StepCost::worth(double rate, std::size_t tokens, std::size_t most, double extra) const {
  Worth all;
  for (double right = rate; all.guesses < most; ++all.guesses, right *= rate) {
    const auto before = static_cast<double>(tokens + all.guesses);
    const double gain = right * (before + free_tokens_) / before - (1 + extra);
    if (gain <= 0) break;
    all.gain += gain;
  }
  return all;
}

}  // namespace tollgate::local
