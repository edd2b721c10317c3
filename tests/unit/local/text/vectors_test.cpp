// The recorded vocabularies: each `NAME.gguf` with texts in `.inp` and the ids that the models' own tokenizers gave in
// `.out`, without BOS and EOS.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <sstream>

#include "../../core/test_data.h"
#include "local_backend/text/tokenizer.h"
#include "local_backend/text/utf8.h"

namespace tollgate::local {
namespace {

std::vector<std::string> texts_of(const std::filesystem::path& path) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  const std::string all = read_test_file(path);
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(kSeparator, at), all.size());
    texts.push_back(all.substr(at, end - at));
    at = end + kSeparator.size();
  }
  return texts;
}

std::vector<std::vector<Token>> ids_of(const std::filesystem::path& path) {
  std::vector<std::vector<Token>> out;
  std::istringstream lines(read_test_file(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    out.emplace_back();
    for (Token token = 0; numbers >> token;) out.back().push_back(token);
  }
  return out;
}

std::vector<std::filesystem::path> vocabularies() {
  std::vector<std::filesystem::path> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(test_data_dir("tokenizers"), none)) {
    if (entry.path().extension() == ".gguf") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST(TokenizerVectors, EveryTextHasTheIdsOfItsModel) {
  if (vocabularies().empty()) GTEST_SKIP() << "no recorded vocabularies";
  for (const auto& path : vocabularies()) {
    SCOPED_TRACE(path.filename().string());
    const auto file = GgufFile::open(path.string());
    ASSERT_TRUE(file) << file.error().message;
    const auto tokenizer = Tokenizer::load(*file);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    const auto texts = texts_of(path.string() + ".inp");
    const auto ids = ids_of(path.string() + ".out");
    ASSERT_EQ(texts.size(), ids.size());
    EXPECT_GE(texts.size(), 40u);
    const bool lossy = (*file)->text("tokenizer.ggml.model") == "bert";
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ((*tokenizer)->encode(texts[i], {false, false}), ids[i]) << "text " << i << ": " << texts[i];
      if (!lossy) EXPECT_EQ((*tokenizer)->decode(ids[i]), texts[i]);
    }
  }
}

// The text with each run of broken bytes as the reader of one character sees it replaced.
std::string with_replacements(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    append_utf8(next.code, out);
    at += next.size;
  }
  return out;
}

std::string random_text(std::mt19937& random) {
  std::string text;
  for (std::size_t parts = random() % 40; parts > 0; --parts) {
    const unsigned choice = random() % 4;
    if (choice == 0) text += std::string_view("  \n\t'sThe a1.")[random() % 14];
    if (choice == 1) text += static_cast<char>(random());
    if (choice == 2) append_utf8(random() % 0xD800, text);
    if (choice == 3) append_utf8(0x10000 + random() % 0x100000, text);
  }
  return text;
}

TEST(TokenizerVectors, AnyBytesComeBack) {
  if (vocabularies().empty()) GTEST_SKIP() << "no recorded vocabularies";
  std::mt19937 random(9);
  for (const auto& path : vocabularies()) {
    const auto file = GgufFile::open(path.string());
    ASSERT_TRUE(file);
    if ((*file)->text("tokenizer.ggml.model") == "bert") continue;  // whose normal form is lossy
    const auto tokenizer = Tokenizer::load(*file);
    ASSERT_TRUE(tokenizer);
    for (int round = 0; round < 500; ++round) {
      const std::string text = random_text(random);
      const auto tokens = (*tokenizer)->encode(text, {true, false});
      ASSERT_EQ((*tokenizer)->decode(tokens), text) << path;
      Detokenizer detokenizer(**tokenizer);
      std::string streamed;
      for (const Token token : tokens) detokenizer.push(token, streamed);
      detokenizer.finish(streamed);
      ASSERT_EQ(streamed, with_replacements(text));
    }
  }
}

}  // namespace
}  // namespace tollgate::local
