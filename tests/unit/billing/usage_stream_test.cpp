// UsageReader: chat and completion streams, errors, estimates.
#include "billing/usage_reader.h"

#include <gtest/gtest.h>

#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::padded;
using enum Bucket;

TEST(UsageStream, UsageOnlyChunkIsTheEmptyChoicesOne) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event(
      "",
      R"({"id":"c1","model":"gpt","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null})");
  EXPECT_FALSE(reader.saw_content());
  EXPECT_EQ(reader.served_model(), "gpt");
  EXPECT_EQ(reader.provider_request_id(), "c1");
  reader.event("", R"({"id":"c1","choices":[{"index":0,"delta":{"content":"Hello \"usage\":{ x"}}],"usage":null})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_FALSE(reader.last_was_usage_only());
  EXPECT_FALSE(reader.usage().reported);
  reader.event("", R"({"id":"c1","choices":[ ],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})");
  EXPECT_TRUE(reader.last_was_usage_only());
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("", "[DONE]");
  EXPECT_FALSE(reader.last_was_usage_only());
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[input], 7);
  EXPECT_EQ(reader.usage().raw, R"({"prompt_tokens":7,"completion_tokens":3,"total_tokens":10})");
}

TEST(UsageStream, ContentFilterChunkIsNotUsageOnly) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"choices":[],"prompt_filter_results":[{"prompt_index":0}],"usage":null})");
  EXPECT_FALSE(reader.last_was_usage_only());
}

TEST(UsageStream, RunningTotalsAreReplacedNotSummed) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  for (const int n : {1, 2, 57}) {
    reader.event("", R"({"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":100,"completion_tokens":)" +
                         std::to_string(n) + R"(,"total_tokens":)" + std::to_string(100 + n) + "}}");
    EXPECT_FALSE(reader.last_was_usage_only());
  }
  EXPECT_EQ(reader.usage()[output], 57);
  EXPECT_EQ(reader.usage()[input], 100);
}

TEST(UsageStream, GroqIsCountedOnce) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {.x_groq = true});
  reader.event(
      "",
      R"({"choices":[{"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}})");
  EXPECT_EQ(reader.usage()[output], 5);
  reader.event(
      "",
      R"({"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25},"service_tier":"on_demand"})");
  EXPECT_EQ(reader.usage()[output], 5);
  EXPECT_EQ(reader.usage().served_tier, "on_demand");
}

TEST(UsageStream, ContentOfEveryKind) {
  const auto content = [](std::string_view delta) {
    UsageReader reader;
    reader.reset(UsageDialect::openai_chat, {});
    reader.event("",
                 R"({"id":"1","choices":[{"index":0,"delta":)" + std::string(delta) + R"(,"finish_reason":null}]})");
    return reader.saw_content();
  };
  EXPECT_FALSE(content("{}"));
  EXPECT_FALSE(content(R"({"role":"assistant"})"));
  EXPECT_FALSE(content(R"({"role":"assistant","content":""})"));
  EXPECT_FALSE(content(R"({"role":"assistant","content":null,"tool_calls":[]})"));
  EXPECT_TRUE(content(R"({"content":"a"})"));
  EXPECT_TRUE(content(R"({"content":null,"reasoning_content":"hm"})"));
  EXPECT_TRUE(content(R"({"role":"assistant","content":"","reasoning":"hm"})"));
  EXPECT_TRUE(content(R"({"refusal":"no"})"));
  EXPECT_TRUE(content(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]})"));
}

TEST(UsageStream, EstimateFromEventsAndBytes) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"choices":[{"delta":{"content":"0123456789abcdef0123456789abcdef0123456789"}}]})");
  EXPECT_EQ(reader.estimated_output_tokens(), 10);  // 42 bytes / 4
  for (int i = 0; i < 20; ++i) reader.event("", R"({"choices":[{"delta":{"content":"x"}}]})");
  EXPECT_EQ(reader.estimated_output_tokens(), 21);  // more events than bytes / 4
}

TEST(UsageStream, CompletionsText) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_completions, {});
  reader.event("", R"({"id":"c","model":"m","choices":[{"text":"","index":0}]})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("", R"({"id":"c","model":"m","choices":[{"text":" word","index":0}],"usage":null})");
  EXPECT_TRUE(reader.saw_content());
}

TEST(UsageStream, ErrorsInStreamAndReply) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"error":{"message":"boom","type":"server_error","code":"overloaded"}})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "overloaded");
  reader.reset(UsageDialect::openai_chat, {});
  reader.event(
      "",
      R"({"id":"g","error":{"code":502,"message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "502");
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"id":"g","error":null,"choices":[{"delta":{},"finish_reason":"stop"}]})");
  EXPECT_FALSE(reader.saw_error());
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.event("error", R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
  EXPECT_EQ(reader.error_code(), "overloaded_error");
}

TEST(UsageReader, ResetForgetsAndRawIsBounded) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.reply(
      padded(R"({"id":"a","model":"m","usage":{"prompt_tokens":5,"pad":")" + std::string(5000, 'x') + R"("}})"));
  EXPECT_EQ(reader.usage()[input], 5);
  EXPECT_TRUE(reader.usage().raw.empty());
  reader.reset(UsageDialect::openai_chat, {});
  EXPECT_FALSE(reader.usage().reported);
  EXPECT_TRUE(reader.served_model().empty());
  EXPECT_FALSE(reader.saw_content());
}

}  // namespace
}  // namespace tollgate::billing
