// Streams of openai.chat as they are written: what an SDK of this form expects.
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using namespace oai_test;

Event event(Event::Kind kind) { return {.kind = kind}; }

Events small_stream() {
  Reply said{.id = "msg_1", .model = "claude"};
  said.choices.push_back(
      {.parts = {{.what = Thinking{.text = "hm", .signature = {.value = "s", .origin = "anthropic"}}},
                 {.what = Text{.text = "hi"}},
                 {.what = ToolCall{.id = "t1", .name = "f", .arguments = R"({"a":1})"}},
                 {.what = ToolCall{.id = "t2", .name = "g"}}},
       .finish = Finish::tool_calls});
  said.usage.reported = true;
  said.usage[Bucket::input] = 3;
  said.usage[Bucket::output] = 4;
  said.dialect = "anthropic.messages";
  return unfold(said);
}

TEST(OpenAiChatStream, ChunksAreThoseThatAnSdkExpects) {
  const auto chunks = payloads(frames(small_stream(), {.created = 8}));
  ASSERT_EQ(chunks.back(), "[DONE]");
  std::string order;
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    const Json& chunk = chunks[i];
    EXPECT_EQ(chunk["id"], "chatcmpl-msg_1");
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["created"], 8);
    EXPECT_EQ(chunk["model"], "claude");
    ASSERT_TRUE(chunk.contains("usage"));
    if (chunk["choices"].empty()) {
      order += "u";
      EXPECT_EQ(chunk["usage"]["total_tokens"], 7);
      continue;
    }
    EXPECT_TRUE(chunk["usage"].is_null());
    const Json& choice = chunk["choices"][0];
    EXPECT_TRUE(choice.contains("logprobs"));
    if (!choice["finish_reason"].is_null()) {
      order += "f";
      EXPECT_EQ(choice["finish_reason"], "tool_calls");
      EXPECT_EQ(choice["delta"], Json::object());
      continue;
    }
    const Json& delta = choice["delta"];
    order += delta.contains("role") ? "r" : delta.contains("content") ? "c" : delta.contains("tool_calls") ? "t" : "h";
  }
  EXPECT_EQ(order, "rhhcttttfu");
  const Json& details = chunks[2]["choices"][0]["delta"]["reasoning_details"][0];
  EXPECT_EQ(details["text"], "hm");
  EXPECT_EQ(details["signature"], "s");
  const Json& begun = chunks[4]["choices"][0]["delta"]["tool_calls"][0];
  EXPECT_EQ(begun["index"], 0);
  EXPECT_EQ(begun["id"], "t1");
  EXPECT_EQ(begun["type"], "function");
  EXPECT_EQ(begun["function"]["arguments"], "");
  const Json& empty = chunks[7]["choices"][0]["delta"]["tool_calls"][0];
  EXPECT_EQ(empty["index"], 1);
  EXPECT_FALSE(empty.contains("id"));
  EXPECT_EQ(empty["function"]["arguments"], "{}");
}

TEST(OpenAiChatStream, UsageComesOnlyWhenAskedFor) {
  const auto chunks = payloads(frames(small_stream(), {.include_usage = false}));
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_FALSE(chunks[i].contains("usage"));
    EXPECT_FALSE(chunks[i]["choices"].empty());
  }
  Events unreported = small_stream();
  for (Event& one : unreported) one.usage = {};
  for (const Json& chunk : payloads(frames(unreported)))
    if (chunk.is_object()) EXPECT_TRUE(chunk["usage"].is_null());
}

TEST(OpenAiChatStream, AnErrorIsTheLastFrameButDone) {
  Events all = small_stream();
  all.resize(4);
  all.push_back(event(Event::Kind::ping));
  all.push_back(event(Event::Kind::error));
  all.back().error = {.kind = ErrorKind::retry_same, .status = 529, .code = "overloaded", .message = "too \"busy\""};
  all.push_back(event(Event::Kind::end));
  const std::string bytes = frames(all);
  EXPECT_NE(bytes.find(": ping\n\n"), std::string::npos);
  const auto chunks = payloads(bytes);
  EXPECT_EQ(chunks.back(), "[DONE]");
  const Json& error = chunks[chunks.size() - 2]["error"];
  EXPECT_EQ(error["message"], "too \"busy\"");
  EXPECT_EQ(error["code"], "overloaded");
  EXPECT_EQ(error["type"], "server_error");
  const Fold again = fold(events(bytes));
  ASSERT_NE(again.error(), nullptr);
  EXPECT_EQ(again.error()->message, "too \"busy\"");
}

TEST(OpenAiChatStream, SeveralThoughtsKeepTheirOwnTexts) {
  Reply said{.id = "1"};
  said.choices.push_back(
      {.parts = {{.what = Thinking{.text = "one"}},
                 {.what = Text{.text = "a"}},
                 {.what = Thinking{.text = "two", .signature = {.value = "s", .origin = "anthropic"}}},
                 {.what = Thinking{.text = "three"}},
                 {.what = Thinking{.redacted = {.value = "x", .origin = "bedrock"}}},
                 {.what = Text{.text = "b", .signature = {.value = "g", .origin = "google"}}}},
       .finish = Finish::stop});
  const std::string bytes = frames(unfold(said));
  const Reply again = fold(events(bytes)).reply();
  expect_same("", meaning(said)["choices"][0]["parts"], meaning(again)["choices"][0]["parts"]);
  // A client collects the pieces into a message of its history; that says the same again.
  Json message = Json::object();
  message["role"] = "assistant";
  message["reasoning_details"] = Json::array();
  for (const Json& chunk : payloads(bytes)) {
    if (!chunk.is_object() || chunk["choices"].empty()) continue;
    const Json& delta = chunk["choices"][0]["delta"];
    for (const char* name : {"content", "reasoning_content"})
      if (delta.contains(name)) message[name] = message.value(name, "") + delta[name].get<std::string>();
    if (delta.contains("reasoning_details"))
      for (const Json& item : delta["reasoning_details"]) message["reasoning_details"].push_back(item);
  }
  Json history = Json::object();
  history["messages"] = Json::array({message});
  const auto parts = read(dump_json(history)).messages[0].parts;
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[0].get<Thinking>()->text, "one");
  EXPECT_EQ(parts[1].get<Thinking>()->signature.value, "s");
  EXPECT_EQ(parts[2].get<Thinking>()->text, "three");
  EXPECT_EQ(parts[3].get<Thinking>()->redacted.origin, "bedrock");
}

TEST(OpenAiChatStream, CitationsCountTheCharactersBefore) {
  Reply said{.id = "1"};
  Text second{.text = "straße"};
  second.citations.push_back({.url = "https://e.x", .title = "T"});
  said.choices.push_back({.parts = {{.what = Text{.text = "die "}}, {.what = second}}, .finish = Finish::stop});
  for (const Json& chunk : payloads(frames(unfold(said)))) {
    if (!chunk.is_object() || chunk["choices"].empty() || !chunk["choices"][0]["delta"].contains("annotations"))
      continue;
    const Json& citation = chunk["choices"][0]["delta"]["annotations"][0]["url_citation"];
    EXPECT_EQ(citation["start_index"], 4);
    EXPECT_EQ(citation["end_index"], 10);
    return;
  }
  FAIL() << "no annotation";
}

}  // namespace
}  // namespace tollgate::gateway
