// SPM, the "llama" kind: SentencePiece's BPE. Neighbours merge by the score of the token that they make, over whole
// texts; what is no token falls apart into bytes. Thread rule: as Tokenizer.
#include <algorithm>
#include <bitset>
#include <cmath>
#include <numeric>

#include "local_backend/text/merger.h"
#include "local_backend/text/utf8.h"
#include "local_backend/text/vocabulary.h"

namespace tollgate::local {
namespace {

class SpmTokenizer final : public VocabularyTokenizer {
 public:
  Result<void> load(std::shared_ptr<const GgufFile> file) {
    if (const auto done = read(std::move(file), {1, 2, 0, true, false}); !done) return done;
    std::size_t length = 0;
    for (const std::string_view text : texts_) length += text.size();
    arena_.reserve(length + 256);
    for (int byte = 0; byte < 256; ++byte) arena_ += static_cast<char>(byte);
    if (const auto done = read_bytes(); !done) return done;
    if (const auto done = read_ranks(); !done) return done;
    adds_prefix_ = file_->flag("tokenizer.ggml.add_space_prefix").value_or(true);
    strips_first_space = adds_prefix_;
    // Phi-3's chat tokens take the line end after them (its tokenizer.json: "rstrip"); GGUF has no key for that.
    control_eats_spaces_ = file_->text("general.architecture") == "phi3";
    index();
    return {};
  }

 private:
  void encode_part(std::string_view text, bool leads, std::vector<Token>& out) const override {
    std::string with_prefix;
    if (adds_prefix_ && leads) {
      with_prefix.reserve(text.size() + 1);
      with_prefix += ' ';
      text = with_prefix.append(text);
    }
    Merger merger;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::uint8_t size = utf8_at(text, at).size;
      if (at > begin && !neighbours_[pair_at(text, at)]) {
        encode_word(text.substr(begin, at - begin), merger, out);
        begin = at;
        merger.clear();
      }
      merger.add(static_cast<std::uint32_t>(at - begin), size, kNoToken);
      at += size;
    }
    encode_word(text.substr(begin), merger, out);
  }

  // A part of a text that no token reaches out of, so that it merges alone; `merger` holds its characters.
  void encode_word(std::string_view text, Merger& merger, std::vector<Token>& out) const {
    merger.merge([&](const Merger::Symbol& left, const Merger::Symbol& right) -> Merge {
      if (left.size + right.size > longest_) return {};
      const Token token = find_text(text.substr(left.begin, left.size + right.size));
      return token == kNoToken ? Merge{} : Merge{ranks_[at(token)], token};
    });
    for (const Merger::Symbol& symbol : merger.symbols()) {
      if (symbol.size > 0) append(symbol, text.substr(symbol.begin, symbol.size), out);
    }
  }

  void append(const Merger::Symbol& symbol, std::string_view text, std::vector<Token>& out) const {
    const Token token = symbol.id != kNoToken ? symbol.id : find_text(text);
    if (token != kNoToken) {
      out.push_back(token);
    } else if (has_bytes_) {
      for (const char byte : text) out.push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
    } else if (unknown_) {
      out.push_back(*unknown_);
    }
  }

  static std::size_t pair_at(std::string_view text, std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(text[at - 1])) << 8 |
           static_cast<unsigned char>(text[at]);
  }

  // What each token adds to a text. The first 256 bytes of the arena are all bytes.
  Result<void> read_bytes() {
    bytes_.reserve(texts_.size());
    byte_tokens_.fill(kNoToken);
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (kinds_[i] == TokenKind::byte) {
        const auto byte = byte_of(texts_[i]);
        if (!byte) return bad_vocabulary(*file_, "the byte token " + std::to_string(i) + " does not read <0xNN>");
        bytes_.push_back(std::string_view(arena_).substr(*byte, 1));
        byte_tokens_[*byte] = static_cast<Token>(i);
      } else {
        bytes_.push_back(is_text(static_cast<Token>(i)) ? with_blanks(texts_[i], arena_) : texts_[i]);
        longest_ = std::max(longest_, bytes_.back().size());
        for (std::size_t at = 1; at < bytes_.back().size(); ++at) neighbours_.set(pair_at(bytes_.back(), at));
      }
    }
    has_bytes_ = std::find(byte_tokens_.begin(), byte_tokens_.end(), kNoToken) == byte_tokens_.end();
    return {};
  }

  // Scores as ranks, the highest score first and equal ones alike.
  Result<void> read_ranks() {
    std::vector<double> scores = file_->numbers("tokenizer.ggml.scores");
    if (scores.size() != texts_.size()) return bad_vocabulary(*file_, "tokenizer.ggml.scores: not one per token");
    for (double& score : scores) {
      if (std::isnan(score)) score = -HUGE_VAL;
    }
    std::vector<std::uint32_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t left, std::uint32_t right) { return scores[left] > scores[right]; });
    ranks_.resize(order.size());
    std::uint32_t rank = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0 && scores[order[i]] != scores[order[i - 1]]) ++rank;
      ranks_[order[i]] = rank;
    }
    return {};
  }

  std::vector<std::uint32_t> ranks_;
  std::array<Token, 256> byte_tokens_{};
  std::bitset<65536> neighbours_;  // the pairs of bytes that stand side by side in any token
  std::size_t longest_ = 0;        // bytes of the longest token
  bool has_bytes_ = false, adds_prefix_ = true;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_spm(std::shared_ptr<const GgufFile> file) {
  auto tokenizer = std::make_shared<SpmTokenizer>();
  if (const auto done = tokenizer->load(std::move(file)); !done) return done.error();
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace tollgate::local
