// Conversations of other dialects as this API takes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "anthropic_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

struct Written {
  Json body;
  std::vector<std::string> losses;
  bool lost(std::string_view name) const { return std::find(losses.begin(), losses.end(), name) != losses.end(); }
};

Written write(std::vector<Message> messages, std::string_view model = "m", Quirks quirks = {}) {
  Request request;
  request.messages = std::move(messages);
  Losses losses;
  const auto body = anthropic().write_request(request, {.model = model, .quirks = quirks}, losses);
  EXPECT_TRUE(body);
  return {.body = body ? parsed(*body) : Json(), .losses = losses.names()};
}

Message say(Role role, std::string text) { return {.role = role, .parts = {{.what = Text{.text = std::move(text)}}}}; }
Message part(Role role, Part one) { return {.role = role, .parts = {std::move(one)}}; }

// "user: hello, world | assistant: yes"
std::string turns(const Json& body) {
  std::string out;
  for (const Json& message : body["messages"]) {
    out += (out.empty() ? "" : " | ") + message["role"].get<std::string>() + ":";
    for (const Json& block : message["content"]) {
      const std::string type = block["type"];
      out += " " + (type == "text" ? block["text"].get<std::string>() : type);
    }
  }
  return out;
}

TEST(AnthropicTurns, SystemAndDeveloperTextsGoApart) {
  const Written written =
      write({say(Role::system, "be brief"), say(Role::developer, "be kind"), say(Role::user, "hello")});
  EXPECT_EQ(written.body["system"], parsed(R"([{"type":"text","text":"be brief"},{"type":"text","text":"be kind"}])"));
  EXPECT_EQ(turns(written.body), "user: hello");
  EXPECT_TRUE(written.losses.empty());
}

TEST(AnthropicTurns, LateSystemTextsKeepTheirPlaceWhereTheModelTakesThem) {
  const std::vector<Message> late{say(Role::user, "a"), say(Role::assistant, "b"), say(Role::user, "c"),
                                  say(Role::system, "now in rhyme")};
  const Written hoisted = write(late);
  EXPECT_EQ(turns(hoisted.body), "user: a | assistant: b | user: c");
  EXPECT_EQ(hoisted.body["system"][0]["text"], "now in rhyme");
  EXPECT_TRUE(hoisted.lost("messages[3].system"));
  const Written kept = write(late, "claude-opus-5");
  EXPECT_EQ(turns(kept.body), "user: a | assistant: b | user: c | system: now in rhyme");
  EXPECT_TRUE(kept.losses.empty());
  EXPECT_TRUE(write(late, "claude-opus-5", {.bedrock_body = true}).lost("messages[3].system"));
  // Between two turns of the user, and behind the assistant, every model refuses them.
  EXPECT_TRUE(write({say(Role::user, "a"), say(Role::system, "s"), say(Role::user, "b")}, "claude-opus-5")
                  .lost("messages[1].system"));
  EXPECT_TRUE(write({say(Role::user, "a"), say(Role::assistant, "b"), say(Role::system, "s"), say(Role::user, "c")},
                    "claude-opus-5")
                  .lost("messages[2].system"));
}

TEST(AnthropicTurns, AlternateAndBeginWithTheUser) {
  EXPECT_EQ(turns(write({say(Role::user, "a"), say(Role::user, "b"), say(Role::assistant, "c"),
                         say(Role::assistant, "d"), say(Role::user, "e")})
                      .body),
            "user: a b | assistant: c d | user: e");
  EXPECT_EQ(turns(write({say(Role::assistant, "welcome"), say(Role::user, "a")}).body),
            "user: Begin. | assistant: welcome | user: a");
  EXPECT_EQ(turns(write({say(Role::system, "write a poem")}).body), "user: Begin.");
  EXPECT_EQ(turns(write({}).body), "user: Begin.");
}

TEST(AnthropicTurns, EmptyTextsAreLeftOut) {
  EXPECT_EQ(
      turns(write({say(Role::user, "a"), say(Role::assistant, ""), say(Role::user, " \n"), say(Role::user, "b")}).body),
      "user: a b");
  EXPECT_FALSE(write({say(Role::system, " "), say(Role::user, "a")}).body.contains("system"));
}

TEST(AnthropicTurns, ResultsComeFirstInTheirTurn) {
  Message calls{.role = Role::assistant,
                .parts = {{.what = ToolCall{.id = "c1", .name = "f", .arguments = "{}"}},
                          {.what = ToolCall{.id = "c2", .name = "g", .arguments = ""}}}};
  const Written written =
      write({say(Role::user, "a"), calls, say(Role::user, "by the way"),
             part(Role::user, {.what = ToolResult{.call_id = "c1"}}),
             part(Role::user, {.what = ToolResult{.call_id = "c2", .json = R"({"x":1})"}}), say(Role::user, "go on")});
  EXPECT_EQ(turns(written.body),
            "user: a | assistant: tool_use tool_use | user: tool_result tool_result by the way go on");
  const Json& results = written.body["messages"][2]["content"];
  EXPECT_EQ(results[0], parsed(R"({"type":"tool_result","tool_use_id":"c1"})"));
  EXPECT_EQ(results[1]["content"], parsed(R"([{"type":"text","text":"{\"x\":1}"}])"));
  EXPECT_EQ(written.body["messages"][1]["content"][1]["input"], parsed("{}"));
}

TEST(AnthropicTurns, IdsAreMadeValid) {
  const Written written = write({say(Role::user, "a"),
                                 {.role = Role::assistant,
                                  .parts = {{.what = ToolCall{.id = "a.b", .name = "f"}},
                                            {.what = ToolCall{.id = "a:b", .name = "f"}},
                                            {.what = ToolCall{.name = "g"}},
                                            {.what = ToolCall{.name = "h"}}}},
                                 {.role = Role::user,
                                  .parts = {{.what = ToolResult{.call_id = "a:b"}},
                                            {.what = ToolResult{.call_id = "a.b"}},
                                            {.what = ToolResult{.name = "h"}},
                                            {.what = ToolResult{.name = "g"}}}}});
  const Json& calls = written.body["messages"][1]["content"];
  const Json& results = written.body["messages"][2]["content"];
  EXPECT_EQ(calls[0]["id"], results[1]["tool_use_id"]);
  EXPECT_EQ(calls[1]["id"], results[0]["tool_use_id"]);
  EXPECT_EQ(calls[2]["id"], results[3]["tool_use_id"]);
  EXPECT_EQ(calls[3]["id"], results[2]["tool_use_id"]);
  std::set<std::string> ids;
  for (const Json& call : calls) {
    const std::string id = call["id"];
    EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
              std::string::npos)
        << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 4u);
}

TEST(AnthropicTurns, ArgumentsThatAreNoObjectAreNotLost) {
  const Written written =
      write({say(Role::user, "a"),
             {.role = Role::assistant,
              .parts = {{.what = ToolCall{.id = "1", .name = "f", .arguments = "{\"a\":"}},
                        {.what = ToolCall{.id = "2", .name = "f", .arguments = "free text", .custom = true}}}},
             part(Role::user, {.what = ToolResult{.call_id = "1"}})});
  const Json& calls = written.body["messages"][1]["content"];
  EXPECT_EQ(calls[0]["input"], parsed(R"({"arguments":"{\"a\":"})"));
  EXPECT_EQ(calls[1]["input"], parsed(R"({"input":"free text"})"));
  EXPECT_TRUE(written.lost("messages[1].tool_calls.arguments"));
}

TEST(AnthropicTurns, Media) {
  using Kind = Media::Kind;
  const auto media = [](Media one, Quirks quirks = {}) {
    return write({part(Role::user, {.what = std::move(one)}), say(Role::user, "a")}, "m", quirks);
  };
  EXPECT_EQ(media({.kind = Kind::image, .mime = "image/jpg", .data = "QUJD", .detail = "low"})
                .body["messages"][0]["content"][0],
            parsed(R"({"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"QUJD"}})"));
  EXPECT_EQ(media({.kind = Kind::image, .url = "https://x.example/a"}).body["messages"][0]["content"][0]["source"],
            parsed(R"({"type":"url","url":"https://x.example/a"})"));
  EXPECT_TRUE(media({.kind = Kind::image, .url = "gs://bucket/a"}).lost("messages[0].image.url"));
  EXPECT_TRUE(
      media({.kind = Kind::image, .url = "https://x.example/a"}, {.bedrock_body = true}).lost("messages[0].image.url"));
  EXPECT_TRUE(media({.kind = Kind::document, .url = "https://x.example/a"}, {.vertex_body = true})
                  .lost("messages[0].document.url"));
  EXPECT_EQ(media({.kind = Kind::document, .data = "JVBERi0=", .name = "a.pdf", .context = "c", .citations = true})
                .body["messages"][0]["content"][0],
            parsed(R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},
                "title":"a.pdf","context":"c","citations":{"enabled":true}})"));
  EXPECT_EQ(media({.kind = Kind::document, .mime = "text/csv", .data = "YSxi", .name = "a.csv"})
                .body["messages"][0]["content"][0]["source"],
            parsed(R"({"type":"text","media_type":"text/plain","data":"a,b"})"));
  EXPECT_TRUE(media({.kind = Kind::document, .data = "AAAA", .name = "a.docx"}).lost("messages[0].document.data"));
  // What no row of the table carries leaves no empty turn behind.
  EXPECT_EQ(turns(media({.kind = Kind::audio, .data = "AAAA"}).body), "user: a");
  EXPECT_EQ(turns(media({.kind = Kind::image, .file_id = "file-1"}).body), "user: a");
}

TEST(AnthropicTurns, MediaInResults) {
  ToolResult result{.call_id = "1"};
  result.content.push_back({.what = Text{.text = "look"}});
  result.content.push_back({.what = Media{.mime = "image/png", .data = "QUJD"}});
  result.content.push_back({.what = Media{.url = "gs://b/c"}});
  result.content.push_back({.what = Text{.text = ""}});
  const Written written =
      write({say(Role::user, "a"), part(Role::assistant, {.what = ToolCall{.id = "1", .name = "f"}}),
             part(Role::user, {.what = result})});
  const Json& content = written.body["messages"][2]["content"][0]["content"];
  ASSERT_EQ(content.size(), 2u);
  EXPECT_EQ(content[1]["type"], "image");
  EXPECT_TRUE(written.lost("messages[2].tool_result.image.url"));
}

TEST(AnthropicTurns, OnlyOwnThoughtsAreSent) {
  const auto thought = [](Thinking one) {
    return write({say(Role::user, "a"),
                  {.role = Role::assistant, .parts = {{.what = std::move(one)}, {.what = Text{.text = "b"}}}},
                  say(Role::user, "c")});
  };
  const Written own = thought({.text = "hm", .signature = {"sig", "anthropic"}});
  EXPECT_EQ(turns(own.body), "user: a | assistant: thinking b | user: c");
  EXPECT_TRUE(own.losses.empty());
  EXPECT_EQ(thought({.redacted = {"blob", "anthropic"}}).body["messages"][1]["content"][0],
            parsed(R"({"type":"redacted_thinking","data":"blob"})"));
  for (const Thinking& other : {Thinking{.text = "hm"}, Thinking{.text = "hm", .signature = {"sig", "google"}},
                                Thinking{.redacted = {"blob", "bedrock"}}}) {
    EXPECT_EQ(turns(thought(other).body), "user: a | assistant: b | user: c");
    EXPECT_TRUE(thought(other).lost("thinking_history"));
  }
}

TEST(AnthropicTurns, NoThinkingOnFromUnsignedCalls) {
  const auto loop = [](std::vector<Part> said, std::string_view model) {
    Request request;
    request.messages = {say(Role::user, "a"),
                        {.role = Role::assistant, .parts = std::move(said)},
                        part(Role::user, {.what = ToolResult{.call_id = "1"}})};
    request.reasoning.effort = "high";
    Losses losses;
    const auto body = anthropic().write_request(request, {.model = model}, losses);
    return Written{.body = parsed(*body), .losses = losses.names()};
  };
  const Part call{.what = ToolCall{.id = "1", .name = "f"}};
  const Part own{.what = Thinking{.text = "hm", .signature = {"s", "anthropic"}}};
  EXPECT_FALSE(loop({call}, "claude-haiku-4-5").body.contains("thinking"));
  EXPECT_TRUE(loop({call}, "claude-haiku-4-5").lost("reasoning_effort"));
  EXPECT_TRUE(loop({own, call}, "claude-haiku-4-5").body.contains("thinking"));
  EXPECT_TRUE(loop({call}, "claude-sonnet-4-6").body.contains("thinking"));
}

TEST(AnthropicTurns, PrefillsDoNotEndInBlanks) {
  const Written written = write({say(Role::user, "a"), say(Role::assistant, "The answer is: ")});
  EXPECT_EQ(turns(written.body), "user: a | assistant: The answer is:");
  EXPECT_TRUE(written.lost("messages[1].trailing_blanks"));
  EXPECT_TRUE(write({say(Role::user, "a"), say(Role::assistant, "b "), say(Role::user, "c")}).losses.empty());
}

TEST(AnthropicTurns, ForeignCitationsAndBlocksAreLeftOut) {
  Text text{.text = "b"};
  text.citations.push_back({.url = "https://x.example", .origin = "openai"});
  const Written written = write({say(Role::user, "a"),
                                 {.role = Role::assistant,
                                  .parts = {{.what = Opaque{.dialect = "openai.responses", .type = "x", .json = "{}"}},
                                            {.what = text},
                                            {.what = Refusal{.text = "no"}}}},
                                 say(Role::user, "c")});
  EXPECT_EQ(turns(written.body), "user: a | assistant: b no | user: c");
  EXPECT_TRUE(written.lost("messages[1].citations"));
}

}  // namespace
}  // namespace tollgate::gateway
