// Signatures of other families travel through an Anthropic caller and come back onto what they belong to.
#include <gtest/gtest.h>

#include "anthropic_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

Reply reply_with(std::vector<Part> parts) {
  Reply reply{.id = "resp_1", .model = "m"};
  reply.choices.push_back({.parts = std::move(parts), .finish = Finish::stop});
  return reply;
}

// The caller puts the reply's blocks into its next request.
std::vector<Part> next_turn(const Json& content) {
  Json body{{"model", "m"}, {"max_tokens", 1}};
  body["messages"] = Json::array({{{"role", "assistant"}, {"content", content}}});
  const auto request = anthropic().read_request(dump_json(body), {});
  EXPECT_TRUE(request);
  return request->messages.at(0).parts;
}

Json content_of(const Reply& reply) { return parsed(anthropic().write_reply(reply, {.id = "r"}))["content"]; }
Json streamed_content(const Events& events) {
  return message_of(payloads(write_stream(events, {.id = "r"}), Framing::sse))["content"];
}

std::string types(const Json& content) {
  std::string out;
  for (const Json& block : content) out += (out.empty() ? "" : " ") + block["type"].get<std::string>();
  return out;
}

const Signature kGoogle{.value = "CgQIABAB==", .origin = "google"};
const Signature kOpenai{.value = "gAAAA.bc d", .origin = "openai"};

TEST(AnthropicSignature, OnToolCalls) {
  const Reply reply =
      reply_with({{.what = ToolCall{.id = "c 1", .name = "f", .arguments = "{\"a\":1}", .signature = kGoogle}},
                  {.what = ToolCall{.id = "c2", .name = "g", .arguments = "{}"}}});
  for (const Json& content : {content_of(reply), streamed_content(unfold(reply))}) {
    const auto parts = next_turn(content);
    ASSERT_EQ(parts.size(), 2u) << content;
    const auto* first = parts[0].get<ToolCall>();
    ASSERT_TRUE(first && parts[1].get<ToolCall>());
    EXPECT_EQ(first->signature.value, kGoogle.value);
    EXPECT_EQ(first->signature.origin, "google");
    EXPECT_TRUE(parts[1].get<ToolCall>()->signature.empty());
  }
  EXPECT_EQ(types(content_of(reply)), "redacted_thinking tool_use tool_use");
}

// A vendor that signs before the arguments gets the signature in front in a stream, too.
TEST(AnthropicSignature, BeforeTheArgumentsOfAStream) {
  const auto delta = [](Event::Delta kind) {
    Event event{.kind = Event::Kind::delta, .delta = kind};
    event.signature = kGoogle;
    event.text = "{}";
    return event;
  };
  Event start{.kind = Event::Kind::start}, begin{.kind = Event::Kind::part_begin};
  begin.part_head.what = ToolCall{.id = "c", .name = "f"};
  const Events events{start,
                      begin,
                      delta(Event::Delta::signature),
                      delta(Event::Delta::arguments),
                      {.kind = Event::Kind::part_end},
                      {.kind = Event::Kind::end}};
  const Json content = streamed_content(events);
  EXPECT_EQ(types(content), "redacted_thinking tool_use");
  EXPECT_EQ(next_turn(content).at(0).get<ToolCall>()->signature.value, kGoogle.value);

  // The head of the part may bring it along.
  begin.part_head.what = ToolCall{.id = "c", .name = "f", .signature = kGoogle};
  const Json headed = streamed_content({start, begin, {.kind = Event::Kind::part_end}, {.kind = Event::Kind::end}});
  EXPECT_EQ(types(headed), "redacted_thinking tool_use");
}

TEST(AnthropicSignature, OnTexts) {
  const Reply reply = reply_with({{.what = Text{.text = "a"}},
                                  {.what = Text{.text = "b", .signature = kGoogle}},
                                  {.what = Text{.signature = {"second", "google"}}}});
  for (const Json& content : {content_of(reply), streamed_content(unfold(reply))}) {
    EXPECT_EQ(types(content), "text text redacted_thinking redacted_thinking");
    const auto parts = next_turn(content);
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_TRUE(parts[0].get<Text>()->signature.empty());
    EXPECT_EQ(parts[1].get<Text>()->text, "b");
    EXPECT_EQ(parts[1].get<Text>()->signature.value, kGoogle.value);
    EXPECT_EQ(parts[2].get<Text>()->text, "");
    EXPECT_EQ(parts[2].get<Text>()->signature.value, "second");
  }
}

TEST(AnthropicSignature, OnThoughts) {
  const Reply reply =
      reply_with({{.what = Thinking{.text = "hm", .signature = kGoogle}},
                  {.what = Thinking{.text = "in short", .summary = true, .signature = kOpenai, .id = "rs_1"}},
                  {.what = Thinking{.signature = kOpenai, .id = "rs_2"}},
                  {.what = Thinking{.redacted = {"blob", "bedrock"}}},
                  {.what = Thinking{.text = "unsigned"}}});
  for (const Json& content : {content_of(reply), streamed_content(unfold(reply))}) {
    EXPECT_EQ(types(content), "thinking thinking thinking redacted_thinking thinking");
    const auto parts = next_turn(content);
    ASSERT_EQ(parts.size(), 5u);
    const auto thought = [&](std::size_t i) { return *parts[i].get<Thinking>(); };
    EXPECT_EQ(thought(0).text, "hm");
    EXPECT_EQ(thought(0).signature.origin, "google");
    EXPECT_EQ(thought(0).signature.value, kGoogle.value);
    EXPECT_EQ(thought(1).id, "rs_1");
    EXPECT_TRUE(thought(1).summary);
    EXPECT_EQ(thought(1).signature.value, kOpenai.value);
    EXPECT_EQ(thought(2).id, "rs_2");
    EXPECT_FALSE(thought(2).summary);
    EXPECT_EQ(thought(3).redacted.origin, "bedrock");
    EXPECT_EQ(thought(3).redacted.value, "blob");
    EXPECT_EQ(thought(4).text, "unsigned");
    EXPECT_TRUE(thought(4).signature.empty());
  }
}

TEST(AnthropicSignature, OwnOnesAreNotTouched) {
  const Reply reply = reply_with({{.what = Thinking{.text = "hm", .signature = {"sig", "anthropic"}}},
                                  {.what = Thinking{.redacted = {"blob", "anthropic"}}}});
  const Json content = content_of(reply);
  EXPECT_EQ(content[0]["signature"], "sig");
  EXPECT_EQ(content[1]["data"], "blob");
  EXPECT_EQ(next_turn(content)[0].get<Thinking>()->signature.origin, "anthropic");
}

// The vendor would refuse what others signed, also from callers of its own API.
TEST(AnthropicSignature, ForeignOnesNeverReachTheVendor) {
  const Json content = content_of(reply_with({{.what = Thinking{.text = "hm", .signature = kGoogle}},
                                              {.what = Thinking{.text = "own", .signature = {"sig", "anthropic"}}},
                                              {.what = Text{.text = "b", .signature = kGoogle}},
                                              {.what = Text{.signature = kGoogle}},
                                              {.what = ToolCall{.id = "c", .name = "f", .signature = kGoogle}}}));
  // By this the gateway knows that a request must be rewritten, also on the way to the same API.
  for (const Json& block : content)
    if (block["type"] == "redacted_thinking") EXPECT_TRUE(block["data"].get<std::string>().starts_with("tollgate."));
  Json body{{"model", "m"}, {"max_tokens", 1}};
  body["messages"] = Json::array({{{"role", "user"}, {"content", "a"}},
                                  {{"role", "assistant"}, {"content", content}},
                                  {{"role", "assistant"}, {"content", Json::array({content[0]})}}});
  const auto request = anthropic().read_request(dump_json(body), {});
  ASSERT_TRUE(request);
  for (const bool same : {true, false}) {
    Losses losses;
    const auto written = anthropic().write_request(*request, {.model = "m", .same_dialect = same}, losses);
    EXPECT_EQ(written->find("tollgate"), std::string::npos) << *written;
    EXPECT_EQ(written->find(kGoogle.value), std::string::npos) << *written;
    EXPECT_EQ(types(parsed(*written)["messages"][1]["content"]), "thinking text tool_use");
    EXPECT_EQ(parsed(*written)["messages"].size(), 2u);
    EXPECT_EQ(losses.names(), std::vector<std::string>{"thinking_history"});
  }
}

TEST(AnthropicSignature, MarkersThatFitNothingDoNoHarm) {
  for (const char* data : {"tollgate.@", "tollgate.@call", "tollgate.@call x", "tollgate.@text", "tollgate.@what ever",
                           "tollgate.@call nobody tollgate.google.x", "tollgate.@text tollgate.google.x"}) {
    const Json content =
        Json::array({{{"type", "redacted_thinking"}, {"data", data}}, {{"type", "text"}, {"text", "a"}}});
    const auto parts = next_turn(content);
    EXPECT_EQ(joined_text(parts), "a") << data;
  }
}

}  // namespace
}  // namespace tollgate::gateway
