// Streams of openai.chat: what vendors send, and what an SDK of this form expects.
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using namespace oai_test;

// A stream of deltas of one choice, closed in good form.
std::string stream(const std::vector<std::string>& deltas, const std::string& finish = "stop") {
  std::string out;
  const auto chunk = [&](const std::string& delta, const std::string& reason) {
    out += R"(data: {"id":"r","created":5,"model":"m","choices":[{"index":0,"delta":)" + delta +
           R"(,"finish_reason":)" + reason + "}]}\n\n";
  };
  for (std::string delta : deltas) {
    std::erase(delta, '\n');
    chunk(delta, "null");
  }
  chunk("{}", "\"" + finish + "\"");
  return out + "data: [DONE]\n\n";
}

Choice choice_of(const std::string& bytes) {
  const Events all = events(bytes);
  expect_order("", all);
  const Fold folded = fold(all);
  EXPECT_TRUE(folded.ended());
  return folded.reply().choices.empty() ? Choice{} : folded.reply().choices[0];
}

template <class T>
const T& part(const Choice& choice, std::size_t index) {
  static const T kNone{};
  if (index >= choice.parts.size() || !choice.parts[index].get<T>()) {
    ADD_FAILURE() << "no such part " << index;
    return kNone;
  }
  return *choice.parts[index].get<T>();
}

TEST(OpenAiChatStream, TextAndEnd) {
  const Events all =
      events(stream({R"({"role":"assistant","content":""})", R"({"content":"a"})", R"({"content":"b"})"}));
  expect_order("", all);
  const Fold folded = fold(all);
  EXPECT_EQ(folded.reply().id, "r");
  EXPECT_EQ(folded.reply().dialect, "openai.chat");
  EXPECT_EQ(folded.reply().choices[0].parts.size(), 1u);
  EXPECT_EQ(joined_text(folded.reply().choices[0].parts), "ab");
  EXPECT_EQ(folded.reply().choices[0].finish, Finish::stop);
}

TEST(OpenAiChatStream, OneCallAfterAnotherIsNotHeldBack) {
  const auto reader = openai_chat().event_reader();
  Events out;
  const auto feed = [&](const std::string& calls) {
    out.clear();
    reader->read("", R"({"choices":[{"index":0,"delta":{"tool_calls":[)" + calls + "]}}]}", out);
  };
  feed(R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})");
  feed(R"({"index":0,"function":{"arguments":"{\"x\":[1]}"}})");
  feed(R"({"index":1,"id":"b","function":{"name":"g","arguments":"{"}})");
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].kind, Event::Kind::part_end);
  EXPECT_EQ(out[1].kind, Event::Kind::part_begin);
  EXPECT_EQ(out[1].part_head.get<ToolCall>()->name, "g");
  EXPECT_EQ(out[2].text, "{");
}

TEST(OpenAiChatStream, CallsThatOverlapComeOutOneAfterAnother) {
  const Choice choice =
      choice_of(stream({R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]})",
                        R"({"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":""}}]})",
                        R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"s\":\"}"}},
                                              {"index":1,"function":{"arguments":"{\"x\""}}]})",
                        R"({"tool_calls":[{"index":1,"function":{"arguments":":2}"}}]})",
                        R"({"tool_calls":[{"index":0,"function":{"arguments":"\"}"}}]})", R"({"content":"done"})"},
                       "tool_calls"));
  ASSERT_EQ(choice.parts.size(), 3u);
  EXPECT_EQ(part<ToolCall>(choice, 0).arguments, R"({"s":"}"})");
  EXPECT_EQ(part<ToolCall>(choice, 1).arguments, R"({"x":2})");
  EXPECT_EQ(part<ToolCall>(choice, 1).id, "b");
  EXPECT_EQ(part<Text>(choice, 2).text, "done");
}

TEST(OpenAiChatStream, CallsAsVendorsNumberThem) {
  const auto calls = [](const std::vector<std::string>& deltas) { return choice_of(stream(deltas, "stop")); };
  // Mistral and Ollama: whole, without a number.
  const Choice whole = calls({R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},
                                                {"id":"b","function":{"name":"f","arguments":{"x":1}}}]})"});
  ASSERT_EQ(whole.parts.size(), 2u);
  EXPECT_EQ(part<ToolCall>(whole, 1).arguments, R"({"x":1})");
  EXPECT_EQ(whole.finish, Finish::tool_calls);
  // One number for all.
  const Choice same = calls({R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})",
                             R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]})"});
  ASSERT_EQ(same.parts.size(), 2u);
  EXPECT_EQ(part<ToolCall>(same, 1).name, "g");
  // Empty ids and names behind the first piece, as Alibaba and Venice send them.
  const Choice empty = calls({R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]})",
                              R"({"tool_calls":[{"index":0,"id":"","function":{"name":null,"arguments":"}"}}]})"});
  ASSERT_EQ(empty.parts.size(), 1u);
  EXPECT_EQ(part<ToolCall>(empty, 0).arguments, "{}");
  // No ids at all: made, each its own.
  const Choice none = calls({R"({"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]})",
                             R"({"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]})"});
  ASSERT_EQ(none.parts.size(), 2u);
  EXPECT_NE(part<ToolCall>(none, 0).id, part<ToolCall>(none, 1).id);
  EXPECT_FALSE(part<ToolCall>(none, 0).id.empty());
  // The name comes late.
  const Choice late = calls({R"({"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{\"x\""}}]})",
                             R"({"tool_calls":[{"index":0,"function":{"name":"f","arguments":":1}"}}]})"});
  ASSERT_EQ(late.parts.size(), 1u);
  EXPECT_EQ(part<ToolCall>(late, 0).name, "f");
  EXPECT_EQ(part<ToolCall>(late, 0).arguments, R"({"x":1})");
  // The older form.
  const Choice legacy =
      calls({R"({"function_call":{"name":"f","arguments":"{\"x\""}})", R"({"function_call":{"arguments":":1}"}})"});
  EXPECT_EQ(part<ToolCall>(legacy, 0).arguments, R"({"x":1})");
  // Free text.
  const Choice custom =
      calls({R"({"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"c","input":"4 "}}]})",
             R"({"tool_calls":[{"index":0,"custom":{"input":"+ 4"}}]})"});
  EXPECT_TRUE(part<ToolCall>(custom, 0).custom);
  EXPECT_EQ(part<ToolCall>(custom, 0).arguments, "4 + 4");
}

TEST(OpenAiChatStream, ThoughtsOfEveryVendor) {
  const Choice plain = choice_of(
      stream({R"({"reasoning_content":"h"})", R"({"reasoning_content":"m","content":null})", R"({"content":"a"})"}));
  EXPECT_EQ(part<Thinking>(plain, 0).text, "hm");
  EXPECT_EQ(part<Text>(plain, 1).text, "a");
  const Choice routed = choice_of(stream(
      {R"({"reasoning":"h","reasoning_details":[{"type":"reasoning.text","text":"h","format":"anthropic-claude-v1"}]})",
       R"({"reasoning":"m","reasoning_details":[{"type":"reasoning.text","text":"m","format":"anthropic-claude-v1"}]})",
       R"({"reasoning_details":[{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1"}]})",
       R"({"content":"a"})"}));
  ASSERT_EQ(routed.parts.size(), 2u);
  EXPECT_EQ(part<Thinking>(routed, 0).text, "hm");
  EXPECT_EQ(part<Thinking>(routed, 0).signature.value, "s");
  EXPECT_EQ(part<Thinking>(routed, 0).signature.origin, "anthropic");
  const Choice list = choice_of(
      stream({R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]})",
              R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"m"}]}]})", R"({"content":"a"})"}));
  EXPECT_EQ(part<Thinking>(list, 0).text, "hm");
  const Choice summed = choice_of(stream(
      {R"({"reasoning_details":[{"type":"reasoning.summary","summary":"sum","id":"rs_1","format":"openai-responses-v1"}]})",
       R"({"reasoning_details":[{"type":"reasoning.encrypted","data":"x","id":"rs_1","format":"openai-responses-v1"}]})"}));
  ASSERT_EQ(summed.parts.size(), 1u);
  EXPECT_TRUE(part<Thinking>(summed, 0).summary);
  EXPECT_EQ(part<Thinking>(summed, 0).signature.value, "x");
  EXPECT_EQ(part<Thinking>(summed, 0).id, "rs_1");
  const Choice redacted = choice_of(
      stream({R"({"reasoning_details":[{"type":"reasoning.encrypted","data":"x","format":"anthropic-claude-v1"}]})"}));
  EXPECT_EQ(part<Thinking>(redacted, 0).redacted.value, "x");
}

TEST(OpenAiChatStream, SignaturesOfGoogle) {
  const Choice early = choice_of(stream(
      {R"({"reasoning_details":[{"type":"reasoning.encrypted","data":"s","id":"a","format":"google-gemini-v1"}]})",
       R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})"}));
  ASSERT_EQ(early.parts.size(), 1u);
  EXPECT_EQ(part<ToolCall>(early, 0).signature.value, "s");
  const Choice direct =
      choice_of(stream({R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"},
      "extra_content":{"google":{"thought_signature":"s"}}}]})"}));
  EXPECT_EQ(part<ToolCall>(direct, 0).signature.origin, "google");
  const Choice text = choice_of(
      stream({R"({"content":"a"})", R"({"content":"","extra_content":{"google":{"thought_signature":"s"}}})"}));
  EXPECT_EQ(part<Text>(text, 0).signature.value, "s");
  const Choice lost = choice_of(stream(
      {R"({"reasoning_details":[{"type":"reasoning.encrypted","data":"s","id":"nobody","format":"google-gemini-v1"}]})",
       R"({"content":"a"})"}));
  EXPECT_EQ(part<Thinking>(lost, 1).signature.value, "s");
}

TEST(OpenAiChatStream, ChoicesInterleave) {
  const std::string bytes =
      R"(data: {"id":"r","choices":[{"index":1,"delta":{"content":"x"}},{"index":0,"delta":{"content":"a"}}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"length"}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":1,"delta":{"content":"y"},"finish_reason":"stop"}]})"
      "\n\ndata: [DONE]\n\n";
  const Events all = events(bytes);
  expect_order("", all);
  const Reply said = fold(all).reply();
  ASSERT_EQ(said.choices.size(), 2u);
  EXPECT_EQ(joined_text(said.choices[0].parts), "ab");
  EXPECT_EQ(said.choices[0].finish, Finish::length);
  EXPECT_EQ(joined_text(said.choices[1].parts), "xy");
}

TEST(OpenAiChatStream, WhatVendorsAddDoesNotDisturb) {
  const std::string bytes =
      ": keep alive\n\n"
      R"(data: {"id":"","model":"","created":0,"choices":[],"prompt_filter_results":[{"prompt_index":0}]})"
      "\n\n"
      R"(data: {"id":"r","model":"m","created":4,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":1}})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"content_filter_offsets":{},"content_filter_results":{"hate":{}},"finish_reason":null}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop","native_finish_reason":"STOP"}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"","role":"assistant"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}})"
      "\n\n"
      R"(data: {"id":"r","choices":[],"usage":{"prompt_tokens":1},"x_groq":{"id":"q"}})"
      "\n\ndata: [DONE]\n\n";
  const Events all = events(bytes);
  expect_order("", all);
  const Reply said = fold(all).reply();
  EXPECT_EQ(said.id, "r");
  EXPECT_EQ(said.created, 4);
  EXPECT_EQ(joined_text(said.choices[0].parts), "a");
  ASSERT_FALSE(said.extra.empty());
  EXPECT_EQ(said.extra[0].first, "prompt_filter_results");
  EXPECT_EQ(said.choices[0].extra.size(), 3u);  // offsets, results, native_finish_reason
}

TEST(OpenAiChatStream, LogprobsCitationsMedia) {
  const Choice choice = choice_of(
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"b","annotations":[{"type":"url_citation","url_citation":{"url":"https://e.x","title":"T","start_index":0,"end_index":2}}]},"logprobs":{"content":[{"token":"b"}],"refusal":null}}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"audio":{"id":"au","transcript":"h"}}}]})"
      "\n\n"
      R"(data: {"id":"r","choices":[{"index":0,"delta":{"audio":{"data":"BBBB"}},"finish_reason":"stop"}]})"
      "\n\ndata: [DONE]\n\n");
  EXPECT_EQ(choice.logprobs, R"([{"token":"a"},{"token":"b"}])");
  EXPECT_EQ(part<Text>(choice, 0).citations.at(0).title, "T");
  EXPECT_EQ(part<Media>(choice, 1).data, "AAAA");
  EXPECT_EQ(part<Media>(choice, 2).id, "au");
  EXPECT_EQ(part<Media>(choice, 2).data, "BBBB");
  EXPECT_EQ(part<Media>(choice, 2).transcript, "h");
}

TEST(OpenAiChatStream, ErrorsEndAStream) {
  const auto error = [](const std::string& frame) {
    const Events all = events(R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"a"}}]})"
                              "\n\n" +
                              frame + "\n\n" + R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"b"}}]})" +
                              "\n\ndata: [DONE]\n\n");
    expect_order(frame, all);
    const Fold folded = fold(all);
    EXPECT_FALSE(folded.ended()) << frame;
    EXPECT_EQ(joined_text(folded.reply().choices.at(0).parts), "a") << frame;
    return folded.error() ? *folded.error() : Error{};
  };
  EXPECT_EQ(error(R"(data: {"error":{"message":"busy","code":429}})").kind, ErrorKind::limited);
  EXPECT_EQ(error(R"(data: {"error":"busy"})").message, "busy");
  EXPECT_EQ(error(R"(data: {"object":"error","message":"busy","code":500})").status, 500);
  EXPECT_EQ(error("event: error\ndata: {\"message\":\"busy\"}").message, "busy");
  EXPECT_EQ(
      error(R"(data: {"id":"r","error":{"code":400,"message":"full"},"choices":[{"index":0,"delta":{}}]})").status,
      400);
  EXPECT_EQ(error(R"(data: {"choices":[{"index":0,"delta":{},"error":{"message":"gone","code":502}}]})").message,
            "gone");
  EXPECT_EQ(error("data: {\"id\":}").code, "upstream_bad_event");
  EXPECT_EQ(error("data: [1]").code, "upstream_bad_event");
}

TEST(OpenAiChatStream, OnlyAWholeStreamEnds) {
  const std::string head = R"(data: {"id":"r","choices":[{"index":0,"delta":{"content":"a"}}]})"
                           "\n\n";
  const Events cut = events(head);
  expect_order("cut", cut);
  EXPECT_FALSE(fold(cut).ended());
  EXPECT_EQ(fold(cut).reply().choices[0].finish, Finish::unset);
  // Some vendors send no [DONE]; the last choice's end is the stream's.
  const Events whole = events(head + R"(data: {"id":"r","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
                                     "\n\n");
  EXPECT_TRUE(fold(whole).ended());
  const auto reader = openai_chat().event_reader();
  Events out;
  reader->read("", R"({"choices":[{"index":0,"delta":{"content":"a"}}]})", out);
  EXPECT_FALSE(reader->may_end());
  reader->read("", R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})", out);
  EXPECT_TRUE(reader->may_end());
  EXPECT_TRUE(fold(events("data: [DONE]\n\n")).ended());
  EXPECT_FALSE(fold(events("")).ended());
}

}  // namespace
}  // namespace tollgate::gateway
