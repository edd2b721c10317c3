#include "fake_drafter.h"

#include <algorithm>

#include "world.h"

namespace tollgate::local::testing {

std::optional<std::size_t> FakeDrafter::missing(std::uint64_t sequence, std::span<const Token> tokens) const {
  if (sequence % 11 == 0) return {};  // as if its context were too small for it
  const auto found = texts_.find(sequence);
  return tokens.size() - (found == texts_.end() ? 0 : found->second.size());
}

std::int64_t FakeDrafter::draft(std::span<DraftRequest> requests) {
  std::size_t most = 0;
  for (DraftRequest& request : requests) {
    serve(request);
    most = std::max(most, request.drafted);
  }
  for (std::size_t i = 0; i <= most; ++i) {
    const std::int64_t took = options_.step_us + options_.token_us * static_cast<std::int64_t>(requests.size());
    cost_.measured(requests.size(), static_cast<double>(took));
    last_us_ += took;
  }
  return last_us_;
}

void FakeDrafter::serve(DraftRequest& request) {
  const auto tokens = request.tokens.first(request.length);
  std::vector<Token>& text = texts_[request.sequence];
  if (request.sequence % 11 == 0) problem = "asked for what it cannot do";
  if (request.drafted != 0 || request.tokens.size() <= request.length) problem = "a request without room";
  if (text.size() > tokens.size() || !std::ranges::equal(text, tokens.first(text.size())))
    problem = "a sequence has another text than before";
  const bool late = dice_.chance(options_.late_percent);
  const std::size_t end = late ? dice_.between(text.size(), tokens.size()) : tokens.size();
  text.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(end));
  if (late) return;
  const std::size_t most = dice_.between(0, request.tokens.size() - request.length);
  while (request.drafted < most) {
    const Token token = guess(request, request.drafted);
    if (std::ranges::find(request.ends, token) != request.ends.end()) return;
    request.tokens[request.length + request.drafted++] = token;
  }
}

Token FakeDrafter::guess(const DraftRequest& request, std::size_t index) {
  const auto& owner = static_cast<const TestOwner&>(*request.owner);
  const std::size_t at = owner.answer.size() + index;
  const std::vector<Token>& answer = owner.expected.answer;
  auto token = static_cast<Token>(dice_.below(vocabulary_));
  if (at < answer.size() && dice_.chance(options_.hit_percent)) token = answer[at];
  const auto mask = request.owner->mask(request.tokens.subspan(request.length, index));
  if (mask.empty() || dice_.chance(options_.forbidden_percent)) return token;
  while ((mask[static_cast<std::size_t>(token) / 32] >> (token % 32) & 1) == 0)
    token = static_cast<Token>(static_cast<std::size_t>(token + 1) % vocabulary_);
  return token;
}

}  // namespace tollgate::local::testing
