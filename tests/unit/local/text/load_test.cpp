// What loading takes from a file and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>

#include "vocabulary_file.h"

namespace tollgate::local {
namespace {

VocabularyFile small_bpe() {
  VocabularyFile file("gpt2");
  file.text("tokenizer.ggml.pre", "gpt-2").byte_letters().token("he").merge("h e");
  return file;
}

VocabularyFile small_spm() {
  VocabularyFile file("llama");
  file.token("<unk>", TokenKind::unknown).token("<s>", TokenKind::control).token("</s>", TokenKind::control);
  return file;
}

TEST(LoadTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(VocabularyFile("t5").token("a").problem(),
            "test.gguf: tokenizer.ggml.model: the kind \"t5\" is not supported");
  EXPECT_NE(VocabularyFile("no_vocab").problem().find("not supported"), std::string::npos);
  EXPECT_NE(VocabularyFile("gpt2").problem().find("no tokenizer.ggml.tokens"), std::string::npos);
  EXPECT_NE(VocabularyFile("gpt2").token("a").problem().find("no tokenizer.ggml.merges"), std::string::npos);
  EXPECT_NE(VocabularyFile("gpt2")
                .token("a")
                .text("tokenizer.ggml.pre", "new-one")
                .merge("a a")
                .problem()
                .find("unknown pre-tokenizer \"new-one\""),
            std::string::npos);
  for (const char* merge : {"ab", " ab", "a ", ""}) {
    EXPECT_NE(VocabularyFile("gpt2").token("a").merge(merge).problem().find("entry 0 is no pair"), std::string::npos);
  }
  EXPECT_NE(VocabularyFile("gpt2").token("a", static_cast<TokenKind>(7)).merge("a a").problem().find("unknown kind 7"),
            std::string::npos);
  VocabularyFile without_scores = small_spm();
  without_scores.with_scores = false;
  EXPECT_NE(without_scores.problem().find("scores"), std::string::npos);
  const auto loaded = VocabularyFile("t5").load();
  EXPECT_EQ(loaded.error().code, "bad_model_file");
  EXPECT_EQ(loaded.error().status, 400);
}

TEST(LoadTest, RefusesIdsThatAreNoTokens) {
  for (const char* key : {"bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id", "unknown_token_id"}) {
    const std::string name = std::string("tokenizer.ggml.") + key;
    EXPECT_NE(small_bpe().number(name, 257).problem().find(key), std::string::npos);
    EXPECT_EQ(small_bpe().number(name, 256).problem(), "");
    EXPECT_EQ(small_bpe().number(name, 0xFFFFFFFF).problem(), "");  // "none"
  }
  EXPECT_NE(small_bpe().flag("tokenizer.ggml.add_bos_token", true).problem(), "");
}

TEST(LoadTest, ByteTokensReadStrictly) {
  for (const char* spelling :
       {"<0x-1>", "<0x1>", "<0x001>", "<0xG0>", "<0X00>", "0x00", "<0x00> ", "<0x 1>", "<0x+1>"}) {
    EXPECT_NE(small_spm().token(spelling, TokenKind::byte).problem().find("<0xNN>"), std::string::npos) << spelling;
  }
  EXPECT_EQ(small_spm().token("<0xaF>", TokenKind::byte).problem(), "");
}

TEST(LoadTest, ASayingFileIsPreferredToTheDefaults) {
  auto llama = VocabularyFile("gpt2");
  llama.text("tokenizer.ggml.pre", "llama-bpe").byte_letters().token("<bos>", TokenKind::control).merge("h e");
  llama.number("tokenizer.ggml.bos_token_id", 256);
  const auto adds = llama.load();
  EXPECT_TRUE((*adds)->adds_bos);
  EXPECT_FALSE((*adds)->adds_eos);
  EXPECT_EQ((*adds)->note, "");
  EXPECT_EQ((*adds)->encode("h"), (std::vector<Token>{256, 'h'}));
  EXPECT_EQ((*adds)->encode("h", {false, true}), (std::vector<Token>{'h'}));
  llama.flag("tokenizer.ggml.add_bos_token", false);
  EXPECT_FALSE((*llama.load())->adds_bos);
  auto spm = small_spm();
  const auto defaults = spm.load();
  EXPECT_TRUE((*defaults)->adds_bos);
  EXPECT_EQ((*defaults)->bos, 1);
  EXPECT_EQ((*defaults)->eos, 2);
  auto unnamed = VocabularyFile("gpt2");
  unnamed.byte_letters().merge("h e");
  EXPECT_NE((*unnamed.load())->note, "");
}

TEST(LoadTest, KnowsTheEndsOfAnAnswer) {
  auto file = small_bpe();  // 257 tokens
  file.token("<eos>", TokenKind::control).token("<|eot_id|>", TokenKind::control).token("<|im_end|>");
  file.token("<|end|>", TokenKind::user_defined).token("my_eom", TokenKind::control);
  file.number("tokenizer.ggml.eos_token_id", 257).number("tokenizer.ggml.eom_token_id", 261);
  const auto loaded = file.load();
  EXPECT_EQ((*loaded)->ends, (std::vector<Token>{257, 261, 258, 259, 260}));
  EXPECT_EQ((*loaded)->kind(259), TokenKind::control);  // the file forgot to say so
  EXPECT_EQ((*loaded)->bytes(259), "");
  // In the harmony format <|end|> ends a message, not the answer.
  file.token("<|return|>", TokenKind::control).token("<|call|>", TokenKind::control);
  EXPECT_EQ((*file.load())->ends, (std::vector<Token>{257, 261, 258, 259, 262, 263}));
}

TEST(LoadTest, ReadsTemplates) {
  auto file = small_bpe();
  EXPECT_EQ((*file.load())->chat_template, "");
  file.text("tokenizer.chat_template", "{{ a }}").text("tokenizer.chat_template.tool_use", "{{ b }}");
  file.text("tokenizer.chat_templates", "no template");
  const auto loaded = file.load();
  EXPECT_EQ((*loaded)->chat_template, "{{ a }}");
  ASSERT_EQ((*loaded)->named_templates.size(), 1u);
  EXPECT_EQ((*loaded)->named_templates[0], std::pair(std::string("tool_use"), std::string("{{ b }}")));
}

TEST(LoadTest, AnswersForTokensThatAreNone) {
  auto file = small_bpe();
  const auto loaded = file.load();
  for (const Token token : {-1, 257, 1 << 30}) {
    EXPECT_EQ((*loaded)->bytes(token, true), "");
    EXPECT_EQ((*loaded)->kind(token), TokenKind::unknown);
  }
  EXPECT_EQ((*loaded)->size(), 257u);
  EXPECT_EQ((*loaded)->decode(std::vector<Token>{-5, 256, 9999}), "he");
}

}  // namespace
}  // namespace tollgate::local
