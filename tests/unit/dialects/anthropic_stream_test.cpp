// Streams by hand: exactly the frames that official SDKs expect, and a reader that takes what vendors really send.
#include <gtest/gtest.h>

#include "anthropic_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using Kind = Event::Kind;
using Delta = Event::Delta;

std::string sse(std::initializer_list<std::string_view> payloads) {
  std::string out;
  for (const std::string_view payload : payloads)
    out.append("event: ").append(parsed(payload).value("type", "")).append("\ndata: ").append(payload).append("\n\n");
  return out;
}

constexpr std::string_view kStart =
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x",)"
    R"("content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}})";
constexpr std::string_view kStop0 = R"({"type":"content_block_stop","index":0})";
constexpr std::string_view kEnd =
    R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}})";
constexpr std::string_view kStop = R"({"type":"message_stop"})";

Event begin(Part head) {
  Event event{.kind = Kind::part_begin};
  event.part_head = std::move(head);
  return event;
}
Event delta(Delta kind, std::string text) { return {.kind = Kind::delta, .delta = kind, .text = std::move(text)}; }
Event ended(Finish finish) {
  Event event{.kind = Kind::choice_end};
  event.choice_tail.finish = finish;
  return event;
}

TEST(AnthropicStream, FramesToTheLetter) {
  Event start{.kind = Kind::start};
  start.reply = {.id = "msg_1", .model = "vendor-model"};
  start.reply.usage.reported = true;
  start.reply.usage[Bucket::input] = 12;
  Event usage{.kind = Kind::usage, .usage = {.reported = true}};
  usage.usage[Bucket::input] = 12;
  usage.usage[Bucket::output] = 5;
  usage.usage[Bucket::reasoning] = 2;
  const Events events{start,
                      {.kind = Kind::ping},
                      begin({.what = Thinking{}}),
                      delta(Delta::text, "hm"),
                      {.kind = Kind::part_end},
                      begin({.what = Text{}}),
                      delta(Delta::text, "a\n\"b\""),
                      {.kind = Kind::part_end},
                      begin({.what = ToolCall{.id = "call_1", .name = "f"}}),
                      delta(Delta::arguments, "{\"x\""),
                      delta(Delta::arguments, ":1}"),
                      {.kind = Kind::part_end},
                      ended(Finish::tool_calls),
                      usage,
                      {.kind = Kind::end},
                      delta(Delta::text, "nothing comes behind the end")};
  EXPECT_EQ(write_stream(events, {.model = "asked-for"}),
            R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"asked-for","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

event: ping
data: {"type":"ping"}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a\n\"b\""}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_1","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":7,"output_tokens_details":{"thinking_tokens":2}}}

event: message_stop
data: {"type":"message_stop"}

)");
}

TEST(AnthropicStream, UnfoldedRepliesSayTheSameAsWholeOnes) {
  Reply reply{.id = "x", .model = "m"};
  Citation cited{.url = "https://x.example", .title = "t", .quote = "q", .origin = "google"};
  reply.choices.push_back({.parts = {{.what = Thinking{.text = "hm"}},
                                     {.what = Text{.text = "a", .citations = {cited}}},
                                     {.what = Text{}},
                                     {.what = Refusal{.text = "no"}},
                                     {.what = Media{.kind = Media::Kind::audio, .data = "AA", .transcript = "spoken"}},
                                     {.what = ToolCall{.id = "c", .name = "f", .arguments = "{\"a\":1}"}},
                                     {.what = ToolCall{.name = "g"}}},
                           .finish = Finish::stop,
                           .stop_sequence = "END"});
  reply.choices.push_back({.index = 1, .parts = {{.what = Text{.text = "another"}}}, .finish = Finish::length});
  reply.usage.reported = true;
  reply.usage[Bucket::output] = 4;
  const StreamOptions options{.id = "r"};
  EXPECT_EQ(message_of(payloads(write_stream(unfold(reply), options), Framing::sse)),
            parsed(anthropic().write_reply(reply, options)));
}

TEST(AnthropicStream, OwnBlocksAreStreamedAsTheVendorDoes) {
  const std::string stream = sse(
      {kStart,
       R"({"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":"}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"q\"}"}})",
       kStop0,
       R"({"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"s","content":[]}})",
       R"({"type":"content_block_stop","index":1})",
       R"({"type":"content_block_start","index":2,"content_block":{"type":"compaction","content":null}})",
       R"({"type":"content_block_delta","index":2,"delta":{"type":"compaction_delta","content":"summary"}})",
       R"({"type":"content_block_stop","index":2})",
       R"({"type":"message_delta","delta":{"stop_reason":"pause_turn","stop_sequence":null,"container":{"id":"c"}},"context_management":{"applied_edits":[]},"usage":{"output_tokens":3}})",
       kStop});
  const Events events = read_stream(stream, Framing::sse);
  const Reply reply = folded(events).reply();
  ASSERT_EQ(reply.choices.at(0).parts.size(), 3u);
  const Json whole = parsed(anthropic().write_reply(reply, {}));
  EXPECT_EQ(whole["content"][0]["input"], parsed(R"({"query":"q"})"));
  EXPECT_EQ(whole["content"][2]["content"], "summary");
  EXPECT_EQ(whole["container"]["id"], "c");
  const std::string again = write_stream(events, {});
  EXPECT_NE(again.find(R"("name":"web_search","input":{}})"), std::string::npos) << again;
  EXPECT_NE(again.find("input_json_delta"), std::string::npos);
  const Json message = message_of(payloads(again, Framing::sse));
  EXPECT_EQ(message["content"], whole["content"]);
  EXPECT_EQ(message["container"], whole["container"]);
  EXPECT_EQ(message["context_management"], whole["context_management"]);
  EXPECT_EQ(message["stop_reason"], "pause_turn");
}

TEST(AnthropicStream, CallsWithoutPieces) {
  const auto arguments = [](std::string_view input, std::initializer_list<std::string_view> pieces) {
    std::string stream = sse(
        {kStart,
         R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":)" +
             std::string(input) + "}}"});
    for (const std::string_view piece : pieces) {
      Json event = parsed(R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta"}})");
      event["delta"]["partial_json"] = piece;
      stream += sse({dump_json(event)});
    }
    return folded(read_stream(stream + sse({kStop0, kEnd, kStop}), Framing::sse))
        .reply()
        .choices.at(0)
        .parts.at(0)
        .get<ToolCall>()
        ->arguments;
  };
  EXPECT_EQ(arguments("{}", {""}), "{}");
  EXPECT_EQ(arguments("{}", {"", "{\"a\"", ": 1}"}), "{\"a\": 1}");
  EXPECT_EQ(arguments(R"({"a":1})", {}), R"({"a":1})");
  EXPECT_EQ(arguments(R"({"a":1})", {R"({"b":2})"}), R"({"b":2})");
}

TEST(AnthropicStream, TextsAndSignaturesInTheFirstFrame) {
  const Events events = read_stream(
      sse({kStart,
           R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"h","signature":"si"}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"g"}})", kStop0,
           R"({"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"blob"}})",
           R"({"type":"content_block_start","index":2,"content_block":{"type":"text","text":"a","citations":[{"type":"x","cited_text":"q"}]}})",
           R"({"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"y"}}})",
           kEnd, kStop}),
      Framing::sse);
  const auto parts = folded(events).reply().choices.at(0).parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].get<Thinking>()->text, "hm");
  EXPECT_EQ(parts[0].get<Thinking>()->signature.value, "sig");
  EXPECT_EQ(parts[1].get<Thinking>()->redacted.value, "blob");
  EXPECT_EQ(parts[2].get<Text>()->text, "a");
  EXPECT_EQ(parts[2].get<Text>()->citations.size(), 2u);
}

TEST(AnthropicStream, WhatVendorsLeaveOutOrPutIn) {
  // No start, no block start, no block end, events without a name, unknown ones.
  const Events events = read_stream(
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n"
      ": comment\n\n"
      "event: vendor_news\ndata: {\"type\":\"vendor_news\",\"x\":1}\n\n"
      "event: ping\ndata: {}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"of_tomorrow\",\"z\":1}}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":5}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":null}\n\n"
      "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"of_tomorrow\"}}\n\n"
      "data: {\"type\":\"message_stop\"}\n\ndata: [DONE]\n\n",
      Framing::sse);
  const Fold fold = folded(events);
  EXPECT_TRUE(fold.ended());
  EXPECT_FALSE(fold.error());
  const Choice& choice = fold.reply().choices.at(0);
  ASSERT_EQ(choice.parts.size(), 3u);
  EXPECT_EQ(choice.parts[0].get<Text>()->text, "a");
  EXPECT_EQ(choice.parts[1].get<Opaque>()->type, "of_tomorrow");
  EXPECT_EQ(choice.finish, Finish::other);
  EXPECT_EQ(choice.finish_raw, "of_tomorrow");
  int open = 0;
  for (const Event& event : events) {
    open += event.kind == Kind::part_begin;
    open -= event.kind == Kind::part_end;
    EXPECT_TRUE(open == 0 || open == 1);
  }
  EXPECT_EQ(open, 0);
}

TEST(AnthropicStream, BrokenFramesAreErrors) {
  for (const char* data : {"", "no json", "[1]", "5", "{\"type\":"}) {
    Events events;
    const auto reader = anthropic().event_reader();
    reader->read("message_start", kStart, events);
    reader->read("", data, events);
    reader->read("message_stop", kStop, events);
    reader->finish(events);
    ASSERT_EQ(events.size(), 2u) << data;
    EXPECT_EQ(events[1].kind, Kind::error);
    EXPECT_EQ(events[1].error.status, 502);
  }
  EXPECT_TRUE(folded(read_stream(sse({kStart, kStart}), Framing::sse)).error());
}

TEST(AnthropicStream, CutStreamsHaveNoEnd) {
  const Events events =
      read_stream(sse({kStart, R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
                       R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}})"}),
                  Framing::sse);
  EXPECT_EQ(events.back().kind, Kind::choice_end);
  EXPECT_EQ(events.back().choice_tail.finish, Finish::unset);
  EXPECT_FALSE(folded(events).ended());
  Events none;
  anthropic().event_reader()->finish(none);
  EXPECT_TRUE(none.empty());
}

TEST(AnthropicStream, EndsInGoodFormWhateverCame) {
  const Json nothing = message_of(payloads(write_stream({{.kind = Kind::end}}, {.id = "r"}), Framing::sse));
  EXPECT_EQ(nothing["id"], "msg_r");
  EXPECT_TRUE(nothing["content"].empty());
  const std::string open = write_stream({begin({.what = Text{}}), delta(Delta::text, "a"), {.kind = Kind::end}}, {});
  EXPECT_EQ(payloads(open, Framing::sse).size(), 6u);
  Event error{.kind = Kind::error};
  error.error = {.status = 429, .message = "slow"};
  const std::string failed = write_stream({error, {.kind = Kind::end}}, {});
  EXPECT_EQ(failed,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
            "\"message\":\"slow\"}}\n\n");
}

}  // namespace
}  // namespace tollgate::gateway
