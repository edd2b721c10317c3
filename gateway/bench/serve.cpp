#include "gateway/bench/serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "gateway/bench/ends.h"

namespace tollgate::gateway::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 100ms;  // between two looks at the engine

std::int64_t micros_since(SteadyTime start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start).count();
}

// What all requests tell. Listeners write, on the engine's thread; the owner reads counts under the lock and the rest
// once all have ended.
class Record {
 public:
  Record(SteadyTime began, const std::vector<PlannedRequest>& plan) : start(began) {
    std::size_t answers = 0;
    for (const PlannedRequest& request : plan) answers += request.answer;
    between.reserve(answers);
    first.reserve(plan.size());
    whole.reserve(plan.size());
    traffic.reserve(plan.size());
  }

  // The engine's thread only, until all have ended.
  Samples first, between, whole;
  std::vector<Traffic> traffic;
  const SteadyTime start;

  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::size_t ended = 0, failed = 0;
  std::string first_failure;
  std::int64_t last_end_us = 0;

  void fail(const std::string& problem) {  // REQUIRES: the lock
    if (failed++ == 0) first_failure = problem;
  }
};

class Call final : public local::AnswerListener {
 public:
  Call(std::shared_ptr<Record> record, std::int64_t due_us) : record_(std::move(record)), due_us_(due_us) {}

  void on_piece(const local::Piece&) override {
    const std::int64_t now = micros_since(record_->start);
    (last_us_ < 0 ? record_->first : record_->between).push_back(to_sample(now - (last_us_ < 0 ? due_us_ : last_us_)));
    last_us_ = now;
  }

  void on_end(const local::AnswerEnd& end, const Error* error) override {
    const std::int64_t now = micros_since(record_->start);
    const std::string problem = problem_of(end, error);
    if (problem.empty()) {
      record_->whole.push_back(to_sample(now - due_us_));
      record_->traffic.push_back({.input = static_cast<std::int64_t>(end.prompt_tokens),
                                  .cached = static_cast<std::int64_t>(end.cached_tokens),
                                  .output = static_cast<std::int64_t>(end.answer_tokens)});
    }
    const std::lock_guard lock(record_->mutex);
    if (!problem.empty()) record_->fail(problem);
    record_->last_end_us = std::max(record_->last_end_us, now);
    ++record_->ended;
    record_->wake.notify_one();
  }

 private:
  std::shared_ptr<Record> record_;
  std::int64_t due_us_, last_us_ = -1;
};

class Run {
 public:
  Run(local::Engine& engine, const std::vector<PlannedRequest>& plan, std::uint64_t seed,
      std::chrono::milliseconds patience, Progress& progress)
      : engine_(engine), plan_(plan), seed_(seed), patience_(engine, patience), progress_(progress) {}

  Result<ServeFigures> run() {
    const local::EngineStats before = engine_.stats();
    record_ = std::make_shared<Record>(SteadyClock::now(), plan_);
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      // Made before it is due, so that the making is not in its time.
      local::AnswerRequest request = request_of(i);
      if (auto due = wait_until(plan_[i].at_us); !due) return std::move(due).error();
      submit(i, std::move(request));
    }
    std::unique_lock lock(record_->mutex);
    while (record_->ended < plan_.size()) {
      auto all = patience_.wait(lock, record_->wake, kLook, [&] { return record_->ended == plan_.size(); });
      if (!all) return std::move(all).error();
      if (!*all) look(lock);
    }
    lock.unlock();
    progress_.clear();
    return figures(before);
  }

 private:
  local::AnswerRequest request_of(std::size_t index) const {
    const PlannedRequest& planned = plan_[index];
    local::AnswerRequest request;
    request.prompt = prompt_of(engine_.tokenizer(), planned, index, seed_);
    request.sampling.temperature = 0;
    request.max_new_tokens = planned.answer;
    request.ignore_end = true;
    return request;
  }

  Result<void> wait_until(std::int64_t due_us) {
    std::unique_lock lock(record_->mutex);
    for (;;) {
      const std::int64_t left = due_us - micros_since(record_->start);
      if (left <= 0) return {};
      if (record_->ended == submitted_) patience_.rested();
      auto waited = patience_.wait(lock, record_->wake,
                                   std::min<std::chrono::microseconds>(kLook, std::chrono::microseconds(left)),
                                   [] { return false; });
      if (!waited) return std::move(waited).error();
      look(lock);
    }
  }

  void submit(std::size_t index, local::AnswerRequest request) {
    ++submitted_;
    auto id = engine_.submit(std::move(request), std::make_shared<Call>(record_, plan_[index].at_us));
    if (id) return;
    const std::lock_guard lock(record_->mutex);
    record_->fail(id.error().message);
    ++record_->ended;
  }

  void look(std::unique_lock<std::mutex>& lock) {
    const std::size_t ended = record_->ended;
    lock.unlock();
    const local::EngineStats now = engine_.stats();
    progress_.say(fmt::format("{} of {} requests, {} running, {} waiting, {} tokens", ended, plan_.size(),
                              now.scheduler.running, now.scheduler.waiting, now.scheduler.answer_tokens));
    lock.lock();
  }

  ServeFigures figures(const local::EngineStats& before) {
    const local::EngineStats after = engine_.stats();
    Record& record = *record_;
    ServeFigures out;
    out.requests = plan_.size();
    out.failed = record.failed;
    out.first_failure = record.first_failure;
    out.took_us = record.last_end_us;
    // The engine goes on being idle after the last end, while its figures are asked for.
    out.idle_us = std::clamp<std::int64_t>(after.idle_us - before.idle_us, 0, out.took_us);
    out.preemptions = after.scheduler.preemptions - before.scheduler.preemptions;
    out.steps = after.steps - before.steps;
    for (const Traffic& one : record.traffic) {
      out.input_tokens += one.input;
      out.cached_tokens += one.cached;
      out.output_tokens += one.output;
    }
    out.first_token = percentiles(record.first);
    out.between_tokens = percentiles(record.between);
    out.whole = percentiles(record.whole);
    out.traffic = std::move(record.traffic);
    return out;
  }

  local::Engine& engine_;
  const std::vector<PlannedRequest>& plan_;
  const std::uint64_t seed_;
  Patience patience_;
  Progress& progress_;
  std::shared_ptr<Record> record_;
  std::size_t submitted_ = 0;
};

}  // namespace

Result<ServeFigures> run_serve(local::Engine& engine, const std::vector<PlannedRequest>& plan, std::uint64_t seed,
                               std::chrono::milliseconds patience, Progress& progress) {
  return Run(engine, plan, seed, patience, progress).run();
}

std::size_t blocks_for(const std::vector<PlannedRequest>& plan, std::size_t max_running) {
  std::vector<std::size_t> blocks;
  for (const PlannedRequest& request : plan)
    blocks.push_back((request.prompt + request.answer + local::kBlockTokens - 1) / local::kBlockTokens);
  std::ranges::sort(blocks, std::greater<>());
  blocks.resize(std::min(blocks.size(), max_running));
  std::size_t sum = blocks.size() / 8 + 1;  // the scheduler keeps some back for growth
  for (const std::size_t one : blocks) sum += one;
  return sum;
}

}  // namespace tollgate::gateway::bench
