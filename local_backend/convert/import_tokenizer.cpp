// tokenizer.json (the Hugging Face "tokenizers" format) as GGUF metadata: byte-level BPE becomes "gpt2", BPE over
// SentencePiece's pieces becomes "llama". Thread rule: pure functions but for the writer they fill.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "local_backend/convert/import.h"
#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

enum Kind : std::int32_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

constexpr std::uint64_t kMaxVocabulary = 2u << 20;
constexpr std::string_view kWordMark = "\xE2\x96\x81";  // U+2581, a space in SentencePiece's pieces

// How text is cut before merging: the pattern of the Split step, and the name that GGUF has for it.
struct Cut {
  std::string_view pattern, name;
};
constexpr std::array<Cut, 4> kCuts{{
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "llama-bpe"},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "qwen2"},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "tekken"},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
     R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "gpt-4o"},
}};

// The steps of a normalizer, pre-tokenizer or post-processor: itself, or the members of a sequence.
std::vector<const Json*> steps_of(const Json* whole) {
  std::vector<const Json*> out;
  if (!whole || !whole->is_object()) return out;
  out.push_back(whole);
  for (const char* list : {"pretokenizers", "normalizers", "processors"}) {
    if (const Json* steps = member(*whole, list); steps && steps->is_array()) {
      for (const Json& step : *steps) out.push_back(&step);
    }
  }
  return out;
}

const Json* step_of_type(const Json& tokenizer, std::string_view part, std::string_view type) {
  for (const Json* step : steps_of(member(tokenizer, part))) {
    const std::string* is = text_member(*step, "type");
    if (is && *is == type) return step;
  }
  return nullptr;
}

// "<0x1F>", the stand-in for a byte that no piece has.
bool is_byte(std::string_view text) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return text.size() == 6 && text.starts_with("<0x") && digit(text[3]) && digit(text[4]) && text[5] == '>';
}

struct Vocabulary {
  std::vector<std::string> texts;
  std::vector<std::int32_t> kinds;
  std::unordered_map<std::string, std::uint32_t> ids;

  void set(std::uint64_t id, const std::string& text, std::int32_t kind) {
    texts[id] = text;
    kinds[id] = kind;
    ids[text] = static_cast<std::uint32_t>(id);
  }
};

class Import {
 public:
  Import(const ModelFolder& folder, GgufWriter& writer)
      : folder_(folder), writer_(writer), path_(folder.path + "/tokenizer.json") {}

  Result<void> run(std::uint64_t vocabulary) {
    const Json* model = member(folder_.tokenizer, "model");
    const std::string* type = model ? text_member(*model, "type") : nullptr;
    if (!model || (type && *type != "BPE")) return unsupported_model(folder_.path, "a tokenizer that is not BPE");
    if (auto read = read_tokens(*model, vocabulary); !read) return read;
    if (auto read = read_merges(*model); !read) return read;
    bytes_ = flag_member(*model, "byte_fallback").value_or(false);
    if (auto written = bytes_ ? write_pieces(*model) : write_byte_level(); !written) return written;
    writer_.add_texts("tokenizer.ggml.tokens", words_.texts);
    writer_.add_i32s("tokenizer.ggml.token_type", words_.kinds);
    write_special();
    write_templates();
    return {};
  }

 private:
  Error bad(const std::string& what) const { return bad_model_file(path_, 0, what); }

  Result<void> read_tokens(const Json& model, std::uint64_t vocabulary);
  Result<void> read_merges(const Json& model);
  Result<void> write_byte_level();
  Result<void> write_pieces(const Json& model);
  void write_special();
  void write_special_id(const char* json_name, const char* gguf_name);
  std::optional<std::uint32_t> special_id(const std::string& name) const;
  bool begins_with_bos() const;
  void write_templates();

  const ModelFolder& folder_;
  GgufWriter& writer_;
  std::string path_;
  Vocabulary words_;
  std::vector<std::pair<std::string, std::string>> merges_;
  bool bytes_ = false;  // pieces with byte tokens, not byte-level
};

Result<void> Import::read_tokens(const Json& model, std::uint64_t vocabulary) {
  const Json* entries = member(model, "vocab");
  if (!entries || !entries->is_object() || vocabulary > kMaxVocabulary) return bad("no vocabulary of sane size");
  words_.texts.resize(vocabulary);
  words_.kinds.assign(vocabulary, kUnused);
  for (std::uint64_t i = 0; i < vocabulary; ++i) words_.texts[i] = "[PAD" + std::to_string(i) + "]";
  const auto fits = [&](const Json& id) { return id.is_number_unsigned() && id.get<std::uint64_t>() < vocabulary; };
  for (const auto& [text, id] : entries->items()) {
    if (!fits(id)) return bad("token " + quoted_text(text) + " has an id beyond the embedding matrix");
    words_.set(id.get<std::uint64_t>(), text, kNormal);
  }
  const Json* added = member(folder_.tokenizer, "added_tokens");
  if (!added || !added->is_array()) return {};
  for (const Json& entry : *added) {
    const std::string* text = text_member(entry, "content");
    const Json* id = member(entry, "id");
    if (!text || !id || !fits(*id)) return bad("an added token without content, or beyond the embedding matrix");
    const bool special = flag_member(entry, "special").value_or(false);
    words_.set(id->get<std::uint64_t>(), *text, special ? kControl : kUserDefined);
  }
  return {};
}

Result<void> Import::read_merges(const Json& model) {
  const Json* merges = member(model, "merges");
  if (!merges || !merges->is_array()) return bad("no merges");
  for (const Json& merge : *merges) {
    // Older files have "left right", newer ones ["left", "right"].
    if (const auto* text = merge.get_ptr<const std::string*>()) {
      const std::size_t space = text->find(' ', 1);
      if (space == std::string::npos) return bad("a merge that is no pair");
      merges_.emplace_back(text->substr(0, space), text->substr(space + 1));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merges_.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      return bad("a merge that is no pair");
    }
  }
  return {};
}

Result<void> Import::write_byte_level() {
  std::string_view name;
  const Json* split = step_of_type(folder_.tokenizer, "pre_tokenizer", "Split");
  const Json* pattern = split ? member(*split, "pattern") : nullptr;
  const std::string* regex = pattern ? text_member(*pattern, "Regex") : nullptr;
  if (regex) {
    const auto* cut = std::ranges::find(kCuts, std::string_view(*regex), &Cut::pattern);
    if (cut != kCuts.end()) name = cut->name;
  } else if (step_of_type(folder_.tokenizer, "pre_tokenizer", "ByteLevel")) {
    name = step_of_type(folder_.tokenizer, "pre_tokenizer", "Digits") ? "smollm" : "gpt-2";
  }
  if (name.empty()) return unsupported_model(folder_.path, "the pre_tokenizer of tokenizer.json");
  writer_.add_text("tokenizer.ggml.model", "gpt2");
  writer_.add_text("tokenizer.ggml.pre", name);
  std::vector<std::string> merges;
  merges.reserve(merges_.size());
  for (const auto& [left, right] : merges_) {
    // A space divides the two; byte-level texts have none of their own.
    if (left.find(' ') != left.npos || right.find(' ') != right.npos) return bad("a merge with a space in it");
    merges.push_back(left + " " + right);
  }
  writer_.add_texts("tokenizer.ggml.merges", merges);
  return {};
}

Result<void> Import::write_pieces(const Json& model) {
  // Merging by best score must do what merging by rank did: a piece's score is the rank of the merge that makes it.
  std::vector<float> scores(words_.texts.size(), 0);
  const auto count = static_cast<float>(merges_.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (words_.kinds[i] == kNormal) scores[i] = -count - 1;
  }
  for (std::size_t rank = merges_.size(); rank-- > 0;) {
    const auto made = words_.ids.find(merges_[rank].first + merges_[rank].second);
    if (made == words_.ids.end()) return bad("a merge whose result is no token");
    scores[made->second] = -static_cast<float>(rank);
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!is_byte(words_.texts[i])) continue;
    words_.kinds[i] = kByte;
    scores[i] = 0;
  }
  if (const std::string* unknown = text_member(model, "unk_token")) {
    if (const auto found = words_.ids.find(*unknown); found != words_.ids.end()) {
      words_.kinds[found->second] = kUnknown;
      writer_.add_u32("tokenizer.ggml.unknown_token_id", found->second);
    }
  }
  const Json* prepend = step_of_type(folder_.tokenizer, "normalizer", "Prepend");
  const Json* space = step_of_type(folder_.tokenizer, "pre_tokenizer", "Metaspace");
  const std::string* scheme = space ? text_member(*space, "prepend_scheme") : nullptr;
  const bool prefix =
      space ? (scheme ? *scheme != "never" : flag_member(*space, "add_prefix_space").value_or(true))
            : prepend && text_member(*prepend, "prepend") && *text_member(*prepend, "prepend") == kWordMark;
  writer_.add_text("tokenizer.ggml.model", "llama");
  writer_.add_text("tokenizer.ggml.pre", "default");
  writer_.add_f32s("tokenizer.ggml.scores", scores);
  writer_.add_flag("tokenizer.ggml.add_space_prefix", prefix);
  return {};
}

// tokenizer_config.json names the token by its text, config.json and generation_config.json by its id.
std::optional<std::uint32_t> Import::special_id(const std::string& name) const {
  if (const Json* token = member(folder_.tokenizer_config, name)) {
    const auto* text = token->is_object() ? text_member(*token, "content") : token->get_ptr<const std::string*>();
    const auto found = text ? words_.ids.find(*text) : words_.ids.end();
    if (found != words_.ids.end()) return found->second;
  }
  for (const Json* config : {&folder_.config, &folder_.generation_config}) {
    const Json* id = member(*config, name + "_id");
    if (id && id->is_array() && !id->empty()) id = &id->front();
    if (id && id->is_number_unsigned() && id->get<std::uint64_t>() < words_.texts.size()) {
      return static_cast<std::uint32_t>(id->get<std::uint64_t>());
    }
  }
  return std::nullopt;
}

void Import::write_special_id(const char* json_name, const char* gguf_name) {
  if (const auto id = special_id(json_name)) writer_.add_u32(std::string("tokenizer.ggml.") + gguf_name, *id);
}

// Whether the post-processor puts the BOS token before a text.
bool Import::begins_with_bos() const {
  const Json* processor = step_of_type(folder_.tokenizer, "post_processor", "TemplateProcessing");
  const Json* single = processor ? member(*processor, "single") : nullptr;
  const auto bos = special_id("bos_token");
  if (!bos || !single || !single->is_array() || single->empty()) return false;
  const Json* token = member(single->front(), "SpecialToken");
  const std::string* text = token ? text_member(*token, "id") : nullptr;
  return text && *text == words_.texts[*bos];
}

void Import::write_special() {
  write_special_id("bos_token", "bos_token_id");
  write_special_id("eos_token", "eos_token_id");
  write_special_id("pad_token", "padding_token_id");
  const auto bos = flag_member(folder_.tokenizer_config, "add_bos_token");
  writer_.add_flag("tokenizer.ggml.add_bos_token", bos.value_or(false) || begins_with_bos());
  writer_.add_flag("tokenizer.ggml.add_eos_token",
                   flag_member(folder_.tokenizer_config, "add_eos_token").value_or(false));
}

void Import::write_templates() {
  const Json* given = member(folder_.tokenizer_config, "chat_template");
  if (!folder_.chat_template.empty()) {
    writer_.add_text("tokenizer.chat_template", folder_.chat_template);
  } else if (given && given->is_string()) {
    writer_.add_text("tokenizer.chat_template", given->get_ref<const std::string&>());
  }
  if (!given || !given->is_array()) return;
  std::vector<std::string> seen;
  for (const Json& one : *given) {
    const std::string *name = text_member(one, "name"), *text = text_member(one, "template");
    if (!name || !text || name->size() > 64 || std::ranges::find(seen, *name) != seen.end()) continue;
    seen.push_back(*name);
    if (*name != "default") {
      writer_.add_text("tokenizer.chat_template." + *name, *text);
    } else if (folder_.chat_template.empty()) {
      writer_.add_text("tokenizer.chat_template", *text);
    }
  }
}

}  // namespace

Result<void> write_tokenizer(const ModelFolder& folder, std::uint64_t vocabulary, GgufWriter& writer) {
  return Import(folder, writer).run(vocabulary);
}

}  // namespace tollgate::local
