// The trie of a tokenizer's own vocabulary. Apart from token_trie.cpp, so that the grammar links without tokenizers.
#include "local_backend/grammar/grammar.h"

namespace tollgate::local {

std::shared_ptr<const TokenTrie> TokenTrie::build(const Tokenizer& tokenizer) {
  std::vector<std::string> bytes(tokenizer.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto token = static_cast<Token>(i);
    const TokenKind kind = tokenizer.kind(token);
    const bool text = kind == TokenKind::normal || kind == TokenKind::byte || kind == TokenKind::user_defined;
    if (text) bytes[i] = tokenizer.bytes(token);
  }
  return build(std::move(bytes), tokenizer.ends);
}

}  // namespace tollgate::local
