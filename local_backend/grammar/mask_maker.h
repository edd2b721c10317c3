// Token masks for places in a grammar. Thread rule: one owner.
#pragma once

#include <memory>
#include <string>

#include "local_backend/grammar/matcher.h"
#include "local_backend/grammar/token_trie.h"

namespace tollgate::local {

class MaskMaker {
 public:
  MaskMaker(Matcher& matcher, const VocabularyTrie& trie) : matcher_(matcher), trie_(trie), cache_(trie.cache()) {}
  // The tokens that may come at `at`; end tokens where one of them may end.
  SharedMask make(const Positions& at);

 private:
  struct Inside {
    std::uint32_t q = 0;
    std::uint16_t d = 0;
    std::uint32_t chars = 0;  // begun since the token's first byte
  };
  bool quick(const Position& at, Mask& mask);
  void free_text(const Position& at, const StringLexeme& lexeme, Mask& mask);
  void limited_text(const Position& at, const StringLexeme& lexeme, Mask& mask);
  void limited_name(const Position& at, const ObjectProgram& object, Mask& mask);
  void name_mask(const Position& at, const ObjectProgram& object, const std::vector<std::uint64_t>& labels,
                 InsideMask& out) const;
  void open_name(const Position& at, const ObjectProgram& object, Mask& mask);
  void text_mask(const Position& at, const StringLexeme& lexeme, std::uint32_t left, InsideMask& out) const;
  void keep_inside(const std::string& key, const std::shared_ptr<const InsideMask>& made);
  std::shared_ptr<const InsideMask> inside(const Position& at, const StringLexeme& lexeme);
  void go_on(std::uint32_t ending, const Positions& from, Mask& mask);
  template <class Step, class Put, class End>
  void run_inside(const Inside& first, Step step, Put put, End end) const;
  std::string key_of(const Positions& at) const;
  void walk(std::uint32_t first, std::uint32_t last, const Positions& from, Mask& mask);
  void add_tokens(const TrieNode& node, Mask& mask) const;

  Matcher& matcher_;
  const VocabularyTrie& trie_;
  MaskCache& cache_;
  std::vector<Positions> stack_;
};

}  // namespace tollgate::local
