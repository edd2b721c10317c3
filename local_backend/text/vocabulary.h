// What the kinds of tokenizers share: the vocabulary of a file, checked; the special tokens; cutting them out of a
// text. Thread rule: immutable after loading.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/text/special_texts.h"
#include "local_backend/text/text_index.h"
#include "local_backend/text/tokenizer.h"

namespace tollgate::local {

Error bad_vocabulary(const GgufFile& file, const std::string& what);

class VocabularyTokenizer : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text, EncodeOptions options) const final;
  std::string_view bytes(Token token, bool special) const final;
  std::size_t size() const final { return texts_.size(); }
  TokenKind kind(Token token) const final { return known(token) ? kinds_[at(token)] : TokenKind::unknown; }
  std::optional<Token> find(std::string_view text) const final;

 protected:
  // What differs between the kinds before the file has its say.
  struct Defaults {
    std::optional<Token> bos, eos, unknown;
    bool adds_bos = false, adds_eos = false;
  };
  // Reads tokens, kinds, special ids and templates. `bos_key` and `eos_key` name the keys of what is added in front and
  // at the end.
  Result<void> read(std::shared_ptr<const GgufFile> file, const Defaults& defaults,
                    const std::string& bos_key = "bos_token_id", const std::string& eos_key = "eos_token_id");
  // Fills the tables of texts, once every token's bytes stand.
  void index();

  // Appends the tokens of a text without special tokens, at most kMaxPart long. `leads`: it begins the whole text or
  // follows a special token.
  virtual void encode_part(std::string_view text, bool leads, std::vector<Token>& out) const = 0;

  bool known(Token token) const { return token >= 0 && at(token) < texts_.size(); }
  static std::size_t at(Token token) { return static_cast<std::size_t>(token); }
  bool is_text(Token token) const;               // neither control nor unknown
  Token find_text(std::string_view text) const;  // the token of this text if is_text, else kNoToken

  std::shared_ptr<const GgufFile> file_;
  std::vector<std::string_view> texts_;  // as the file spells them
  std::vector<TokenKind> kinds_;
  std::vector<std::string_view> bytes_;  // what each adds to a text; for control tokens their spelling
  std::string arena_;                    // holds those that the file does not
  std::optional<Token> unknown_;
  bool control_eats_spaces_ = false;

 private:
  static constexpr std::size_t kMaxPart = std::size_t{1} << 30;

  Result<void> read_tokens();
  Result<std::optional<Token>> read_id(const std::string& key, std::optional<Token> fallback) const;
  Result<void> read_ends();
  void read_templates();
  void encode_between(std::string_view text, bool leads, std::vector<Token>& out) const;

  TextIndex index_;
  SpecialTexts all_special_, user_defined_;
};

// Takes U+2581, which stands for a blank in the file, for a blank. Appends to `arena`, whose capacity must suffice;
// texts without it stay where they are.
std::string_view with_blanks(std::string_view text, std::string& arena);
// The byte of "<0xNN>" with two hexadecimal digits; nullopt for anything else.
std::optional<unsigned char> byte_of(std::string_view text);

// The kinds. Errors as of Tokenizer::load.
Result<std::shared_ptr<const Tokenizer>> load_bpe(std::shared_ptr<const GgufFile> file);
Result<std::shared_ptr<const Tokenizer>> load_spm(std::shared_ptr<const GgufFile> file);
Result<std::shared_ptr<const Tokenizer>> load_wpm(std::shared_ptr<const GgufFile> file);

}  // namespace tollgate::local
