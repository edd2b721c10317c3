#include "gateway/bench/prefill_run.h"

#include <algorithm>

#include "gateway/bench/ends.h"
#include "gateway/bench/workload.h"

namespace tollgate::gateway::bench {

Result<std::int64_t> time_prefill(local::Engine& engine, std::size_t tokens, std::uint64_t seed,
                                  std::chrono::milliseconds limit) {
  const auto ends = std::make_shared<Ends>();
  Patience patience(engine, limit);
  local::AnswerRequest request;
  request.prompt = random_tokens(engine.tokenizer(), seed * kMostPromptTokens + tokens, tokens);
  request.sampling.temperature = 0;
  request.max_new_tokens = 1;
  request.ignore_end = true;
  request.salt = "prefill " + std::to_string(seed);
  if (auto id = engine.submit(std::move(request), ends); !id) return std::move(id).error();
  auto ended = ends->wait(1, patience);
  if (!ended) return std::move(ended).error();
  const Ended& one = ended->front();
  return one.first_token_us - one.queued_us;
}

Result<void> warm_up(local::Engine& engine, std::chrono::milliseconds patience) {
  constexpr std::size_t kShort = 64, kNobodys = 0;
  auto timed = time_prefill(engine, std::min(kShort, engine.context() - 1), kNobodys, patience);
  return timed ? Result<void>() : Result<void>(std::move(timed).error());
}

}  // namespace tollgate::gateway::bench
