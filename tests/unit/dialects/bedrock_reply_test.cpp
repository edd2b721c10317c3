// Converse replies, both ways.
#include "bedrock_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

constexpr std::string_view kFull = R"({
  "output": {"message": {"role": "assistant", "content": [
    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
    {"text": "hello", "type": "text"},
    {"citationsContent": {"content": [{"text": "It is so."}], "citations": [
      {"title": "facts", "sourceContent": [{"text": "so"}], "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 2}}},
      {"location": {"web": {"url": "https://x/y", "domain": "x"}}}]}},
    {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
    {"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {"q": "x"}}},
    {"newKind": {"a": 1}}
  ], "note": true}},
  "stopReason": "tool_use",
  "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 23, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 7,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 3}, {"ttl": "5m", "inputTokens": 4}]},
  "metrics": {"latencyMs": 12},
  "trace": {"guardrail": {}},
  "additionalModelResponseFields": {"stop_sequence": "END"},
  "serviceTier": {"type": "flex"},
  "performanceConfig": {"latency": "optimized"},
  "unheard": [1]
})";

TEST(BedrockReply, EverythingComesBack) {
  auto reply = bedrock_converse().read_reply(kFull);
  ASSERT_TRUE(reply);
  reply->usage.reported = true;
  reply->usage[Bucket::input] = 5, reply->usage[Bucket::output] = 6, reply->usage[Bucket::reasoning] = 1;
  reply->usage[Bucket::cache_read] = 4, reply->usage[Bucket::cache_write_5m] = 4,
  reply->usage[Bucket::cache_write_1h] = 3;
  const auto differences =
      compare_json(json_of(std::string(kFull)), json_of(bedrock_converse().write_reply(*reply, {})));
  for (const JsonDifference& one : differences) ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
}

TEST(BedrockReply, IsUnderstood) {
  const auto reply = bedrock_converse().read_reply(kFull);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->dialect, "bedrock.converse");
  EXPECT_EQ(reply->service_tier, "flex");
  const Choice& choice = reply->choices.at(0);
  EXPECT_EQ(choice.finish, Finish::tool_calls);
  EXPECT_EQ(choice.stop_sequence, "END");
  EXPECT_EQ(choice.parts[0].get<Thinking>()->signature.origin, "bedrock");
  const auto& citations = choice.parts[2].get<Text>()->citations;
  EXPECT_EQ(citations[0].title, "facts");
  EXPECT_EQ(citations[0].quote, "so");
  EXPECT_EQ(citations[1].url, "https://x/y");
  EXPECT_EQ(choice.parts[3].get<Media>()->mime, "image/png");
  EXPECT_EQ(choice.parts[4].get<ToolCall>()->arguments, R"({"q":"x"})");
  EXPECT_EQ(choice.parts[5].get<Opaque>()->type, "newKind");
}

TEST(BedrockReply, EndsBothWays) {
  const auto finish = [](std::string word) {
    const auto reply =
        bedrock_converse().read_reply(R"({"output":{"message":{"content":[]}},"stopReason":")" + word + "\"}");
    EXPECT_TRUE(reply);
    const Json again = json_of(bedrock_converse().write_reply(*reply, {}));
    EXPECT_EQ(again["stopReason"], word.empty() ? "end_turn" : word);
    return reply->choices[0].finish;
  };
  EXPECT_EQ(finish("end_turn"), Finish::stop);
  EXPECT_EQ(finish("tool_use"), Finish::tool_calls);
  EXPECT_EQ(finish("max_tokens"), Finish::length);
  EXPECT_EQ(finish("stop_sequence"), Finish::stop_sequence);
  EXPECT_EQ(finish("guardrail_intervened"), Finish::content_filter);
  EXPECT_EQ(finish("content_filtered"), Finish::content_filter);
  EXPECT_EQ(finish("malformed_model_output"), Finish::error);
  EXPECT_EQ(finish("malformed_tool_use"), Finish::malformed_call);
  EXPECT_EQ(finish("model_context_window_exceeded"), Finish::context_length);
  EXPECT_EQ(finish("a_new_one"), Finish::other);
  EXPECT_EQ(finish(""), Finish::unset);
}

TEST(BedrockReply, OfAnotherDialect) {
  Reply reply;
  reply.dialect = "openai.chat";
  reply.extra = {{"system_fingerprint", "\"x\""}};
  Choice& choice = reply.choices.emplace_back();
  choice.finish = Finish::refusal;
  choice.finish_raw = "stop";
  choice.extra = {{"annotations", "[]"}};
  choice.parts.resize(4);
  choice.parts[0].what = Refusal{.text = "no"};
  Thinking thinking;
  thinking.text = "hm";
  thinking.signature = {.value = "s", .origin = "openai"};
  thinking.redacted = {.value = "r", .origin = "openai"};
  choice.parts[1].what = thinking;
  choice.parts[2].what = ToolCall{.id = "fc|1", .name = "f", .arguments = "{"};
  choice.parts[3].what = Opaque{.dialect = "openai.responses", .type = "x", .json = "{}"};
  const Json body = json_of(bedrock_converse().write_reply(reply, {}));
  EXPECT_EQ(body["stopReason"], "content_filtered");
  EXPECT_FALSE(body.contains("system_fingerprint"));
  EXPECT_FALSE(body.contains("usage"));
  const Json& content = body["output"]["message"]["content"];
  ASSERT_EQ(content.size(), 4u);
  EXPECT_EQ(content[0], json_of(R"({"text":"no"})"));
  EXPECT_EQ(content[1]["reasoningContent"]["reasoningText"]["signature"], "tollgate.openai.s");
  EXPECT_EQ(content[3]["toolUse"]["input"], json_of(R"({"input":"{"})"));
  // The next turn brings the signatures back to their family.
  const Request next = converse_request(R"({"messages":[{"role":"assistant","content":)" + dump_json(content) + "}]}");
  EXPECT_EQ(next.messages[0].parts[1].get<Thinking>()->signature.value, "s");
  EXPECT_EQ(next.messages[0].parts[1].get<Thinking>()->signature.origin, "openai");
  EXPECT_EQ(next.messages[0].parts[2].get<Thinking>()->redacted.value, "r");
  EXPECT_EQ(next.messages[0].parts[2].get<Thinking>()->redacted.origin, "openai");
}

TEST(BedrockReply, CitationsOfAnotherDialect) {
  Reply reply;
  Choice& choice = reply.choices.emplace_back();
  Text text{.text = "so"};
  text.citations.push_back({.url = "https://x", .title = "X", .quote = "q", .origin = "openai.responses", .raw = "{}"});
  choice.parts.emplace_back().what = text;
  EXPECT_EQ(json_of(bedrock_converse().write_reply(reply, {}))["output"]["message"]["content"][0],
            json_of(R"({"citationsContent":{"content":[{"text":"so"}],"citations":[
              {"title":"X","sourceContent":[{"text":"q"}],"location":{"web":{"url":"https://x"}}}]}})"));
}

TEST(BedrockReply, WhatIsNoReply) {
  for (const char* body : {"", "{", "[]", "{}", R"({"output":[]})"}) {
    const auto reply = bedrock_converse().read_reply(body);
    ASSERT_FALSE(reply) << body;
    EXPECT_EQ(reply.error().status, 502);
  }
}

}  // namespace
}  // namespace tollgate::gateway
