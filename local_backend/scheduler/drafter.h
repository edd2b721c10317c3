// A second, cheaper model as the scheduler sees it: something that guesses what follows sequences and takes time for
// it. What it says never changes an answer, only how soon it comes. Thread rule: the engine thread owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "local_backend/scheduler/scheduler.h"
#include "local_backend/scheduler/speculation.h"

namespace tollgate::local {

struct DraftRequest {
  std::uint64_t sequence = 0;
  std::span<Token> tokens;  // prompt and answer, and behind them room for guesses: all of it is wanted
  std::size_t length = 0;   // of prompt and answer
  std::size_t prompt_size = 0;
  const SamplingParams* sampling = nullptr;  // a guess drawn as the token itself will be is right more often
  std::uint32_t stream = 0;
  std::span<const Token> ends;     // never guessed: guesses stop before them
  SequenceOwner* owner = nullptr;  // for masks: what may not be drawn is not guessed
  std::size_t drafted = 0;         // filled in: guesses written behind `length`
};

class Drafter {
 public:
  virtual ~Drafter() = default;
  // Guesses for several sequences at once. A sequence that it knows too little of gets none while it catches up, a part
  // of its tokens per call. Returns the microseconds that this took.
  virtual std::int64_t draft(std::span<DraftRequest> requests) = 0;
  // Tokens of the sequence that it has to compute before it can guess; nullopt: it never can. `tokens` must begin with
  // those of earlier calls for the same sequence, without their guesses.
  virtual std::optional<std::size_t> missing(std::uint64_t sequence, std::span<const Token> tokens) const = 0;
  // The sequence has ended; ids never heard of are ignored.
  virtual void forget(std::uint64_t sequence) = 0;
  // Of its steps: tokens are of all sequences together.
  virtual const StepCost& cost() const = 0;
};

}  // namespace tollgate::local
