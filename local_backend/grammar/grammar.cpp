#include "local_backend/grammar/grammar.h"

#include <algorithm>
#include <new>

#include "local_backend/grammar/compiled.h"
#include "local_backend/grammar/mask_maker.h"
#include "local_backend/grammar/program_builder.h"
#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMaxSchemaDepth = 256;

class CompiledGrammar : public Grammar {
 public:
  explicit CompiledGrammar(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  const std::shared_ptr<const Program>& program() const { return program_; }
  std::size_t bytes() const override { return program_->bytes(); }

 private:
  std::shared_ptr<const Program> program_;
};

Result<std::shared_ptr<const Grammar>> compile(std::string_view schema, const GrammarLimits& limits) {
  if (schema.size() > limits.max_schema) return bad_schema("the schema is larger than allowed");
  auto tree = JsonTree::parse(schema, kMaxSchemaDepth);
  if (!tree) return std::move(tree).error();
  SchemaReader reader(**tree, limits.max_depth);
  auto program = ProgramBuilder(reader, limits).build();
  if (!program) return std::move(program).error();
  return std::shared_ptr<const Grammar>(std::make_shared<CompiledGrammar>(std::move(*program)));
}

class State : public GrammarState {
 public:
  State(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie)
      : grammar_(std::move(grammar)),
        trie_(std::move(trie)),
        matcher_(static_cast<const CompiledGrammar&>(*grammar_).program()),
        at_(matcher_.start()) {}

  std::unique_ptr<GrammarState> clone() const override { return std::make_unique<State>(*this); }

  std::span<const std::uint32_t> mask() override {
    if (mask_ == nullptr) mask_ = MaskMaker(matcher_, static_cast<const VocabularyTrie&>(*trie_)).make(at_);
    return *mask_;
  }

  bool accept(Token token) override {
    const auto& trie = static_cast<const VocabularyTrie&>(*trie_);
    if (token < 0 || static_cast<std::size_t>(token) >= trie.size() || trie.bytes(token).empty()) return false;
    return accept_bytes(trie.bytes(token));
  }

  bool accept_bytes(std::string_view bytes) override {
    Positions now = at_, next;
    for (const char byte : bytes) {
      matcher_.step_all(now, static_cast<unsigned char>(byte), next);
      now.swap(next);
      if (now.empty()) return false;
    }
    if (now == at_) return true;
    at_ = std::move(now);
    matcher_.tidy(at_);
    mask_ = nullptr;
    return true;
  }

  bool may_end() const override {
    for (const Position& at : at_)
      if (matcher_.may_end(at)) return true;
    return false;
  }

  bool finished() const override {
    for (const Position& at : at_)
      if (at.mode != Mode::done && !ends_here(at)) return false;
    return true;
  }

 private:
  // A number as the whole text that has all the digits it may have.
  bool ends_here(const Position& at) const {
    if (at.mode != Mode::number || at.frame != 0) return false;
    const TextDfa& dfa = *matcher_.program().numbers[at.ref].texts;
    const std::uint32_t* row = &dfa.next[at.q * dfa.classes];
    return std::all_of(row, row + dfa.classes, [](std::uint32_t to) { return to == 0; });
  }

  std::shared_ptr<const Grammar> grammar_;  // shared with other texts of the same schema
  std::shared_ptr<const TokenTrie> trie_;   // shared with all grammars of the model
  Matcher matcher_;
  Positions at_;
  SharedMask mask_;  // shared with the vocabulary's cache
};

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::from_schema(std::string_view schema, const GrammarLimits& limits) {
  // Automata are bounded one by one; many of them together are not, so that a hostile schema could still ask for much.
  try {
    const WorkMeter meter(limits.max_work);
    auto compiled = compile(schema, limits);
    if (work_left()) return compiled;
    return Error{ErrorKind::client_fault, 400, "unsupported_schema",
                 "#: the schema needs too much work; simplify its patterns, lengths or combinations"};
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::client_fault, 400, "unsupported_schema", "#: the schema needs too much memory"};
  }
}

std::shared_ptr<const Grammar> Grammar::any_object() {
  static const auto grammar = compile(R"({"type":"object"})", {}).value();
  return grammar;
}

std::shared_ptr<const Grammar> grammar_of(std::shared_ptr<const Program> program) {
  return std::make_shared<CompiledGrammar>(std::move(program));
}

const Program& program_of(const Grammar& grammar) { return *static_cast<const CompiledGrammar&>(grammar).program(); }

std::unique_ptr<GrammarState> GrammarState::start(std::shared_ptr<const Grammar> grammar,
                                                  std::shared_ptr<const TokenTrie> trie) {
  return std::make_unique<State>(std::move(grammar), std::move(trie));
}

}  // namespace tollgate::local
