#include "gateway/bench/decode_run.h"

#include <condition_variable>
#include <mutex>

#include "gateway/bench/ends.h"
#include "gateway/bench/workload.h"

namespace tollgate::gateway::bench {
namespace {

constexpr std::size_t kSpare = 64;  // tokens that a sequence may draw before the last one has begun

std::int64_t micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now().time_since_epoch()).count();
}

// Who has begun, and the time of the last one's tokens. Written on the engine's thread.
class Watch {
 public:
  Watch(std::size_t batch, std::size_t steps) : batch_(batch), steps_(steps) {}

  // The `count`-th token of a sequence.
  void token(std::size_t sequence, std::size_t count) {
    ++tokens_;
    if (count == 1 && ++begun_ == batch_) {
      holder_ = sequence;
      before_ = tokens_;
      began_us_ = micros();
    }
    if (begun_ < batch_ || sequence != holder_ || count != steps_ + 1) return;
    const std::lock_guard lock(mutex_);
    took_us_ = micros() - began_us_;
    timed_tokens_ = tokens_ - before_;
    done_ = true;
    wake_.notify_one();
  }
  void end(std::string problem) {
    const std::lock_guard lock(mutex_);
    if (problem_.empty()) problem_ = std::move(problem);
    ++ended_;
    if (!done_) early_ = true;
    wake_.notify_one();
  }

  // Until the time is there, or an answer has ended without it.
  Result<void> wait(Patience& patience) {
    return wait_for(patience, [this] { return done_ || early_; });
  }
  Result<void> wait_ends(std::size_t count, Patience& patience) {
    if (auto all = wait_for(patience, [&] { return ended_ >= count; }); !all) return all;
    if (!problem_.empty()) return engine_failed(problem_);
    return {};
  }
  // After both. The first token of all is before the watch; the holder's place in a step is always the same, so what
  // others draw before and after it in the first and the last step makes up one step.
  DecodeTime time(std::size_t depth) const {
    DecodeTime time{.us = took_us_};
    const std::size_t wanted = batch_ * steps_;
    if (early_ || timed_tokens_ + batch_ < wanted || timed_tokens_ > wanted + batch_)
      time.disturbed = "its sequences did not run together throughout; a smaller batch does";
    time.context = static_cast<double>(depth) + static_cast<double>(before_) / static_cast<double>(batch_) +
                   static_cast<double>(steps_ + 1) / 2;
    return time;
  }

 private:
  template <class Done>
  Result<void> wait_for(Patience& patience, const Done& done) {
    std::unique_lock lock(mutex_);
    for (;;) {
      auto waited = patience.wait(lock, wake_, std::chrono::milliseconds(200), done);
      if (!waited) return std::move(waited).error();
      if (*waited) return {};
    }
  }

  const std::size_t batch_, steps_;
  std::size_t begun_ = 0, tokens_ = 0, before_ = 0, holder_ = 0;  // the engine's thread, until done_
  std::int64_t began_us_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool done_ = false, early_ = false;
  std::int64_t took_us_ = 0;
  std::size_t timed_tokens_ = 0, ended_ = 0;
  std::string problem_;
};

class Sequence final : public local::AnswerListener {
 public:
  Sequence(std::shared_ptr<Watch> watch, std::size_t index) : watch_(std::move(watch)), index_(index) {}
  void on_piece(const local::Piece&) override { watch_->token(index_, ++count_); }
  void on_end(const local::AnswerEnd& end, const Error* error) override { watch_->end(problem_of(end, error)); }

 private:
  std::shared_ptr<Watch> watch_;
  std::size_t index_, count_ = 0;
};

}  // namespace

std::size_t decoded_tokens(std::size_t steps) { return steps + 1 + kSpare; }

local::AnswerRequest DecodeRun::request(std::size_t index, std::size_t answer) const {
  local::AnswerRequest request;
  request.prompt = random_tokens(engine_.tokenizer(), options_.seed * kMostRequests + index, options_.depth + 1);
  request.sampling.temperature = 0;
  request.max_new_tokens = answer;
  request.ignore_end = true;
  request.salt = "decode";
  return request;
}

Result<void> DecodeRun::prepare() {
  if (options_.depth < local::kBlockTokens) return {};  // nothing that could be found again
  const auto ends = std::make_shared<Ends>();
  Patience patience(engine_, options_.patience);
  for (std::size_t i = 0; i < options_.batch; ++i)
    if (auto id = engine_.submit(request(i, 1), ends); !id) return std::move(id).error();
  if (auto ended = ends->wait(options_.batch, patience); !ended) return std::move(ended).error();
  return {};
}

Result<DecodeTime> DecodeRun::time() {
  const auto watch = std::make_shared<Watch>(options_.batch, options_.steps);
  Patience patience(engine_, options_.patience);
  std::vector<local::AnswerRequest> requests;
  for (std::size_t i = 0; i < options_.batch; ++i) requests.push_back(request(i, decoded_tokens(options_.steps)));
  std::vector<std::uint64_t> ids;
  Result<void> waited;
  for (std::size_t i = 0; i < requests.size() && waited; ++i) {
    auto id = engine_.submit(std::move(requests[i]), std::make_shared<Sequence>(watch, i));
    if (id) ids.push_back(*id);
    if (!id) waited = std::move(id).error();
  }
  if (waited) waited = watch->wait(patience);
  for (const std::uint64_t id : ids) engine_.cancel(id);
  if (!waited) return std::move(waited).error();
  if (auto ended = watch->wait_ends(ids.size(), patience); !ended) return std::move(ended).error();
  return watch->time(options_.depth);
}

}  // namespace tollgate::gateway::bench
