// Whole replies: read as the vendor sends them, and written for callers of the Gemini API.
#include <gtest/gtest.h>

#include "core/base64.h"
#include "gemini_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

Reply read(const std::string& body) {
  auto reply = gemini().read_reply(body);
  EXPECT_TRUE(reply) << (reply ? "" : reply.error().message);
  return reply ? std::move(*reply) : Reply();
}

Json write(const Reply& reply, const StreamOptions& options = {}) {
  return parsed(gemini().write_reply(reply, options));
}

void expect_json(const Json& left, const std::string& right) {
  for (const JsonDifference& one : compare_json(left, parsed(right)))
    ADD_FAILURE() << one.path << "\n  written:  " << one.left << "\n  expected: " << one.right;
}

// A reply of another family.
Reply foreign(std::vector<Part> parts, Finish finish = Finish::stop) {
  Reply reply;
  reply.id = "msg_1";
  reply.model = "claude-x";
  reply.choices.push_back({.parts = std::move(parts), .finish = finish, .finish_raw = "end_turn"});
  return reply;
}

TEST(GeminiReply, ReadsAllOfIt) {
  const Reply reply = read(R"({"candidates":[{"content":{"role":"model","parts":[
      {"text":"thinking","thought":true},{"text":"Hello","thoughtSignature":"c2ln"},
      {"inlineData":{"mimeType":"image/png","data":"AAAA"}},
      {"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"Y2Fs"},
      {"functionCall":{"id":"own","name":"g","args":{}}}]},"finishReason":"STOP","index":0,"avgLogprobs":-0.5},
      {"content":{"parts":[{"text":"Hi"}]},"finishReason":"MAX_TOKENS","index":1}],
    "modelVersion":"gemini-3-flash","responseId":"aB-c_9","createTime":"2026-08-19T14:38:51.607308Z",
    "usageMetadata":{"promptTokenCount":3,"serviceTier":"flex"},"modelStatus":{"modelStage":"STABLE"}})");
  EXPECT_EQ(reply.dialect, "gemini.generate");
  EXPECT_EQ(reply.id, "aB-c_9");
  EXPECT_EQ(reply.model, "gemini-3-flash");
  EXPECT_EQ(reply.created, 1'787'150'331);
  EXPECT_EQ(reply.service_tier, "flex");
  ASSERT_EQ(reply.choices.size(), 2u);
  const auto& parts = reply.choices[0].parts;
  EXPECT_EQ(parts[0].get<Thinking>()->text, "thinking");
  EXPECT_TRUE(parts[0].get<Thinking>()->summary);
  EXPECT_EQ(parts[1].get<Text>()->signature.value, "c2ln");
  EXPECT_EQ(parts[2].get<Media>()->kind, Media::Kind::image);
  EXPECT_EQ(parts[3].get<ToolCall>()->id, "call_aB-c_9_1");
  EXPECT_EQ(parts[3].get<ToolCall>()->signature.origin, "google");
  EXPECT_EQ(parts[4].get<ToolCall>()->id, "own");
  EXPECT_EQ(reply.choices[0].finish, Finish::tool_calls);
  EXPECT_EQ(reply.choices[1].finish, Finish::length);
  EXPECT_EQ(reply.choices[1].index, 1);
}

TEST(GeminiReply, EndsInEveryWay) {
  struct Row {
    const char* word;
    Finish finish;
  };
  for (const Row& row :
       {Row{"STOP", Finish::stop}, Row{"MAX_TOKENS", Finish::length}, Row{"SAFETY", Finish::content_filter},
        Row{"RECITATION", Finish::content_filter}, Row{"BLOCKLIST", Finish::content_filter},
        Row{"PROHIBITED_CONTENT", Finish::content_filter}, Row{"SPII", Finish::content_filter},
        Row{"IMAGE_SAFETY", Finish::content_filter}, Row{"MALFORMED_FUNCTION_CALL", Finish::malformed_call},
        Row{"UNEXPECTED_TOOL_CALL", Finish::malformed_call}, Row{"TOO_MANY_TOOL_CALLS", Finish::error},
        Row{"LANGUAGE", Finish::other}, Row{"OTHER", Finish::other}, Row{"SOMETHING_NEW", Finish::other}}) {
    const Reply reply = read(R"({"candidates":[{"content":{},"finishReason":")" + std::string(row.word) + "\"}]}");
    EXPECT_EQ(reply.choices[0].finish, row.finish) << row.word;
    EXPECT_EQ(reply.choices[0].finish_raw, row.word);
  }
  const Reply numbered = read(R"({"candidates":[{"content":{},"finishReason":2}]})");
  EXPECT_EQ(numbered.choices[0].finish, Finish::length);
  EXPECT_EQ(write(numbered)["candidates"][0]["finishReason"], 2);
  const auto word = [](Finish finish) {
    const Json candidate = write(foreign({}, finish))["candidates"][0];
    return candidate.contains("finishReason") ? candidate["finishReason"].get<std::string>() : std::string();
  };
  EXPECT_EQ(word(Finish::unset), "");
  EXPECT_EQ(word(Finish::stop), "STOP");
  EXPECT_EQ(word(Finish::stop_sequence), "STOP");
  EXPECT_EQ(word(Finish::tool_calls), "STOP");
  EXPECT_EQ(word(Finish::pause), "STOP");
  EXPECT_EQ(word(Finish::length), "MAX_TOKENS");
  EXPECT_EQ(word(Finish::context_length), "MAX_TOKENS");
  EXPECT_EQ(word(Finish::content_filter), "SAFETY");
  EXPECT_EQ(word(Finish::refusal), "SAFETY");
  EXPECT_EQ(word(Finish::malformed_call), "MALFORMED_FUNCTION_CALL");
  EXPECT_EQ(word(Finish::other), "OTHER");
}

TEST(GeminiReply, ABlockedPromptIsAChoiceWithoutParts) {
  const std::string body =
      R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"modelVersion":"m","responseId":"r"})";
  const Reply reply = read(body);
  ASSERT_EQ(reply.choices.size(), 1u);
  EXPECT_EQ(reply.choices[0].finish, Finish::content_filter);
  expect_json(write(reply), body);
}

TEST(GeminiReply, SaysForeignRepliesInItsOwnForm) {
  Reply reply = foreign({{.what = Thinking{.text = "hm"}},
                         {.what = Text{.text = "Hello"}},
                         {.what = Refusal{.text = " no"}},
                         {.what = ToolCall{.id = "toolu_1", .name = "f", .arguments = R"({"a": 1})"}},
                         {.what = Media{.kind = Media::Kind::image, .mime = "image/png", .data = "AAAA"}},
                         {.what = Opaque{.dialect = "anthropic.messages", .type = "x", .json = "{}"}}},
                        Finish::tool_calls);
  reply.extra.emplace_back("object", "\"message\"");
  reply.choices[0].extra.emplace_back("x", "1");
  reply.service_tier = "default";
  reply.usage.reported = true;
  reply.usage[Bucket::input] = 10;
  reply.usage[Bucket::cache_read] = 5;
  reply.usage[Bucket::cache_write_5m] = 1;
  reply.usage[Bucket::image_input] = 4;
  reply.usage[Bucket::output] = 7;
  reply.usage[Bucket::reasoning] = 3;
  expect_json(write(reply, {.model = "asked-for"}), R"({"candidates":[{"content":{"role":"model","parts":[
      {"text":"hm","thought":true},{"text":"Hello"},{"text":" no"},
      {"functionCall":{"id":"toolu_1","name":"f","args":{"a":1}},"thoughtSignature":"dG9sbGdhdGUubm9uZS4="},
      {"inlineData":{"mimeType":"image/png","data":"AAAA"}}]},"finishReason":"STOP","index":0}],
    "usageMetadata":{"promptTokenCount":20,"cachedContentTokenCount":5,"candidatesTokenCount":7,"thoughtsTokenCount":3,
      "totalTokenCount":30,"promptTokensDetails":[{"modality":"TEXT","tokenCount":16},{"modality":"IMAGE","tokenCount":4}],
      "cacheTokensDetails":[{"modality":"TEXT","tokenCount":5}],
      "candidatesTokensDetails":[{"modality":"TEXT","tokenCount":7}],"serviceTier":"standard"},
    "modelVersion":"asked-for","responseId":"msg_1"})");
  reply.id.clear();
  EXPECT_EQ(write(reply, {.id = "made"})["responseId"], "made");
  reply.usage = {};
  EXPECT_FALSE(write(reply)["usageMetadata"].contains("promptTokenCount"));
}

// SDKs decode thoughtSignature as base64, and give it back in the next turn.
TEST(GeminiReply, ForeignSignaturesComeBack) {
  const Reply reply = foreign({{.what = Thinking{.text = "hm", .signature = {"EqQB/x==", "anthropic"}}},
                               {.what = Thinking{.redacted = {"hidden.data", "anthropic"}}},
                               {.what = Thinking{.text = "sum", .signature = {"gAAA", "openai"}, .id = "rs_1"}},
                               {.what = ToolCall{.id = "a", .name = "f", .signature = {"s", "bedrock"}}},
                               {.what = Text{.text = "t", .signature = {"own", "google"}}}});
  const Json content = write(reply)["candidates"][0]["content"];
  for (const Json& part : content["parts"]) {
    std::string bytes;
    const std::string signature = part["thoughtSignature"].get<std::string>();
    EXPECT_TRUE(signature == "own" || base64_decode(signature, bytes)) << signature;
  }
  Json body = Json::object();
  body["contents"].push_back(content);
  // The Python SDK sends bytes in the other alphabet.
  std::string text = dump_json(body);
  for (std::size_t at = 0; (at = text.find("+", at)) != std::string::npos;) text[at] = '-';
  const auto request = gemini().read_request(text, {});
  ASSERT_TRUE(request);
  const auto& parts = request->messages[0].parts;
  EXPECT_EQ(parts[0].get<Thinking>()->signature.value, "EqQB/x==");
  EXPECT_EQ(parts[0].get<Thinking>()->signature.origin, "anthropic");
  EXPECT_EQ(parts[1].get<Thinking>()->redacted.value, "hidden.data");
  EXPECT_EQ(parts[1].get<Thinking>()->redacted.origin, "anthropic");
  EXPECT_EQ(parts[2].get<Thinking>()->id, "rs_1");
  EXPECT_EQ(parts[2].get<Thinking>()->signature.value, "gAAA");
  EXPECT_EQ(parts[2].get<Thinking>()->signature.origin, "openai");
  EXPECT_EQ(parts[3].get<ToolCall>()->signature.origin, "bedrock");
  EXPECT_EQ(parts[4].get<Text>()->signature.origin, "google");
}

// The whole road: a foreign call goes to a caller of the Gemini API, and comes back for a Gemini model.
TEST(GeminiReply, CallsOfOthersAreKnownWhenTheyComeBack) {
  const Reply reply = foreign({{.what = ToolCall{.id = "a", .name = "f"}}, {.what = ToolCall{.id = "b", .name = "f"}}});
  Json body = Json::object();
  body["contents"].push_back(write(reply)["candidates"][0]["content"]);
  const auto request = gemini().read_request(dump_json(body), {});
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->messages[0].parts[0].get<ToolCall>()->signature.empty());
  const auto parts_for = [&](std::string_view model) {
    Losses losses;
    return parsed(
        *gemini().write_request(*request, {.model = model, .same_dialect = true}, losses))["contents"][0]["parts"];
  };
  EXPECT_EQ(parts_for("gemini-3-flash")[0]["thoughtSignature"], "skip_thought_signature_validator");
  EXPECT_FALSE(parts_for("gemini-3-flash")[1].contains("thoughtSignature"));
  EXPECT_FALSE(parts_for("gemini-2.5-flash")[0].contains("thoughtSignature"));
}

TEST(GeminiReply, SourcesCountBytesHereAndCharactersThere) {
  const std::string body = R"({"candidates":[{"content":{"parts":[{"text":"é is a letter. So is ü."}],"role":"model"},
    "finishReason":"STOP","index":0,"groundingMetadata":{"webSearchQueries":["letters"],"groundingChunks":[
      {"web":{"uri":"https://a.b/1","title":"One"}},{"retrievedContext":{"title":"Two","text":"quoted"}}],
      "groundingSupports":[{"segment":{"endIndex":15,"text":"é is a letter."},"groundingChunkIndices":[0]},
        {"segment":{"startIndex":16,"endIndex":25,"text":"So is ü."},"groundingChunkIndices":[0,1,9]}]}}]})";
  const Reply reply = read(body);
  const auto& citations = reply.choices[0].parts[0].get<Text>()->citations;
  ASSERT_EQ(citations.size(), 3u);
  EXPECT_EQ(citations[0].url, "https://a.b/1");
  EXPECT_EQ(citations[0].title, "One");
  EXPECT_EQ(citations[0].begin, 0);
  EXPECT_EQ(citations[0].end, 14);
  EXPECT_EQ(citations[1].begin, 15);
  EXPECT_EQ(citations[1].end, 23);
  EXPECT_EQ(citations[2].quote, "quoted");
  expect_json(write(reply), body);

  Reply other = foreign({{.what = Text{.text = "a"}},
                         {.what = Text{.text = "né um",
                                       .citations = {{.url = "https://c.d", .title = "C", .begin = 3, .end = 5},
                                                     {.title = "doc", .quote = "q"}}}}});
  expect_json(write(other)["candidates"][0]["groundingMetadata"], R"({"groundingChunks":[
    {"web":{"uri":"https://c.d","title":"C"}},{"retrievedContext":{"title":"doc","text":"q"}}],
    "groundingSupports":[{"segment":{"partIndex":1,"startIndex":4,"endIndex":6,"text":"um"},"groundingChunkIndices":[0]},
      {"segment":{"partIndex":1,"endIndex":6,"text":"né um"},"groundingChunkIndices":[1]}]})");
}

TEST(GeminiReply, CitedSourcesAndSourcesOfTheWhole) {
  const Reply cited = read(R"({"candidates":[{"content":{"parts":[{"text":"abcdef"}]},"finishReason":"STOP",
    "citationMetadata":{"citationSources":[{"startIndex":2,"endIndex":4,"uri":"https://x.y"}]}}]})");
  ASSERT_EQ(cited.choices[0].parts[0].get<Text>()->citations.size(), 1u);
  EXPECT_EQ(cited.choices[0].parts[0].get<Text>()->citations[0].begin, 2);
  const Reply whole = read(R"({"candidates":[{"content":{"parts":[{"text":"abcdef"}]},"finishReason":"STOP",
    "groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://x.y"}}]}}]})");
  ASSERT_EQ(whole.choices[0].parts[0].get<Text>()->citations.size(), 1u);
  EXPECT_EQ(whole.choices[0].parts[0].get<Text>()->citations[0].begin, -1);
}

TEST(GeminiReply, LogprobsBothWays) {
  const std::string result = R"({"chosenCandidates":[{"token":"é","tokenId":7,"logProbability":-0.25},
      {"token":"b","logProbability":-1}],"topCandidates":[{"candidates":[{"token":"é","logProbability":-0.25},
      {"token":"e","logProbability":-2}]},{"candidates":[{"token":"b","logProbability":-1}]}]})";
  Reply reply = read(R"({"candidates":[{"content":{"parts":[{"text":"éb"}]},"finishReason":"STOP","logprobsResult":)" +
                     result + "}]}");
  expect_json(parsed(reply.choices[0].logprobs), R"([{"token":"é","logprob":-0.25,"bytes":[195,169],"top_logprobs":[
      {"token":"é","logprob":-0.25,"bytes":[195,169]},{"token":"e","logprob":-2,"bytes":[101]}]},
      {"token":"b","logprob":-1,"bytes":[98],"top_logprobs":[{"token":"b","logprob":-1,"bytes":[98]}]}])");
  expect_json(write(reply)["candidates"][0]["logprobsResult"], result);
  reply.dialect = "openai.chat";
  expect_json(write(reply)["candidates"][0]["logprobsResult"], R"({"chosenCandidates":[
      {"token":"é","logProbability":-0.25},{"token":"b","logProbability":-1}],"topCandidates":[
      {"candidates":[{"token":"é","logProbability":-0.25},{"token":"e","logProbability":-2}]},
      {"candidates":[{"token":"b","logProbability":-1}]}]})");
}

TEST(GeminiReply, WhatIsNoReplyIsAnError) {
  EXPECT_FALSE(gemini().read_reply("[]"));
  EXPECT_FALSE(gemini().read_reply("{"));
  const auto fault = gemini().read_reply(R"({"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}})");
  ASSERT_FALSE(fault);
  EXPECT_EQ(fault.error().status, 503);
  EXPECT_EQ(fault.error().message, "busy");
}

}  // namespace
}  // namespace tollgate::gateway
