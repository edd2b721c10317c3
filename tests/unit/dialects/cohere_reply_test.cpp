// Replies, streams and errors of Cohere's chat, by small fixtures.
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

constexpr const char* kRich = R"({
  "id": "r1", "finish_reason": "TOOL_CALL",
  "message": {
    "role": "assistant",
    "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Ein Bär."}],
    "tool_plan": "I will ask.",
    "tool_calls": [{"id": "ask_1", "type": "function", "function": {"name": "ask", "arguments": "{\"a\":1}"}}],
    "citations": [
      {"start": 4, "end": 7, "text": "Bär", "content_index": 1, "type": "TEXT_CONTENT",
       "sources": [{"type": "document", "id": "d0", "document": {"id": "d0", "title": "T", "text": "about bears"}}]},
      {"start": 0, "end": 2, "text": "Hm", "content_index": 0, "type": "THINKING_CONTENT", "sources": []}]},
  "logprobs": [{"text": "Ein", "token_ids": [5], "logprobs": [-0.5]},
               {"text": " Bär.", "token_ids": [6, 7], "logprobs": [-1, -0.25]}],
  "warnings": ["w"]
})";

Reply read(const std::string& body) {
  auto reply = cohere_chat().read_reply(body);
  EXPECT_TRUE(reply) << reply.error().message;
  return reply ? *reply : Reply{};
}

std::string frame(const std::string& type, const std::string& rest) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest + "}\n\n";
}

Events stream(const std::string& bytes) { return events_of(cohere_chat(), bytes); }

Usage some_usage() {
  Usage usage;
  usage.reported = true;
  usage[Bucket::input] = 10;
  usage[Bucket::cache_read] = 4;
  usage[Bucket::output] = 5;
  usage[Bucket::reasoning] = 2;
  return usage;
}

TEST(CohereReply, MeansWhatItSays) {
  const Reply reply = read(kRich);
  EXPECT_EQ(reply.id, "r1");
  EXPECT_EQ(reply.dialect, "cohere.chat");
  const Choice& choice = reply.choices.at(0);
  EXPECT_EQ(choice.finish, Finish::tool_calls);
  ASSERT_EQ(choice.parts.size(), 4u);
  EXPECT_EQ(choice.parts[0].get<Thinking>()->text, "Hm.");
  const auto& text = *choice.parts[1].get<Text>();
  ASSERT_EQ(text.citations.size(), 1u);
  EXPECT_EQ(text.citations[0].title + "|" + text.citations[0].quote, "T|about bears");
  EXPECT_TRUE(choice.parts[2].get<Thinking>()->summary);
  EXPECT_EQ(choice.parts[3].get<ToolCall>()->id, "ask_1");
  const Json logprobs = json_of(choice.logprobs);
  ASSERT_EQ(logprobs.size(), 3u);
  EXPECT_EQ(logprobs[1]["token"], " Bär.");
  EXPECT_EQ(logprobs[2]["token"], "");
}

TEST(CohereReply, IsWrittenAgainWhole) {
  for (const JsonDifference& one : compare_json(json_of(kRich), json_of(cohere_chat().write_reply(read(kRich), {}))))
    ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
}

TEST(CohereReply, ExtrasOfAnotherDialectStayAway) {
  Reply reply = read(kRich);
  reply.dialect = "openai.chat";
  const Json written = json_of(cohere_chat().write_reply(reply, {}));
  EXPECT_FALSE(written.contains("warnings"));
  EXPECT_EQ(written["message"]["citations"].size(), 1u);
}

TEST(CohereReply, OthersRepliesAreSaidInItsWords) {
  Reply reply;
  reply.usage = some_usage();
  Choice& choice = reply.choices.emplace_back();
  Text text{.text = "Größe zählt."};
  text.citations = {{.url = "https://example.com/x", .title = "X", .quote = "q", .begin = 6, .end = 11},
                    {.title = "Y"}};
  choice.parts = {{.what = text}, {.what = Refusal{.text = "No."}}};
  choice.finish = Finish::context_length;
  const Json written = json_of(cohere_chat().write_reply(reply, {.id = "made"}));
  EXPECT_EQ(written["id"], "made");
  EXPECT_EQ(written["finish_reason"], "MAX_TOKENS");
  EXPECT_EQ(written["message"]["content"][1]["text"], "No.");
  const Json& cited = written["message"]["citations"];
  EXPECT_EQ(cited[0]["text"], "zählt");
  EXPECT_EQ(cited[0]["sources"][0]["document"]["url"], "https://example.com/x");
  EXPECT_EQ(cited[1]["end"], 12);
  EXPECT_EQ(written["usage"], json_of(R"({"billed_units":{"input_tokens":14,"output_tokens":7},
      "tokens":{"input_tokens":14,"output_tokens":7,"reasoning_tokens":2},"cached_tokens":4})"));
}

TEST(CohereReply, FinishReasonsGoBothWays) {
  const std::pair<const char*, Finish> kWords[] = {
      {"COMPLETE", Finish::stop},     {"STOP_SEQUENCE", Finish::stop_sequence},
      {"MAX_TOKENS", Finish::length}, {"TOOL_CALL", Finish::tool_calls},
      {"ERROR", Finish::error},       {"TIMEOUT", Finish::error}};
  for (const auto& [word, finish] : kWords) {
    const Reply reply = read(std::string(R"({"finish_reason":")") + word + R"(","message":{}})");
    EXPECT_EQ(reply.choices[0].finish, finish);
    EXPECT_EQ(json_of(cohere_chat().write_reply(reply, {}))["finish_reason"], word);
  }
  for (const auto& [finish, word] : {std::pair{Finish::refusal, "COMPLETE"},
                                     {Finish::content_filter, "ERROR"},
                                     {Finish::pause, "COMPLETE"},
                                     {Finish::malformed_call, "ERROR"}}) {
    Reply reply;
    reply.choices.push_back({.finish = finish, .finish_raw = "foreign"});
    EXPECT_EQ(json_of(cohere_chat().write_reply(reply, {}))["finish_reason"], word);
  }
}

TEST(CohereStream, IsWrittenFrameByFrame) {
  Events events;
  Reply reply;
  Choice& choice = reply.choices.emplace_back();
  choice.parts = {{.what = Thinking{.text = "Hm."}},
                  {.what = Text{.text = "Hi"}},
                  {.what = ToolCall{.id = "c1", .name = "f", .arguments = "{}"}}};
  choice.finish = Finish::tool_calls;
  reply.id = "r";
  reply.usage = some_usage();
  const std::string bytes = written(cohere_chat(), unfold(reply), {});
  const std::string message = R"(,"delta":{"message":{)";
  EXPECT_EQ(
      bytes,
      frame(
          "message-start",
          R"(,"id":"r","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}})") +
          frame("content-start", R"(,"index":0)" + message + R"("content":{"type":"thinking","thinking":""}}})") +
          frame("content-delta", R"(,"index":0)" + message + R"("content":{"thinking":"Hm."}}})") +
          frame("content-end", R"(,"index":0)") +
          frame("content-start", R"(,"index":1)" + message + R"("content":{"type":"text","text":""}}})") +
          frame("content-delta", R"(,"index":1)" + message + R"("content":{"text":"Hi"}}})") +
          frame("content-end", R"(,"index":1)") +
          frame("tool-call-start",
                R"(,"index":0)" + message +
                    R"("tool_calls":{"id":"c1","type":"function","function":{"name":"f","arguments":""}}}})") +
          frame("tool-call-delta", R"(,"index":0)" + message + R"("tool_calls":{"function":{"arguments":"{}"}}}})") +
          frame("tool-call-end", R"(,"index":0)") +
          frame(
              "message-end",
              R"(,"delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":14,"output_tokens":7},)"
              R"("tokens":{"input_tokens":14,"output_tokens":7,"reasoning_tokens":2},"cached_tokens":4}})") +
          "data: [DONE]\n\n");
}

TEST(CohereStream, SurvivesARoundWithEverything) {
  const Reply reply = read(kRich);
  const Events events = stream(written(cohere_chat(), unfold(reply), {}));
  expect_order(events, "rich");
  const Fold fold = folded(events);
  ASSERT_TRUE(fold.ended());
  Json expected = reply_json(reply), is = reply_json(fold.reply());
  expected["extra"] = Json::object();  // a stream has no place for unknown members of the whole
  EXPECT_EQ(dump_json(expected), dump_json(is));
}

TEST(CohereStream, CustomCallsBecomeObjects) {
  Reply reply;
  reply.choices.push_back(
      {.parts = {{.what = ToolCall{.id = "c", .name = "f", .arguments = "ls -l", .custom = true}}}});
  const Reply again = folded(stream(written(cohere_chat(), unfold(reply), {}))).reply();
  EXPECT_EQ(again.choices.at(0).parts.at(0).get<ToolCall>()->arguments, R"({"input":"ls -l"})");
}

TEST(CohereStream, ToleratesWhatIsMissingOrUnknown) {
  const std::string bytes = ": keep-alive\n\n" + frame("debug", R"(,"prompt":"x")") + frame("surprise", "") +
                            frame("content-delta", R"(,"delta":{"message":{"content":{"text":"Hi"}}})") +
                            frame("tool-call-delta", R"(,"delta":{})") + frame("citation-start", R"(,"delta":{})") +
                            frame("message-end", R"(,"delta":{"finish_reason":"COMPLETE"})") +
                            frame("content-delta", R"(,"delta":{"message":{"content":{"text":"late"}}})");
  const Events events = stream(bytes);
  expect_order(events, "sparse");
  const Fold fold = folded(events);
  EXPECT_TRUE(fold.ended());
  EXPECT_EQ(joined_text(fold.reply().choices.at(0).parts), "Hi");
}

TEST(CohereStream, ACutStreamHasNoEnd) {
  const Events events = stream(frame("message-start", R"(,"id":"r")") +
                               frame("content-delta", R"(,"delta":{"message":{"content":{"text":"Hi"}}})"));
  expect_order(events, "cut");
  EXPECT_FALSE(folded(events).ended());
}

TEST(CohereStream, ErrorsEndIt) {
  for (const std::string& bytes :
       {std::string("data: {not json\n\n"), std::string("data: 7\n\n"),
        std::string("data: {\"message\":\"too many requests\"}\n\n"),
        frame("message-end",
              R"(,"delta":{"finish_reason":"ERROR","error":"the model fell over","error_type":"BAD_FALL"})")}) {
    const Events events = stream(frame("message-start", R"(,"id":"r")") +
                                 frame("content-delta", R"(,"delta":{"message":{"content":{"text":"Hi"}}})") + bytes);
    expect_order(events, bytes);
    const Fold fold = folded(events);
    ASSERT_NE(fold.error(), nullptr) << bytes;
    EXPECT_FALSE(fold.error()->message.empty());
    // Written, the error ends the stream in good form and reads back as one.
    const std::string again = written(cohere_chat(), events, {});
    EXPECT_TRUE(again.ends_with("data: [DONE]\n\n")) << again;
    const Events read_again = stream(again);
    ASSERT_NE(folded(read_again).error(), nullptr) << again;
    EXPECT_EQ(folded(read_again).error()->message, fold.error()->message);
  }
}

TEST(CohereErrors, AreClassifiedByStatusAndWords) {
  struct Row {
    int status;
    const char* body;
    ErrorKind kind;
    const char* code;
  };
  const Row kRows[] = {
      {400, R"({"id":"x","message":"invalid request: bad"})", ErrorKind::client_fault, "invalid_request"},
      {400, R"({"message":"too many tokens: 5 over"})", ErrorKind::client_fault, "context_length_exceeded"},
      {401, R"({"message":"invalid api token"})", ErrorKind::auth, "invalid_api_key"},
      {404, R"({"message":"model 'x' not found"})", ErrorKind::retry_elsewhere, "model_not_found"},
      {422, R"({"message":"field required"})", ErrorKind::client_fault, "invalid_request"},
      {429, R"({"message":"You are using a Trial key, limited to 1000 API calls / month"})", ErrorKind::retry_elsewhere,
       "quota_exceeded"},
      {429, R"({"message":"slow down"})", ErrorKind::limited, "rate_limited"},
      {498, R"({"message":"token is denied"})", ErrorKind::client_fault, "content_filter"},
      {500, R"({"message":"oops"})", ErrorKind::retry_same, "server_error"},
      {502, "<html>bad gateway</html>", ErrorKind::retry_same, "server_error"},
      {503, "", ErrorKind::retry_elsewhere, "overloaded"},
      {504, R"({"message":"too slow"})", ErrorKind::retry_same, "upstream_timeout"},
  };
  for (const Row& row : kRows) {
    const Error error = cohere_chat().read_error(row.status, row.body);
    EXPECT_EQ(error.kind, row.kind) << row.status << row.body;
    EXPECT_EQ(error.code, row.code) << row.status << row.body;
    EXPECT_EQ(error.status, row.status);
    EXPECT_FALSE(error.message.empty());
  }
  EXPECT_EQ(json_of(cohere_chat().write_error({.code = "c", .message = "m \"q\""}))["message"], "m \"q\"");
}

}  // namespace
}  // namespace tollgate::gateway
