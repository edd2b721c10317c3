#include <gtest/gtest.h>

#include <random>

#include "local_backend/text/utf8.h"
#include "vocabulary_file.h"

namespace tollgate::local {
namespace {

class DetokenizerTest : public testing::Test {
 protected:
  DetokenizerTest() : file_("llama") {
    file_.token("<unk>", TokenKind::unknown).token("<s>", TokenKind::control).token("</s>", TokenKind::control);
    file_.byte_tokens().token("\u2581a").token("\u00E9!");  // 3 to 258, 259, 260
    loaded_ = *file_.load();
  }
  static Token byte(unsigned value) { return static_cast<Token>(3 + value); }
  std::string streamed(const std::vector<Token>& tokens, bool special = false) const {
    Detokenizer detokenizer(*loaded_, special);
    std::string out;
    for (const Token token : tokens) detokenizer.push(token, out);
    detokenizer.finish(out);
    return out;
  }

  VocabularyFile file_;
  std::shared_ptr<const Tokenizer> loaded_;
};

TEST_F(DetokenizerTest, NeverCutsACharacter) {
  Detokenizer detokenizer(*loaded_);
  std::string out;
  for (const unsigned value : {0xF0u, 0x9Fu, 0x9Au}) {
    detokenizer.push(byte(value), out);
    EXPECT_EQ(out, "");
  }
  detokenizer.push(byte(0x80), out);
  EXPECT_EQ(out, "\U0001F680");
  detokenizer.push(260, out);
  EXPECT_EQ(out, "\U0001F680\u00E9!");
}

TEST_F(DetokenizerTest, BrokenBytesAreReplacedOnceThatIsSure) {
  Detokenizer detokenizer(*loaded_);
  std::string out;
  detokenizer.push(byte(0xE2), out);
  detokenizer.push(byte(0x82), out);
  EXPECT_EQ(out, "");
  detokenizer.push(byte('x'), out);
  EXPECT_EQ(out, "\uFFFDx");
  detokenizer.push(byte(0xFF), out);
  EXPECT_EQ(out, "\uFFFDx\uFFFD");
  detokenizer.push(byte(0xC3), out);
  detokenizer.finish(out);
  EXPECT_EQ(out, "\uFFFDx\uFFFD\uFFFD");
  detokenizer.finish(out);
  EXPECT_EQ(out, "\uFFFDx\uFFFD\uFFFD");
}

TEST_F(DetokenizerTest, TheFirstSpaceIsNoPartOfTheText) {
  EXPECT_EQ(streamed({259, 259}), "a a");
  EXPECT_EQ(streamed({1, 259, 259, 2}), "a a");
  EXPECT_EQ(streamed({1, 259, 2}, true), "<s>a</s>");
  EXPECT_EQ(streamed({byte(' '), 259}), " a");
}

// Any way of cutting valid text into byte tokens gives the text; every push leaves valid UTF-8 behind.
TEST_F(DetokenizerTest, EveryPushLeavesValidText) {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; ++round) {
    std::string text = "x";
    std::vector<Token> tokens;
    const bool broken = round % 2 == 1;
    while (text.size() < 30) {
      char32_t code = random() % (random() % 2 ? 0x100 : 0x110000);
      if (code >= 0xD800 && code < 0xE000) code = 'y';
      append_utf8(code, text);
      if (broken && random() % 3 == 0) text.pop_back();
    }
    Detokenizer detokenizer(*loaded_);
    std::string out;
    for (const char one : text) {
      detokenizer.push(byte(static_cast<unsigned char>(one)), out);
      for (std::size_t at = 0; at < out.size();) {
        const Utf8Char next = utf8_at(out, at);
        ASSERT_TRUE(next.valid);
        at += next.size;
      }
    }
    detokenizer.finish(out);
    if (!broken) {
      ASSERT_EQ(out, text);
    }
  }
}

}  // namespace
}  // namespace tollgate::local
