// From waiting to running: order of lanes, what a prompt need not compute, room for the rest. Thread rule: engine
// thread.
#include <algorithm>
#include <cassert>

#include "local_backend/scheduler/scheduler_impl.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMostPassedOver = 32;  // sequences per plan that wait for a twin or a tier
constexpr std::size_t kTwinGain = 16;        // tokens; fewer are computed rather than waited for
constexpr std::size_t kLeastCopied = 4;      // tokens; for fewer a copy of a block does not pay
constexpr std::size_t kReserve = 10;         // one part in so many of slots and blocks is not for batch
constexpr std::size_t kGrowth = 8;  // one free block per so many running sequences is left for their next tokens

bool earlier(const Sequence* a, const Sequence* b) { return a->order < b->order; }

}  // namespace

bool Scheduler::Impl::urgent(const Sequence& one) const {
  return one.params.lane == Lane::interactive || now_us - one.arrival_us >= options.batch_age_us;
}

// By arrival, so that a preempted sequence stands before those that came later.
void Scheduler::Impl::enqueue(Sequence& one) {
  auto& queue = waiting[static_cast<std::size_t>(one.params.lane)];
  queue.insert(std::ranges::upper_bound(queue, &one, earlier), &one);
}

Sequence* Scheduler::Impl::candidate(bool urgent_ones, std::array<std::size_t, 2>& cursors) const {
  Sequence* best = nullptr;
  for (std::size_t lane = 0; lane < waiting.size(); ++lane) {
    std::size_t& at = cursors[lane];
    while (at < waiting[lane].size() && urgent(*waiting[lane][at]) != urgent_ones) ++at;
    if (at == waiting[lane].size()) continue;
    Sequence* one = waiting[lane][at];
    if (!best || earlier(one, best)) best = one;
  }
  return best;
}

void Scheduler::Impl::admit(bool urgent_ones) {
  if (pressure || must_land) return;
  std::array<std::size_t, 2> cursors{};
  for (std::size_t passed_over = 0; budget > 0 && passed_over < kMostPassedOver;) {
    Sequence* next = candidate(urgent_ones, cursors);
    if (!next) return;
    const Admission outcome = try_admit(*next);
    if (outcome == Admission::blocked) return;
    if (outcome == Admission::passed_over) {
      ++cursors[static_cast<std::size_t>(next->params.lane)];
      ++passed_over;
    }
  }
}

Scheduler::Impl::Admission Scheduler::Impl::try_admit(Sequence& one) {
  // Said first, because it is the usual answer under load and costs nothing.
  if (running.size() >= slots(one) && !(urgent(one) && lowest_ranked(true))) return Admission::blocked;
  find_prefix(one);
  const BlockTier::Answer tier = ask_tier(one);
  const std::size_t tail = tier.ready == 0 ? find_tail(one) : 0;
  if (tier.wait || twin_at_work(one, one.blocks.size() * kBlockTokens + tail)) {
    release(one);
    return Admission::passed_over;
  }
  if (!make_place(one)) {
    release(one);
    return Admission::blocked;
  }
  start(one, tail, tier.ready);
  return Admission::admitted;
}

// Holds the findable blocks from the first on. The last token is always computed: its logits are wanted.
void Scheduler::Impl::find_prefix(Sequence& one) {
  assert(one.blocks.empty());
  for (std::size_t i = 0; (i + 1) * kBlockTokens < one.length; ++i) {
    const BlockKey key = key_of(one.digest(i + 1));
    const std::int32_t parent = i == 0 ? kNoBlock : one.blocks.back();
    const std::int32_t block = pool.index().find(key, key_of(one.digest(i)), parent, one.block_tokens(i));
    if (block == kNoBlock) break;
    pool.hold(block);
    one.blocks.push_back(block);
  }
}

// A block to copy that begins with tokens behind the found prefix: a running sequence's, or a findable one whose last
// token has to be computed again. How many tokens; the block is held as copy_from.
std::size_t Scheduler::Impl::find_tail(Sequence& one) {
  const std::size_t found = one.blocks.size();
  const std::size_t wanted = std::min<std::size_t>(one.length - 1 - found * kBlockTokens, kBlockTokens - 1);
  std::size_t best = 0;
  std::int32_t from = kNoBlock;
  if ((found + 1) * kBlockTokens == one.length) {
    const std::int32_t parent = found == 0 ? kNoBlock : one.blocks.back();
    from = pool.index().find(key_of(one.digest(found + 1)), key_of(one.digest(found)), parent, one.block_tokens(found));
    if (from != kNoBlock) best = wanted;
  }
  for (const Sequence* other : running) {
    if (best == wanted) break;
    // A copy of this step's own copies would depend on their order.
    if (other->copy_from != kNoBlock || other->computed <= found * kBlockTokens) continue;
    const std::size_t common = std::min(one.common_prefix(*other), other->computed);
    if (common <= found * kBlockTokens + best) continue;
    best = std::min(common - found * kBlockTokens, wanted);
    from = other->blocks[found];
  }
  if (best < kLeastCopied) return 0;
  pool.hold(from);
  one.copy_from = from;
  return best;
}

// Whether a running sequence of no lower rank is about to compute much of what this one needs.
bool Scheduler::Impl::twin_at_work(const Sequence& one, std::size_t have) const {
  return std::ranges::any_of(running, [&](const Sequence* other) {
    if (other->length <= other->computed + 1 || (urgent(one) && !urgent(*other))) return false;
    return std::min(one.common_prefix(*other), one.length - 1) >= have + kTwinGain;
  });
}

BlockTier::Answer Scheduler::Impl::ask_tier(Sequence& one) {
  keys.clear();
  if (!hooks.tier) return {};
  for (std::size_t i = one.blocks.size(); (i + 1) * kBlockTokens < one.length; ++i)
    keys.push_back(key_of(one.digest(i + 1)));
  if (keys.empty()) return {};
  BlockTier::Answer answer = hooks.tier->ask(one.params.id, keys);
  answer.ready = std::min(answer.ready, keys.size());
  return answer;
}

// Sequences that may run when this one is started.
std::size_t Scheduler::Impl::slots(const Sequence& one) const {
  if (urgent(one) || running.empty()) return options.max_running;
  return options.max_running - std::min(options.max_running - 1, (options.max_running + kReserve - 1) / kReserve);
}

// Enough free slots and blocks for the whole of it, if need be at the cost of batch sequences.
bool Scheduler::Impl::make_place(Sequence& one) {
  for (;;) {
    std::size_t wanted = blocks_for(one.length) - one.blocks.size();
    if (!running.empty()) wanted += running.size() / kGrowth + (urgent(one) ? 0 : pool.size() / kReserve);
    if (running.size() < slots(one) && pool.free() >= wanted) return true;
    if (running.empty() && one.copy_from != kNoBlock) {
      // The block to be copied is the one that lacks.
      pool.drop(one.copy_from);
      one.copy_from = kNoBlock;
    } else if (!urgent(one) || !batch_makes_place(wanted)) {
      return false;
    }
  }
}

bool Scheduler::Impl::batch_makes_place(std::size_t wanted) {
  Sequence* victim = lowest_ranked(true);
  if (!victim) return false;
  std::size_t gain = pool.free();
  for (const Sequence* other : running)
    if (!urgent(*other)) gain += other->blocks.size();
  if (gain < wanted) return false;
  must_land = ahead;
  if (ahead) return false;
  preempt(*victim);
  return true;
}

void Scheduler::Impl::start(Sequence& one, std::size_t tail, std::size_t ready) {
  one.published = one.blocks.size();
  one.computed = one.blocks.size() * kBlockTokens + (one.copy_from == kNoBlock ? 0 : tail);
  while (one.blocks.size() < blocks_for(one.length)) one.blocks.push_back(pool.take());
  load_from_tier(one, ready);
  std::erase(waiting[static_cast<std::size_t>(one.params.lane)], &one);
  running.insert(std::ranges::upper_bound(running, &one, earlier), &one);
  one.running = true;
  schedule(one, chunk(one));
  if (one.admitted_before) return;
  one.admitted_before = true;
  counts.prompt_tokens += one.prompt_size;
  counts.prefix_queried += one.length;
  counts.prefix_hits += one.computed;
  one.owner->on_start(one.computed);
}

void Scheduler::Impl::load_from_tier(Sequence& one, std::size_t ready) {
  for (std::size_t i = 0; i < ready; ++i) {
    if (!hooks.tier->load(keys[i], one.blocks[one.computed / kBlockTokens])) return;
    one.computed += kBlockTokens;
  }
}

}  // namespace tollgate::local
