// One loaded model with the thread that runs it: requests come in through a bounded queue, tokens go out through a
// listener. Tokenising, templates and grammars are the caller's work, on the caller's threads.
//
// Thread rule: every public function may be called on any thread; listeners are called on the engine's thread and must
// be short.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/engine/stats.h"
#include "local_backend/grammar/grammar.h"
#include "local_backend/kernels/kernels.h"
#include "local_backend/kv/block_tiers.h"
#include "local_backend/scheduler/drafter.h"
#include "local_backend/scheduler/scheduler.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

// A token of an answer and the text that became sure with it: empty while a character is incomplete or a stop string
// may be under way, more than the token's own when that turned out not to be so.
struct Piece {
  Token token = -1;
  std::string_view text;
  float logprob = 0;
  const std::vector<std::pair<Token, float>>* top = nullptr;  // alternatives, if asked for
};

struct AnswerEnd {
  StopReason reason = StopReason::none;
  std::string_view text;          // what was still held back
  std::string_view stop_string;   // the one that ended it, if one did
  std::size_t prompt_tokens = 0;  // of the prompt; of one that was cut short, what was computed or found
  std::size_t cached_tokens = 0;  // of them found in the prefix cache
  std::size_t answer_tokens = 0;
  std::int64_t machine_us = 0;      // this answer's share of the steps that it was in
  std::int64_t queued_us = 0;       // between submission and the first step
  std::int64_t first_token_us = 0;  // between submission and the first token, if there is one
  std::int64_t total_us = 0;        // between submission and this end
};

class AnswerListener {
 public:
  virtual ~AnswerListener() = default;
  virtual void on_piece(const Piece& piece) = 0;
  // Exactly once, and last; also after a refusal by the scheduler, then with `error`.
  virtual void on_end(const AnswerEnd& end, const Error* error) = 0;
};

struct AnswerRequest {
  std::vector<Token> prompt;
  SamplingParams sampling;
  std::uint32_t stream = 0;        // which of n answers
  std::size_t max_new_tokens = 0;  // 0 = as many as the context holds
  std::vector<std::string> stops;  // at most kMaxStops, none empty
  bool ignore_end = false;
  bool show_special = false;  // control tokens' texts are part of the answer (formats of tool calls need them)
  Lane lane = Lane::interactive;
  std::string salt;
  std::shared_ptr<const Grammar> grammar;  // may be null
};
inline constexpr std::size_t kMaxStops = 16;

// Where blocks of prompts go besides the pool, and who hears of them.
struct PrefixOptions {
  std::size_t host_bytes = 0;  // of host memory behind the pool
  // Opens a connection to the store that this engine shares with others; called twice, for reading and for writing,
  // each used by one thread of its own. Empty: no store. Not null.
  std::function<std::unique_ptr<BlockStore>(const BackendInfo&)> open_store;
  std::shared_ptr<BlockListener> listener;  // called on the engine's thread; may be null
};

struct EngineOptions {
  std::string file;
  std::span<const std::byte> image;  // the file's bytes, if they are in memory already; must outlive the engine
  std::string device = "auto";       // or "cpu", "cuda:0", ...: see devices.h
  bool exact = false;                // on a device: the same bits however steps are cut, at the price of speed
  int threads = 0;                   // 0 = cores - 1
  CpuLevel level = best_cpu_level();
  KvType kv = KvType::f16;     // q8: e4m3 on a device
  std::size_t kv_bytes = 0;    // 0 = see CpuBackendOptions and CudaBackendOptions
  std::size_t context = 0;     // 0 = the model's, at most 8,192
  std::string draft_file;      // a smaller model with the same vocabulary that guesses along; empty = none
  SchedulerOptions scheduler;  // context is filled in
  PrefixOptions prefixes;
  std::shared_ptr<EngineObserver> observer;  // may be null; second owner: who reads what it has gathered
};

class Engine {
 public:
  // Takes seconds for a large file. Errors: see GgufFile, read_model_config, Tokenizer, choose_backend() and
  // load_draft_model().
  static Result<std::shared_ptr<Engine>> load(const EngineOptions& options);
  // The same over any back end; `options.file`, level, threads and KV are not looked at. `context` is the model's.
  // `drafter` may be null.
  static std::shared_ptr<Engine> over(std::unique_ptr<Backend> backend, std::shared_ptr<const Tokenizer> tokenizer,
                                      std::string name, std::size_t context, const EngineOptions& options,
                                      std::unique_ptr<Drafter> drafter = nullptr);
  ~Engine();  // stop()

  // The answer's id. Errors: limited (429) when the queue is full; client_fault (400) for a prompt that cannot fit;
  // retry_elsewhere (503) after stop().
  // After success `listener` is kept until its on_end.
  Result<std::uint64_t> submit(AnswerRequest request, std::shared_ptr<AnswerListener> listener);
  void cancel(std::uint64_t id);
  // Ends what runs with StopReason::cancelled and refuses what comes after; no listener is called once it returns. A
  // store is given a second for the blocks that it lacks.
  void stop();

  const Tokenizer& tokenizer() const;
  // For listeners, which must not own the engine: its thread would have to end itself.
  std::shared_ptr<const Tokenizer> shared_tokenizer() const;
  std::shared_ptr<const TokenTrie> trie() const;  // made at the first call, which takes a while
  const BackendInfo& backend() const;
  std::size_t context() const;
  const std::string& name() const;  // general.name of the file
  // Why no device serves a model that was to be served by the best there is; empty where one does or none is known.
  const std::string& why_cpu() const;
  // What the file's makers advise: the values for requests that leave them open.
  const SamplingParams& advised_sampling() const;
  EngineStats stats() const;

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
