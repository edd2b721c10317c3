// A back end that computes on a thread of its own, as a device does: what the engine may do meanwhile, it does.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "../scheduler/kept_plan.h"
#include "local_backend/backend.h"

namespace tollgate::local::testing {

class AsyncBackend final : public Backend {
 public:
  explicit AsyncBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)), thread_([this] { run(); }) {}
  ~AsyncBackend() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  const BackendInfo& info() const override { return inner_->info(); }
  bool overlaps() const override { return true; }
  Result<void> step(const StepPlan& plan, StepResult& result) override {
    if (auto started = start(plan); !started) return started;
    return finish(result);
  }
  Result<void> start(const StepPlan& plan) override {
    const std::lock_guard lock(mutex_);
    if (refuse.exchange(false)) return Error{.code = "device_lost", .message = "asked for"};
    const bool unknown = std::ranges::any_of(plan.tokens, [](Token token) { return token < 0; });
    misused_ |= unknown && steps_.empty();
    steps_.emplace_back(KeptPlan(plan));
    ++starts_;
    if (computing_) ++while_computing_;
    most_in_flight_ = std::max(most_in_flight_, steps_.size());
    changed_.notify_all();
    return {};
  }
  Result<void> finish(StepResult& result) override {
    std::unique_lock lock(mutex_);
    if (steps_.empty()) return Error{.code = "illegal_call", .message = "nothing was started"};
    if (!changed_.wait_for(lock, kPatience, [this] { return steps_.front().done.has_value(); }))
      return Error{.code = "stuck", .message = "a step takes too long"};
    Step oldest = std::move(steps_.front());
    steps_.pop_front();
    result = std::move(oldest.result);
    return *std::move(oldest.done);
  }
  // Nothing keeps these from a step that is computed at the same time: the scheduler has to.
  bool read_block(std::int32_t block, std::span<std::byte> out) const override {
    return inner_->read_block(block, out);
  }
  bool write_block(std::int32_t block, std::span<const std::byte> in) override {
    return inner_->write_block(block, in);
  }

  // On the device's thread: true as soon as so many steps were started.
  bool wait_for_starts(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return starts_ >= count || stopping_; }) && starts_ >= count;
  }
  std::size_t starts() const { return read(starts_); }
  std::size_t while_computing() const { return read(while_computing_); }  // steps started while another was computed
  bool misused() const { return read(misused_); }  // a placeholder stood for what no step in flight draws
  std::size_t most_in_flight() const { return read(most_in_flight_); }

  std::atomic<bool> refuse = false;      // the next start
  std::function<void()> before_compute;  // on the device's thread; set before the first start

 private:
  static constexpr std::chrono::seconds kPatience{20};
  struct Step {
    explicit Step(KeptPlan wanted) : kept(std::move(wanted)) {}
    KeptPlan kept;
    StepResult result;
    std::optional<Result<void>> done;
  };
  template <typename T>
  T read(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  void run() {
    std::unique_lock lock(mutex_);
    const auto next = [this] { return std::ranges::find_if(steps_, [](const Step& one) { return !one.done; }); };
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || next() != steps_.end(); });
      if (stopping_) return;
      Step& step = *next();  // stays where it is: others come behind it, and it goes only once it is done
      computing_ = true;
      lock.unlock();
      if (before_compute) before_compute();
      step.kept.fill(drawn_);
      Result<void> done = inner_->step(step.kept.plan, step.result);
      drawn_ = done ? step.result.sampled : std::vector<Sampled>();
      lock.lock();
      computing_ = false;
      step.done = std::move(done);
      changed_.notify_all();
    }
  }

  std::unique_ptr<Backend> inner_;
  std::vector<Sampled> drawn_;  // by the last step; the device's thread only
  mutable std::mutex mutex_;    // guards what follows
  std::condition_variable changed_;
  std::deque<Step> steps_;  // older first
  bool computing_ = false, stopping_ = false, misused_ = false;
  std::size_t starts_ = 0, while_computing_ = 0, most_in_flight_ = 0;
  std::thread thread_;
};

}  // namespace tollgate::local::testing
