// A GGUF file with nothing but a vocabulary, in memory, for tests. It must outlive what is loaded from it.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

class VocabularyFile {
 public:
  explicit VocabularyFile(std::string_view model) { text("tokenizer.ggml.model", model); }

  VocabularyFile& text(std::string_view key, std::string_view value) {
    head(key, 8);
    put_text(pairs_, value);
    return *this;
  }
  VocabularyFile& number(std::string_view key, std::uint32_t value) {
    head(key, 4);
    put(pairs_, value);
    return *this;
  }
  VocabularyFile& flag(std::string_view key, bool value) {
    head(key, 7);
    put(pairs_, static_cast<std::uint8_t>(value));
    return *this;
  }
  // The next token; its id is the number of those before it.
  VocabularyFile& token(std::string_view spelling, TokenKind kind = TokenKind::normal, float score = 0) {
    put_text(tokens_, spelling);
    put(kinds_, static_cast<std::int32_t>(kind));
    put(scores_, score);
    ++token_count_;
    return *this;
  }
  VocabularyFile& merge(std::string_view pair) {
    put_text(merges_, pair);
    ++merge_count_;
    return *this;
  }
  // All 256 bytes: spelled as GPT-2 spells them, or as <0xNN>.
  VocabularyFile& byte_letters();
  VocabularyFile& byte_tokens() {
    for (int byte = 0; byte < 256; ++byte) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      token(std::string("<0x") + kDigits[static_cast<std::size_t>(byte >> 4)] +
                kDigits[static_cast<std::size_t>(byte & 15)] + ">",
            TokenKind::byte);
    }
    return *this;
  }
  std::size_t tokens() const { return token_count_; }
  bool with_scores = true;

  Result<std::shared_ptr<const Tokenizer>> load() {
    auto file = parse();
    if (!file) return file.error();
    return Tokenizer::load(*file);
  }
  std::string problem() {
    const auto loaded = load();
    return loaded ? "" : loaded.error().message;
  }
  Result<std::shared_ptr<const GgufFile>> parse() {
    std::string arrays;
    std::uint64_t count = pair_count_;
    const auto array = [&](std::string_view key, std::uint32_t type, std::uint64_t elements,
                           const std::string& values) {
      if (elements == 0) return;
      put_text(arrays, key);
      put(arrays, std::uint32_t{9});
      put(arrays, type);
      put(arrays, elements);
      arrays += values;
      ++count;
    };
    array("tokenizer.ggml.tokens", 8, token_count_, tokens_);
    array("tokenizer.ggml.token_type", 5, token_count_, kinds_);
    array("tokenizer.ggml.scores", 6, with_scores ? token_count_ : 0, scores_);
    array("tokenizer.ggml.merges", 8, merge_count_, merges_);
    bytes_ = "GGUF";
    put(bytes_, std::uint32_t{3});
    put(bytes_, std::uint64_t{0});
    put(bytes_, count);
    bytes_ += pairs_ + arrays;
    return GgufFile::parse(std::as_bytes(std::span(bytes_)), "test.gguf");
  }

 private:
  template <class T>
  static void put(std::string& to, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    to.append(raw, sizeof(T));
  }
  static void put_text(std::string& to, std::string_view value) {
    put(to, static_cast<std::uint64_t>(value.size()));
    to += value;
  }
  void head(std::string_view key, std::uint32_t type) {
    put_text(pairs_, key);
    put(pairs_, type);
    ++pair_count_;
  }

  std::string pairs_, tokens_, kinds_, scores_, merges_, bytes_;
  std::uint64_t pair_count_ = 0, token_count_ = 0, merge_count_ = 0;
};

inline VocabularyFile& VocabularyFile::byte_letters() {
  char32_t hidden = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool visible = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const char32_t code = visible ? byte : hidden++;
    std::string spelling;
    if (code < 0x80) {
      spelling += static_cast<char>(code);
    } else {
      spelling += static_cast<char>(0xC0 | code >> 6);
      spelling += static_cast<char>(0x80 | (code & 0x3F));
    }
    token(spelling);
  }
  return *this;
}

}  // namespace tollgate::local
