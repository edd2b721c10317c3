// Real models through scheduler and back end: whatever a schedule does, each answer has the tokens and the log
// probabilities, bit for bit, of the same request computed alone. LOCAL_EQUIVALENCE_SEED asks for other requests and
// schedules; time stands in for by a counter, so that the same seed gives the same run.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>

#include "async_backend.h"
#include "callers.h"
#include "local_backend/engine/model_drafter.h"

namespace tollgate::local::testing {
namespace {

constexpr std::size_t kContext = 128;

std::uint64_t first_seed() {
  const char* text = std::getenv("LOCAL_EQUIVALENCE_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

class Caller final : public SequenceOwner {
 public:
  explicit Caller(const Request& request) : request_(request) {}
  bool on_token(const Sampled& sampled) override {
    drawn.push_back(sampled);
    answer_.push_back(sampled.token);
    masks_.clear();
    return true;
  }
  std::span<const std::uint32_t> mask(std::span<const Token> drafts) override {
    std::vector<Token> answer = answer_;
    answer.insert(answer.end(), drafts.begin(), drafts.end());
    return masks_.emplace_back(mask_after(request_, answer, 256));
  }
  void on_end(StopReason why) override { reason = why; }

  std::vector<Sampled> drawn;
  StopReason reason = StopReason::none;

 private:
  const Request& request_;
  std::vector<Token> answer_;
  std::deque<std::vector<std::uint32_t>> masks_;
};

// How a schedule is made difficult.
struct Shape {
  const char* name;
  SchedulerOptions options;
  std::size_t blocks = 64;
  std::size_t per_step = 12;     // requests that arrive in one step
  unsigned cancel_percent = 0;   // per step
  bool again = false;            // all requests once more when the first are answered
  std::size_t draft_blocks = 0;  // of a second model that often agrees; 0 = none
  std::size_t draft_chunk = 256;
  bool overlap = false;                               // the back end computes while the next step is planned
  std::uint64_t SchedulerStats::* happens = nullptr;  // counts what the shape is there for
};

std::vector<Shape> shapes() {
  const std::size_t tight = (kContext + kBlockTokens - 1) / kBlockTokens + 2;
  return {
      {.name = "batched", .options = {.max_running = 12, .max_drafts = 0}, .happens = &SchedulerStats::answer_tokens},
      {.name = "in chunks",
       .options = {.max_step_tokens = 9, .max_running = 4, .max_prefill_chunk = 5, .max_drafts = 0},
       .per_step = 1,
       .happens = &SchedulerStats::answer_tokens},
      {.name = "from the cache",
       .options = {.max_running = 3, .max_drafts = 0},
       .per_step = 1,
       .again = true,
       .happens = &SchedulerStats::prefix_hits},
      {.name = "preempted",
       .options = {.max_running = 8, .max_drafts = 0},
       .blocks = tight,
       .happens = &SchedulerStats::preemptions},
      {.name = "guessed", .options = {.max_running = 3, .max_drafts = 6}, .happens = &SchedulerStats::accepted},
      {.name = "guessed, preempted and cancelled",
       .options = {.max_step_tokens = 40, .max_running = 5, .max_prefill_chunk = 17, .max_drafts = 4},
       .blocks = tight,
       .per_step = 2,
       .cancel_percent = 3,
       .happens = &SchedulerStats::preemptions},
      {.name = "guessed by a second model",
       .options = {.max_running = 3, .max_drafts = 4},
       .draft_blocks = 16,
       .happens = &SchedulerStats::model_accepted},
      {.name = "guessed by a second model with little room, preempted and cancelled",
       .options = {.max_step_tokens = 40, .max_running = 5, .max_drafts = 5},
       .blocks = tight,
       .per_step = 2,
       .cancel_percent = 3,
       .draft_blocks = 7,
       .draft_chunk = 11,
       .happens = &SchedulerStats::model_accepted},
      {.name = "overlapped",
       .options = {.max_step_tokens = 50, .max_running = 2, .max_drafts = 0},
       .per_step = 2,
       .overlap = true,
       .happens = &SchedulerStats::planned_ahead},
      {.name = "overlapped, guessed, preempted and cancelled",
       .options = {.max_step_tokens = 40, .max_running = 5, .max_prefill_chunk = 17, .max_drafts = 4},
       .blocks = tight,
       .per_step = 2,
       .cancel_percent = 3,
       .overlap = true,
       .happens = &SchedulerStats::accepted},
  };
}

struct World {
  World(const ModelCase& model, const Shape& wanted, std::uint64_t seed, std::size_t context = kContext)
      : shape(wanted),
        random(seed),
        backend(back_end(model, wanted, context)),
        drafter(wanted.draft_blocks > 0 ? second_model(model, wanted, context) : nullptr),
        scheduler(options_of(wanted, context), backend->info(), {}, drafter.get()) {}

  static SchedulerOptions options_of(const Shape& shape, std::size_t context) {
    SchedulerOptions options = shape.options;
    options.context = context;
    return options;
  }
  static std::unique_ptr<ModelDrafter> second_model(const ModelCase& model, const Shape& shape, std::size_t context) {
    auto backend = small_backend(model, similar_file(model, context, 0.02f), shape.draft_blocks, context);
    return std::make_unique<ModelDrafter>(std::move(backend), context - 8, shape.draft_chunk, no_time);
  }
  static std::unique_ptr<Backend> back_end(const ModelCase& model, const Shape& shape, std::size_t context) {
    auto backend = small_backend(model, small_file(model, context), shape.blocks, context);
    if (shape.overlap) return std::make_unique<AsyncBackend>(std::move(backend));
    return backend;
  }
  static std::int64_t no_time() { return 0; }

  void add(const Request& request) {
    auto& caller = callers.emplace_back(std::make_unique<Caller>(request));
    const Result<void> added = scheduler.add({.id = callers.size(),
                                              .prompt = request.prompt,
                                              .sampling = request.sampling,
                                              .stream = request.stream,
                                              .max_new_tokens = request.answer_tokens,
                                              .lane = request.lane,
                                              .salt = request.salt,
                                              .masked = request.mask_seed != 0},
                                             *caller, now);
    ASSERT_TRUE(added) << added.error().message;
  }
  bool step() {
    now += 1000;
    const bool planned = scheduler.plan(plans[started], now);
    if (planned) EXPECT_TRUE(backend->start(plans[started++]));
    if (planned && shape.overlap && started == 1) return true;
    if (started == 0) return false;
    const Result<void> done = backend->finish(result);
    EXPECT_TRUE(done) << done.error().message;
    if (random() % 100 < shape.cancel_percent) scheduler.cancel(1 + random() % callers.size());
    now += 1000;
    scheduler.finish(result, now);
    std::swap(plans[0], plans[1]);
    --started;
    EXPECT_EQ(scheduler.check(), "");
    return true;
  }
  void serve(const std::vector<Request>& requests) {
    for (std::size_t next = 0; next < requests.size() || scheduler.stats().running > 0; step())
      for (std::size_t i = 0; i < shape.per_step && next < requests.size(); ++i) add(requests[next++]);
    while (step()) continue;
  }

  const Shape& shape;
  std::mt19937_64 random;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<ModelDrafter> drafter;  // may be null
  Scheduler scheduler;
  std::array<StepPlan, 2> plans;  // older first
  std::size_t started = 0;        // of `plans`, and not finished
  StepResult result;
  std::vector<std::unique_ptr<Caller>> callers;
  std::int64_t now = 0;
};

using Case = std::tuple<const char*, KvType, CpuLevel>;

class Answers : public ::testing::TestWithParam<Case> {};

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  const auto& [family, kv, level] = info.param;
  return std::string(family) + (kv == KvType::f16 ? "_f16_" : "_q8_") + std::to_string(static_cast<int>(level));
}

INSTANTIATE_TEST_SUITE_P(Families, Answers,
                         ::testing::Combine(::testing::ValuesIn(under_test().families),
                                            ::testing::Values(KvType::f16, KvType::q8),
                                            ::testing::ValuesIn(under_test().levels)),
                         case_name);

std::vector<std::vector<Sampled>> answers_alone(const ModelCase& model, const std::vector<Request>& requests,
                                                std::size_t context) {
  Alone alone(small_backend(model, small_file(model, context), context / kBlockTokens + 1, context));
  std::vector<std::vector<Sampled>> answers;
  for (const Request& request : requests) answers.push_back(alone.answer(request));
  return answers;
}

void expect_answers(const World& world, const std::vector<std::vector<Sampled>>& wanted) {
  for (std::size_t i = 0; i < world.callers.size(); ++i) {
    const Caller& caller = *world.callers[i];
    if (caller.reason == StopReason::cancelled && world.shape.cancel_percent > 0) continue;
    EXPECT_EQ(caller.reason, StopReason::length);
    EXPECT_EQ(difference(caller.drawn, wanted[i % wanted.size()]), "") << "request " << i;
  }
  const SchedulerStats stats = world.scheduler.stats();
  if (under_test().all_happen) EXPECT_GT(stats.*world.shape.happens, 0u);
  EXPECT_EQ(stats.blocks_used, 0u);
  if (world.drafter) EXPECT_EQ(world.drafter->free_blocks(), world.shape.draft_blocks);
}

TEST_P(Answers, AreThoseOfARequestAlone) {
  const ModelCase model{std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())};
  if (!cpu_supports(model.level)) GTEST_SKIP() << "this machine has no " << name_of(model.level);
  const std::uint64_t seed = first_seed();
  SCOPED_TRACE("LOCAL_EQUIVALENCE_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<Request> requests = random_requests(random, under_test().requests, kContext);
  const auto wanted = answers_alone(model, requests, kContext);
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(shape.name);
    World world(model, shape, seed);
    world.serve(requests);
    if (shape.again) world.serve(requests);
    expect_answers(world, wanted);
  }
}

// Behind 512 tokens attention is summed in parts; as long as the prompt is computed at once, guesses change no bit.
TEST(LongAnswers, AreTheSameWithGuesses) {
  if (!under_test().long_answers) GTEST_SKIP() << "minutes on a simulated GPU";
  constexpr std::size_t kLong = 800;
  const std::uint64_t seed = first_seed();
  SCOPED_TRACE("LOCAL_EQUIVALENCE_SEED=" + std::to_string(seed));
  const Shape shape{.name = "guessed in a long context",
                    .options = {.max_step_tokens = kLong, .max_running = 1, .max_drafts = 6},
                    .blocks = 2 * kLong / kBlockTokens,
                    .draft_blocks = kLong / kBlockTokens,
                    .happens = &SchedulerStats::model_accepted};
  for (const char* family : {"llama", "gemma3"}) {
    const ModelCase model{family, KvType::f16, best_cpu_level()};
    std::mt19937_64 random(seed);
    std::vector<Request> requests = random_requests(random, 4, kLong);
    for (Request& request : requests) {
      while (request.prompt.size() < 510) request.prompt.push_back(request.prompt[request.prompt.size() / 2]);
      request.answer_tokens = 60;
      request.salt = std::to_string(&request - requests.data());  // shares nothing
      request.stream = 0;
    }
    World world(model, shape, seed, kLong);
    world.serve(requests);
    expect_answers(world, answers_alone(model, requests, kLong));
  }
}

}  // namespace
}  // namespace tollgate::local::testing
