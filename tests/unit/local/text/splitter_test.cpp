#include "local_backend/text/splitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "../../core/test_data.h"

namespace tollgate::local {
namespace {

const std::string_view kNames[] = {"default",   "llama-bpe", "qwen2",        "qwen35",         "gpt-2",
                                   "starcoder", "falcon",    "deepseek-llm", "deepseek-coder", "deepseek-v3",
                                   "tekken",    "gpt-4o",    "poro-chat",    "viking"};

std::vector<std::string> pieces(std::string_view pre, std::string_view text) {
  std::vector<std::string> out;
  std::size_t begin = 0, reads = 0;
  for (const std::size_t end : split(text, find_pre_tokenizer(pre)->stages, reads)) {
    out.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

std::string from_hex(const std::string& digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return out;
}

// tests/fixtures/local/text/make_splits.py
TEST(SplitterTest, CutsAsTheReferenceDoes) {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  std::istringstream lines(
      read_test_file(std::filesystem::path(source ? source : ".") / "tests/fixtures/local/text/splits.txt"));
  int compared = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string hex, field;
    fields >> hex;
    const std::string text = from_hex(hex);
    while (fields >> field) {
      const std::size_t mark = field.find('=');
      const std::string name = field.substr(0, mark);
      std::string lengths;
      for (const std::string& piece : pieces(name, text)) {
        lengths += (lengths.empty() ? "" : ",") + std::to_string(piece.size());
      }
      EXPECT_EQ(lengths, field.substr(mark + 1)) << name << ": " << text;
      ++compared;
    }
  }
  EXPECT_GT(compared, 3000);
}

TEST(SplitterTest, FamiliesDiffer) {
  using List = std::vector<std::string>;
  EXPECT_EQ(pieces("llama-bpe", "I'LL pay 12345  now\n\n ok"),
            (List{"I", "'LL", " pay", " ", "123", "45", " ", " now", "\n\n", " ok"}));
  EXPECT_EQ(pieces("qwen2", "12 it's"), (List{"1", "2", " it", "'s"}));
  EXPECT_EQ(pieces("gpt-2", "I'LL 123\n\nx "), (List{"I", "'", "LL", " 123", "\n", "\n", "x", " "}));
  EXPECT_EQ(pieces("starcoder", "a1b 22"), (List{"a", "1", "b", " ", "2", "2"}));
  EXPECT_EQ(pieces("falcon", "1234`x"), (List{"123", "4", "`", "x"}));
  EXPECT_EQ(pieces("default", "1234`x"), (List{"123", "4", "`", "x"}));
  EXPECT_EQ(pieces("gpt-4o", "HTMLParser camelCase's"), (List{"HTMLParser", " camel", "Case's"}));
  EXPECT_EQ(pieces("tekken", "ABc's 12"), (List{"ABc", "'s", " ", "1", "2"}));
  EXPECT_EQ(pieces("deepseek-llm", "x 中文y\r\n"), (List{"x", " ", "中文", "y", "\r", "\n"}));
  EXPECT_EQ(pieces("deepseek-v3", "1234.abc 中文ひ"), (List{"123", "4", ".abc", " ", "中文ひ"}));
  EXPECT_EQ(pieces("poro-chat", "a, b. (c)"), (List{"a", ",", " b", ". (", "c", ")"}));
}

TEST(SplitterTest, CapitalsGiveBackTheirLastLetterWithoutCase) {
  using List = std::vector<std::string>;
  EXPECT_EQ(pieces("gpt-4o", "日ABC"), (List{"日", "ABC"}));
  EXPECT_EQ(pieces("gpt-4o", "A日BC日D"), (List{"A日BC日", "D"}));
  EXPECT_EQ(pieces("gpt-4o", "\u0301ABC"), (List{"\u0301", "ABC"}));
}

TEST(SplitterTest, InvalidBytesAreSigns) {
  EXPECT_EQ(pieces("llama-bpe", "a\xFF\xFE b"), (std::vector<std::string>{"a", "\xFF\xFE", " b"}));
}

TEST(SplitterTest, KnowsItsNames) {
  EXPECT_EQ(find_pre_tokenizer("llama4")->stages.data(), find_pre_tokenizer("gpt-4o")->stages.data());
  EXPECT_TRUE(find_pre_tokenizer("tekken")->ignores_merges);
  EXPECT_FALSE(find_pre_tokenizer("dbrx")->ignores_merges);
  EXPECT_EQ(find_pre_tokenizer("llama-bpe2"), nullptr);
  EXPECT_EQ(find_pre_tokenizer(""), nullptr);
}

// However long the runs are: the characters read stay a small multiple of the length, and no byte is lost.
TEST(SplitterTest, WorkGrowsWithTheLengthOnly) {
  std::vector<std::string> texts;
  const std::string_view units[] = {"a",  "A",   " ",   "\n",   "1",    "!",      "'",   "中", "\u0301",        "\xFF",
                                    " a", "A中", " \n", "\t中", "A \t", "\u3000", "中A", "`$", "\u0301A\u0301", "'s"};
  for (const std::string_view unit : units) {
    std::string text;
    while (text.size() < 20000) text += unit;
    texts.push_back(text + "x");
    texts.push_back(text + "中");
    texts.push_back(text);
  }
  for (const std::string_view name : kNames) {
    const auto* rules = find_pre_tokenizer(name);
    for (const std::string& text : texts) {
      std::size_t reads = 0;
      const auto ends = split(text, rules->stages, reads);
      EXPECT_LE(reads, 8 * rules->stages.size() * text.size()) << name << ": " << text.substr(0, 8);
      ASSERT_EQ(ends.back(), text.size());
      ASSERT_TRUE(std::is_sorted(ends.begin(), ends.end()));
    }
  }
}

TEST(SplitterTest, PiecesCoverAnyBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& byte : text) byte = static_cast<char>(random() % 4 == 0 ? random() : " \n'sA1!\xE4"[random() % 8]);
    for (const std::string_view name : kNames) {
      std::string joined;
      for (const std::string& piece : pieces(name, text)) {
        ASSERT_FALSE(piece.empty());
        joined += piece;
      }
      ASSERT_EQ(joined, text);
    }
  }
}

}  // namespace
}  // namespace tollgate::local
