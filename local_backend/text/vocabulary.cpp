#include "local_backend/text/vocabulary.h"

#include <algorithm>
#include <limits>

namespace tollgate::local {
namespace {

const std::string kPrefix = "tokenizer.ggml.";
constexpr std::string_view kBlank = "\u2581";

// Texts of tokens that end a turn in published chat formats; files often name only one of theirs by key.
constexpr std::string_view kEndTexts[] = {
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|return|>",
    "<|call|>",
    "<|eot|>",
    "<|eom|>",
    "<EOT>",
    "<|END_OF_TURN_TOKEN|>",
    "<end_of_utterance>",
    "<|end_of_turn|>",
    "<|message_end|>",
    "[EOT]",
};

}  // namespace

Error bad_vocabulary(const GgufFile& file, const std::string& what) {
  return Error{ErrorKind::client_fault, 400, "bad_model_file", file.name() + ": " + what};
}

std::string_view with_blanks(std::string_view text, std::string& arena) {
  std::size_t found = text.find(kBlank);
  if (found == std::string_view::npos) return text;
  const std::size_t begin = arena.size();
  for (; found != std::string_view::npos; found = text.find(kBlank)) {
    arena += text.substr(0, found);
    arena += ' ';
    text.remove_prefix(found + kBlank.size());
  }
  arena += text;
  return std::string_view(arena).substr(begin);
}

std::optional<unsigned char> byte_of(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (const char digit : text.substr(3, 2)) {
    const std::size_t number = std::string_view("0123456789ABCDEFabcdef").find(digit);
    if (number == std::string_view::npos) return std::nullopt;
    value = value << 4 | static_cast<unsigned>(number < 16 ? number : number - 6);
  }
  return static_cast<unsigned char>(value);
}

Result<void> VocabularyTokenizer::read(std::shared_ptr<const GgufFile> file, const Defaults& defaults,
                                       const std::string& bos_key, const std::string& eos_key) {
  file_ = std::move(file);
  if (const auto read = read_tokens(); !read) return read;
  auto first = read_id(bos_key, defaults.bos);
  auto last = read_id(eos_key, defaults.eos);
  auto unknown = read_id("unknown_token_id", defaults.unknown);
  for (auto* id : {&first, &last, &unknown}) {
    if (!*id) return id->error();
  }
  bos = *first, eos = *last, unknown_ = *unknown;
  const auto wants_bos = file_->flag(kPrefix + "add_bos_token");
  const auto wants_eos = file_->flag(kPrefix + "add_eos_token");
  if ((wants_bos == true && !bos) || (wants_eos == true && !eos)) {
    return bad_vocabulary(*file_, "the tokenizer adds a BOS or EOS token that the file does not name");
  }
  adds_bos = bos && wants_bos.value_or(defaults.adds_bos);
  adds_eos = eos && wants_eos.value_or(defaults.adds_eos);
  read_templates();
  return read_ends();
}

Result<void> VocabularyTokenizer::read_tokens() {
  texts_ = file_->texts(kPrefix + "tokens");
  if (texts_.empty()) return bad_vocabulary(*file_, "no " + kPrefix + "tokens");
  if (texts_.size() > static_cast<std::size_t>(std::numeric_limits<Token>::max() / 4)) {
    return bad_vocabulary(*file_, "too many tokens");
  }
  const std::vector<std::int64_t> kinds = file_->integers(kPrefix + "token_type");
  kinds_.assign(texts_.size(), TokenKind::normal);
  if (kinds.empty()) return {};
  if (kinds.size() != texts_.size()) {
    return bad_vocabulary(*file_, kPrefix + "token_type has another length than the tokens");
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] < 0 || kinds[i] > 6) {
      return bad_vocabulary(*file_, kPrefix + "token_type: unknown kind " + std::to_string(kinds[i]));
    }
    kinds_[i] = kinds[i] == 0 ? TokenKind::normal : static_cast<TokenKind>(kinds[i]);
  }
  return {};
}

// Files say "none" with -1 or its unsigned form.
Result<std::optional<Token>> VocabularyTokenizer::read_id(const std::string& key, std::optional<Token> fallback) const {
  const auto id = file_->integer(kPrefix + key);
  if (!id) return fallback && known(*fallback) ? fallback : std::nullopt;
  if (*id == -1 || *id == 0xFFFFFFFF) return std::optional<Token>();
  if (*id < 0 || static_cast<std::uint64_t>(*id) >= texts_.size()) {
    return bad_vocabulary(*file_, kPrefix + key + " is no token: " + std::to_string(*id));
  }
  return std::optional<Token>(static_cast<Token>(*id));
}

Result<void> VocabularyTokenizer::read_ends() {
  const auto add = [&](Token token) {
    if (std::find(ends.begin(), ends.end(), token) == ends.end()) ends.push_back(token);
  };
  if (eos) add(*eos);
  for (const char* key : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
    const auto id = read_id(key, std::nullopt);
    if (!id) return id.error();
    if (*id) add(**id);
  }
  Token end = kNoToken;
  bool harmony = false;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const std::string_view text = texts_[i];
    if (text.size() < 5 || std::find(std::begin(kEndTexts), std::end(kEndTexts), text) == std::end(kEndTexts)) continue;
    // Files that forget the kind would print the end of a turn.
    if (kinds_[i] != TokenKind::unused) kinds_[i] = TokenKind::control;
    if (text == "<|end|>") end = static_cast<Token>(i);
    if (text == "<|return|>") harmony = true;
    add(static_cast<Token>(i));
  }
  // Where <|return|> ends the answer, <|end|> ends one of its messages only, unless the file says more.
  if (harmony && end != kNoToken && end != eos) std::erase(ends, end);
  return {};
}

void VocabularyTokenizer::read_templates() {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  chat_template = file_->text(kKey).value_or("");
  for (const GgufFile::Pair& pair : file_->pairs()) {
    if (pair.key.size() <= kKey.size() + 1 || !pair.key.starts_with(kKey) || pair.key[kKey.size()] != '.') continue;
    if (const auto text = file_->text(pair.key)) named_templates.emplace_back(pair.key.substr(kKey.size() + 1), *text);
  }
}

void VocabularyTokenizer::index() {
  index_.reserve(texts_.size());
  std::vector<SpecialTexts::Entry> all, user_defined;
  // Texts go before bytes, and both before what is no text: of two tokens with one text the first one is found.
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const auto token = static_cast<Token>(i);
      const int turn = !is_text(token) ? 2 : kinds_[i] == TokenKind::byte ? 1 : 0;
      if (turn != round || bytes_[i].empty()) continue;
      index_.insert(bytes_[i], token);
      const bool defined = kinds_[i] == TokenKind::user_defined;
      const bool eats =
          control_eats_spaces_ && texts_[i] != "<s>" && texts_[i] != "<unk>" && texts_[i] != "<|endoftext|>";
      if (defined) user_defined.push_back({bytes_[i], token, eats});
      if (defined || turn == 2) all.push_back({bytes_[i], token, eats});
    }
  }
  all_special_ = SpecialTexts(std::move(all));
  user_defined_ = SpecialTexts(std::move(user_defined));
}

std::vector<Token> VocabularyTokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<Token> out;
  if (options.add_special && adds_bos) out.push_back(*bos);
  const SpecialTexts& specials = options.parse_special ? all_special_ : user_defined_;
  std::size_t done = 0;
  bool leads = true;
  while (const auto found = specials.next(text, done)) {
    encode_between(text.substr(done, found->begin - done), leads, out);
    out.push_back(found->token);
    done = found->end;
    leads = true;
  }
  encode_between(text.substr(done), leads, out);
  if (options.add_special && adds_eos) out.push_back(*eos);
  return out;
}

void VocabularyTokenizer::encode_between(std::string_view text, bool leads, std::vector<Token>& out) const {
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), kMaxPart))) {
    encode_part(text.substr(0, kMaxPart), leads, out);
    leads = false;
  }
}

std::string_view VocabularyTokenizer::bytes(Token token, bool special) const {
  if (!known(token) || (!special && !is_text(token))) return {};
  return bytes_[at(token)];
}

bool VocabularyTokenizer::is_text(Token token) const {
  return kinds_[at(token)] != TokenKind::control && kinds_[at(token)] != TokenKind::unknown;
}

Token VocabularyTokenizer::find_text(std::string_view text) const {
  const Token token = index_.find(text);
  return token != kNoToken && is_text(token) ? token : kNoToken;
}

std::optional<Token> VocabularyTokenizer::find(std::string_view text) const {
  const Token token = index_.find(text);
  return token == kNoToken ? std::nullopt : std::optional<Token>(token);
}

}  // namespace tollgate::local
