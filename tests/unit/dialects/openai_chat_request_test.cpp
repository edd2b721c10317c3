// Requests of openai.chat: what each member means, and what is refused.
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using namespace oai_test;

Request with_messages(const std::string& messages) { return read(R"({"model":"m","messages":)" + messages + "}"); }

template <class T>
const T& part(const Request& request, std::size_t message, std::size_t index) {
  static const T kNone{};
  if (message >= request.messages.size() || index >= request.messages[message].parts.size()) {
    ADD_FAILURE() << "no part " << message << "." << index;
    return kNone;
  }
  const T* found = request.messages[message].parts[index].get<T>();
  EXPECT_NE(found, nullptr) << message << "." << index;
  return found ? *found : kNone;
}

std::string refusal_of(const std::string& body) {
  auto request = openai_chat().read_request(body, {});
  EXPECT_FALSE(request) << body;
  if (request) return "";
  EXPECT_EQ(request.error().kind, ErrorKind::client_fault);
  EXPECT_EQ(request.error().status, 400);
  return request.error().message;
}

TEST(OpenAiChatRequest, SettingsHaveTheirPlaces) {
  const Request r = read(R"({"model":"gpt","messages":[],"stream":true,"stream_options":{"include_usage":false},
    "max_completion_tokens":50,"temperature":0.7,"top_p":0.9,"top_k":40,"min_p":0.05,"frequency_penalty":0.1,
    "presence_penalty":-0.2,"repetition_penalty":1.1,"seed":42,"n":2,"stop":["a","b"],"logprobs":true,
    "top_logprobs":3,"logit_bias":{"1":-100},"user":"u","metadata":{"k":"v"},"service_tier":"flex","store":true,
    "prompt_cache_key":"p","verbosity":"low","modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"},
    "prediction":{"type":"content","content":"x"},"parallel_tool_calls":false,"reasoning_effort":"high"})");
  EXPECT_EQ(r.model, "gpt");
  EXPECT_TRUE(r.stream);
  EXPECT_EQ(r.include_usage, false);
  EXPECT_EQ(r.max_output_tokens, 50);
  EXPECT_EQ(r.temperature, "0.7");
  EXPECT_EQ(r.top_k, "40");
  EXPECT_EQ(r.min_p, "0.05");
  EXPECT_EQ(r.presence_penalty, "-0.2");
  EXPECT_EQ(r.repetition_penalty, "1.1");
  EXPECT_EQ(r.seed, 42);
  EXPECT_EQ(r.n, 2);
  EXPECT_EQ(r.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.logprobs, true);
  EXPECT_EQ(r.top_logprobs, 3);
  EXPECT_EQ(r.logit_bias, R"({"1":-100})");
  EXPECT_EQ(r.user, "u");
  EXPECT_EQ(r.metadata, R"({"k":"v"})");
  EXPECT_EQ(r.service_tier, "flex");
  EXPECT_EQ(r.store, true);
  EXPECT_EQ(r.prompt_cache_key, "p");
  EXPECT_EQ(r.verbosity, "low");
  EXPECT_EQ(r.modalities.size(), 2u);
  EXPECT_EQ(r.audio_output, R"({"voice":"alloy","format":"wav"})");
  EXPECT_EQ(r.tool_choice.parallel, false);
  EXPECT_EQ(r.reasoning.effort, "high");
}

TEST(OpenAiChatRequest, UnknownMembersAreKeptWhereTheyStood) {
  const std::string body = R"({"model":"m","messages":[{"role":"user","content":[
      {"type":"text","text":"hi","x_part":1},
      {"type":"image_url","image_url":{"url":"https://e.x/a.png","x_image":2}}],"x_message":[3]}],
    "tools":[{"type":"function","x_tool":4,"function":{"name":"f","parameters":{"type":"object"},"x_function":5}}],
    "x_top":{"a.b":6},"a.b":7,"safety_identifier":"s"})";
  const Request r = read(body);
  const Json again = write(r, {}, true);
  expect_same("", json(body), again);
  std::vector<std::string> losses;
  const Json foreign = write(r, {}, false, &losses);
  EXPECT_FALSE(foreign.contains("x_top"));
  EXPECT_EQ(foreign["user"], "s");
}

TEST(OpenAiChatRequest, TheNewerOfTwoNamesCounts) {
  EXPECT_EQ(read(R"({"messages":[],"max_tokens":1,"max_completion_tokens":2})").max_output_tokens, 2);
  EXPECT_EQ(read(R"({"messages":[],"max_tokens":1})").max_output_tokens, 1);
  EXPECT_EQ(read(R"({"messages":[],"user":"a","safety_identifier":"b"})").user, "a");
  EXPECT_EQ(read(R"({"messages":[],"random_seed":9})").seed, 9);
  EXPECT_EQ(read(R"({"messages":[],"stop":"x"})").stop, std::vector<std::string>{"x"});
}

TEST(OpenAiChatRequest, ContentPartsOfEveryKind) {
  const Request r = with_messages(R"([{"role":"user","name":"ann","content":["plain",
    {"type":"text","text":"hi","cache_control":{"type":"ephemeral","ttl":"1h"}},
    {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
    {"type":"image_url","image_url":"https://e.x/b.png"},
    {"type":"input_audio","input_audio":{"data":"BBBB","format":"mp3"}},
    {"type":"input_audio","input_audio":"CCCC"},
    {"type":"file","file":{"file_data":"data:application/pdf;base64,DDDD","filename":"a.pdf"}},
    {"type":"file","file":{"file_data":"data:text/plain;base64,aGVsbG8=","filename":"a.txt"}},
    {"type":"file","file":{"file_id":"file-1"}},
    {"type":"document_url","document_url":"https://e.x/c.pdf","document_name":"c"},
    {"type":"video_url","video_url":{"url":"https://e.x/d.mp4"}},
    {"type":"audio_url","audio_url":{"url":"https://e.x/e.wav"}},
    {"type":"hologram","hologram":1}]}])");
  EXPECT_EQ(r.messages[0].name, "ann");
  EXPECT_EQ(part<Text>(r, 0, 0).text, "plain");
  EXPECT_EQ(part<Text>(r, 0, 1).text, "hi");
  EXPECT_EQ(r.messages[0].parts[1].cache.ttl, "1h");
  EXPECT_EQ(part<Media>(r, 0, 2).mime, "image/png");
  EXPECT_EQ(part<Media>(r, 0, 2).data, "AAAA");
  EXPECT_EQ(part<Media>(r, 0, 2).detail, "low");
  EXPECT_EQ(part<Media>(r, 0, 3).url, "https://e.x/b.png");
  EXPECT_EQ(part<Media>(r, 0, 4).mime, "audio/mpeg");
  EXPECT_EQ(part<Media>(r, 0, 5).data, "CCCC");
  EXPECT_EQ(part<Media>(r, 0, 6).kind, Media::Kind::document);
  EXPECT_EQ(part<Media>(r, 0, 6).name, "a.pdf");
  EXPECT_EQ(part<Media>(r, 0, 7).text, "hello");
  EXPECT_EQ(part<Media>(r, 0, 8).file_id, "file-1");
  EXPECT_EQ(part<Media>(r, 0, 9).url, "https://e.x/c.pdf");
  EXPECT_EQ(part<Media>(r, 0, 9).name, "c");
  EXPECT_EQ(part<Media>(r, 0, 10).kind, Media::Kind::video);
  EXPECT_EQ(part<Media>(r, 0, 11).kind, Media::Kind::audio);
  EXPECT_EQ(part<Opaque>(r, 0, 12).type, "hologram");
}

TEST(OpenAiChatRequest, ToolsAndTheirChoice) {
  const Request r = read(R"({"messages":[],"tools":[
      {"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}},
      {"function":{"name":"g"}},
      {"type":"custom","custom":{"name":"c","format":{"type":"text"}}},
      {"type":"openrouter:web_search","parameters":{"max_uses":1}},
      {"type":"surprise"}],
    "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required",
      "tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"c"}}]}},
    "web_search_options":{"search_context_size":"low"}})");
  ASSERT_EQ(r.tools.size(), 6u);
  EXPECT_EQ(r.tools[0].strict, true);
  EXPECT_EQ(r.tools[1].name, "g");
  EXPECT_EQ(r.tools[2].kind, Tool::Kind::custom);
  EXPECT_EQ(r.tools[2].config, R"({"type":"text"})");
  EXPECT_EQ(r.tools[3].kind, Tool::Kind::web_search);
  EXPECT_EQ(r.tools[4].kind, Tool::Kind::other);
  EXPECT_EQ(r.tools[5].kind, Tool::Kind::web_search);
  EXPECT_EQ(r.tool_choice.mode, ToolChoice::Mode::required);
  EXPECT_EQ(r.tool_choice.allowed, (std::vector<std::string>{"f", "c"}));
  EXPECT_EQ(read(R"({"messages":[],"tool_choice":"any"})").tool_choice.mode, ToolChoice::Mode::required);
  const Request named = read(R"({"messages":[],"tool_choice":{"type":"function","function":{"name":"f"}}})");
  EXPECT_EQ(named.tool_choice.mode, ToolChoice::Mode::named);
  EXPECT_EQ(named.tool_choice.name, "f");
}

TEST(OpenAiChatRequest, CallsAndResults) {
  const Request r = with_messages(R"([
    {"role":"assistant","content":null,"tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},
       "extra_content":{"google":{"thought_signature":"sig"}}},
      {"id":"c2","type":"custom","custom":{"name":"g","input":"free"}},
      {"function":{"name":"h","arguments":{"b":2}}}]},
    {"role":"tool","tool_call_id":"c1","content":"one"},
    {"role":"tool","tool_call_id":"c2","name":"g","content":[{"type":"text","text":"two"}]}])");
  EXPECT_EQ(part<ToolCall>(r, 0, 0).arguments, R"({"a":1})");
  EXPECT_EQ(part<ToolCall>(r, 0, 0).signature.value, "sig");
  EXPECT_EQ(part<ToolCall>(r, 0, 0).signature.origin, "google");
  EXPECT_TRUE(part<ToolCall>(r, 0, 1).custom);
  EXPECT_EQ(part<ToolCall>(r, 0, 1).arguments, "free");
  EXPECT_EQ(part<ToolCall>(r, 0, 2).arguments, R"({"b":2})");
  EXPECT_FALSE(part<ToolCall>(r, 0, 2).id.empty());
  EXPECT_EQ(r.messages[1].role, Role::user);
  EXPECT_EQ(part<ToolResult>(r, 1, 0).call_id, "c1");
  EXPECT_EQ(part<ToolResult>(r, 2, 0).name, "g");
  EXPECT_EQ(joined_text(part<ToolResult>(r, 2, 0).content), "two");
}

TEST(OpenAiChatRequest, LegacyFunctionsAreTools) {
  const Request r = read(R"({"messages":[
      {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
      {"role":"function","name":"f","content":"done"}],
    "functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"}})");
  ASSERT_EQ(r.tools.size(), 1u);
  EXPECT_EQ(r.tool_choice.name, "f");
  EXPECT_EQ(part<ToolCall>(r, 0, 0).name, "f");
  EXPECT_EQ(part<ToolResult>(r, 1, 0).call_id, part<ToolCall>(r, 0, 0).id);
  const Json again = write(r, {}, true);
  EXPECT_EQ(again["messages"][0]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(again["messages"][1]["role"], "tool");
  EXPECT_EQ(again["messages"][1]["tool_call_id"], again["messages"][0]["tool_calls"][0]["id"]);
}

TEST(OpenAiChatRequest, ReasoningInTheHistoryUnderEveryName) {
  for (const char* name : {"reasoning", "reasoning_content"}) {
    const Request r = with_messages(R"([{"role":"assistant","content":"a",")" + std::string(name) + R"(":"why"}])");
    EXPECT_EQ(part<Thinking>(r, 0, 0).text, "why") << name;
    EXPECT_EQ(part<Text>(r, 0, 1).text, "a");
    EXPECT_EQ(write(r, {}, true)["messages"][0][name], "why");
  }
  const Request mistral = with_messages(
      R"([{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"why"}]},
          {"type":"text","text":"a"}]}])");
  EXPECT_EQ(part<Thinking>(mistral, 0, 0).text, "why");
}

TEST(OpenAiChatRequest, SignedReasoningKeepsItsFamily) {
  const Request r = with_messages(R"([{"role":"assistant","content":"a","reasoning_content":"one","reasoning_details":[
      {"type":"reasoning.text","text":"one","signature":"s1","format":"anthropic-claude-v1","index":0},
      {"type":"reasoning.encrypted","data":"s2","format":"anthropic-claude-v1","index":1},
      {"type":"reasoning.summary","summary":"two","id":"rs_1","format":"openai-responses-v1","index":2},
      {"type":"reasoning.encrypted","data":"s3","id":"rs_1","format":"openai-responses-v1","index":3},
      {"type":"reasoning.text","text":"three","signature":"tollgate.bedrock.s4","format":"unknown","index":4},
      {"type":"reasoning.encrypted","data":"s5","id":"c1","format":"google-gemini-v1","index":5}],
    "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}])");
  EXPECT_EQ(part<Thinking>(r, 0, 0).signature.value, "s1");
  EXPECT_EQ(part<Thinking>(r, 0, 0).signature.origin, "anthropic");
  EXPECT_EQ(part<Thinking>(r, 0, 1).redacted.value, "s2");
  EXPECT_TRUE(part<Thinking>(r, 0, 2).summary);
  EXPECT_EQ(part<Thinking>(r, 0, 2).signature.value, "s3");
  EXPECT_EQ(part<Thinking>(r, 0, 2).id, "rs_1");
  EXPECT_EQ(part<Thinking>(r, 0, 3).signature.value, "s4");
  EXPECT_EQ(part<Thinking>(r, 0, 3).signature.origin, "bedrock");
  EXPECT_EQ(part<ToolCall>(r, 0, 5).signature.value, "s5");
}

TEST(OpenAiChatRequest, HowMuchToThinkInEveryVendorsWords) {
  using Mode = Reasoning::Mode;
  const auto reasoning = [](const std::string& members) {
    return read(R"({"messages":[],)" + members + "}").reasoning;
  };
  EXPECT_EQ(reasoning(R"("reasoning_effort":"none")").mode, Mode::off);
  EXPECT_EQ(reasoning(R"("reasoning":{"effort":"low","exclude":true})").effort, "low");
  EXPECT_EQ(reasoning(R"("reasoning":{"effort":"low","exclude":true})").include, false);
  EXPECT_EQ(reasoning(R"("reasoning":{"max_tokens":9})").budget, 9);
  EXPECT_EQ(reasoning(R"("reasoning":{"enabled":false})").mode, Mode::off);
  EXPECT_EQ(reasoning(R"("include_reasoning":true)").include, true);
  EXPECT_EQ(reasoning(R"("thinking":{"type":"disabled"})").mode, Mode::off);
  EXPECT_EQ(reasoning(R"("thinking":{"type":"enabled","budget_tokens":5})").budget, 5);
  EXPECT_EQ(reasoning(R"("enable_thinking":true,"thinking_budget":7)").mode, Mode::on);
  EXPECT_EQ(reasoning(R"("enable_thinking":true,"thinking_budget":7)").budget, 7);
}

TEST(OpenAiChatRequest, FormatsOfTheReply) {
  using Kind = ResponseFormat::Kind;
  const auto format = [](const std::string& value) {
    return read(R"({"messages":[],"response_format":)" + value + "}").format;
  };
  EXPECT_EQ(format(R"({"type":"json_object"})").kind, Kind::json_object);
  const auto schema =
      format(R"({"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}})");
  EXPECT_EQ(schema.kind, Kind::json_schema);
  EXPECT_EQ(schema.name, "n");
  EXPECT_EQ(schema.schema, R"({"type":"object"})");
  EXPECT_EQ(schema.strict, true);
  EXPECT_EQ(format(R"({"type":"json_object","schema":{"type":"array"}})").kind, Kind::json_schema);
}

TEST(OpenAiChatRequest, WhatIsWrongIsNamedByItsPlace) {
  EXPECT_EQ(refusal_of(R"({"model":"m"})"), "messages: must be an array");
  EXPECT_EQ(refusal_of(R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":7}]})"),
            "messages[1].content: must be a string or an array");
  EXPECT_EQ(refusal_of(R"({"messages":[{"role":"user","content":[{"type":"text","text":1}]}]})"),
            "messages[0].content[0].text: must be a string");
  EXPECT_EQ(refusal_of(R"({"messages":[{"content":"a"}]})"), "messages[0].role: must be given");
  EXPECT_NE(refusal_of(R"({"messages":[{"role":"boss","content":"a"}]})").find("not \"boss\""), std::string::npos);
  EXPECT_EQ(refusal_of(R"({"messages":[],"temperature":"hot"})"), "temperature: must be a number");
  EXPECT_EQ(refusal_of(R"({"messages":[],"tools":[{"type":"function","function":{}}]})"),
            "tools[0].function.name: must be given");
  EXPECT_NE(refusal_of("[1]").find("object"), std::string::npos);
  EXPECT_NE(refusal_of("{").find("JSON"), std::string::npos);
}

TEST(OpenAiChatRequest, NullsAreAsGoodAsAbsent) {
  const Request r = read(R"({"model":null,"messages":[{"role":"assistant","content":null,"tool_calls":null,
    "refusal":null,"name":null}],"temperature":null,"stop":null,"tools":null,"tool_choice":null,"seed":null,
    "response_format":null,"stream":null,"stream_options":null,"logit_bias":null,"metadata":null})");
  EXPECT_TRUE(r.messages[0].parts.empty());
  EXPECT_EQ(fields_of(r).count(), 0u);
}

}  // namespace
}  // namespace tollgate::gateway
