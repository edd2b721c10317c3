// WPM, the "bert" kind: words in lower case without accents, each the longest tokens from its front. As BertTokenizer
// of the uncased models does; its normal form is lossy, so no text comes back whole. Thread rule: as Tokenizer.
#include <algorithm>

#include "local_backend/text/unicode.h"
#include "local_backend/text/utf8.h"
#include "local_backend/text/vocabulary.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMaxWordChars = 100;  // a longer word is unknown

// The blocks of Han characters that BERT sets apart as words of one character each.
bool is_han(char32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
         (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

bool stands_alone(char32_t code) {
  const CharClass kind = char_class(code);
  return kind == CharClass::punctuation || (code < 0x7F && kind == CharClass::symbol) || is_han(code);
}

// Removed from texts before anything else.
bool is_dropped(char32_t code) {
  return code == kReplacement || code == 0x0B || code == 0x0C || code == 0x85 || char_class(code) == CharClass::other;
}

class WpmTokenizer final : public VocabularyTokenizer {
 public:
  Result<void> load(std::shared_ptr<const GgufFile> file) {
    // What is added is CLS and SEP; older files name them BOS and EOS, or not at all.
    const bool has_cls = file->integer("tokenizer.ggml.cls_token_id").has_value();
    const std::string cls = has_cls ? "cls_token_id" : "bos_token_id";
    if (const auto done = read(std::move(file), {101, 102, 100, true, true}, cls, "seperator_token_id"); !done)
      return done;
    if (!unknown_) return bad_vocabulary(*file_, "the tokenizer has no unknown token");
    std::size_t length = 0;
    for (const std::string_view text : texts_) length += text.size();
    arena_.reserve(length);
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      bytes_.push_back(is_text(static_cast<Token>(i)) ? with_blanks(texts_[i], arena_) : texts_[i]);
      longest_ = std::max(longest_, bytes_.back().size());
    }
    strips_first_space = true;
    index();
    return {};
  }

 private:
  void encode_part(std::string_view text, bool, std::vector<Token>& out) const override {
    std::string word = " ";  // tokens that begin a word begin with a blank
    std::size_t chars = 0;
    const auto end_word = [&] {
      if (chars > 0) encode_word(word, chars, out);
      word = " ";
      chars = 0;
    };
    std::u32string base;
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char next = utf8_at(text, at);
      at += next.size;
      if (is_dropped(next.code)) continue;
      base.clear();
      append_base(next.code, base);
      for (const char32_t part : base) {
        const bool space = char_class(part) == CharClass::space;
        const bool alone = stands_alone(part);
        if (space || alone) end_word();
        if (space) continue;
        append_utf8(to_lower(part), word);
        ++chars;
        if (alone) end_word();
      }
    }
    end_word();
  }

  void encode_word(std::string_view word, std::size_t chars, std::vector<Token>& out) const {
    const std::size_t before = out.size();
    while (!word.empty() && chars <= kMaxWordChars) {
      std::size_t size = std::min(word.size(), longest_);
      Token token = kNoToken;
      while (size > 0 && (token = find_text(word.substr(0, size))) == kNoToken) --size;
      if (token == kNoToken) break;
      out.push_back(token);
      word.remove_prefix(size);
    }
    if (word.empty()) return;
    out.resize(before);
    out.push_back(*unknown_);
  }

  std::size_t longest_ = 0;  // bytes of the longest token
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_wpm(std::shared_ptr<const GgufFile> file) {
  auto tokenizer = std::make_shared<WpmTokenizer>();
  if (const auto done = tokenizer->load(std::move(file)); !done) return done.error();
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace tollgate::local
