// The inside of TokenTrie: tokens by their bytes, and which of them lie inside a JSON string, worked out once per
// vocabulary because most masks are asked for there. Thread rule: immutable once built, but for the masks kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/grammar/grammar.h"
#include "local_backend/grammar/mask_cache.h"

namespace tollgate::local {

// Nodes in preorder: the children of a node follow it; `skip` is the first node behind its subtree.
struct TrieNode {
  std::uint32_t skip = 0;
  std::uint32_t first = 0, last = 0;  // its own tokens: [first, last) of the sorted ones
  std::uint16_t depth = 0;            // bytes from the root
  unsigned char byte = 0;
};

inline void set_bit(Mask& mask, Token token) {
  mask[static_cast<std::uint32_t>(token) / 32] |= 1u << (static_cast<std::uint32_t>(token) % 32);
}

inline void clear_bit(Mask& mask, Token token) {
  mask[static_cast<std::uint32_t>(token) / 32] &= ~(1u << (static_cast<std::uint32_t>(token) % 32));
}

// A node behind the quote that ends a string begun before the token.
struct Ending {
  std::uint32_t node = 0;
  std::uint32_t chars = 0;  // characters before the quote
};

class VocabularyTrie : public TokenTrie {
 public:
  VocabularyTrie(std::vector<std::string> bytes, std::span<const Token> ends);
  std::size_t size() const override { return size_; }

  const std::vector<TrieNode>& nodes() const { return nodes_; }
  Token token(std::uint32_t sorted) const { return order_[sorted]; }
  std::string_view bytes(Token token) const { return bytes_[static_cast<std::size_t>(token)]; }
  // The bytes from the root to `node`.
  std::string_view path(std::uint32_t node) const;
  const std::vector<Token>& ends() const { return ends_; }
  MaskCache& cache() const { return cache_; }

  // Tokens that stay inside a string, begun between two characters, with at most `chars` characters.
  void add_inside(std::uint64_t chars, Mask& mask) const;
  const std::vector<Ending>& endings() const { return endings_; }

 private:
  void build_nodes();
  void find_inside();

  std::size_t size_;
  std::vector<std::string> bytes_;
  std::vector<Token> order_;  // sorted by bytes; without the empty ones
  std::vector<TrieNode> nodes_;
  std::vector<Token> ends_;
  std::vector<Mask> inside_upto_;                        // [c]: tokens of at most c characters; the last: all
  std::vector<std::pair<std::uint32_t, Token>> longer_;  // characters, token: those that no mask but the last has
  std::vector<Ending> endings_;
  mutable MaskCache cache_;  // locks itself
};

}  // namespace tollgate::local
