// Compiled grammars are shared: one compilation per schema, the oldest are let go.
#include <gtest/gtest.h>

#include <thread>

#include "local_backend/grammar/grammar_cache.h"
#include "schema_corpus.h"

namespace tollgate::local {
namespace {

std::string schema_number(int number) { return R"({"const":)" + std::to_string(number) + "}"; }

TEST(GrammarCache, OneSchemaIsCompiledOnce) {
  GrammarCache cache;
  const std::string schema = R"({"type":"integer","minimum":3})";
  EXPECT_FALSE(cache.has(schema));
  const auto first = cache.get(schema), second = cache.get(schema);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_TRUE(cache.has(schema));
  // Another text is another schema, even where it means the same.
  ASSERT_TRUE(cache.get(R"({"minimum":3,"type":"integer"})"));
  EXPECT_EQ(cache.counts().compiled, 2u);
  EXPECT_EQ(cache.counts().found, 1u);
}

TEST(GrammarCache, RefusalsAreKept) {
  GrammarCache cache;
  for (int i = 0; i < 2; ++i) {
    const auto refused = cache.get(R"({"type":"text"})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "bad_schema");
  }
  EXPECT_EQ(cache.counts().compiled, 1u);
}

TEST(GrammarCache, TheOldestAreLetGo) {
  GrammarCache cache(3);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cache.get(schema_number(i)));
  ASSERT_TRUE(cache.get(schema_number(0)));  // used last, so that 1 is the oldest
  ASSERT_TRUE(cache.get(schema_number(3)));
  EXPECT_EQ(cache.counts().entries, 3u);
  EXPECT_TRUE(cache.has(schema_number(0)));
  EXPECT_FALSE(cache.has(schema_number(1)));
  EXPECT_EQ(cache.counts().compiled, 4u);
}

TEST(GrammarCache, MemoryIsBounded) {
  GrammarCache cache(1000, 50'000);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cache.get(R"({"pattern":"^[a-z]{)" + std::to_string(500 + i) + R"(}$"})"));
  EXPECT_LE(cache.counts().bytes, 50'000u);
  EXPECT_GE(cache.counts().entries, 1u);
  EXPECT_LT(cache.counts().entries, 50u);
  // What is alone too large is still given out.
  EXPECT_TRUE(takes(cache.get(R"({"pattern":"^a{5000}$"})").value(), "\"" + std::string(5000, 'a') + "\""));
  EXPECT_EQ(cache.counts().entries, 1u);
}

TEST(GrammarCache, ThreadsShareOneCompilation) {
  GrammarCache cache(4);
  const std::string schema = R"({"type":"object","properties":{"a":{"pattern":"^(a|b)*a(a|b){9}$"}}})";
  std::vector<std::shared_ptr<const Grammar>> got(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) threads.emplace_back([&, i] { got[i] = cache.get(schema).value(); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& grammar : got) EXPECT_EQ(grammar, got[0]);
  EXPECT_EQ(cache.counts().compiled, 1u);
  // More schemas than there is room for, at the same time.
  threads.clear();
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 40; ++round) {
        const int number = i * 3 + round;
        EXPECT_TRUE(takes(cache.get(schema_number(number)).value(), std::to_string(number)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.counts().entries, 4u);
}

}  // namespace
}  // namespace tollgate::local
