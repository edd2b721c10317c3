#include "local_backend/engine/engine.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "local_backend/engine/advised_sampling.h"
#include "local_backend/engine/answer.h"
#include "local_backend/engine/devices.h"
#include "local_backend/engine/draft_model.h"
#include "local_backend/engine/engine_tiers.h"
#include "local_backend/engine/machine_time.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/kernels/workers.h"
#include "local_backend/model/cpu_backend.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMostContext = 8192;  // unless more is asked for
constexpr std::size_t kDeviceStep = 2048;   // tokens of a step on a device
constexpr double kNewest = 0.1;             // weight of the newest value in moving means

// How long a thread without work sleeps while a prompt waits for a store, or a store for blocks.
constexpr std::chrono::milliseconds kLookAgain{20};

void mix(double& mean, double value) { mean = mean == 0 ? value : mean + kNewest * (value - mean); }

Error bad_request(std::string message) {
  return Error{
      .kind = ErrorKind::client_fault, .status = 400, .code = "invalid_request", .message = std::move(message)};
}

}  // namespace

struct Engine::Impl {
  Impl(std::unique_ptr<Backend> device, std::shared_ptr<const Tokenizer> words, std::string title, std::size_t most,
       EngineOptions wanted, std::unique_ptr<Drafter> second_model);

  void start() {
    thread = std::thread([this] {
      step_back();
      run();
    });
  }
  void stop();
  Result<std::uint64_t> submit(AnswerRequest request, std::shared_ptr<AnswerListener> listener);
  void run();
  void take_orders(std::unique_lock<std::mutex>& lock);
  void rest(std::unique_lock<std::mutex>& lock);
  void begin(std::uint64_t id, Answer& answer);
  bool due(bool planned) const;
  bool start_step();
  void finish_step();
  void account(const StepPlan& plan, std::int64_t began, std::int64_t took, std::int64_t share);
  void publish();
  void bury();

  EngineOptions options;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<Backend> backend;
  std::string name;
  std::size_t context = 0;
  SamplingParams advised;
  std::string why_cpu;
  const std::int64_t started_us = now_us();
  MachineTime machine{started_us};

  std::once_flag trie_once;
  std::shared_ptr<const TokenTrie> trie;

  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::unordered_map<std::uint64_t, std::unique_ptr<Answer>> orders;  // not yet seen by the engine's thread
  std::vector<std::uint64_t> cancels;
  std::uint64_t next_id = 1;
  bool stopping = false, fetched = false;  // fetched: a store has answered
  EngineStats published;

  // The engine's thread only.
  std::unique_ptr<EngineTiers> tiers;
  std::unique_ptr<Drafter> drafter;  // may be null
  std::unique_ptr<Scheduler> scheduler;
  std::unordered_map<std::uint64_t, std::unique_ptr<Answer>> living;
  struct Step {
    StepPlan plan;
    std::int64_t began_us = 0, drafting_us = 0;
    bool lost = false;  // the device did not take it
  };
  std::array<Step, 2> steps;  // older first
  std::size_t started = 0;    // of `steps`, and not finished
  std::int64_t finished_us = 0;
  StepResult result;
  EngineStats counts;
  std::thread thread;
};

Engine::Impl::Impl(std::unique_ptr<Backend> device, std::shared_ptr<const Tokenizer> words, std::string title,
                   std::size_t most, EngineOptions wanted, std::unique_ptr<Drafter> second_model)
    : options(std::move(wanted)),
      tokenizer(std::move(words)),
      backend(std::move(device)),
      name(std::move(title)),
      drafter(std::move(second_model)) {
  const BackendInfo& info = backend->info();
  context = std::min({options.context == 0 ? kMostContext : options.context, most, info.blocks * kBlockTokens});
  SchedulerOptions plans = options.scheduler;
  plans.context = context;
  plans.max_step_tokens = std::min(plans.max_step_tokens, info.max_step_tokens);
  tiers = std::make_unique<EngineTiers>(*backend, options.prefixes, context, [this] {
    const std::lock_guard lock(mutex);
    fetched = true;
    wake.notify_one();
  });
  scheduler = std::make_unique<Scheduler>(plans, info, tiers->hooks(), drafter.get());
}

void Engine::Impl::stop() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_one();
  if (thread.joinable()) thread.join();
}

Result<std::uint64_t> Engine::Impl::submit(AnswerRequest request, std::shared_ptr<AnswerListener> listener) {
  if (request.prompt.empty()) return bad_request("the prompt is empty");
  if (request.stops.size() > kMaxStops || std::ranges::any_of(request.stops, &std::string::empty))
    return bad_request("at most " + std::to_string(kMaxStops) + " stop strings, none of them empty");
  if (request.prompt.size() >= context)
    return bad_request("the prompt has " + std::to_string(request.prompt.size()) +
                       " tokens; the model's context holds " + std::to_string(context) +
                       ", and the answer needs room in it");
  std::unique_ptr<GrammarState> grammar;
  if (request.grammar) grammar = GrammarState::start(request.grammar, trie);
  auto answer = std::make_unique<Answer>(std::move(request), std::move(listener), *tokenizer, std::move(grammar),
                                         now_us(), options.observer.get());
  const std::lock_guard lock(mutex);
  if (stopping)
    return Error{.kind = ErrorKind::retry_elsewhere,
                 .status = 503,
                 .code = "engine_stopped",
                 .message = "the local engine is stopping"};
  // The scheduler judges by its own queue; this bound only keeps a burst from growing without end before it looks.
  if (orders.size() >= options.scheduler.max_waiting + options.scheduler.max_running)
    return Error{.kind = ErrorKind::limited,
                 .status = 429,
                 .code = "engine_busy",
                 .message = "the local engine's queue is full; try again later",
                 .retry_after = std::chrono::seconds(1)};
  const std::uint64_t id = next_id++;
  orders.emplace(id, std::move(answer));
  wake.notify_one();
  return id;
}

void Engine::Impl::run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    machine.wake(now_us());
    take_orders(lock);  // gives the lock away meanwhile
    const bool planned = start_step();
    bool work = planned;
    for (; due(planned); work = true) finish_step();
    if (!work) machine.rest();
    bury();
    const bool tidied = tiers->tidy(!work);
    counts.scheduler = scheduler->stats();
    counts.tiers = tiers->stats();
    lock.lock();
    published = counts;
    if (!work && !tidied) rest(lock);
  }
  lock.unlock();
  while (started > 0) finish_step();
  bury();
  for (auto& [id, answer] : living) answer->on_end(StopReason::cancelled);
  for (auto& [id, answer] : orders) answer->on_end(StopReason::cancelled);
  tiers->finish();
}

// Until there is an order, or news of what waits for a store.
void Engine::Impl::rest(std::unique_lock<std::mutex>& lock) {
  const auto wanted = [this] { return stopping || fetched || !orders.empty() || !cancels.empty(); };
  if (counts.scheduler.waiting > 0 || tiers->unsaved()) {
    wake.wait_for(lock, kLookAgain, wanted);
  } else {
    wake.wait(lock, wanted);
  }
  fetched = false;
}

void Engine::Impl::take_orders(std::unique_lock<std::mutex>& lock) {
  std::unordered_map<std::uint64_t, std::unique_ptr<Answer>> fresh;
  std::vector<std::uint64_t> gone;
  fresh.swap(orders);
  gone.swap(cancels);
  lock.unlock();
  std::vector<std::uint64_t> order;  // of arrival
  for (const auto& [id, answer] : fresh) order.push_back(id);
  std::ranges::sort(order);
  for (const std::uint64_t id : order) {
    Answer& answer = *living.emplace(id, std::move(fresh[id])).first->second;
    begin(id, answer);
  }
  for (const std::uint64_t id : gone) scheduler->cancel(id);
}

void Engine::Impl::begin(std::uint64_t id, Answer& answer) {
  SequenceParams params = answer.sequence(id, context);
  ++counts.answers;
  if (auto added = scheduler->add(std::move(params), answer, now_us()); !added) answer.refuse(added.error());
}

// Whether the older step has to be finished before there is another plan. A device that computes by itself gets its
// next step before, if that can be planned; but nothing may follow one that it did not take.
bool Engine::Impl::due(bool planned) const {
  if (started == 0) return false;
  return !planned || !backend->overlaps() || started == steps.size() || steps[0].lost;
}

bool Engine::Impl::start_step() {
  Step& next = steps[started];
  if (!scheduler->plan(next.plan, now_us())) return false;
  next.began_us = now_us();
  // Drafting was done with the plan, for the same sequences.
  next.drafting_us = scheduler->stats().drafting_us - counts.scheduler.drafting_us;
  machine.begin_step();
  next.lost = !backend->start(next.plan);
  ++started;
  return true;
}

void Engine::Impl::finish_step() {
  const Step& step = steps[0];
  const bool done = !step.lost && backend->finish(result);
  const std::int64_t ended = now_us(), began = std::max(step.began_us, finished_us);
  finished_us = ended;
  account(step.plan, began - step.drafting_us, ended - began + step.drafting_us, machine.end_step(ended));
  if (started > 1) machine.begin_step();
  publish();  // before listeners hear of ends: who then looks finds the work that was charged
  if (done) {
    scheduler->finish(result, ended);
  } else {
    scheduler->fail();
  }
  std::swap(steps[0], steps[1]);
  --started;
}

// `share` is split by tokens so that the parts are the whole.
void Engine::Impl::account(const StepPlan& plan, std::int64_t began, std::int64_t took, std::int64_t share) {
  const auto tokens = static_cast<std::int64_t>(plan.tokens.size());
  std::int64_t left = tokens;
  for (const PlanRow& row : plan.rows) {
    const std::int64_t part = share * row.tokens / std::max<std::int64_t>(left, 1);
    share -= part;
    left -= row.tokens;
    if (const auto found = living.find(row.sequence); found != living.end())
      found->second->charge(part, row.tokens, began);
  }
  ++counts.steps;
  mix(counts.step_us, static_cast<double>(took));
  if (plan.tokens.size() > 2 * plan.rows.size() && took > 0) {
    mix(counts.prefill_rate, static_cast<double>(tokens) * 1e6 / static_cast<double>(took));
    tiers->computed(plan.tokens.size(), took);
  }
}

void Engine::Impl::publish() {
  const std::lock_guard lock(mutex);
  published = counts;
}

void Engine::Impl::bury() {
  std::erase_if(living, [](const auto& one) { return one.second->ended(); });
}

Result<std::shared_ptr<Engine>> Engine::load(const EngineOptions& options) {
  auto file = options.image.empty() ? GgufFile::open(options.file) : GgufFile::parse(options.image, options.file);
  if (!file) return std::move(file).error();
  auto tokenizer = Tokenizer::load(*file);
  if (!tokenizer) return std::move(tokenizer).error();
  auto config = read_model_config(**file);
  if (!config) return std::move(config).error();
  EngineOptions wanted = options;
  wanted.context = std::min(options.context == 0 ? kMostContext : options.context, config->context);
  auto chosen = choose_backend(*file, wanted);
  if (!chosen) return std::move(chosen).error();
  std::unique_ptr<Backend>& backend = chosen->backend;
  if (chosen->on_device) {
    // What a CPU computes in the time of one token of an answer is less by far.
    wanted.scheduler.max_step_tokens = std::max(options.scheduler.max_step_tokens, kDeviceStep);
    wanted.scheduler.max_prefill_chunk = std::max(options.scheduler.max_prefill_chunk, kDeviceStep / 2);
  }
  std::unique_ptr<Drafter> drafter;
  if (!options.draft_file.empty()) {
    auto second = load_draft_model(wanted, **tokenizer, backend->info().blocks);
    if (!second) return std::move(second).error();
    drafter = *std::move(second);
  }
  auto engine =
      over(std::move(backend), *std::move(tokenizer), config->name, config->context, wanted, std::move(drafter));
  engine->impl_->why_cpu = std::move(chosen->why_cpu);
  engine->impl_->advised = read_advised_sampling(**file);
  return engine;
}

std::shared_ptr<Engine> Engine::over(std::unique_ptr<Backend> backend, std::shared_ptr<const Tokenizer> tokenizer,
                                     std::string name, std::size_t context, const EngineOptions& options,
                                     std::unique_ptr<Drafter> drafter) {
  auto impl = std::make_unique<Impl>(std::move(backend), std::move(tokenizer), std::move(name), context, options,
                                     std::move(drafter));
  impl->start();
  return std::shared_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() { impl_->stop(); }
void Engine::stop() { impl_->stop(); }

Result<std::uint64_t> Engine::submit(AnswerRequest request, std::shared_ptr<AnswerListener> listener) {
  if (request.grammar) (void)trie();
  return impl_->submit(std::move(request), std::move(listener));
}

void Engine::cancel(std::uint64_t id) {
  const std::lock_guard lock(impl_->mutex);
  impl_->cancels.push_back(id);
  impl_->wake.notify_one();
}

const Tokenizer& Engine::tokenizer() const { return *impl_->tokenizer; }
std::shared_ptr<const Tokenizer> Engine::shared_tokenizer() const { return impl_->tokenizer; }
const BackendInfo& Engine::backend() const { return impl_->backend->info(); }
std::size_t Engine::context() const { return impl_->context; }
const std::string& Engine::name() const { return impl_->name; }
const std::string& Engine::why_cpu() const { return impl_->why_cpu; }
const SamplingParams& Engine::advised_sampling() const { return impl_->advised; }

std::shared_ptr<const TokenTrie> Engine::trie() const {
  std::call_once(impl_->trie_once, [this] { impl_->trie = TokenTrie::build(*impl_->tokenizer); });
  return impl_->trie;
}

EngineStats Engine::stats() const {
  const std::lock_guard lock(impl_->mutex);
  EngineStats now = impl_->published;
  now.scheduler.waiting += impl_->orders.size();
  now.max_running = impl_->options.scheduler.max_running;
  const std::int64_t time = now_us();
  const MachineTime::Sums sums = impl_->machine.read(time);
  now.busy_us = sums.busy_us;
  now.idle_us = sums.idle_us;
  now.uptime_us = time - impl_->started_us;
  return now;
}

}  // namespace tollgate::local
