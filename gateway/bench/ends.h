// Answers whose pieces nobody looks at, and the wait until all have ended. Thread rule: on_piece and on_end on the
// engine's thread, the rest on the owner's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "gateway/bench/patience.h"
#include "local_backend/engine/engine.h"

namespace tollgate::gateway::bench {

// What is kept of an AnswerEnd, whose texts do not live on.
struct Ended {
  bool failed = false;
  std::string problem;  // of a failed one
  std::size_t cached_tokens = 0;
  std::int64_t queued_us = 0, first_token_us = 0;
};

class Ends final : public local::AnswerListener {
 public:
  void on_piece(const local::Piece&) override {}
  void on_end(const local::AnswerEnd& end, const Error* error) override;
  // All of them, in the order of their ends. Errors: the first that failed, and Patience's.
  Result<std::vector<Ended>> wait(std::size_t count, Patience& patience);

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Ended> ended_;
};

// Why an answer ended badly; empty if it did not.
std::string problem_of(const local::AnswerEnd& end, const Error* error);
Error engine_failed(std::string problem);

}  // namespace tollgate::gateway::bench
