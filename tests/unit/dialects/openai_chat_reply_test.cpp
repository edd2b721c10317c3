// Whole replies of openai.chat, both ways: for callers of this form, and from every kind of vendor.
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using namespace oai_test;

Reply with_message(const std::string& message, const std::string& choice = R"("finish_reason":"stop")",
                   const std::string& top = R"("object":"chat.completion")") {
  return reply(R"({"id":"r","created":5,"model":"m",)" + top + R"(,"choices":[{"index":0,"message":)" + message + "," +
               choice + "}]}");
}

template <class T>
const T& part(const Reply& reply, std::size_t index) {
  static const T kNone{};
  if (reply.choices.empty() || index >= reply.choices[0].parts.size()) {
    ADD_FAILURE() << "no part " << index;
    return kNone;
  }
  const T* found = reply.choices[0].parts[index].get<T>();
  EXPECT_NE(found, nullptr) << index;
  return found ? *found : kNone;
}

// A reply of another dialect.
Reply foreign(std::vector<Part> parts, Finish finish = Finish::stop) {
  Reply out{.id = "msg_1", .model = "claude"};
  out.choices.push_back({.parts = std::move(parts), .finish = finish});
  out.dialect = "anthropic.messages";
  return out;
}

Json written(const Reply& reply, const StreamOptions& options = {.id = "made", .created = 9}) {
  return json(openai_chat().write_reply(reply, options));
}

TEST(OpenAiChatReply, HeadAndChoices) {
  const Reply r =
      reply(R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt","service_tier":"flex",
    "system_fingerprint":"fp","provider":"X","choices":[
      {"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"},
      {"index":1,"message":{"role":"assistant","content":null,"refusal":"no"},"finish_reason":"content_filter"}]})");
  EXPECT_EQ(r.id, "chatcmpl-1");
  EXPECT_EQ(r.created, 7);
  EXPECT_EQ(r.service_tier, "flex");
  EXPECT_EQ(r.dialect, "openai.chat");
  ASSERT_EQ(r.choices.size(), 2u);
  EXPECT_NE(r.choices[1].parts[0].get<Refusal>(), nullptr);
  EXPECT_EQ(r.choices[1].finish, Finish::content_filter);
  EXPECT_EQ(written(r)["provider"], "X");
  EXPECT_EQ(written(r)["choices"][1]["message"]["refusal"], "no");
}

TEST(OpenAiChatReply, EveryWordForTheEnd) {
  const auto finish = [](const char* word) {
    return with_message(R"({"content":"a"})", R"("finish_reason":")" + std::string(word) + "\"").choices[0].finish;
  };
  EXPECT_EQ(finish("stop"), Finish::stop);
  EXPECT_EQ(finish("eos_token"), Finish::stop);
  EXPECT_EQ(finish("length"), Finish::length);
  EXPECT_EQ(finish("model_length"), Finish::context_length);
  EXPECT_EQ(finish("sensitive"), Finish::content_filter);
  EXPECT_EQ(finish("insufficient_system_resource"), Finish::error);
  EXPECT_EQ(finish("something_new"), Finish::other);
  const Reply stopped = with_message(R"({"content":"a"})", R"("finish_reason":"stop","stop_reason":"END")");
  EXPECT_EQ(stopped.choices[0].finish, Finish::stop_sequence);
  EXPECT_EQ(stopped.choices[0].stop_sequence, "END");
  EXPECT_EQ(written(stopped)["choices"][0]["stop_reason"], "END");
}

TEST(OpenAiChatReply, CallsEndInCallsWhateverTheVendorSays) {
  const Reply r = with_message(R"({"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]})");
  EXPECT_EQ(r.choices[0].finish, Finish::tool_calls);
  EXPECT_EQ(part<ToolCall>(r, 0).arguments, R"({"a":1})");
  EXPECT_EQ(part<ToolCall>(r, 0).id.size(), 29u);
  EXPECT_EQ(part<ToolCall>(r, 0).id,
            part<ToolCall>(with_message(R"({"tool_calls":[{"function":{"name":"f","arguments":{}}}]})"), 0).id);
  const Json out = written(foreign({{.what = ToolCall{.id = "t", .name = "f"}}}));
  EXPECT_EQ(out["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_EQ(out["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{}");
  EXPECT_TRUE(out["choices"][0]["message"]["content"].is_null());
}

TEST(OpenAiChatReply, ReasoningOfEveryVendor) {
  EXPECT_EQ(part<Thinking>(with_message(R"({"content":"a","reasoning_content":"hm"})"), 0).text, "hm");
  EXPECT_EQ(part<Thinking>(with_message(R"({"content":"a","reasoning":"hm"})"), 0).text, "hm");
  const Reply both = with_message(R"({"content":"a","reasoning":"hm","reasoning_details":[
      {"type":"reasoning.text","text":"hm","signature":"s","format":"anthropic-claude-v1","index":0}]})");
  EXPECT_EQ(both.choices[0].parts.size(), 2u);
  EXPECT_EQ(part<Thinking>(both, 0).signature.value, "s");
  const Reply apart = with_message(R"({"content":"a","reasoning_content":"hm","reasoning_details":[
      {"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}]})");
  EXPECT_EQ(part<Thinking>(apart, 0).text, "hm");
  EXPECT_EQ(part<Thinking>(apart, 0).signature.value, "s");
  const Reply list = with_message(R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],
      "signature":"m"},{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]})");
  EXPECT_EQ(part<Thinking>(list, 0).text, "hm");
  EXPECT_EQ(part<Thinking>(list, 0).signature.origin, "mistral");
  EXPECT_EQ(part<Text>(list, 1).text, "a");
  EXPECT_EQ(part<Opaque>(list, 2).type, "reference");
}

TEST(OpenAiChatReply, SignaturesOfGoogle) {
  const Reply call = with_message(R"({"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"},
      "extra_content":{"google":{"thought_signature":"s"}}}]})");
  EXPECT_EQ(part<ToolCall>(call, 0).signature.value, "s");
  const Reply text = with_message(R"({"content":"a","extra_content":{"google":{"thought_signature":"s"}}})");
  EXPECT_EQ(part<Text>(text, 0).signature.origin, "google");
  EXPECT_EQ(written(text)["choices"][0]["message"]["extra_content"]["google"]["thought_signature"], "s");
  const Reply whole = with_message(R"({"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}],
      "extra_content":{"google":{"thought_signature":"s"}}})");
  EXPECT_EQ(part<ToolCall>(whole, 0).signature.value, "s");
}

// A signature that another family made comes back next turn as it was.
TEST(OpenAiChatReply, ForeignSignaturesSurviveTheCaller) {
  const Json message = written(foreign({
      {.what = Thinking{.text = "one", .signature = {.value = "s1", .origin = "anthropic"}}},
      {.what = Thinking{.redacted = {.value = "s2", .origin = "anthropic"}}},
      {.what =
           Thinking{.text = "sum", .summary = true, .signature = {.value = "s3", .origin = "openai"}, .id = "rs_1"}},
      {.what = Thinking{.text = "two", .signature = {.value = "s4", .origin = "bedrock"}}},
      {.what = Text{.text = "so"}},
      {.what = ToolCall{.id = "c", .name = "f", .arguments = "{}", .signature = {.value = "s5", .origin = "google"}}},
      {.what = ToolCall{.id = "d", .name = "f", .arguments = "{}", .signature = {.value = "s6", .origin = "cohere"}}},
  }))["choices"][0]["message"];
  EXPECT_EQ(message["reasoning_content"], "onesumtwo");
  Json history = Json::object();
  history["messages"] = Json::array({message});
  const Request next = read(dump_json(history));
  const auto& parts = next.messages[0].parts;
  ASSERT_EQ(parts.size(), 7u);
  EXPECT_EQ(parts[0].get<Thinking>()->text, "one");
  EXPECT_EQ(parts[0].get<Thinking>()->signature.value, "s1");
  EXPECT_EQ(parts[1].get<Thinking>()->redacted.value, "s2");
  EXPECT_TRUE(parts[2].get<Thinking>()->summary);
  EXPECT_EQ(parts[2].get<Thinking>()->id, "rs_1");
  EXPECT_EQ(parts[2].get<Thinking>()->signature.origin, "openai");
  EXPECT_EQ(parts[3].get<Thinking>()->signature.value, "s4");
  EXPECT_EQ(parts[3].get<Thinking>()->signature.origin, "bedrock");
  EXPECT_EQ(parts[5].get<ToolCall>()->signature.value, "s5");
  EXPECT_EQ(parts[6].get<ToolCall>()->signature.origin, "cohere");
  EXPECT_EQ(parts[6].get<ToolCall>()->signature.value, "s6");
}

TEST(OpenAiChatReply, CitationsOfVendorsAndOfOtherDialects) {
  const Reply openai = with_message(R"({"content":"see it","annotations":[{"type":"url_citation",
      "url_citation":{"url":"https://e.x","title":"T","start_index":4,"end_index":6}}]})");
  const Citation& one = part<Text>(openai, 0).citations.at(0);
  EXPECT_EQ(one.url, "https://e.x");
  EXPECT_EQ(one.begin, 4);
  const Reply sources =
      with_message(R"({"content":"a[1]"})", R"("finish_reason":"stop")",
                   R"("citations":["https://a.x"],"search_results":[{"title":"A","url":"https://a.x"}])");
  EXPECT_EQ(part<Text>(sources, 0).citations.at(0).title, "A");
  EXPECT_FALSE(written(sources)["choices"][0]["message"].contains("annotations"));
  EXPECT_EQ(written(sources)["citations"][0], "https://a.x");
  Text first{.text = "grüße "}, second{.text = "dir"};
  second.citations.push_back({.url = "https://b.x", .title = "B"});
  const Json out = written(foreign({{.what = first}, {.what = second}}))["choices"][0]["message"];
  EXPECT_EQ(out["content"], "grüße dir");
  EXPECT_EQ(out["annotations"][0]["url_citation"]["start_index"], 6);
  EXPECT_EQ(out["annotations"][0]["url_citation"]["end_index"], 9);
}

TEST(OpenAiChatReply, ImagesAndSound) {
  const Reply r = with_message(R"({"content":null,
      "images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}],
      "audio":{"id":"au","data":"BBBB","transcript":"hi","expires_at":3}})");
  EXPECT_EQ(part<Media>(r, 0).data, "AAAA");
  EXPECT_EQ(part<Media>(r, 1).transcript, "hi");
  const Json message = written(r)["choices"][0]["message"];
  EXPECT_EQ(message["images"][0]["image_url"]["url"], "data:image/png;base64,AAAA");
  EXPECT_EQ(message["audio"]["expires_at"], 3);
  const Json other = written(foreign({{.what = Media{.kind = Media::Kind::audio, .data = "CCCC"}}}));
  EXPECT_EQ(other["choices"][0]["message"]["audio"]["data"], "CCCC");
}

TEST(OpenAiChatReply, LogprobsOfTextAndThought) {
  const Reply r = with_message(R"({"content":"a"})",
                               R"("finish_reason":"stop","logprobs":{"content":[{"token":"a","logprob":-0.5}],
                                  "reasoning_content":[{"token":"b","logprob":-1}]})");
  EXPECT_EQ(r.choices[0].logprobs, R"([{"token":"a","logprob":-0.5}])");
  const Json own = written(r)["choices"][0]["logprobs"];
  EXPECT_EQ(own["reasoning_content"][0]["token"], "b");
  EXPECT_EQ(own["content"][0]["logprob"], -0.5);
}

TEST(OpenAiChatReply, RepliesOfOtherDialectsLookLikeOpenAis) {
  Reply r = foreign({{.what = Text{.text = "hi"}}}, Finish::length);
  r.extra = {{"stop_details", "{}"}};
  r.usage.reported = true;
  r.usage[Bucket::input] = 10;
  r.usage[Bucket::cache_read] = 4;
  r.usage[Bucket::cache_write_5m] = 3;
  r.usage[Bucket::output] = 6;
  r.usage[Bucket::reasoning] = 2;
  const Json out = written(r);
  EXPECT_EQ(out["id"], "chatcmpl-msg_1");
  EXPECT_EQ(out["object"], "chat.completion");
  EXPECT_EQ(out["created"], 9);
  EXPECT_EQ(out["model"], "claude");
  EXPECT_EQ(out["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(out["choices"][0]["logprobs"].is_null());
  EXPECT_EQ(out["usage"]["prompt_tokens"], 17);
  EXPECT_EQ(out["usage"]["completion_tokens"], 8);
  EXPECT_EQ(out["usage"]["total_tokens"], 25);
  EXPECT_EQ(out["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
  EXPECT_EQ(out["usage"]["prompt_tokens_details"]["cache_write_tokens"], 3);
  EXPECT_EQ(out["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
  EXPECT_FALSE(out.contains("stop_details"));
  r.usage.reported = false;
  EXPECT_FALSE(written(r, {.model = "asked"}).contains("usage"));
  EXPECT_EQ(written(r, {.model = "asked"})["model"], "asked");
}

TEST(OpenAiChatReply, EveryEndHasAWord) {
  const auto word = [](Finish finish) {
    return written(foreign({{.what = Text{.text = "a"}}}, finish))["choices"][0]["finish_reason"];
  };
  EXPECT_EQ(word(Finish::stop_sequence), "stop");
  EXPECT_EQ(word(Finish::context_length), "length");
  EXPECT_EQ(word(Finish::refusal), "content_filter");
  EXPECT_EQ(word(Finish::pause), "stop");
  EXPECT_EQ(word(Finish::unset), "stop");  // a whole reply has ended, whatever was said
}

TEST(OpenAiChatReply, ErrorsUnderStatus200AreErrors) {
  for (const char* body : {R"({"error":{"message":"broken","code":502}})", R"({"error":"broken"})",
                           R"({"object":"error","message":"broken","code":400})", R"({"detail":"broken"})"}) {
    auto read = openai_chat().read_reply(body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().message, "broken") << body;
  }
  EXPECT_FALSE(openai_chat().read_reply(R"({"id":"x"})"));
  EXPECT_FALSE(openai_chat().read_reply("nonsense"));
}

}  // namespace
}  // namespace tollgate::gateway
