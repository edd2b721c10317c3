// UsageReader: Bedrock's Converse, and InvokeModel with the bodies of several model families.
#include <gtest/gtest.h>

#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::padded;
using enum Bucket;

Usage converse(std::string_view usage, std::string_view model = {}) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_converse, {}, model);
  reader.reply(padded(R"({"output":{"message":{}},"usage":)" + std::string(usage) + "}"));
  return reader.usage();
}

TEST(UsageConverse, CacheStandsBesideTheInput) {
  const Usage u = converse(R"({"inputTokens":3,"cacheReadInputTokens":1712,"cacheReadInputTokenCount":1712,
    "cacheWriteInputTokens":236,"cacheDetails":[{"ttl":"1h","inputTokens":36},{"ttl":"5m","inputTokens":200}],
    "outputTokens":121,"totalTokens":2072,"serverToolUsage":{}})");
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 3);
  EXPECT_EQ(u[cache_read], 1'712);
  EXPECT_EQ(u[cache_write_5m], 200);
  EXPECT_EQ(u[cache_write_1h], 36);
  EXPECT_EQ(u[output], 121);
  EXPECT_EQ(u.input_side(), 1'951);
}

TEST(UsageConverse, TheTotalDecidesWhereTheCacheStands) {
  const Usage inside = converse(R"({"inputTokens":100,"cacheReadInputTokens":80,"outputTokens":5,"totalTokens":105})");
  EXPECT_TRUE(inside.identity_ok);
  EXPECT_EQ(inside[input], 20);
  EXPECT_EQ(inside[cache_read], 80);
  EXPECT_FALSE(
      converse(R"({"inputTokens":100,"cacheReadInputTokens":80,"outputTokens":5,"totalTokens":106})").identity_ok);
  EXPECT_FALSE(
      converse(R"({"inputTokens":10,"cacheReadInputTokens":80,"outputTokens":5,"totalTokens":15})").identity_ok);
}

TEST(UsageConverse, OpenAiModelsCountTheCacheTwiceInStreams) {
  constexpr std::string_view kMetadata = R"({"metrics":{"latencyMs":1},"usage":{"inputTokens":4995,
    "cacheWriteInputTokens":4993,"cacheReadInputTokens":0,"outputTokens":19,"totalTokens":10007}})";
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_converse, {}, "us.openai.gpt-5.6-sol");
  reader.event("metadata", kMetadata);
  EXPECT_EQ(reader.usage()[input], 2);
  EXPECT_EQ(reader.usage()[cache_write_5m], 4'993);
  reader.reset(UsageDialect::bedrock_converse, {}, "us.anthropic.claude");
  reader.event("metadata", kMetadata);
  EXPECT_EQ(reader.usage()[input], 4'995);
  const Usage whole = converse(R"({"inputTokens":2,"cacheWriteInputTokens":4993,"outputTokens":19,"totalTokens":5014})",
                               "openai.gpt-5.6-sol");
  EXPECT_EQ(whole[input], 2);
  EXPECT_TRUE(whole.identity_ok);
}

TEST(UsageConverse, StreamsEndWithTheirMetadata) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_converse, {});
  reader.header("x-amzn-RequestId", "abc-1");
  reader.event("messageStart", R"({"p":"abc","role":"assistant"})");
  reader.event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":""},"p":"abcd"})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcd"})");
  EXPECT_TRUE(reader.saw_content());
  reader.event("messageStop", R"({"p":"a","stopReason":"end_turn"})");
  EXPECT_FALSE(reader.saw_terminal()) << "the usage is yet to come";
  reader.event("metadata", R"({"usage":{"inputTokens":13,"outputTokens":35,"totalTokens":48},
    "serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[output], 35);
  EXPECT_EQ(reader.usage().served_tier, "flex");
  EXPECT_EQ(reader.usage().speed, "optimized");
  EXPECT_EQ(reader.provider_request_id(), "abc-1");
}

TEST(UsageConverse, ContentOfEveryKindAndWrappedEvents) {
  const auto content = [](std::string_view name, std::string_view data) {
    UsageReader reader;
    reader.reset(UsageDialect::bedrock_converse, {});
    reader.event(name, data);
    return reader.saw_content();
  };
  EXPECT_TRUE(content("contentBlockDelta", R"({"delta":{"reasoningContent":{"text":"hm"}}})"));
  EXPECT_TRUE(content("contentBlockDelta", R"({"delta":{"toolUse":{"input":"{\"a\""}}})"));
  EXPECT_TRUE(content("contentBlockStart", R"({"start":{"toolUse":{"name":"f","toolUseId":"t"}}})"));
  EXPECT_TRUE(content("", R"({"contentBlockDelta":{"delta":{"text":"a"}}})"));
  EXPECT_FALSE(content("contentBlockStart", R"({"contentBlockIndex":0,"start":{}})"));
  EXPECT_FALSE(content("contentBlockStop", R"({"contentBlockIndex":0})"));
  EXPECT_FALSE(content("contentBlockDelta", R"({"delta":{"toolUse":{"input":""}},"p":"abcdef"})"));
}

TEST(UsageConverse, ErrorsOfRepliesAndStreams) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_converse, {});
  reader.header("X-Amzn-ErrorType", "ValidationException:http://internal.amazon.com/");
  reader.reply(padded(R"({"message":"The provided model identifier is invalid."})"));
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "ValidationException");
  reader.reset(UsageDialect::bedrock_converse, {});
  reader.event("throttlingException", R"({"message":"slow down"})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "throttlingException");
  EXPECT_FALSE(reader.usage().reported);
}

TEST(UsageConverse, ThePromptRouterNamesTheModel) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_converse, {});
  reader.reply(
      padded(R"({"output":{},"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2},"trace":{"promptRouter":
    {"invokedModelId":"arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama3"}}})"));
  EXPECT_EQ(reader.served_model(), "us.meta.llama3");
}

UsageReader invoked(std::string_view body, std::string_view in = {}, std::string_view out = {}) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_invoke, {});
  if (!in.empty()) reader.header("X-Amzn-Bedrock-Input-Token-Count", in);
  if (!out.empty()) reader.header("x-amzn-bedrock-output-token-count", out);
  reader.reply(padded(body));
  return reader;
}

TEST(UsageInvoke, BodiesOfTheFamilies) {
  UsageReader claude = invoked(R"({"id":"msg","type":"message","model":"claude","usage":{"input_tokens":5,
    "cache_creation_input_tokens":7,"cache_creation":{"ephemeral_1h_input_tokens":7,"ephemeral_5m_input_tokens":0},
    "cache_read_input_tokens":2,"output_tokens":9}})",
                               "5", "9");
  EXPECT_EQ(claude.usage()[cache_write_1h], 7);
  EXPECT_EQ(claude.usage()[cache_read], 2);
  EXPECT_TRUE(claude.usage().identity_ok);
  EXPECT_EQ(claude.served_model(), "claude");
  EXPECT_EQ(invoked(R"({"output":{},"usage":{"inputTokens":5,"outputTokens":9,"totalTokens":14}})").usage()[output], 9);
  EXPECT_EQ(invoked(R"({"inputTextTokenCount":6,"results":[{"tokenCount":42,"outputText":"x"}]})").usage()[output], 42);
  EXPECT_EQ(invoked(R"({"generation":"x","prompt_token_count":10,"generation_token_count":20})").usage()[output], 20);
  EXPECT_EQ(invoked(R"({"id":"c","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":3,"total_tokens":7}})")
                .usage()[input],
            4);
  EXPECT_EQ(invoked(R"({"embedding":[0.1],"inputTextTokenCount":12})").usage()[input], 12);
}

TEST(UsageInvoke, HeadersCountWhereTheBodyDoesNot) {
  UsageReader cohere = invoked(R"({"generations":[{"text":"hi"}]})", "5", "10");
  EXPECT_TRUE(cohere.usage().reported);
  EXPECT_EQ(cohere.usage()[input], 5);
  EXPECT_EQ(cohere.usage()[output], 10);
  EXPECT_EQ(cohere.usage().raw, R"({"inputTokenCount":5,"outputTokenCount":10})");
  EXPECT_EQ(invoked(R"({"embeddings":[[0.1]]})", "3").usage()[input], 3);
  EXPECT_FALSE(invoked(R"({"usage":{"input_tokens":5,"output_tokens":9}})", "5", "8").usage().identity_ok);
  EXPECT_FALSE(invoked(R"({"embeddings":[[0.1]]})").usage().reported);
  EXPECT_EQ(invoked(R"({"embeddings":[[0.1]]})", "many").usage()[input], 0);
}

TEST(UsageInvoke, AnthropicStreamsWithMetrics) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_invoke, {});
  reader.event("message_start", R"({"type":"message_start","message":{"model":"claude-haiku","id":"msg_1",
    "usage":{"input_tokens":577,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":8}}})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("", R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}})");
  EXPECT_TRUE(reader.saw_content());
  reader.event("message_delta",
               R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":54}})");
  reader.event("message_stop", R"({"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":577,
    "outputTokenCount":54,"invocationLatency":1298,"firstByteLatency":1175}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[output], 54);
  EXPECT_TRUE(reader.usage().identity_ok);
  EXPECT_EQ(reader.served_model(), "claude-haiku");
  EXPECT_TRUE(reader.usage().raw.starts_with("{\"message_start\":"));
}

TEST(UsageInvoke, MetricsAloneAndModelsOwnChunks) {
  const auto run = [](std::initializer_list<const char*> events) {
    UsageReader reader;
    reader.reset(UsageDialect::bedrock_invoke, {});
    for (const char* event : events) reader.event("", event);
    EXPECT_TRUE(reader.saw_content());
    EXPECT_TRUE(reader.saw_terminal());
    return Usage(reader.usage());
  };
  constexpr auto kEnd =
      R"({"is_finished":true,"amazon-bedrock-invocationMetrics":{"inputTokenCount":40,"outputTokenCount":20,
    "cacheReadInputTokenCount":3}})";
  const Usage cohere = run({R"({"index":0,"text":"A","is_finished":false})", kEnd});
  EXPECT_EQ(cohere[input], 40);
  EXPECT_EQ(cohere[cache_read], 3);
  EXPECT_EQ(cohere[output], 20);
  const Usage nova = run({R"({"contentBlockDelta":{"delta":{"text":"A"},"contentBlockIndex":0}})",
                          R"({"metadata":{"usage":{"inputTokens":25,"outputTokens":10}},
                              "amazon-bedrock-invocationMetrics":{"inputTokenCount":25,"outputTokenCount":10}})"});
  EXPECT_EQ(nova[input], 25);
  EXPECT_TRUE(nova.identity_ok);
  const Usage llama = run({R"({"generation":"A","prompt_token_count":7,"generation_token_count":1})",
                           R"({"generation":"","prompt_token_count":null,"generation_token_count":9,
                               "amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":9}})"});
  EXPECT_EQ(llama[input], 7);
  EXPECT_EQ(llama[output], 9);
  EXPECT_TRUE(llama.identity_ok);
  const Usage titan = run({R"({"outputText":"A","index":0,"totalOutputTextTokenCount":null,"inputTextTokenCount":8})",
                           R"({"outputText":"B","totalOutputTextTokenCount":37,"inputTextTokenCount":8,
                               "amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":37}})"});
  EXPECT_EQ(titan[output], 37);
  EXPECT_TRUE(titan.identity_ok);
}

TEST(UsageInvoke, ExceptionsEndIt) {
  UsageReader reader;
  reader.reset(UsageDialect::bedrock_invoke, {});
  reader.event("modelStreamErrorException", R"({"message":"gone","originalStatusCode":500})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "modelStreamErrorException");
}

}  // namespace
}  // namespace tollgate::billing
