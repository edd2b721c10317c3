#include "local_backend/text/tokenizer.h"

#include "local_backend/text/utf8.h"
#include "local_backend/text/vocabulary.h"

namespace tollgate::local {
namespace {

constexpr std::string_view kReplacementText = "\uFFFD";

// What `token` adds at its place; `first` is true until a token with a text of its own came.
std::string_view piece(const Tokenizer& tokenizer, Token token, bool special, bool& first) {
  std::string_view text = tokenizer.bytes(token, special);
  const TokenKind kind = tokenizer.kind(token);
  if (!first || text.empty() || kind == TokenKind::control || kind == TokenKind::unknown) return text;
  first = false;
  if (tokenizer.strips_first_space && kind != TokenKind::user_defined && text.front() == ' ') text.remove_prefix(1);
  return text;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::load(std::shared_ptr<const GgufFile> file) {
  const auto model = file->text("tokenizer.ggml.model");
  if (!model) return bad_vocabulary(*file, "no tokenizer.ggml.model");
  if (*model == "gpt2") return load_bpe(std::move(file));
  if (*model == "llama") return load_spm(std::move(file));
  if (*model == "bert") return load_wpm(std::move(file));
  return bad_vocabulary(*file, "tokenizer.ggml.model: the kind \"" + std::string(*model) + "\" is not supported");
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string out;
  bool first = true;
  for (const Token token : tokens) out += piece(*this, token, special, first);
  return out;
}

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool special) : tokenizer_(&tokenizer), special_(special) {}

void Detokenizer::push(Token token, std::string& out) {
  waiting_ += piece(*tokenizer_, token, special_, first_);
  std::size_t at = 0;
  while (at < waiting_.size()) {
    const Utf8Char next = utf8_at(waiting_, at);
    if (next.cut) break;
    out += next.valid ? std::string_view(waiting_).substr(at, next.size) : kReplacementText;
    at += next.size;
  }
  waiting_.erase(0, at);
}

void Detokenizer::finish(std::string& out) {
  if (!waiting_.empty()) out += kReplacementText;
  waiting_.clear();
}

}  // namespace tollgate::local
