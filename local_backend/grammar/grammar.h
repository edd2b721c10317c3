// Structured output: a JSON Schema (or "any JSON object") becomes a byte-level automaton; against a vocabulary it tells
// for each state which tokens may come next. What the automaton accepts is valid against the schema; what it cannot
// express is refused by name when compiled, never ignored. Rules: docs/formats/structured_output.md.
// Thread rule: Grammar and TokenTrie are immutable and shared; a GrammarState has one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

// The bytes of every token as a trie, made once per vocabulary.
class TokenTrie {
 public:
  // `bytes[i]`: what token i adds to the text; empty = never allowed inside structured text.
  static std::shared_ptr<const TokenTrie> build(std::vector<std::string> bytes, std::span<const Token> ends);
  static std::shared_ptr<const TokenTrie> build(const Tokenizer& tokenizer);
  virtual ~TokenTrie() = default;
  virtual std::size_t size() const = 0;  // tokens
};

struct GrammarLimits {
  std::size_t max_schema = 1u << 20;  // bytes
  std::size_t max_states = 1u << 20;
  std::uint64_t max_work = 100'000'000;  // steps of compiling, see work_meter.h: well below a second
  int max_depth = 64;                    // of $ref and nesting when compiled
  std::size_t max_value_depth = 64;      // of the JSON that is made
  bool any_order = false;  // listed members in any order; else in the schema's order, and the others after them
};

class Grammar {
 public:
  // A schema, draft 2020-12 or 7. Errors: status 400, code "unsupported_schema" (message: JSON pointer and keyword) or
  // "bad_schema". May take milliseconds and more: not for the engine thread.
  static Result<std::shared_ptr<const Grammar>> from_schema(std::string_view schema, const GrammarLimits& limits = {});
  // Any JSON object (OpenAI's json_object mode).
  static std::shared_ptr<const Grammar> any_object();
  virtual ~Grammar() = default;
  virtual std::size_t bytes() const { return 0; }  // of memory, roughly
};

// Where a text stands in its grammar.
class GrammarState {
 public:
  static std::unique_ptr<GrammarState> start(std::shared_ptr<const Grammar> grammar,
                                             std::shared_ptr<const TokenTrie> trie);
  virtual ~GrammarState() = default;
  virtual std::unique_ptr<GrammarState> clone() const = 0;
  // Bit t of word t / 32: token t may come next; end tokens where the text may end. Same pointer until the next accept.
  // Size: (trie size + 31) / 32 words. At least one bit is set unless finished().
  virtual std::span<const std::uint32_t> mask() = 0;
  // False (and no change) when the token does not fit.
  virtual bool accept(Token token) = 0;
  virtual bool accept_bytes(std::string_view bytes) = 0;
  virtual bool may_end() const = 0;
  virtual bool finished() const = 0;  // nothing but the end may come
};

}  // namespace tollgate::local
