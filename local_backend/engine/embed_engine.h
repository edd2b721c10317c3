// One loaded embedder with the thread that runs it: texts as tokens come in through a bounded queue, vectors go out
// through a callback. Texts of several requests share a pass, one of each in turn, so that a large request holds nobody
// up. Thread rule: every public function may be called on any thread; callbacks come on the engine's thread and must be
// short.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "local_backend/model/cpu_backend.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

struct EmbedAnswer {
  std::vector<std::vector<float>> vectors;  // one per text, in their order; empty ones after cancel()
  std::size_t tokens = 0;                   // computed
  std::int64_t machine_us = 0;              // this request's share of the passes that it was in, by tokens
};
// Called exactly once per request. Error: retry_elsewhere (503) when the engine stops or fails.
using EmbedDone = std::function<void(Result<EmbedAnswer>)>;

struct EmbedOptions {
  std::string file;
  int threads = 0;  // 0 = cores - 1
  CpuLevel level = best_cpu_level();
  std::size_t context = 0;            // most tokens of a text; 0 = the model's
  std::size_t max_step_tokens = 512;  // of a pass, where one text alone has no more
  std::size_t max_waiting = 256;      // requests
};

struct EmbedStats {
  std::size_t requests = 0;  // being computed or waiting
  std::uint64_t passes = 0, tokens = 0;
  std::int64_t busy_us = 0, idle_us = 0;  // see machine_time.h; busy_us is the sum of all machine_us
};

class EmbedEngine {
 public:
  // Whether the file is a model for embeddings. False for what is no model at all.
  static bool serves(const std::string& file);
  // Errors: see GgufFile, make_cpu_embedder and Tokenizer.
  static Result<std::shared_ptr<EmbedEngine>> load(const EmbedOptions& options);
  // The same over any embedder; `options.file`, level and threads are not looked at.
  static std::shared_ptr<EmbedEngine> over(std::unique_ptr<Embedder> embedder,
                                           std::shared_ptr<const Tokenizer> tokenizer, std::string name,
                                           const EmbedOptions& options);
  ~EmbedEngine();  // stop()

  // The request's id. REQUIRES: at least one text, each of 1 to context() known tokens. Errors: limited (429) with
  // retry_after while max_waiting requests wait; retry_elsewhere (503) after stop(). `done` is kept until it is called.
  Result<std::uint64_t> submit(std::vector<std::vector<Token>> texts, EmbedDone done);
  // What is not computed yet is not computed any more; `done` is told at the end of the pass that is under way, with
  // what was used. Unknown ids are ignored.
  void cancel(std::uint64_t id);
  // Ends what waits with an error and refuses what comes after; nothing is called once it returns.
  void stop();

  const Tokenizer& tokenizer() const;
  std::size_t context() const;
  std::size_t width() const;
  const std::string& name() const;  // general.name of the file
  EmbedStats stats() const;

 private:
  struct Impl;
  explicit EmbedEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
