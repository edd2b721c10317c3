// The masks made last with one vocabulary, by keys that name grammar and place: all texts of all its grammars profit.
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

using Mask = std::vector<std::uint32_t>;
using SharedMask = std::shared_ptr<const Mask>;

// What a place inside a limited string or name gives wherever it stands and however long it is already.
struct InsideMask {
  struct Ending {
    std::uint32_t node = 0;   // behind the closing quote
    std::uint32_t chars = 0;  // characters before it
    std::uint32_t q = 0;      // state of the text before it
  };
  Mask tokens;  // that stay inside
  // Where the length is limited: the characters that a token and the end behind it need, most first, for the tokens
  // that need more than `common`.
  std::vector<std::pair<std::uint32_t, Token>> needed;
  std::uint32_t common = 0;
  std::vector<Ending> endings;
};

template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most_bytes) : most_bytes_(most_bytes) {}
  std::shared_ptr<const Value> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    list_.splice(list_.begin(), list_, found->second);
    return found->second->value;
  }
  void add(const std::string& key, std::shared_ptr<const Value> value, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (places_.contains(key)) return;
    bytes_ += bytes += 2 * key.size() + 256;  // with what the list and the map need
    list_.push_front({key, std::move(value), bytes});
    places_.emplace(key, list_.begin());
    while (bytes_ > most_bytes_ && list_.size() > 1) {
      bytes_ -= list_.back().bytes;
      places_.erase(list_.back().key);
      list_.pop_back();
    }
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Value> value;
    std::size_t bytes = 0;
  };
  using List = std::list<Entry>;
  std::mutex mutex_;
  std::size_t most_bytes_, bytes_ = 0;
  List list_;
  std::unordered_map<std::string, typename List::iterator> places_;
};

struct MaskCache {
  Recent<Mask> places{32u << 20};
  Recent<InsideMask> insides{32u << 20};
};

}  // namespace tollgate::local
