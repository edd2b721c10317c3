// BPE over bytes, the "gpt2" kind: a pre-tokenizer cuts the text into words, within a word neighbours merge by the rank
// of their merge. Thread rule: as Tokenizer.
#include <algorithm>
#include <array>

#include "local_backend/text/merger.h"
#include "local_backend/text/splitter.h"
#include "local_backend/text/utf8.h"
#include "local_backend/text/vocabulary.h"

namespace tollgate::local {
namespace {

// GPT-2 spells the bytes that are no visible Latin-1 characters with the code points from 256 on, in order.
struct ByteAlphabet {
  std::array<char32_t, 256> code_of{};
  std::array<int, 512> byte_of{};

  ByteAlphabet() {
    byte_of.fill(-1);
    char32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool visible = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      const char32_t code = visible ? static_cast<char32_t>(byte) : next++;
      code_of[static_cast<std::size_t>(byte)] = code;
      byte_of[code] = byte;
    }
  }
};

class BpeTokenizer final : public VocabularyTokenizer {
 public:
  Result<void> load(std::shared_ptr<const GgufFile> file) {
    const auto name = file->text("tokenizer.ggml.pre");
    rules_ = find_pre_tokenizer(name.value_or("default"));
    if (rules_ == nullptr) {
      return bad_vocabulary(*file, "tokenizer.ggml.pre: unknown pre-tokenizer \"" + std::string(*name) + "\"");
    }
    if (!name) note = "the file names no pre-tokenizer; the default one may cut texts otherwise than in training";
    if (const auto done = read(std::move(file), {.adds_bos = rules_->adds_bos}); !done) return done;
    read_bytes();
    index();
    if (const auto done = read_merges(); !done) return done;
    find_whole_words();
    return {};
  }

 private:
  void encode_part(std::string_view text, bool, std::vector<Token>& out) const override {
    Merger merger;
    std::size_t begin = 0, reads = 0;
    for (const std::size_t end : split(text, rules_->stages, reads)) {
      encode_word(text.substr(begin, end - begin), merger, out);
      begin = end;
    }
  }

  void encode_word(std::string_view word, Merger& merger, std::vector<Token>& out) const {
    if (const Token token = find_text(word); token != kNoToken && whole_[at(token)]) return out.push_back(token);
    merge_word(word, merger, out);
  }

  void merge_word(std::string_view word, Merger& merger, std::vector<Token>& out) const {
    merger.clear();
    for (std::uint32_t i = 0; i < word.size(); ++i)
      merger.add(i, 1, byte_symbols_[static_cast<unsigned char>(word[i])]);
    merger.merge([&](const Merger::Symbol& left, const Merger::Symbol& right) {
      const Merge* merge = merges_.find(left.id, right.id);
      return merge == nullptr ? Merge{} : *merge;
    });
    for (const Merger::Symbol& symbol : merger.symbols()) {
      if (symbol.size > 0) append(symbol, word.substr(symbol.begin, symbol.size), out);
    }
  }

  // Symbols beyond the vocabulary are made by merges without a token; they fall apart into bytes.
  void append(const Merger::Symbol& symbol, std::string_view text, std::vector<Token>& out) const {
    if (known(symbol.id)) return out.push_back(symbol.id);
    for (const char byte : text) {
      const Token token = byte_symbols_[static_cast<unsigned char>(byte)];
      if (known(token)) {
        out.push_back(token);
      } else if (unknown_) {
        out.push_back(*unknown_);
      }
    }
  }

  void read_bytes() {
    std::size_t length = 0;
    for (const std::string_view text : texts_) length += text.size();
    arena_.reserve(length);
    bytes_.reserve(texts_.size());
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const bool spelled = kinds_[i] == TokenKind::normal || kinds_[i] == TokenKind::unused;
      bytes_.push_back(spelled ? bytes_of(texts_[i]) : texts_[i]);
    }
  }

  // What a token's spelling stands for; characters that are not of the alphabet stand for themselves.
  std::string_view bytes_of(std::string_view text) {
    const auto ascii = [](char byte) { return byte > 0x20 && byte < 0x7F; };
    if (std::all_of(text.begin(), text.end(), ascii)) return text;
    const std::size_t begin = arena_.size();
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Char next = utf8_at(text, at);
      const int byte = next.code < alphabet_.byte_of.size() ? alphabet_.byte_of[next.code] : -1;
      if (byte >= 0) {
        arena_ += static_cast<char>(byte);
      } else {
        arena_ += text.substr(at, next.size);
      }
      at += next.size;
    }
    return std::string_view(arena_).substr(begin);
  }

  Result<void> read_merges() {
    const std::vector<std::string_view> merges = file_->texts("tokenizer.ggml.merges");
    if (merges.empty()) return bad_vocabulary(*file_, "no tokenizer.ggml.merges");
    std::string joined, spelled;
    std::size_t length = 0;
    for (const std::string_view merge : merges) length += merge.size();
    joined.reserve(length);

    TextIndex symbols;
    symbols.reserve(texts_.size() + 256 + 3 * merges.size());
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (is_text(static_cast<Token>(i))) symbols.insert(texts_[i], static_cast<Token>(i));
    }
    auto next = static_cast<Token>(texts_.size());
    const auto symbol_of = [&](std::string_view text) {
      const Token known_one = symbols.find(text);
      if (known_one != kNoToken) return known_one;
      symbols.insert(text, next);
      return next++;
    };
    std::array<std::string, 256> spellings;  // outlive `symbols`
    for (std::size_t byte = 0; byte < 256; ++byte) {
      append_utf8(alphabet_.code_of[byte], spellings[byte]);
      byte_symbols_[byte] = symbol_of(spellings[byte]);
    }
    merges_.reserve(merges.size());
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      const std::string_view merge = merges[rank];
      const std::size_t blank = merge.find(' ', 1);
      if (blank == std::string_view::npos || blank + 1 == merge.size()) {
        return bad_vocabulary(*file_, "tokenizer.ggml.merges: entry " + std::to_string(rank) + " is no pair");
      }
      const std::size_t begin = joined.size();
      joined.append(merge.substr(0, blank)).append(merge.substr(blank + 1));
      const Token left = symbol_of(merge.substr(0, blank)), right = symbol_of(merge.substr(blank + 1));
      const Token whole = symbol_of(std::string_view(joined).substr(begin));
      merges_.insert(left, right, {static_cast<std::uint32_t>(rank), whole});
    }
    return {};
  }

  // The tokens that a word of their bytes becomes: all, or those that its merges lead to. Found once, because most
  // words of a text are one token.
  void find_whole_words() {
    whole_.assign(texts_.size(), rules_->ignores_merges);
    if (rules_->ignores_merges) return;
    Merger merger;
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (bytes_[i].size() > kMaxWord) continue;
      tokens.clear();
      merge_word(bytes_[i], merger, tokens);
      whole_[i] = tokens.size() == 1 && at(tokens[0]) == i;
    }
  }

  static constexpr std::size_t kMaxWord = 256;  // bytes; longer tokens are not worth the time at loading

  const PreTokenizer* rules_ = nullptr;
  ByteAlphabet alphabet_;
  std::array<Token, 256> byte_symbols_{};
  PairIndex merges_;
  std::vector<bool> whole_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_bpe(std::shared_ptr<const GgufFile> file) {
  auto tokenizer = std::make_shared<BpeTokenizer>();
  if (const auto done = tokenizer->load(std::move(file)); !done) return done.error();
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace tollgate::local
