// Token masks for places in a grammar. Thread rule: MaskCache may be shared between threads; MaskMaker has one owner.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "local_backend/grammar/matcher.h"
#include "local_backend/grammar/token_trie.h"

namespace tollgate::local {

using SharedMask = std::shared_ptr<const Mask>;

// What a place inside a limited string gives wherever the string stands: tokens that stay inside, and nodes behind the
// closing quote.
struct InsideMask {
  Mask tokens;
  std::vector<std::uint32_t> endings;
};

// The masks used last, by keys that name vocabulary and place.
template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}
  std::shared_ptr<const Value> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    list_.splice(list_.begin(), list_, found->second);
    return found->second->second;
  }
  void add(const std::string& key, std::shared_ptr<const Value> value) {
    const std::lock_guard lock(mutex_);
    if (places_.contains(key)) return;
    list_.emplace_front(key, std::move(value));
    places_.emplace(key, list_.begin());
    if (list_.size() <= most_) return;
    places_.erase(list_.back().first);
    list_.pop_back();
  }

 private:
  using List = std::list<std::pair<std::string, std::shared_ptr<const Value>>>;
  std::mutex mutex_;
  std::size_t most_;
  List list_;
  std::unordered_map<std::string, typename List::iterator> places_;
};

// One per grammar: all its texts profit. At most 16 MiB for a vocabulary of 128k tokens.
struct MaskCache {
  Recent<Mask> places{512};
  Recent<InsideMask> insides{512};
};

class MaskMaker {
 public:
  MaskMaker(Matcher& matcher, const VocabularyTrie& trie, MaskCache& cache)
      : matcher_(matcher), trie_(trie), cache_(cache) {}
  // The tokens that may come at `at`; end tokens where one of them may end.
  SharedMask make(const Positions& at);

 private:
  bool quick(const Position& at, Mask& mask);
  void free_text(const Position& at, const StringLexeme& lexeme, Mask& mask);
  void limited_text(const Position& at, const StringLexeme& lexeme, Mask& mask);
  void open_name(const Position& at, const ObjectProgram& object, Mask& mask);
  std::shared_ptr<const InsideMask> inside(const Position& at, const StringLexeme& lexeme);
  void go_on(std::uint32_t ending, const Positions& from, Mask& mask);
  void walk(std::uint32_t first, std::uint32_t last, const Positions& from, Mask& mask);
  void add_tokens(const TrieNode& node, Mask& mask) const;

  Matcher& matcher_;
  const VocabularyTrie& trie_;
  MaskCache& cache_;
  std::vector<Positions> stack_;
};

}  // namespace tollgate::local
