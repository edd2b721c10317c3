// Text to token ids and back, for the vocabularies that GGUF files carry: BPE ("gpt2"), SPM ("llama"), WPM ("bert").
// Rules per kind: docs/formats/tokenizers.md. Thread rule: immutable after load; a Detokenizer has one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "local_backend/gguf/gguf_file.h"

namespace tollgate::local {

using Token = std::int32_t;

enum class TokenKind : std::uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

struct EncodeOptions {
  bool add_special = true;    // the BOS, EOS, CLS and SEP that the file asks for
  bool parse_special = true;  // control tokens' texts inside the text become those tokens; user input must not
};

class Tokenizer {
 public:
  // The vocabulary of a model file. Errors: status 400, code "bad_model_file" (a missing or contradicting key, an
  // unknown kind); model "no_vocab" too. The result keeps `file`.
  static Result<std::shared_ptr<const Tokenizer>> load(std::shared_ptr<const GgufFile> file);
  virtual ~Tokenizer() = default;

  // Any bytes are taken; invalid UTF-8 is encoded byte by byte. Linear or n log n in the text's length.
  virtual std::vector<Token> encode(std::string_view text, EncodeOptions options = {}) const = 0;
  // The bytes that a token adds to the text; may be a part of a character. Control tokens: empty unless `special`.
  virtual std::string_view bytes(Token token, bool special = false) const = 0;
  // Whole texts: decode(encode(x)) == x for BPE and SPM (SPM: after the prefix space is taken off).
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  virtual std::size_t size() const = 0;
  virtual TokenKind kind(Token token) const = 0;
  virtual std::optional<Token> find(std::string_view text) const = 0;  // the token of exactly this text
  std::optional<Token> bos, eos;
  std::vector<Token> ends;  // tokens that end an answer: eos, eot, eom and their kin by name
  bool adds_bos = false, adds_eos = false;
  bool strips_first_space = false;  // SPM: the first token's leading space is no part of the text
  std::string note;                 // what loading had to assume, for the log; empty if nothing
  std::string chat_template;        // tokenizer.chat_template, empty if none
  std::vector<std::pair<std::string, std::string>> named_templates;  // tokenizer.chat_template.{name}
};

// Text out of tokens as they come; never cuts a character: bytes that begin one wait for the rest. Invalid bytes become
// U+FFFD once it is sure that they stay invalid.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool special = false);
  // Appends what became whole.
  void push(Token token, std::string& out);
  // Appends what waits, as U+FFFD.
  void finish(std::string& out);

 private:
  const Tokenizer* tokenizer_;
  std::string waiting_;  // at most 3 bytes
  bool special_, first_ = true;
};

}  // namespace tollgate::local
