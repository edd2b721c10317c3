// The three kinds over small vocabularies; the large ones are in vectors_test.cpp.
#include "local_backend/text/tokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "vocabulary_file.h"

namespace tollgate::local {
namespace {

using Tokens = std::vector<Token>;

class BpeTest : public testing::Test {
 protected:
  BpeTest() : file_("gpt2") {
    file_.text("tokenizer.ggml.pre", "gpt-2").byte_letters();
    for (const char* token : {"he", "ll", "hell", "\u0120x", "hex", "lo"}) file_.token(token);  // 256 to 261
    file_.token("<|stop|>", TokenKind::control).token("<tool>", TokenKind::user_defined);       // 262, 263
    for (const char* merge : {"h e", "l l", "he ll", "\u0120 x", "l o", "q r", "qr s"}) file_.merge(merge);
    loaded_ = *file_.load();
  }
  static Token letter(char c) { return static_cast<unsigned char>(c); }
  Tokens encode(std::string_view text, bool parse = true) const { return loaded_->encode(text, {false, parse}); }

  VocabularyFile file_;
  std::shared_ptr<const Tokenizer> loaded_;
};

TEST_F(BpeTest, MergesByRank) {
  EXPECT_EQ(encode("hello x"), (Tokens{258, letter('o'), 259}));
  EXPECT_EQ(encode("llo"), (Tokens{257, letter('o')}));
  EXPECT_EQ(encode("lo"), (Tokens{261}));
  EXPECT_EQ(encode(""), Tokens{});
}

TEST_F(BpeTest, AWordThatIsATokenStillNeedsItsMerges) {
  EXPECT_EQ(encode("hex"), (Tokens{256, letter('x')}));
  file_ = VocabularyFile("gpt2");
  file_.text("tokenizer.ggml.pre", "llama-bpe").byte_letters().token("hex").merge("h e");
  EXPECT_EQ((*file_.load())->encode("hex"), Tokens{256});  // its rule ignores merges
}

TEST_F(BpeTest, MergesWithoutATokenFallApartIntoBytes) {
  EXPECT_EQ(encode("qrs"), (Tokens{letter('q'), letter('r'), letter('s')}));
}

TEST_F(BpeTest, ControlTokensAreSpelledOutByTemplatesOnly) {
  EXPECT_EQ(encode("he<|stop|>he"), (Tokens{256, 262, 256}));
  const Tokens spelled = encode("he<|stop|>he", false);
  EXPECT_EQ(std::count(spelled.begin(), spelled.end(), 262), 0);
  EXPECT_EQ(loaded_->decode(spelled), "he<|stop|>he");
  EXPECT_EQ(encode("he<tool>", false), (Tokens{256, 263}));
}

TEST_F(BpeTest, FindsTokensByTheirText) {
  EXPECT_EQ(loaded_->find("<|stop|>"), 262);
  EXPECT_EQ(loaded_->find(" x"), 259);
  EXPECT_EQ(loaded_->find("\u0120x"), std::nullopt);
  EXPECT_EQ(loaded_->bytes(259), " x");
  EXPECT_EQ(loaded_->bytes(262), "");
  EXPECT_EQ(loaded_->bytes(262, true), "<|stop|>");
  EXPECT_EQ(loaded_->bytes(263), "<tool>");
}

TEST_F(BpeTest, AnyBytesComeBack) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 50, '\0');
    for (char& byte : text) byte = static_cast<char>(random() % 2 ? random() : "hello x<tol>"[random() % 12]);
    ASSERT_EQ(loaded_->decode(encode(text, false)), text);
  }
}

class SpmTest : public testing::Test {
 protected:
  SpmTest() : file_("llama") {
    file_.token("<unk>", TokenKind::unknown).token("<s>", TokenKind::control).token("</s>", TokenKind::control);
    file_.byte_tokens();  // 3 to 258
    const std::pair<const char*, float> pieces[] = {
        {"\u2581", -9}, {"a", -10}, {"b", -11}, {"ab", -2}, {"ba", -1},  {"\u2581a", -3},     {"aba", -4}, {"<", -5},
        {"/", -5},      {"s", -5},  {">", -5},  {"</", -5}, {"</s", -5}, {"\u2581\u2581", -2}};  // 259 to 272
    for (const auto& [text, score] : pieces) file_.token(text, TokenKind::normal, score);
    file_.token("<ud>", TokenKind::user_defined);  // 273
    loaded_ = *file_.load();
  }
  Tokens encode(std::string_view text, bool parse = false) const { return loaded_->encode(text, {false, parse}); }

  VocabularyFile file_;
  std::shared_ptr<const Tokenizer> loaded_;
};

TEST_F(SpmTest, TheHighestScoreMergesFirst) {
  EXPECT_EQ(encode("ab"), (Tokens{259, 262}));   // " ab": "ab" before " a"
  EXPECT_EQ(encode("aba"), (Tokens{264, 263}));  // "ba" before all
  EXPECT_EQ(encode("a"), Tokens{264});
  EXPECT_EQ(encode(""), Tokens{});
  EXPECT_EQ(loaded_->encode("a"), (Tokens{1, 264}));
}

TEST_F(SpmTest, UnknownCharactersBecomeBytes) {
  EXPECT_EQ(encode("\u00E9"), (Tokens{259, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(encode("\n"), (Tokens{259, 3 + '\n'}));
  EXPECT_EQ(encode("\xFF"), (Tokens{259, 3 + 0xFF}));
}

// In the tables of texts control and byte tokens do not stand, whatever their scores are.
TEST_F(SpmTest, SpelledControlTokensStayText) {
  const Tokens spelled = encode("</s>");
  EXPECT_EQ(spelled, (Tokens{259, 271, 269}));
  EXPECT_EQ(loaded_->decode(spelled), "</s>");
  EXPECT_EQ(encode("</s>", true), Tokens{2});
  const Tokens bytes = encode("<0x0A>");
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 3 + 0x0A), 0);
}

TEST_F(SpmTest, APrefixBeginsEveryTextAndFollowsSpecialTokens) {
  EXPECT_EQ(encode("a</s>a", true), (Tokens{264, 2, 264}));
  EXPECT_EQ(encode("a<ud>a"), (Tokens{264, 273, 264}));
  EXPECT_TRUE(loaded_->strips_first_space);
  EXPECT_EQ(loaded_->decode(loaded_->encode(" a")), " a");
  file_.flag("tokenizer.ggml.add_space_prefix", false);
  const auto bare = *file_.load();
  EXPECT_EQ(bare->encode("a", {false, false}), Tokens{260});
  EXPECT_EQ(bare->decode(Tokens{264}), " a");
}

TEST_F(SpmTest, WithoutByteTokensTheUnknownTokenStandsForACharacter) {
  VocabularyFile file("llama");
  file.token("<unk>", TokenKind::unknown).token("a").token("\u2581");
  EXPECT_EQ((*file.load())->encode("\u00E9a", {false, false}), (Tokens{2, 0, 1}));
}

TEST_F(SpmTest, AnyBytesComeBack) {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t parts = random() % 30; parts > 0; --parts) {
      const std::string_view choices[] = {"a", "b", " ", "  ", "ab", "</s>", "<0x41>", "\u2581", "\xE2\x96", "\n"};
      text += random() % 4 == 0 ? std::string(1, static_cast<char>(random())) : choices[random() % 10];
    }
    ASSERT_EQ(loaded_->decode(encode(text)), text);
    ASSERT_EQ(loaded_->decode(loaded_->encode(text, {true, false})), text);
  }
}

TEST(SpmPhi3Test, ChatTokensTakeTheSpacesAfterThem) {
  VocabularyFile file("llama");
  file.text("general.architecture", "phi3").token("<unk>", TokenKind::unknown).token("<s>", TokenKind::control);
  file.token("</s>", TokenKind::control).token("<|end|>", TokenKind::control).token("a").byte_tokens();
  EXPECT_EQ((*file.load())->encode("<|end|> \n\na", {false, true}), (Tokens{3, 5 + ' ', 4}));
}

TEST(WpmTest, LongestTokensOfPlainWords) {
  VocabularyFile file("bert");
  file.token("[PAD]", TokenKind::control).token("[UNK]", TokenKind::control).token("[CLS]", TokenKind::control);
  file.token("[SEP]", TokenKind::control).token("\u2581un").token("\u2581u").token("know").token("able");  // 4 to 7
  file.token("\u2581,").token("\u2581\u4E2D").token("\u2581cafe").token("n");                              // 8 to 11
  file.number("tokenizer.ggml.unknown_token_id", 1).number("tokenizer.ggml.cls_token_id", 2);
  file.number("tokenizer.ggml.seperator_token_id", 3);
  const auto loaded = *file.load();
  const auto encode = [&](std::string_view text) { return loaded->encode(text, {false, false}); };
  EXPECT_EQ(loaded->encode("unknown"), (Tokens{2, 4, 6, 11, 3}));
  EXPECT_EQ(loaded->encode("unknowing"), (Tokens{2, 1, 3}));
  EXPECT_EQ(loaded->encode("unable"), (Tokens{2, 4, 7, 3}));
  EXPECT_EQ(encode("UnKnow,\u4E2D\u4E2D un"), (Tokens{4, 6, 8, 9, 9, 4}));
  EXPECT_EQ(encode("Caf\u00C9 cafe\u0301"), (Tokens{10, 10}));
  EXPECT_EQ(encode("un\x01\u200Bable \xFF"), (Tokens{4, 7}));
  EXPECT_EQ(encode("un" + std::string(98, 'n')).size(), 99u);
  EXPECT_EQ(encode("un" + std::string(99, 'n')), Tokens{1});  // longer than 100 characters
  EXPECT_EQ(encode(" \n"), Tokens{});
  EXPECT_EQ(loaded->decode(Tokens{2, 4, 7, 8, 3}), "unable ,");
}

}  // namespace
}  // namespace tollgate::local
