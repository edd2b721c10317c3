// Requests written for vendors that speak openai.chat: from other dialects, and under each quirk.
#include "gateway/dialects/translate.h"
#include "openai_chat_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using namespace oai_test;

Part text(std::string words) { return {.what = Text{.text = std::move(words)}}; }
Part call(std::string id, std::string name, std::string arguments) {
  return {.what = ToolCall{.id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)}};
}
Part result(std::string id, std::string words) {
  return {.what = ToolResult{.call_id = std::move(id), .content = {text(std::move(words))}}};
}
Part thought(std::string words, Signature signature = {}) {
  return {.what = Thinking{.text = std::move(words), .signature = std::move(signature)}};
}
Request of(std::vector<Message> messages) {
  Request request;
  request.messages = std::move(messages);
  return request;
}
Message user(std::vector<Part> parts) { return {.role = Role::user, .parts = std::move(parts)}; }
Message assistant(std::vector<Part> parts) { return {.role = Role::assistant, .parts = std::move(parts)}; }

std::string roles(const Json& body) {
  std::string out;
  for (const Json& message : body["messages"]) out += message["role"].get<std::string>().substr(0, 1);
  return out;
}

// Anthropic: results and words share a message, thoughts and calls too.
TEST(OpenAiChatVendor, ResultsBecomeMessagesOfTheirOwn) {
  const Json body =
      write(of({user({text("go")}), assistant({text("calling"), call("a", "f", "{}"), call("b", "g", "")}),
                user({result("a", "one"), result("b", "two"), text("and now?")})}));
  EXPECT_EQ(roles(body), "uattu");
  EXPECT_EQ(body["messages"][1]["content"], "calling");
  EXPECT_EQ(body["messages"][1]["tool_calls"][1]["function"]["arguments"], "{}");
  EXPECT_EQ(body["messages"][2]["tool_call_id"], "a");
  EXPECT_EQ(body["messages"][3]["content"], "two");
  EXPECT_EQ(body["messages"][4]["content"], "and now?");
}

// Responses: each item is a message.
TEST(OpenAiChatVendor, NeighbouringItemsOfAnAssistantBecomeOneMessage) {
  const Json body =
      write(of({user({text("go")}), assistant({thought("hm")}), assistant({text("calling")}),
                assistant({call("a", "f", "{}")}), assistant({call("b", "g", "{}")}), user({result("a", "one")}),
                user({result("b", "two")}), assistant({text("x")}), assistant({text("y")})}));
  EXPECT_EQ(roles(body), "uattaa");
  EXPECT_EQ(body["messages"][1]["reasoning_content"], "hm");
  EXPECT_EQ(body["messages"][1]["content"], "calling");
  EXPECT_EQ(body["messages"][1]["tool_calls"].size(), 2u);
  EXPECT_EQ(body["messages"][4]["content"], "x");
}

TEST(OpenAiChatVendor, MediaOfResultsFollowThem) {
  Part picture{.what = Media{.mime = "image/png", .data = "AAAA"}};
  Part shown{.what = ToolResult{.call_id = "a", .content = {text("see"), picture}}};
  const Json body = write(of({assistant({call("a", "f", "{}"), call("b", "f", "{}")}), user({shown}),
                              user({result("b", "two")}), assistant({text("ok")})}));
  EXPECT_EQ(roles(body), "attua");
  EXPECT_EQ(body["messages"][1]["content"], "see");
  EXPECT_EQ(body["messages"][3]["content"][0]["image_url"]["url"], "data:image/png;base64,AAAA");
}

TEST(OpenAiChatVendor, CallsWithoutIdsArePairedByName) {
  Part first{.what = ToolResult{.name = "g", .json = R"({"r":1})"}};
  Part second{.what = ToolResult{.name = "f", .json = R"({"r":2})"}};
  const Json body = write(of({assistant({call("", "f", "{}"), call("", "g", "{}")}), user({first, second})}));
  const Json& calls = body["messages"][0]["tool_calls"];
  EXPECT_NE(calls[0]["id"], calls[1]["id"]);
  EXPECT_EQ(body["messages"][1]["tool_call_id"], calls[1]["id"]);
  EXPECT_EQ(body["messages"][1]["content"], R"({"r":1})");
  EXPECT_EQ(body["messages"][2]["tool_call_id"], calls[0]["id"]);
}

TEST(OpenAiChatVendor, IdsAreCutToWhatVendorsTake) {
  const std::string longest(60, 'x');
  const Request request = of({assistant({call(longest, "f", "{}")}), user({result(longest, "r")})});
  const Json body = write(request);
  const std::string id = body["messages"][0]["tool_calls"][0]["id"];
  EXPECT_LE(id.size(), 40u);
  EXPECT_EQ(body["messages"][1]["tool_call_id"], id);
  const Json mistral = write(request, {.short_tool_ids = true});
  EXPECT_EQ(mistral["messages"][0]["tool_calls"][0]["id"].get<std::string>().size(), 9u);
  EXPECT_EQ(mistral["messages"][1]["tool_call_id"], mistral["messages"][0]["tool_calls"][0]["id"]);
  EXPECT_EQ(write(of({user({result("abcdef123", "r")})}), {.short_tool_ids = true})["messages"][0]["tool_call_id"],
            "abcdef123");
}

TEST(OpenAiChatVendor, ThoughtsGoWhereTheVendorWantsThem) {
  const Request request =
      of({assistant({thought("hm", {.value = "sig", .origin = "anthropic"}), text("so")}), user({text("go on")})});
  const auto message = [&](const Quirks& quirks) { return write(request, quirks)["messages"][0]; };
  EXPECT_EQ(message({})["reasoning_content"], "hm");
  EXPECT_FALSE(message({}).contains("reasoning_details"));
  EXPECT_EQ(message({.reasoning_field = true})["reasoning"], "hm");
  const Json parts = message({.thinking_parts = true})["content"];
  EXPECT_EQ(parts[0]["thinking"][0]["text"], "hm");
  EXPECT_FALSE(parts[0].contains("signature"));
  EXPECT_EQ(parts[1]["text"], "so");
  const Json details = message({.reasoning_details = true})["reasoning_details"];
  EXPECT_EQ(details[0]["signature"], "sig");
  EXPECT_EQ(details[0]["format"], "anthropic-claude-v1");
  std::vector<std::string> losses;
  const Json none = write(request, {.no_reasoning_history = true}, false, &losses);
  EXPECT_FALSE(none["messages"][0].contains("reasoning_content"));
  EXPECT_EQ(losses, std::vector<std::string>{"thinking_history"});
}

TEST(OpenAiChatVendor, ThoughtsThatCannotBeReadAreNamedWhenLost) {
  const Request request =
      of({assistant({{.what = Thinking{.redacted = {.value = "x", .origin = "anthropic"}}}, text("so")})});
  std::vector<std::string> losses;
  write(request, {}, false, &losses);
  EXPECT_EQ(losses, std::vector<std::string>{"thinking_history"});
  EXPECT_EQ(write(request, {.reasoning_details = true})["messages"][0]["reasoning_details"][0]["data"], "x");
}

TEST(OpenAiChatVendor, SignedCallsGoToGoogle) {
  Part signed_call = call("a", "f", "{}");
  signed_call.get<ToolCall>()->signature = {.value = "sig", .origin = "google"};
  const Request request = of({assistant({signed_call})});
  const auto calls = [&](const Quirks& quirks) { return write(request, quirks)["messages"][0]; };
  EXPECT_FALSE(calls({})["tool_calls"][0].contains("extra_content"));
  EXPECT_EQ(calls({.extra_content = true})["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "sig");
  EXPECT_TRUE(calls({.no_reasoning_history = true, .extra_content = true})["tool_calls"][0].contains("extra_content"));
  Part signed_text = text("so");
  signed_text.get<Text>()->signature = {.value = "sig", .origin = "google"};
  const Request said = of({assistant({signed_text})});
  EXPECT_FALSE(write(said)["messages"][0].contains("extra_content"));
  EXPECT_EQ(write(said, {.extra_content = true})["messages"][0]["extra_content"]["google"]["thought_signature"], "sig");
  const Json routed = calls({.reasoning_details = true})["reasoning_details"][0];
  EXPECT_EQ(routed["id"], "a");
  EXPECT_EQ(routed["data"], "sig");
  EXPECT_EQ(routed["format"], "google-gemini-v1");
}

TEST(OpenAiChatVendor, HowMuchToThinkInTheVendorsWords) {
  Request request = of({user({text("go")})});
  const auto body = [&](const Quirks& quirks) { return write(request, quirks); };
  request.reasoning.budget = 20'000;
  EXPECT_EQ(body({})["reasoning_effort"], "high");
  EXPECT_EQ(body({.reasoning_object = true})["reasoning"]["max_tokens"], 20'000);
  EXPECT_EQ(body({.thinking_toggle = true})["thinking"]["type"], "enabled");
  EXPECT_FALSE(body({.thinking_toggle = true}).contains("reasoning_effort"));
  EXPECT_EQ(body({.enable_thinking = true})["enable_thinking"], true);
  EXPECT_EQ(body({.enable_thinking = true})["thinking_budget"], 20'000);
  request.reasoning = {.effort = "low"};
  EXPECT_EQ(body({})["reasoning_effort"], "low");
  EXPECT_EQ(body({.reasoning_object = true})["reasoning"]["effort"], "low");
  EXPECT_EQ(body({.thinking_toggle = true})["reasoning_effort"], "low");
  EXPECT_GT(body({.enable_thinking = true})["thinking_budget"], 0);
  std::vector<std::string> losses;
  EXPECT_FALSE(write(request, {.no_reasoning_effort = true}, false, &losses).contains("reasoning_effort"));
  EXPECT_EQ(losses, std::vector<std::string>{"reasoning_effort"});
  request.reasoning = {.mode = Reasoning::Mode::off};
  EXPECT_EQ(body({})["reasoning_effort"], "none");
  EXPECT_EQ(body({.reasoning_object = true})["reasoning"]["enabled"], false);
  EXPECT_EQ(body({.thinking_toggle = true})["thinking"]["type"], "disabled");
  EXPECT_EQ(body({.enable_thinking = true})["enable_thinking"], false);
}

TEST(OpenAiChatVendor, SchemasGoIntoTheSystemTextWhereThereIsNoOtherPlace) {
  Request request = of({{.role = Role::system, .parts = {text("be brief")}}, user({text("go")})});
  request.format = {.kind = ResponseFormat::Kind::json_schema, .schema = R"({"type":"object"})", .strict = true};
  EXPECT_EQ(write(request)["response_format"]["json_schema"]["name"], "response");
  std::vector<std::string> losses;
  const Json body = write(request, {.no_json_schema = true}, false, &losses);
  EXPECT_EQ(body["response_format"]["type"], "json_object");
  EXPECT_NE(dump_json(body["messages"][0]).find(R"({\"type\":\"object\"})"), std::string::npos);
  EXPECT_EQ(losses, std::vector<std::string>{"strict_schema"});
  request.messages.erase(request.messages.begin());
  EXPECT_EQ(roles(write(request, {.no_json_schema = true}, false, &losses)), "su");
}

TEST(OpenAiChatVendor, CacheMarksStandWhereTheVendorReadsThem) {
  Request request = of({user({text("long")})});
  request.messages[0].parts[0].cache = {.set = true, .ttl = "1h"};
  EXPECT_EQ(write(request)["messages"][0]["content"], "long");
  const Json marked = write(request, {.cache_control = true})["messages"][0]["content"][0];
  EXPECT_EQ(marked["cache_control"]["ttl"], "1h");
  EXPECT_TRUE(openai_chat().carries_with({.cache_control = true}, Field::cache_marks));
  EXPECT_FALSE(openai_chat().carries_with({}, Field::cache_marks));
}

TEST(OpenAiChatVendor, DocumentsInEveryForm) {
  const auto part = [](Media media, const Quirks& quirks, std::vector<std::string>* losses = nullptr) {
    media.kind = Media::Kind::document;
    return write(of({user({text("see"), {.what = std::move(media)}})}), quirks, false,
                 losses)["messages"][0]["content"];
  };
  const Media pdf{.mime = "application/pdf", .data = "AAAA"};
  EXPECT_EQ(part(pdf, {})[1]["file"]["filename"], "document.pdf");
  EXPECT_EQ(part(pdf, {})[1]["file"]["file_data"], "data:application/pdf;base64,AAAA");
  EXPECT_EQ(part(pdf, {.document_url = true})[1]["document_url"], "data:application/pdf;base64,AAAA");
  const Media words{.text = "hello", .name = "a.txt"};
  EXPECT_EQ(part(words, {})[1]["file"]["file_data"], "data:text/plain;base64,aGVsbG8=");
  EXPECT_EQ(part(words, {.no_files = true})[1]["text"], "a.txt:\nhello");
  std::vector<std::string> losses;
  EXPECT_EQ(part({.url = "https://e.x/a.pdf"}, {.no_file_urls = true}, &losses).size(), 1u);
  EXPECT_EQ(losses, std::vector<std::string>{"messages[0].document.url"});
  part({.file_id = "other-1"}, {}, &losses);
  EXPECT_EQ(losses, std::vector<std::string>{"messages[0].document.file_id"});
  EXPECT_EQ(part({.file_id = "file-1"}, {})[1]["file"]["file_id"], "file-1");
}

TEST(OpenAiChatVendor, TextOnlyVendorsGetOneString) {
  std::vector<std::string> losses;
  const Request request = of({user({text("a"), {.what = Media{.url = "https://e.x/a.png"}}, text("b")})});
  EXPECT_EQ(write(request, {.text_only = true}, false, &losses)["messages"][0]["content"], "a\nb");
  EXPECT_EQ(losses, std::vector<std::string>{"messages[0].image"});
}

TEST(OpenAiChatVendor, AudioAndVideo) {
  const auto part = [](Media media, const Quirks& quirks = {}, std::vector<std::string>* losses = nullptr) {
    return write(of({user({text("hear"), {.what = std::move(media)}})}), quirks, false,
                 losses)["messages"][0]["content"];
  };
  const Media sound{.kind = Media::Kind::audio, .mime = "audio/mpeg", .data = "AAAA"};
  EXPECT_EQ(part(sound)[1]["input_audio"]["format"], "mp3");
  EXPECT_EQ(part(sound, {.plain_audio = true})[1]["input_audio"], "AAAA");
  std::vector<std::string> losses;
  part({.kind = Media::Kind::audio, .url = "https://e.x/a.wav"}, {}, &losses);
  EXPECT_EQ(losses, std::vector<std::string>{"messages[0].audio.url"});
  const Media film{.kind = Media::Kind::video, .mime = "video/mp4", .data = "BBBB"};
  EXPECT_EQ(part(film)[1]["video_url"]["url"], "data:video/mp4;base64,BBBB");
  part(film, {.no_video = true}, &losses);
  EXPECT_EQ(losses, std::vector<std::string>{"messages[0].video"});
}

TEST(OpenAiChatVendor, ToolsThatTheVendorRuns) {
  Request request = of({user({text("go")})});
  request.tools.push_back({.kind = Tool::Kind::web_search,
                           .name = "web_search",
                           .origin = "anthropic.messages",
                           .config = R"({"type":"web_search_20250305","name":"web_search","max_uses":3,
                             "user_location":{"type":"approximate","city":"Rome"}})"});
  std::vector<std::string> losses;
  const Json body = write(request, {}, false, &losses);
  EXPECT_EQ(body["web_search_options"]["user_location"]["approximate"]["city"], "Rome");
  EXPECT_EQ(losses, std::vector<std::string>{"web_search_tool.max_uses"});
  EXPECT_FALSE(body.contains("tools"));
  EXPECT_FALSE(write(request, {.no_web_search = true}, false, &losses).contains("web_search_options"));
  EXPECT_EQ(losses, std::vector<std::string>{"web_search_tool"});
}

TEST(OpenAiChatVendor, AllowedToolsAreFilteredWhereThereIsNoSuchChoice) {
  Request request = of({user({text("go")})});
  request.tools = {{.name = "f"}, {.name = "g"}};
  request.tool_choice = {.mode = ToolChoice::Mode::required, .allowed = {"g"}};
  EXPECT_EQ(write(request)["tool_choice"]["allowed_tools"]["tools"][0]["function"]["name"], "g");
  const Json body = write(request, {.tool_choice_any = true, .no_allowed_tools = true});
  ASSERT_EQ(body["tools"].size(), 1u);
  EXPECT_EQ(body["tools"][0]["function"]["name"], "g");
  EXPECT_EQ(body["tool_choice"], "any");
}

TEST(OpenAiChatVendor, GrammarsOfCustomToolsAreNested) {
  Request request = of({user({text("go")})});
  request.tools.push_back({.kind = Tool::Kind::custom,
                           .name = "c",
                           .origin = "openai.responses",
                           .config = R"({"type":"grammar","syntax":"lark","definition":"start: x"})"});
  request.tool_choice = {.mode = ToolChoice::Mode::named, .name = "c"};
  const Json body = write(request);
  EXPECT_EQ(body["tools"][0]["custom"]["format"]["grammar"]["syntax"], "lark");
  EXPECT_EQ(body["tool_choice"]["custom"]["name"], "c");
}

TEST(OpenAiChatVendor, RefusedSettingsAreNamed) {
  Request request = of({{.role = Role::developer, .parts = {text("d")}}, user({text("go")})});
  request.messages[1].name = "ann";
  request.frequency_penalty = request.presence_penalty = "0.5";
  request.logit_bias = R"({"1":1})";
  request.user = "u";
  request.metadata = R"({"a":"b"})";
  request.store = true;
  request.service_tier = "flex";
  request.verbosity = "low";
  request.prediction = R"({"type":"content","content":"x"})";
  request.prompt_cache_key = "k";
  request.n = 2;
  request.logprobs = true;
  request.top_logprobs = 2;
  request.seed = 3;
  request.tools = {{.name = "f", .strict = true}};
  request.tool_choice.parallel = false;
  const Json all = write(request, {.developer_role = true, .random_seed = true});
  EXPECT_EQ(all["messages"][0]["role"], "developer");
  EXPECT_EQ(all["random_seed"], 3);
  Quirks refusing;
  for (bool Quirks::* flag : {&Quirks::no_message_name, &Quirks::no_penalties, &Quirks::no_logit_bias, &Quirks::no_user,
                              &Quirks::no_metadata, &Quirks::no_store, &Quirks::no_service_tier, &Quirks::no_verbosity,
                              &Quirks::no_prediction, &Quirks::no_prompt_cache_key, &Quirks::no_n, &Quirks::no_logprobs,
                              &Quirks::no_strict, &Quirks::no_parallel_tool_calls})
    refusing.*flag = true;
  std::vector<std::string> losses;
  const Json body = write(request, refusing, false, &losses);
  for (const char* name :
       {"frequency_penalty", "presence_penalty", "logit_bias", "user", "metadata", "store", "service_tier", "verbosity",
        "prediction", "prompt_cache_key", "n", "logprobs", "top_logprobs", "parallel_tool_calls"}) {
    EXPECT_FALSE(body.contains(name)) << name;
    EXPECT_EQ(std::count(losses.begin(), losses.end(), name), 1) << name;
  }
  EXPECT_EQ(losses.size(), 16u);  // and message_name, strict_tools
  EXPECT_EQ(body["messages"][0]["role"], "system");
  EXPECT_EQ(body["seed"], 3);
}

TEST(OpenAiChatVendor, StreamsAlwaysAskForUsage) {
  const Request request = of({user({text("go")})});
  EXPECT_EQ(write(request, {}, false, nullptr, true)["stream_options"]["include_usage"], true);
  EXPECT_FALSE(write(request, {.no_stream_options = true}, false, nullptr, true).contains("stream_options"));
  EXPECT_FALSE(write(request).contains("stream"));
}

TEST(OpenAiChatVendor, TiersOfOtherDialectsAreSaidInOurs) {
  Request request = of({user({text("go")})});
  request.service_tier = "standard_only";
  EXPECT_EQ(write(request)["service_tier"], "default");
  request.service_tier = "warp";
  std::vector<std::string> losses;
  EXPECT_FALSE(write(request, {}, false, &losses).contains("service_tier"));
  EXPECT_EQ(losses, std::vector<std::string>{"service_tier"});
}

TEST(OpenAiChatVendor, SomeVendorsTakeMoreThanTheForm) {
  Request request = of({user({text("go")})});
  request.top_k = "5";
  EXPECT_FALSE(write(request).contains("top_k"));
  EXPECT_EQ(write(request, {.sampling_extras = true})["top_k"], 5);
  EXPECT_TRUE(openai_chat().carries_with({.sampling_extras = true}, Field::top_k));
}

}  // namespace
}  // namespace tollgate::gateway
