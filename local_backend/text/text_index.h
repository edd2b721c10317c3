// Two hash tables that are written once and read often: texts to tokens, and pairs of symbols to their merge. Open
// addressing, at most half full. Thread rule: immutable after filling.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

inline constexpr Token kNoToken = -1;

class TextIndex {
 public:
  // REQUIRES: at most `count` insertions follow.
  void reserve(std::size_t count);
  // Keeps the first token of a text. `text` must outlive the index.
  void insert(std::string_view text, Token token);
  Token find(std::string_view text) const;  // kNoToken when absent

 private:
  struct Slot {
    const char* text = nullptr;
    std::uint32_t size = 0;
    Token token = kNoToken;
  };
  std::size_t slot_of(std::string_view text) const;  // the text's, or the free one where it belongs
  std::vector<Slot> slots_ = std::vector<Slot>(2);
};

struct Merge {
  std::uint32_t rank = 0;  // lower ranks merge first
  Token symbol = kNoToken;
};

class PairIndex {
 public:
  // REQUIRES: at most `count` insertions follow.
  void reserve(std::size_t count);
  // Keeps the first merge of a pair.
  void insert(Token left, Token right, Merge merge);
  const Merge* find(Token left, Token right) const;  // nullptr when absent

 private:
  struct Slot {
    Token left = kNoToken, right = kNoToken;
    Merge merge;
  };
  std::size_t slot_of(Token left, Token right) const;
  std::vector<Slot> slots_ = std::vector<Slot>(2);
};

}  // namespace tollgate::local
