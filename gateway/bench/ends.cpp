#include "gateway/bench/ends.h"

#include <utility>

namespace tollgate::gateway::bench {

std::string problem_of(const local::AnswerEnd& end, const Error* error) {
  if (error) return error->message;
  return end.reason == local::StopReason::failed ? "a step failed: the device is out of order" : std::string();
}

Error engine_failed(std::string problem) {
  return Error{.kind = ErrorKind::fatal,
               .status = 500,
               .code = "engine_failed",
               .message = "the engine could not answer: " + std::move(problem)};
}

void Ends::on_end(const local::AnswerEnd& end, const Error* error) {
  Ended kept{.problem = problem_of(end, error),
             .cached_tokens = end.cached_tokens,
             .queued_us = end.queued_us,
             .first_token_us = end.first_token_us};
  kept.failed = !kept.problem.empty();
  const std::lock_guard lock(mutex_);
  ended_.push_back(std::move(kept));
  wake_.notify_one();
}

Result<std::vector<Ended>> Ends::wait(std::size_t count, Patience& patience) {
  std::unique_lock lock(mutex_);
  for (bool all = false; !all;) {
    auto waited = patience.wait(lock, wake_, std::chrono::milliseconds(200), [&] { return ended_.size() >= count; });
    if (!waited) return std::move(waited).error();
    all = *waited;
  }
  for (const Ended& one : ended_)
    if (one.failed) return engine_failed(one.problem);
  return std::exchange(ended_, {});
}

}  // namespace tollgate::gateway::bench
