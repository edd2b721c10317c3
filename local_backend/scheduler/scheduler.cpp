#include "local_backend/scheduler/scheduler.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {
namespace {

constexpr int kMostDrafts = 32;

Error refused(const char* code, std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = code, .message = std::move(message)};
}

SchedulerOptions within(SchedulerOptions options, const BackendInfo& backend) {
  options.max_step_tokens = std::max<std::size_t>(1, std::min(options.max_step_tokens, backend.max_step_tokens));
  // Every running sequence can decode in every step.
  options.max_running = std::clamp<std::size_t>(options.max_running, 1, options.max_step_tokens);
  options.max_prefill_chunk = std::max<std::size_t>(1, options.max_prefill_chunk);
  options.max_drafts = std::clamp(options.max_drafts, 0, kMostDrafts);
  return options;
}

}  // namespace

Scheduler::Impl::Impl(const SchedulerOptions& wanted, const BackendInfo& backend, const BlockHooks& block_hooks,
                      Drafter* second_model)
    : options(within(wanted, backend)),
      info(backend),
      hooks(block_hooks),
      pool(backend.blocks, block_hooks),
      drafter(second_model) {
  running.reserve(options.max_running);
  step.reserve(options.max_running);
}

Result<void> Scheduler::Impl::check_request(const SequenceParams& params) const {
  if (params.prompt.empty()) return refused("empty_prompt", "the prompt has no tokens; send at least one");
  if (params.max_new_tokens == 0) return refused("bad_max_tokens", "max_tokens is 0; ask for at least one token");
  const std::size_t prompt = params.prompt.size();
  const auto asked = [&] {
    return std::to_string(prompt) + " tokens of prompt and " + std::to_string(params.max_new_tokens) + " of answer";
  };
  if (prompt >= options.context || params.max_new_tokens > options.context - prompt)
    return refused("context_length_exceeded", asked() + " do not fit into the context of " +
                                                  std::to_string(options.context) + "; shorten one of them");
  // The last token drawn is never computed.
  if (blocks_for(prompt + params.max_new_tokens - 1) > pool.size())
    return refused("context_length_exceeded", asked() + " do not fit into this server's memory for " +
                                                  std::to_string(pool.size() * kBlockTokens) + "; shorten one of them");
  for (const Token token : params.prompt)
    if (token < 0 || static_cast<std::size_t>(token) >= info.vocabulary)
      return refused("bad_token", "token " + std::to_string(token) + " is not in the vocabulary of " +
                                      std::to_string(info.vocabulary));
  return {};
}

// Of all that is waiting or running, by what is known of answers.
std::chrono::milliseconds Scheduler::Impl::drain_time() const {
  double tokens = 0;
  for (const auto& [id, one] : living)
    tokens += static_cast<double>(one->missing()) + meter.expected(one->params.max_new_tokens - one->answer_size());
  return meter.time_for(tokens);
}

Error Scheduler::Impl::queue_full() {
  ++counts.rejected;
  return Error{.kind = ErrorKind::limited,
               .status = 429,
               .code = "queue_full",
               .message = "the engine's queue of " + std::to_string(options.max_waiting) + " is full; try again later",
               .retry_after = drain_time()};
}

Result<void> Scheduler::Impl::add(SequenceParams params, SequenceOwner& owner, std::int64_t now) {
  if (Result<void> fits = check_request(params); !fits) return fits;
  if (waiting[0].size() + waiting[1].size() >= options.max_waiting) return queue_full();
  const std::uint64_t id = params.id;
  const auto [place, is_new] = living.try_emplace(id);
  if (!is_new)
    return Error{.kind = ErrorKind::fatal, .code = "duplicate_id", .message = "a sequence of this id is living"};
  place->second = std::make_unique<Sequence>(std::move(params), owner, next_order++, now);
  place->second->of_model = Acceptance(model_rate.rate());
  place->second->set_root(root_digest(info.fingerprint, place->second->params.salt));
  enqueue(*place->second);
  return {};
}

void Scheduler::Impl::cancel(std::uint64_t id) {
  const auto found = living.find(id);
  if (found == living.end() || found->second->cancelled || found->second->ended != StopReason::none) return;
  found->second->cancelled = true;
  cancels.push_back(id);
  if (in_flight == 0 && !busy) end_cancelled();
}

SchedulerStats Scheduler::Impl::stats() const {
  SchedulerStats now = counts;
  now.running = running.size();
  now.waiting = waiting[0].size() + waiting[1].size();
  if (now.waiting > 0) now.drain_us = std::chrono::microseconds(drain_time()).count();
  now.blocks = pool.size();
  now.blocks_used = pool.size() - pool.free();
  now.blocks_cached = pool.cached();
  return now;
}

std::string Scheduler::Impl::check() const {
  if (std::string problem = pool.check(); !problem.empty()) return problem;
  std::vector<std::int32_t> holders(pool.size()), copies(pool.size());
  const auto held = [&](std::int32_t block) -> std::int32_t& { return holders[static_cast<std::size_t>(block)]; };
  std::size_t leaving = 0;
  for (const auto& [id, one] : living) {
    leaving += one->ended != StopReason::none;
    if (one->ended != StopReason::none && one->in_flight == 0) return "a sequence that has ended is kept";
    if ((one->in_flight > 0 || one->unknown > 0) && in_flight == 0) return "a sequence waits for a step that is over";
    if (!one->running && (!one->blocks.empty() || one->copy_from != kNoBlock)) return "a waiting sequence holds blocks";
    if (one->computed > one->blocks.size() * kBlockTokens) return "computed tokens have no block";
    if (one->length > one->prompt_size + one->params.max_new_tokens) return "a sequence is too long";
    std::vector<std::int32_t> own = one->blocks;
    std::ranges::sort(own);
    if (std::ranges::adjacent_find(own) != own.end()) return "a sequence has a block twice";
    for (const std::int32_t block : one->blocks) ++held(block);
    if (one->copy_from == kNoBlock) continue;
    ++held(one->copy_from);
    ++copies[static_cast<std::size_t>(one->copy_from)];
  }
  for (std::size_t i = 0; i < in_flight; ++i) {
    for (const std::int32_t block : flights[i].drops) ++held(block);
    for (const Flight::Part& part : flights[i].parts)
      if (part.copied != kNoBlock) ++held(part.copied);
  }
  for (std::size_t i = 0; i < holders.size(); ++i)
    if (holders[i] != pool.holders(static_cast<std::int32_t>(i)))
      return "block " + std::to_string(i) + " has " + std::to_string(pool.holders(static_cast<std::int32_t>(i))) +
             " holders, of sequences " + std::to_string(holders[i]);
  for (const Sequence* one : running) {
    for (std::size_t i = 0; i < one->blocks.size(); ++i) {
      const std::int32_t block = one->blocks[i];
      if (i < one->published) {
        if (!pool.index().contains(block) ||
            !std::ranges::equal(pool.index().identity(block).tokens, one->block_tokens(i)))
          return "a published block has other tokens";
      } else if (pool.index().contains(block)) {
        return "a findable block may be written";
      } else if (in_flight == 0 && pool.holders(block) != 1 + copies[static_cast<std::size_t>(block)]) {
        return "a block that may be written is shared";
      }
    }
  }
  if (running.size() + waiting[0].size() + waiting[1].size() + leaving != living.size()) return "a sequence is lost";
  return {};
}

Scheduler::Scheduler(const SchedulerOptions& options, const BackendInfo& backend, const BlockHooks& hooks,
                     Drafter* drafter)
    : impl_(std::make_unique<Impl>(options, backend, hooks, drafter)) {}
Scheduler::~Scheduler() = default;
Result<void> Scheduler::add(SequenceParams params, SequenceOwner& owner, std::int64_t now_us) {
  return impl_->add(std::move(params), owner, now_us);
}
void Scheduler::cancel(std::uint64_t id) { impl_->cancel(id); }
bool Scheduler::plan(StepPlan& plan, std::int64_t now_us) { return impl_->plan(plan, now_us); }
void Scheduler::finish(const StepResult& result, std::int64_t now_us) { impl_->finish(result, now_us); }
void Scheduler::fail() { impl_->fail(); }
SchedulerStats Scheduler::stats() const { return impl_->stats(); }
std::string Scheduler::check() const { return impl_->check(); }

std::vector<std::pair<BlockKey, BlockKey>> Scheduler::findable() const {
  std::vector<std::pair<BlockKey, BlockKey>> keys;
  const PrefixIndex& index = impl_->pool.index();
  for (std::int32_t block = 0; block < static_cast<std::int32_t>(impl_->pool.size()); ++block)
    if (index.contains(block)) keys.emplace_back(index.identity(block).key, index.identity(block).parent_key);
  return keys;
}

}  // namespace tollgate::local
