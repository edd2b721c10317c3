// Any bytes through the three kinds of tokenizers over small vocabularies: BPE and SPM give them back, no user text
// makes a control token, and what comes out piece by piece is valid UTF-8 and the same as at once.
#include <cstdint>
#include <cstdlib>
#include <deque>

#include "../unit/local/text/vocabulary_file.h"
#include "local_backend/text/utf8.h"

namespace {

using namespace tollgate::local;

struct Loaded {
  VocabularyFile file;
  std::shared_ptr<const Tokenizer> tokenizer;

  explicit Loaded(VocabularyFile built) : file(std::move(built)) { tokenizer = *file.load(); }
};

VocabularyFile bpe(const char* pre) {
  VocabularyFile file("gpt2");
  file.text("tokenizer.ggml.pre", pre).byte_letters();
  for (const char* token : {"aa", "aaa", "aaaa", "\u0120a", "\u0120\u0120", "the", "\u00C3\u00A9"}) file.token(token);
  file.token("<|end|>", TokenKind::control).token("<<", TokenKind::user_defined);
  for (const char* merge : {"a a", "aa aa", "\u0120 a", "\u0120 \u0120", "t h", "th e", "\u00C3 \u00A9"})
    file.merge(merge);
  return file;
}

VocabularyFile spm() {
  VocabularyFile file("llama");
  file.token("<unk>", TokenKind::unknown).token("<s>", TokenKind::control).token("</s>", TokenKind::control);
  file.byte_tokens();
  float score = -1;
  for (const char* piece :
       {"\u2581", "a", "s", "<", "/", ">", "aa", "</", "</s", "\u2581a", "\u2581\u2581", "\u00E9"}) {
    file.token(piece, TokenKind::normal, score--);
  }
  return file;
}

VocabularyFile wpm() {
  VocabularyFile file("bert");
  file.token("[UNK]", TokenKind::control).token("[CLS]", TokenKind::control).token("[SEP]", TokenKind::control);
  for (const char* piece : {"\u2581a", "a", "e", "\u2581,", "\u2581the"}) file.token(piece);
  file.number("tokenizer.ggml.unknown_token_id", 0).number("tokenizer.ggml.cls_token_id", 1);
  file.number("tokenizer.ggml.seperator_token_id", 2);
  return file;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void require_valid(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    require(next.valid);
    at += next.size;
  }
}

void try_tokenizer(const Tokenizer& tokenizer, std::string_view text, bool lossless) {
  const auto tokens = tokenizer.encode(text, {true, false});
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool added = (i == 0 && tokenizer.adds_bos) || (i + 1 == tokens.size() && tokenizer.adds_eos);
    require(tokenizer.kind(tokens[i]) != TokenKind::control || added || !lossless);
  }
  if (lossless) require(tokenizer.decode(tokens) == text);
  Detokenizer detokenizer(tokenizer);
  std::string out;
  for (const Token token : tokens) {
    const std::size_t before = out.size();
    detokenizer.push(token, out);
    require_valid(std::string_view(out).substr(before));
  }
  detokenizer.finish(out);
  require_valid(out);
  for (const Token token : tokenizer.encode(text))
    require(token >= 0 && static_cast<std::size_t>(token) < tokenizer.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const char* const kRules[] = {"default",     "llama-bpe", "qwen35",       "gpt-2",
                                       "starcoder",   "falcon",    "deepseek-llm", "deepseek-coder",
                                       "deepseek-v3", "tekken",    "gpt-4o",       "viking"};
  static const std::deque<Loaded>& loaded = *[] {
    auto* all = new std::deque<Loaded>;
    for (const char* rules : kRules) all->emplace_back(bpe(rules));
    all->emplace_back(spm());
    all->emplace_back(wpm());
    return all;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Loaded& one : loaded) try_tokenizer(*one.tokenizer, text, one.tokenizer != loaded.back().tokenizer);
  return 0;
}
