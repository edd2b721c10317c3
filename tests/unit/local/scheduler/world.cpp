#include "world.h"

#include <algorithm>

namespace tollgate::local::testing {

std::vector<std::uint32_t> mask_after(const OwnerRules& rules, std::size_t vocabulary, std::span<const Token> answer) {
  std::uint64_t state = rules.mask_seed;
  for (const Token token : answer.last(std::min<std::size_t>(answer.size(), 3)))
    state = mix(state ^ static_cast<std::uint64_t>(token + 1));
  std::vector<std::uint32_t> mask((vocabulary + 31) / 32);
  for (std::uint32_t& word : mask) word = static_cast<std::uint32_t>(state = mix(state + 1));
  const std::size_t always = state % vocabulary;
  mask[always / 32] |= 1u << (always % 32);
  return mask;
}

bool stops_after(const OwnerRules& rules, std::span<const Token> answer) {
  if (rules.stop_one_in == 0) return false;
  std::uint64_t state = answer.size();
  for (const Token token : answer.last(std::min<std::size_t>(answer.size(), 4)))
    state = mix(state ^ static_cast<std::uint64_t>(token));
  return state % rules.stop_one_in == 0;
}

Expected expected_answer(const FakeModel& model, const SequenceParams& params, const OwnerRules& rules) {
  Expected out;
  std::vector<Token> tokens = params.prompt;
  std::uint64_t seen = 0;
  std::size_t at = 0;
  while (out.reason == StopReason::none) {
    for (; at < tokens.size(); ++at)
      seen = model.see(seen, model.value(seen, tokens[at], static_cast<std::int64_t>(at)));
    std::vector<std::uint32_t> mask;
    if (rules.mask_seed != 0) mask = mask_after(rules, model.vocabulary, out.answer);
    const Token before = tokens.size() > 1 ? tokens[tokens.size() - 2] : 0;
    const Token token = model.draw(seen, before, tokens.back(), params.sampling.seed, params.stream, mask);
    tokens.push_back(token);
    out.answer.push_back(token);
    const bool end = std::ranges::find(params.end_tokens, token) != params.end_tokens.end();
    if (end && !params.ignore_end)
      out.reason = StopReason::end_token;
    else if (stops_after(rules, out.answer))
      out.reason = StopReason::stop;
    else if (out.answer.size() == params.max_new_tokens)
      out.reason = StopReason::length;
  }
  return out;
}

TestOwner::TestOwner(World& world, const SequenceParams& params, const OwnerRules& rules)
    : expected(expected_answer(world.options.model, params, rules)),
      world_(world),
      id_(params.id),
      prompt_size_(params.prompt.size()),
      rules_(rules) {}

void TestOwner::on_start(std::size_t cached_tokens) {
  if (started_) world_.blame("a sequence started twice");
  if (cached_tokens >= prompt_size_) world_.blame("nothing of a prompt is left to compute");
  started_ = true;
  world_.maybe_cancel();
}

bool TestOwner::on_token(const Sampled& sampled) {
  if (!started_) world_.blame("a token before its sequence started");
  masks_.clear();
  answer.push_back(sampled.token);
  if (answer.size() > expected.answer.size() || expected.answer[answer.size() - 1] != sampled.token)
    world_.blame("sequence " + std::to_string(id_) + " has another token at " + std::to_string(answer.size() - 1));
  if (cancelled) world_.blame("a token after its sequence was cancelled");
  world_.maybe_cancel();
  return !stops_after(rules_, answer);
}

std::span<const std::uint32_t> TestOwner::mask(std::span<const Token> drafts) {
  if (rules_.mask_seed == 0) return {};
  std::vector<Token> history = answer;
  history.insert(history.end(), drafts.begin(), drafts.end());
  return masks_.emplace_back(mask_after(rules_, world_.options.model.vocabulary, history));
}

void TestOwner::on_end(StopReason reason) {
  const bool whole = answer.size() == expected.answer.size() && reason == expected.reason;
  const bool cut = (reason == StopReason::cancelled && cancelled) ||
                   (reason == StopReason::failed && world_.options.fail_percent > 0);
  if (!whole && !cut) world_.blame("sequence " + std::to_string(id_) + " ended early or for another reason");
  world_.ended(id_);
}

World::World(const WorldOptions& wanted, std::uint64_t seed)
    : options(wanted),
      dice(seed),
      backend(wanted.model, wanted.blocks, wanted.backend_tokens),
      drafter(wanted.drafter ? std::make_unique<FakeDrafter>(*wanted.drafter, wanted.model.vocabulary, dice) : nullptr),
      scheduler(wanted.scheduler, backend.info(), {.listener = this, .tier = wanted.tier ? this : nullptr},
                drafter.get()) {
  backend.overlapping = options.overlap;
  for (std::size_t i = 0; i < options.groups; ++i) {
    auto& beginning = beginnings_.emplace_back(dice.between(0, options.longest_prompt));
    for (Token& token : beginning) token = static_cast<Token>(dice.below(options.model.vocabulary));
  }
}

void World::blame(const std::string& what) {
  if (problem.empty()) problem = "step " + std::to_string(steps) + ": " + what;
}

void World::ended(std::uint64_t id) {
  ++served;
  if (owners_.erase(id) == 0) blame("a sequence ended twice");
}

void World::maybe_cancel() {
  if (owners_.empty() || !dice.chance(options.cancel_percent)) return;
  const auto found = owners_.lower_bound(next_id_ - 1 - dice.below(std::min<std::size_t>(next_id_, 40)));
  if (found == owners_.end()) return;
  const std::uint64_t id = found->first;
  found->second->cancelled = true;
  scheduler.cancel(id);
}

SequenceParams World::random_request() {
  SequenceParams params;
  const auto& beginning = beginnings_[dice.below(beginnings_.size())];
  const std::size_t kept = dice.chance(50) ? beginning.size() : dice.between(0, beginning.size());
  params.prompt.assign(beginning.begin(), beginning.begin() + static_cast<std::ptrdiff_t>(kept));
  const std::size_t own = dice.chance(30) ? 0 : dice.between(0, options.longest_prompt - kept);
  while (params.prompt.size() < std::max<std::size_t>(1, kept + own))
    params.prompt.push_back(static_cast<Token>(dice.below(options.model.vocabulary)));
  params.max_new_tokens = dice.between(1, options.longest_answer);
  params.sampling.seed = dice.below(8);
  if (dice.chance(70)) params.end_tokens = {static_cast<Token>(dice.below(options.model.vocabulary))};
  params.ignore_end = dice.chance(20);
  params.lane = dice.chance(options.batch_percent) ? Lane::batch : Lane::interactive;
  if (dice.chance(options.salt_percent)) params.salt = "tenant";
  params.speculate = dice.chance(90);
  return params;
}

void World::arrive() {
  SequenceParams request = random_request();
  OwnerRules rules;
  if (dice.chance(options.mask_percent)) rules.mask_seed = dice.next() | 1;
  request.masked = rules.mask_seed != 0;
  if (options.penalty_percent > 0 && dice.chance(options.penalty_percent)) request.sampling.presence_penalty = 0.5f;
  if (dice.chance(options.stop_percent)) rules.stop_one_in = dice.between(5, 50);
  const std::size_t answers = dice.chance(options.answers_percent) ? dice.between(2, 5) : 1;
  for (std::uint32_t i = 0; i < answers; ++i) {
    SequenceParams params = request;
    params.id = next_id_++;
    params.stream = i;
    auto owner = std::make_unique<TestOwner>(*this, params, rules);
    const std::uint64_t id = params.id;
    if (Result<void> added = scheduler.add(std::move(params), *owner, now_us_); added)
      owners_.emplace(id, std::move(owner));
    else if (added.error().status != 429 && added.error().code != "context_length_exceeded")
      blame("refused: " + added.error().message);
  }
}

bool World::start_plan() {
  StepPlan& plan = plans_[started_];
  if (!scheduler.plan(plan, now_us_)) return false;
  largest_step = std::max<std::uint64_t>(largest_step, plan.tokens.size());
  if (plan.tokens.size() > options.scheduler.max_step_tokens) blame("a step beyond the budget");
  for (const PlanRow& row : plan.rows) {
    if (!owners_.contains(row.sequence)) blame("a row of nobody");
    if (static_cast<std::size_t>(row.context) >= options.scheduler.context) blame("a row beyond the context");
  }
  backend.fail_next = dice.chance(options.fail_percent);
  const bool refuse = options.overlap && backend.fail_next && dice.chance(50);
  if (refuse) backend.fail_next = false;
  lost_[started_] = refuse || !backend.start(plan);
  ++started_;
  return true;
}

// As the engine does it.
bool World::due(bool planned) const {
  return started_ > 0 && (!planned || !options.overlap || started_ == plans_.size() || lost_[0]);
}

void World::finish_plan() {
  const bool done = !lost_[0] && backend.finish(result_);
  maybe_cancel();
  now_us_ += 100 + static_cast<std::int64_t>(20 * plans_[0].tokens.size());
  if (drafter) now_us_ += drafter->last_us();
  if (drafter && !drafter->problem.empty()) blame(drafter->problem);
  if (!backend.problem.empty()) blame(backend.problem);
  if (done)
    scheduler.finish(result_, now_us_);
  else
    scheduler.fail();
  std::swap(plans_[0], plans_[1]);
  std::swap(lost_[0], lost_[1]);
  --started_;
}

bool World::step(bool arrivals) {
  ++steps;
  now_us_ += static_cast<std::int64_t>(dice.below(200));
  if (arrivals && dice.chance(options.arrival_percent)) arrive();
  maybe_cancel();
  const bool planned = start_plan();
  bool any = planned;
  for (; due(planned); any = true) finish_plan();
  if (steps % options.steps_per_check == 0)
    if (const std::string wrong = scheduler.check(); !wrong.empty()) blame(wrong);
  return any;
}

std::string World::drain() {
  // Each token is computed at least once per preemption; far more steps than that is no progress.
  const std::uint64_t most = steps + 2000 + owners_.size() * (options.longest_prompt + options.longest_answer) * 4;
  while (!owners_.empty() && problem.empty() && steps < most) {
    if (!step(false) && !owners_.empty() && !options.tier) blame("nothing to do, but sequences are living");
  }
  if (!owners_.empty()) blame("no progress");
  const SchedulerStats stats = scheduler.stats();
  if (stats.running + stats.waiting > 0) blame("sequences are left");
  if (stats.blocks_used > 0) blame("blocks are left in use");
  if (started_ > 0) blame("a step is left");
  if (drafter && drafter->living() > 0) blame("the drafter keeps sequences that have ended");
  if (stats.blocks_cached != stored_.size()) blame("the listener knows other blocks than the pool");
  if (const std::string wrong = scheduler.check(); !wrong.empty()) blame(wrong);
  return problem;
}

void World::on_stored(const BlockKey& key, const BlockKey& parent, std::span<const Token> tokens) {
  if (!stored_.insert(key).second) blame("a block was stored twice");
  if (key == parent || tokens.size() != kBlockTokens) blame("an event makes no sense");
}

void World::on_removed(const BlockKey& key) {
  if (stored_.erase(key) == 0) blame("an unknown block was removed");
}

void World::on_evict(const BlockKey& key, std::int32_t block) {
  if (!stored_.contains(key)) blame("an unknown block is offered");
  if (tier_.size() > 4 * options.blocks) tier_.erase(tier_.begin());
  std::vector<std::byte>& bytes = tier_[key];
  bytes.resize(backend.info().block_bytes);
  if (!backend.read_block(block, bytes)) blame("a block cannot be read");
}

BlockTier::Answer World::ask(std::uint64_t, std::span<const BlockKey> keys) {
  Answer answer{.ready = 0, .wait = dice.chance(20)};
  while (answer.ready < keys.size() && tier_.contains(keys[answer.ready])) ++answer.ready;
  return answer;
}

bool World::load(const BlockKey& key, std::int32_t block) {
  const auto found = tier_.find(key);
  if (found == tier_.end() || dice.chance(10)) return false;
  ++loaded;
  return backend.write_block(block, found->second);
}

WorldOptions random_world(Dice& dice) {
  WorldOptions options;
  options.blocks = dice.between(3, 40);
  options.longest_prompt = dice.between(1, 150);
  options.longest_answer = dice.between(1, 60);
  options.groups = dice.between(1, 5);
  options.arrival_percent = static_cast<unsigned>(dice.between(5, 60));
  options.cancel_percent = static_cast<unsigned>(dice.below(4));
  options.fail_percent = dice.chance(20) ? 1 : 0;
  options.tier = dice.chance(30);
  options.model.vocabulary = dice.chance(50) ? dice.between(2, 8) : 64;
  options.model.predictable = static_cast<unsigned>(dice.below(17));
  if (dice.chance(50))
    options.drafter = {.hit_percent = static_cast<unsigned>(dice.below(101)),
                       .late_percent = static_cast<unsigned>(dice.below(60)),
                       .forbidden_percent = static_cast<unsigned>(dice.below(30)),
                       .step_us = static_cast<std::int64_t>(dice.below(60)),
                       .token_us = static_cast<std::int64_t>(dice.below(10))};
  // Half of the worlds can be planned ahead nearly always.
  options.penalty_percent = options.blocks % 4;
  if (options.blocks % 2 == 0) options.mask_percent = options.penalty_percent = 0;
  SchedulerOptions& scheduler = options.scheduler;
  scheduler.max_step_tokens = dice.between(1, 128);
  scheduler.max_running = dice.between(1, 16);
  scheduler.max_waiting = dice.between(1, 32);
  scheduler.max_prefill_chunk = dice.between(1, 64);
  scheduler.context = dice.between(64, 256);
  scheduler.batch_age_us = static_cast<std::int64_t>(dice.between(1000, 100'000));
  scheduler.max_drafts = static_cast<int>(dice.below(6));
  return options;
}

}  // namespace tollgate::local::testing
