// Requests of other dialects as Converse takes them: turns, ids, names, media, tools, and what is named as lost.
#include "bedrock_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

TEST(BedrockTurns, AlternateAndHoldResultsTogether) {
  Request request;
  add_message(request, Role::system, {text_part("one")});
  add_message(request, Role::developer, {text_part("two"), text_part("  ")});
  add_message(request, Role::user, {text_part("a")});
  add_message(request, Role::user, {text_part("b")});
  add_message(request, Role::assistant,
              {text_part(" \n"), call_part("c1", "look_up", R"({"q":1})"), call_part("c2", "look_up", "")});
  add_message(request, Role::user, {result_part("c1", "x")});
  add_message(request, Role::user, {text_part("and"), result_part("c2", "no", true)});
  add_message(request, Role::assistant, {text_part("  ")});
  add_message(request, Role::user, {text_part("c")});
  add_tool(request);
  const Json body = converse_body(request);
  EXPECT_EQ(body["system"], of(R"([{"text":"one"},{"text":"two"}])"));
  EXPECT_EQ(body["messages"], of(R"([
    {"role":"user","content":[{"text":"a"},{"text":"b"}]},
    {"role":"assistant","content":[{"toolUse":{"toolUseId":"c1","name":"look_up","input":{"q":1}}},
                                   {"toolUse":{"toolUseId":"c2","name":"look_up","input":{}}}]},
    {"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"x"}]}},
      {"toolResult":{"toolUseId":"c2","content":[{"text":"no"}],"status":"error"}},{"text":"and"},{"text":"c"}]}])"));
}

TEST(BedrockTurns, BeginWithTheUserAndAreNeverEmpty) {
  Request request;
  add_message(request, Role::assistant, {text_part("welcome")});
  EXPECT_EQ(converse_body(request)["messages"][0]["role"], "user");
  EXPECT_EQ(converse_body(request)["messages"].size(), 2u);
  EXPECT_EQ(converse_body(Request{})["messages"].size(), 1u);
  Request late = asking();
  add_message(late, Role::system, {text_part("now in verse")});
  EXPECT_EQ(lost(late), (Names{"messages[1].system"}));
}

TEST(BedrockTurns, PartsInTheWrongPlaceAreNamed) {
  Request request = asking();
  add_message(request, Role::assistant,
              {media_part({.kind = Media::Kind::image, .mime = "image/png", .data = "iVBO"}), result_part("x", "y"),
               text_part("z")});
  EXPECT_EQ(lost(request), (Names{"messages[1].image", "messages[1].content"}));
}

TEST(BedrockIds, AreMadeToFitOnBothSides) {
  Request request = asking();
  add_message(request, Role::assistant, {call_part("call|1", "look_up", "{}")});
  add_message(request, Role::user, {result_part("call|1", "x")});
  add_tool(request);
  for (const std::string_view model : {kClaude45, std::string_view("mistral.mistral-large-2402-v1:0")}) {
    const Json messages = converse_body(request, model)["messages"];
    const std::string id = messages[1]["content"][0]["toolUse"]["toolUseId"];
    EXPECT_EQ(messages[2]["content"][0]["toolResult"]["toolUseId"].get<std::string>(), id);
    EXPECT_NE(id, "call|1");
  }
}

TEST(BedrockCalls, ArgumentsAreAlwaysAnObject) {
  Request request = asking();
  add_message(request, Role::assistant,
              {call_part("a", "f", R"({"q": )"), call_part("b", "f", "[1]"), call_part("c", "f", "")});
  ToolCall custom{.id = "d", .name = "f", .arguments = R"({"free":"text"})"};
  custom.custom = true;
  request.messages.back().parts.emplace_back().what = custom;
  add_tool(request, "f");
  const Json content = converse_body(request)["messages"][1]["content"];
  EXPECT_EQ(content[0]["toolUse"]["input"], of(R"({"input":"{\"q\": "})"));
  EXPECT_EQ(content[1]["toolUse"]["input"], of(R"({"input":"[1]"})"));
  EXPECT_EQ(content[2]["toolUse"]["input"], Json::object());
  EXPECT_EQ(content[3]["toolUse"]["input"], of(R"({"input":"{\"free\":\"text\"}"})"));
}

TEST(BedrockResults, JsonMediaAndNothing) {
  Request request = asking();
  Part object, list, picture, nothing;
  object.what = ToolResult{.call_id = "a", .json = R"({"n":1})"};
  list.what = ToolResult{.call_id = "b", .json = "[1]"};
  ToolResult with_media{.call_id = "c"};
  with_media.content = {media_part({.kind = Media::Kind::image, .mime = "image/png", .data = "iVBO"}),
                        media_part({.kind = Media::Kind::image, .url = "https://x/y.png"}),
                        media_part({.kind = Media::Kind::audio, .mime = "audio/wav", .data = "UklG"})};
  picture.what = with_media;
  nothing.what = ToolResult{.call_id = "d"};
  add_message(request, Role::assistant, {call_part("a", "f", "{}")});
  add_message(request, Role::user, {object, list, picture, nothing});
  add_tool(request, "f");
  Losses losses;
  const Json content = converse_body(request, kClaude45, losses)["messages"][2]["content"];
  EXPECT_EQ(content[0]["toolResult"]["content"], of(R"([{"json":{"n":1}}])"));
  EXPECT_EQ(content[1]["toolResult"]["content"], of(R"([{"text":"[1]"}])"));
  EXPECT_EQ(content[2]["toolResult"]["content"], of(R"([{"image":{"format":"png","source":{"bytes":"iVBO"}}}])"));
  EXPECT_EQ(content[3]["toolResult"]["content"].size(), 1u);
  EXPECT_EQ(losses.names(), (Names{"messages[2].image.url", "messages[2].audio"}));
}

TEST(BedrockMedia, FormatsAreFound) {
  Request request = asking();
  auto& parts = request.messages[0].parts;
  using K = Media::Kind;
  parts.push_back(media_part({.kind = K::image, .mime = "image/jpg", .data = "/9j/AA=="}));
  parts.push_back(media_part({.kind = K::image, .data = "R0lGODlh"}));
  parts.push_back(media_part({.kind = K::image, .mime = "image/*", .data = "iVBORw0KGgo="}));
  parts.push_back(media_part({.kind = K::image, .url = "s3://b/a.webp"}));
  parts.push_back(media_part({.kind = K::document, .mime = "application/json", .data = "e30="}));
  parts.push_back(media_part({.kind = K::document, .data = "JVBERi0x", .name = "a"}));
  parts.push_back(media_part({.kind = K::audio, .mime = "audio/mp3", .data = "SUQz"}));
  parts.push_back(media_part({.kind = K::audio, .mime = "audio/x-m4a", .data = "AAAA"}));
  parts.push_back(media_part({.kind = K::video, .mime = "video/quicktime", .data = "AAAA"}));
  parts.push_back(media_part({.kind = K::image, .mime = "image/png", .data = "-_\n8"}));
  const Json content = converse_body(request)["messages"][0]["content"];
  const std::array<std::pair<const char*, const char*>, 10> wanted{{{"image", "jpeg"},
                                                                    {"image", "gif"},
                                                                    {"image", "png"},
                                                                    {"image", "webp"},
                                                                    {"document", "txt"},
                                                                    {"document", "pdf"},
                                                                    {"audio", "mp3"},
                                                                    {"audio", "m4a"},
                                                                    {"video", "mov"},
                                                                    {"image", "png"}}};
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_EQ(content[i + 1][wanted[i].first]["format"], wanted[i].second) << i;
  EXPECT_EQ(content[4]["image"]["source"], of(R"({"s3Location":{"uri":"s3://b/a.webp"}})"));
  EXPECT_EQ(content[10]["image"]["source"]["bytes"], "+/8=") << "the plain alphabet, padded";
}

TEST(BedrockMedia, WhatHasNoPlaceIsNamed) {
  using K = Media::Kind;
  const auto one = [](Media media) {
    Request request = asking();
    request.messages[0].parts.push_back(media_part(std::move(media)));
    return lost(request);
  };
  EXPECT_EQ(one({.kind = K::image, .url = "https://x/y.png"}), (Names{"messages[0].image.url"}));
  EXPECT_EQ(one({.kind = K::image, .file_id = "f"}), (Names{"messages[0].image.file_id"}));
  EXPECT_EQ(one({.kind = K::image, .mime = "image/svg+xml", .data = "PHN2"}), (Names{"messages[0].image.format"}));
  EXPECT_EQ(one({.kind = K::document, .mime = "application/zip", .data = "UEsD"}),
            (Names{"messages[0].document.format"}));
}

TEST(BedrockMedia, DocumentsHaveNamesOfTheirOwn) {
  Request request;
  using K = Media::Kind;
  add_message(
      request, Role::user,
      {media_part({.kind = K::document, .mime = "application/pdf", .data = "JVBE", .name = "Q1 report_(final).pdf"}),
       media_part({.kind = K::document, .mime = "application/pdf", .data = "JVBE", .name = "Q1 report/(final)"}),
       media_part({.kind = K::document, .text = "words"}), media_part({.kind = K::document, .text = "more"})});
  const Json content = converse_body(request)["messages"][0]["content"];
  EXPECT_EQ(content[0]["document"]["name"], "Q1 report (final)");
  EXPECT_EQ(content[1]["document"]["name"], "Q1 report (final) 2");
  EXPECT_EQ(content[2]["document"], of(R"({"format":"txt","name":"Document","source":{"text":"words"}})"));
  EXPECT_EQ(content[3]["document"]["name"], "Document 2");
  EXPECT_TRUE(content[4].contains("text")) << "a document wants a text beside it";
  const Json nova = converse_body(request, kNova2)["messages"][0]["content"];
  EXPECT_EQ(nova[2]["document"]["source"], of(R"({"bytes":"d29yZHM="})"));
}

TEST(BedrockCache, PointsStandBehindWhatTheyMark) {
  Request request;
  add_message(request, Role::system, {text_part("s")});
  add_message(request, Role::user, {text_part("a"), text_part("b")});
  request.messages[0].parts[0].cache = {.set = true};
  request.messages[1].parts[0].cache = {.set = true, .ttl = "1h"};
  add_tool(request);
  request.tools[0].cache = {.set = true, .ttl = "24h"};
  const Json body = converse_body(request);
  EXPECT_EQ(body["system"][1], of(R"({"cachePoint":{"type":"default"}})"));
  EXPECT_EQ(body["messages"][0]["content"][1], of(R"({"cachePoint":{"type":"default","ttl":"1h"}})"));
  EXPECT_EQ(body["toolConfig"]["tools"][1], of(R"({"cachePoint":{"type":"default"}})"));
  EXPECT_EQ(lost(request, "us.meta.llama4-maverick-17b-instruct-v1:0"), (Names{"cache_marks"}));
  EXPECT_EQ(lost(request, kNova2), (Names{"cache_marks"})) << "not among tools";
}

TEST(BedrockTools, SchemasNamesAndStrictness) {
  Request request = asking();
  add_tool(request, "a", "");
  add_tool(request, "b", R"({"properties":{"x":{"type":"string"}}})");
  add_tool(request, "c", R"({"$schema":"s","type":"object"})");
  request.tools[0].description = " ";
  request.tools[2].strict = true;
  const Json tools = converse_body(request)["toolConfig"]["tools"];
  EXPECT_EQ(tools[0], of(R"({"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object","properties":{}}}}})"));
  EXPECT_EQ(tools[1]["toolSpec"]["inputSchema"]["json"]["type"], "object");
  EXPECT_EQ(tools[2]["toolSpec"]["strict"], true);
  EXPECT_EQ(lost(request, "us.amazon.nova-lite-v1:0"), (Names{"tools[2].strict_tools"}));
  request.tools[1].name = "with.dot";
  Losses losses;
  const auto body = bedrock_converse().write_request(request, {.model = kClaude45}, losses);
  ASSERT_FALSE(body);
  EXPECT_NE(body.error().message.find("tools[1].name"), std::string::npos);
}

TEST(BedrockTools, ServerToolsOfNova) {
  Request request = asking();
  for (const auto kind : {Tool::Kind::web_search, Tool::Kind::code_execution}) {
    Tool& tool = request.tools.emplace_back();
    tool.kind = kind;
    tool.origin = "anthropic.messages";
    tool.config = "{}";
  }
  EXPECT_EQ(converse_body(request, kNova2)["toolConfig"]["tools"],
            of(R"([{"systemTool":{"name":"nova_grounding"}},{"systemTool":{"name":"nova_code_interpreter"}}])"));
  EXPECT_EQ(lost(request), (Names{"tools[0].web_search_tool", "tools[1].code_execution_tool"}));
}

TEST(BedrockTools, ChoicesByModel) {
  using M = ToolChoice::Mode;
  const auto choice = [](M mode, std::optional<bool> parallel, std::string_view model, const char* where) {
    Request request = asking();
    add_tool(request);
    request.tool_choice.mode = mode;
    request.tool_choice.name = mode == M::named ? "look_up" : "";
    request.tool_choice.parallel = parallel;
    Losses losses;
    Json body = converse_body(request, model, losses);
    std::string out = body.contains("toolConfig") ? "" : "no tools ";
    if (body["toolConfig"].contains("toolChoice")) out += dump_json(body["toolConfig"]["toolChoice"]);
    if (body.contains("additionalModelRequestFields")) out += dump_json(body["additionalModelRequestFields"]);
    for (const std::string& name : losses.names()) out += " lost " + name;
    EXPECT_EQ(out, where);
  };
  constexpr std::string_view kLlama = "us.meta.llama4-maverick-17b-instruct-v1:0", kMistral = "mistral.mistral-large-3";
  choice(M::unset, {}, kClaude45, "");
  choice(M::automatic, true, kClaude45, R"({"auto":{}})");
  choice(M::required, {}, kClaude45, R"({"any":{}})");
  choice(M::named, {}, kClaude45, R"({"tool":{"name":"look_up"}})");
  choice(M::unset, false, kClaude45, R"({"tool_choice":{"type":"auto","disable_parallel_tool_use":true}})");
  choice(M::named, false, kClaude45,
         R"({"tool_choice":{"type":"tool","name":"look_up","disable_parallel_tool_use":true}})");
  choice(M::none, {}, kClaude45, R"({"tool_choice":{"type":"none"}})");
  choice(M::none, {}, kNova2, "no tools ");
  choice(M::automatic, false, kNova2, R"({"auto":{}} lost parallel_tool_calls)");
  choice(M::required, {}, kLlama, " lost tool_choice_required");
  choice(M::named, {}, kLlama, " lost tool_choice_named");
  choice(M::named, {}, kMistral, R"({"any":{}} lost tool_choice_named)");
  choice(M::required, {}, "us.anthropic.claude-opus-5-5-v1", " lost tool_choice_required");
}

TEST(BedrockTools, OnlyThoseAllowedAndThoseCalledBefore) {
  Request request = asking();
  add_tool(request, "a");
  add_tool(request, "b");
  request.tool_choice.allowed = {"b"};
  const Json tools = converse_body(request)["toolConfig"]["tools"];
  ASSERT_EQ(tools.size(), 1u);
  EXPECT_EQ(tools[0]["toolSpec"]["name"], "b");
  Request history = asking();
  add_message(history, Role::assistant, {call_part("1", "f", "{}"), call_part("2", "f", "{}")});
  add_message(history, Role::user, {result_part("1", "x"), result_part("2", "x")});
  const Json declared = converse_body(history)["toolConfig"]["tools"];
  ASSERT_EQ(declared.size(), 1u) << "calls are refused where no tools are declared";
  EXPECT_EQ(declared[0]["toolSpec"]["name"], "f");
  EXPECT_FALSE(converse_body(asking()).contains("toolConfig"));
}

}  // namespace
}  // namespace tollgate::gateway
