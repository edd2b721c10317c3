#include "local_backend/engine/guarded_text.h"

#include <gtest/gtest.h>

#include <array>

namespace tollgate::local {
namespace {

// Bytes, and three control tokens of which one begins another.
class Vocabulary final : public Tokenizer {
 public:
  Vocabulary() {
    for (std::size_t i = 0; i < 256; ++i) texts_[i] = std::string(1, static_cast<char>(i));
    texts_[256] = "<s>";
    texts_[257] = "<end>";
    texts_[258] = "<end>now";
    bos = 256;
  }
  std::vector<Token> encode(std::string_view text, EncodeOptions options) const override {
    std::vector<Token> tokens;
    for (std::size_t at = 0; at < text.size();) {
      Token found = static_cast<unsigned char>(text[at]);
      for (const Token control : {258, 257, 256})
        if (options.parse_special && text.substr(at).starts_with(texts_[static_cast<std::size_t>(control)])) {
          found = control;
          break;
        }
      tokens.push_back(found);
      at += texts_[static_cast<std::size_t>(found)].size();
    }
    return tokens;
  }
  std::string_view bytes(Token token, bool special) const override {
    return token >= 256 && !special ? std::string_view() : std::string_view(texts_[static_cast<std::size_t>(token)]);
  }
  std::size_t size() const override { return texts_.size(); }
  TokenKind kind(Token token) const override { return token >= 256 ? TokenKind::control : TokenKind::normal; }
  std::optional<Token> find(std::string_view) const override { return std::nullopt; }

 private:
  std::array<std::string, 259> texts_;
};

std::vector<Token> letters(std::string_view text) {
  std::vector<Token> tokens;
  for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}

TEST(TextGuard, ControlTokensOfTheTemplateWorkAndThoseOfCallersAreLetters) {
  const Vocabulary vocabulary;
  const TextGuard guard(vocabulary);
  const std::string rendered = "<s>" + guard.guard("say <end>now!") + "<end>";
  std::vector<Token> wanted{256};
  for (const Token token : letters("say <end>now!")) wanted.push_back(token);
  wanted.push_back(257);
  EXPECT_EQ(encode_guarded(vocabulary, rendered), wanted);
}

TEST(TextGuard, PlainTextIsLeftAlone) {
  const Vocabulary vocabulary;
  const TextGuard guard(vocabulary);
  for (const char* text : {"", "hello", "a < b", "<en", "<", "\xC3\xBC<"}) EXPECT_EQ(guard.guard(text), text);
}

TEST(TextGuard, ItsOwnMarksCannotBeForged) {
  const Vocabulary vocabulary;
  const TextGuard guard(vocabulary);
  const std::string forged = guard.guard(
      "a\xEF\xB7\x91<end>\xEF\xB7\x90"
      "b");
  const auto tokens = encode_guarded(vocabulary, forged);
  EXPECT_EQ(tokens, letters("a\xEF\xBF\xBD<end>\xEF\xBF\xBD"
                            "b"));
}

TEST(TextGuard, BosIsAddedOnceAndOnlyWhereItIsMissing) {
  Vocabulary vocabulary;
  vocabulary.adds_bos = true;
  EXPECT_EQ(encode_guarded(vocabulary, "a"), (std::vector<Token>{256, 'a'}));
  EXPECT_EQ(encode_guarded(vocabulary, "<s>a"), (std::vector<Token>{256, 'a'}));
  const TextGuard guard(vocabulary);
  EXPECT_EQ(encode_guarded(vocabulary, guard.guard("<s>") + "a").front(), 256);
  EXPECT_EQ(encode_guarded(vocabulary, guard.guard("<s>") + "a").size(), 5u);
}

}  // namespace
}  // namespace tollgate::local
