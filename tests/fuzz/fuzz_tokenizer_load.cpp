// Vocabularies made of any bytes: loading refuses or gives a tokenizer whose ids are all its own. A line is a key
// letter and its value: g, l or b the kind (first line), p a pre-tokenizer, 1 to 6 a token of that kind with a score
// and a spelling, m a merge, i an id for the keys of special tokens, e a text to encode.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "../unit/local/text/vocabulary_file.h"

namespace {

using namespace tollgate::local;

void require(bool holds) {
  if (!holds) std::abort();
}

void add_token(VocabularyFile& file, std::string_view line) {
  const auto kind = static_cast<TokenKind>(line[0] - '0');
  const float score = line.size() < 2 ? 0 : line[1] == '?' ? NAN : static_cast<float>(line[1]);
  file.token(line.substr(std::min<std::size_t>(2, line.size())), kind, score);
}

void add_ids(VocabularyFile& file, std::string_view line) {
  static const char* const kKeys[] = {"bos", "eos", "eot", "unknown", "cls", "seperator"};
  for (std::size_t i = 1; i < line.size() && i <= std::size(kKeys); ++i) {
    file.number(std::string("tokenizer.ggml.") + kKeys[i - 1] + "_token_id", static_cast<std::uint32_t>(line[i]));
  }
}

void use(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool parse : {false, true}) {
    const auto tokens = tokenizer.encode(text, {true, parse});
    for (const Token token : tokens) require(token >= 0 && static_cast<std::size_t>(token) < tokenizer.size());
    require(tokens.size() <= 4 * text.size() + 4);
    (void)tokenizer.decode(tokens, parse);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const char model = rest.empty() ? 'g' : rest[0];
  VocabularyFile file(model == 'l' ? "llama" : model == 'b' ? "bert" : "gpt2");
  std::string_view text = "a<s> \xFF";
  bool has_rules = false, has_ids = false;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    if (line[0] >= '1' && line[0] <= '6') add_token(file, line);
    if (line[0] == 'm') file.merge(line.substr(1));
    if (line[0] == 'e') text = line.substr(1);
    if (line[0] == 'p' && !std::exchange(has_rules, true)) file.text("tokenizer.ggml.pre", line.substr(1));
    if (line[0] == 'i' && !std::exchange(has_ids, true)) add_ids(file, line);
  }
  if (const auto tokenizer = file.load()) use(**tokenizer, text);
  return 0;
}
