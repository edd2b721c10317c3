// Requests of other dialects as Converse takes them: turns, ids, names, media, tools, thinking, and what is named as
// lost.
#include "bedrock_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;
using Names = std::vector<std::string>;

Part call_part(std::string id, std::string name, std::string arguments) {
  Part part;
  part.what = ToolCall{.id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)};
  return part;
}

Part result_part(std::string id, std::string text, bool is_error = false) {
  Part part;
  ToolResult result;
  result.call_id = std::move(id);
  result.is_error = is_error;
  result.content.push_back(text_part(std::move(text)));
  part.what = std::move(result);
  return part;
}

Part media_part(Media media) {
  Part part;
  part.what = std::move(media);
  return part;
}

Part thinking_part(std::string text, std::string signature, std::string origin) {
  Part part;
  Thinking thinking;
  thinking.text = std::move(text);
  thinking.signature = {.value = std::move(signature), .origin = std::move(origin)};
  part.what = std::move(thinking);
  return part;
}

void add_tool(Request& request, std::string name = "look_up", std::string parameters = R"({"type":"object"})") {
  Tool& tool = request.tools.emplace_back();
  tool.name = std::move(name);
  tool.parameters = std::move(parameters);
}

Json of(const char* text) { return json_of(text); }

// Losses for this model; the body is not of interest.
Names lost(const Request& request, std::string_view model = kClaude45) {
  Losses losses;
  converse_body(request, model, losses);
  return losses.names();
}

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

TEST(BedrockSampling, AsTheModelTakesIt) {
  Request request = asking();
  request.temperature = "0.5", request.top_k = "7", request.max_output_tokens = 77;
  request.stop = {"END", "\n"};
  Losses losses;
  const Json claude = converse_body(request, kClaude45, losses);
  EXPECT_EQ(claude["inferenceConfig"], of(R"({"maxTokens":77,"temperature":0.5,"stopSequences":["END"]})"));
  EXPECT_EQ(losses.names(), (Names{"stop"})) << "a blank stop string is refused";
  EXPECT_EQ(claude["additionalModelRequestFields"]["top_k"], 7);
  EXPECT_EQ(claude["additionalModelResponseFieldPaths"], of(R"(["/stop_sequence"])"));
  EXPECT_EQ(converse_body(request, kClaude45, losses, true)["additionalModelResponseFieldPaths"],
            of(R"(["/delta/stop_sequence"])"));
  EXPECT_EQ(converse_body(request, kNova2, losses)["additionalModelRequestFields"],
            of(R"({"inferenceConfig":{"topK":7}})"));
  EXPECT_EQ(converse_body(request, "cohere.command-r-v1:0", losses)["additionalModelRequestFields"], of(R"({"k":7})"));
  EXPECT_EQ(lost(request, "us.openai.gpt-5.6"), (Names{"temperature", "stop", "top_k"}));
  EXPECT_EQ(lost(request, "us.anthropic.claude-opus-4-8-v1"), (Names{"temperature", "stop", "top_k"}));
  request.stop.clear();
  request.top_p = "0.9";
  EXPECT_EQ(lost(request), (Names{"top_p"})) << "not beside a temperature";
  request.temperature = "1.5";
  request.top_p.clear();
  losses = {};
  EXPECT_EQ(converse_body(request, kClaude45, losses)["inferenceConfig"]["temperature"], 1);
  EXPECT_EQ(losses.names(), (Names{"temperature.above_1"}));
}

TEST(BedrockReasoning, InEachModelsWords) {
  const auto fields = [](Reasoning reasoning, std::string_view model, const char* wanted,
                         std::optional<std::int64_t> limit = {}) {
    Request request = asking();
    request.reasoning = std::move(reasoning);
    request.max_output_tokens = limit;
    Losses losses;
    const Json body = converse_body(request, model, losses);
    std::string out;
    if (body.contains("additionalModelRequestFields")) out += dump_json(body["additionalModelRequestFields"]);
    if (body.contains("outputConfig")) out += dump_json(body["outputConfig"]);
    for (const std::string& name : losses.names()) out += " lost " + name;
    EXPECT_EQ(out, wanted) << model;
  };
  using M = Reasoning::Mode;
  constexpr std::string_view kOss = "openai.gpt-oss-120b-1:0", kOpus46 = "us.anthropic.claude-opus-4-6-v1";
  fields({.mode = M::on, .budget = 2048}, kClaude45, R"({"thinking":{"type":"enabled","budget_tokens":2048}})");
  fields({.effort = "low"}, kClaude45, R"({"thinking":{"type":"enabled","budget_tokens":2048}})");
  fields({.effort = "high"}, kOpus46, R"({"thinking":{"type":"adaptive"}}{"effort":"high"})");
  fields({.mode = M::off}, kClaude45, R"({"thinking":{"type":"disabled"}})");
  fields({.effort = "low"}, "anthropic.claude-3-5-sonnet-20240620-v1:0", " lost reasoning_effort");
  fields({.effort = "minimal"}, "arn:aws:bedrock:us-east-1:1:application-inference-profile/x", R"({"effort":"low"})");
  fields({.effort = "minimal"}, kNova2, R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}})");
  fields({.effort = "max"}, kNova2, R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}})");
  fields({.effort = "high"}, kNova2,
         R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"medium"}} lost reasoning_effort.high)", 500);
  fields({.mode = M::on, .budget = 30000}, kNova2,
         R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}})");
  fields({.mode = M::off}, kNova2, R"({"reasoningConfig":{"type":"disabled"}})");
  fields({.mode = M::off}, "us.amazon.nova-lite-v1:0", "");
  fields({.effort = "low"}, "us.amazon.nova-lite-v1:0", " lost reasoning_effort");
  fields({.effort = "xhigh"}, kOss, R"({"reasoning_effort":"high"})");
  fields({.effort = "none"}, kOss, " lost reasoning_effort");
  fields({.effort = "xhigh"}, "us.openai.gpt-5.6", R"({"reasoning":{"effort":"xhigh"}})");
  fields({.mode = M::off}, "us.openai.gpt-5.6", R"({"reasoning":{"effort":"none"}})");
  fields({.mode = M::on, .budget = 9000}, "us.deepseek.r1-v1:0", " lost reasoning_budget");
  fields({.mode = M::off}, "us.deepseek.r1-v1:0", " lost reasoning_off");
}

TEST(BedrockReasoning, LeavesNoRoomBesideIt) {
  Request request = asking();
  add_tool(request);
  request.reasoning.effort = "low";
  request.temperature = "0.3", request.top_p = "0.5", request.top_k = "3";
  Losses losses;
  const Json body = converse_body(request, kClaude45, losses);
  EXPECT_FALSE(body["inferenceConfig"].contains("temperature"));
  EXPECT_EQ(losses.names(), (Names{"temperature", "top_p", "top_k"}));
  request.tool_choice.mode = ToolChoice::Mode::required;
  losses = {};
  EXPECT_FALSE(converse_body(request, kClaude45, losses)["additionalModelRequestFields"].contains("thinking"))
      << "a call can be forced or thought about";
  EXPECT_EQ(losses.names(), (Names{"reasoning_effort", "top_p"}));
}

TEST(BedrockThinking, OnlySignaturesThatTheModelKnows) {
  const auto history = [](Part part) {
    Request request = asking();
    add_message(request, Role::assistant, {std::move(part), text_part("so")});
    add_message(request, Role::user, {text_part("more")});
    return request;
  };
  const Json wanted = of(R"({"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}})");
  for (const char* origin : {"bedrock", "anthropic"})
    EXPECT_EQ(converse_body(history(thinking_part("hm", "c2ln", origin)))["messages"][1]["content"][0], wanted)
        << origin;
  EXPECT_EQ(lost(history(thinking_part("hm", "c2ln", "google"))), (Names{"thinking_history"}));
  EXPECT_EQ(lost(history(thinking_part("hm", "", ""))), (Names{"thinking_history"}));
  EXPECT_EQ(lost(history(thinking_part("hm", "c2ln", "anthropic")), kNova2), (Names{"thinking_history"}));
  Part redacted;
  Thinking hidden;
  hidden.redacted = {.value = "EuYB", .origin = "anthropic"};
  redacted.what = hidden;
  EXPECT_EQ(converse_body(history(redacted))["messages"][1]["content"][0],
            of(R"({"reasoningContent":{"redactedContent":"RXVZQg=="}})"))
      << "bytes on this wire";
  // Its own callers bring back what another family signed; the service would refuse it.
  const auto wrapped = converse_request(
      R"({"messages":[{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"tollgate.google.abc"}}}]}]})");
  EXPECT_EQ(wrapped.messages[0].parts[0].get<Thinking>()->signature.origin, "google");
  Losses losses;
  ASSERT_TRUE(bedrock_converse().write_request(wrapped, {.model = kClaude45, .same_dialect = true}, losses));
  EXPECT_EQ(losses.names(), (Names{"thinking_history"}));
}

TEST(BedrockThinking, CallsWithoutItsThoughtsAreNotThoughtOn) {
  Request request = asking();
  add_message(request, Role::assistant, {call_part("1", "look_up", "{}")});
  add_message(request, Role::user, {result_part("1", "x")});
  add_tool(request);
  request.reasoning.effort = "high";
  EXPECT_EQ(lost(request), (Names{"reasoning_effort"}));
  auto& said = request.messages[1].parts;
  said.insert(said.begin(), thinking_part("hm", "c2ln", "bedrock"));
  EXPECT_TRUE(lost(request).empty());
}

TEST(BedrockFormat, SchemaOrInstruction) {
  Request request = asking();
  request.format.kind = ResponseFormat::Kind::json_schema;
  request.format.schema = R"({"type":"object"})";
  request.format.name = "answer";
  request.format.strict = true;
  EXPECT_EQ(
      converse_body(request)["outputConfig"],
      of(R"({"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\"}","name":"answer"}}}})"));
  Losses losses;
  const Json nova = converse_body(request, kNova2, losses);
  EXPECT_FALSE(nova.contains("outputConfig"));
  EXPECT_NE(nova["system"][0]["text"].get<std::string>().find(request.format.schema), std::string::npos);
  EXPECT_EQ(losses.names(), (Names{"strict_schema"}));
  request.format = {};
  request.format.kind = ResponseFormat::Kind::json_object;
  EXPECT_EQ(converse_body(request)["system"].size(), 1u);
}

TEST(BedrockMetadata, FitsTheServicesRules) {
  Request request = asking();
  request.metadata = R"({"team":"a b","n":7,"bad{key}":"x","long":")" + std::string(300, 'x') + "\"}";
  request.user = "u-1";
  Losses losses;
  EXPECT_EQ(converse_body(request, kClaude45, losses)["requestMetadata"], of(R"({"team":"a b","n":"7","user":"u-1"})"));
  EXPECT_EQ(losses.names(), (Names{"metadata.bad{key}", "metadata.long"}));
  request.metadata = R"({"user":"x"})";
  EXPECT_EQ(lost(request), (Names{"user"}));
}

TEST(BedrockTier, WordsOfOthers) {
  const auto tier = [](std::string word) {
    Request request = asking();
    request.service_tier = std::move(word);
    const Json body = converse_body(request);
    return body.contains("serviceTier") ? body["serviceTier"]["type"].get<std::string>() : "";
  };
  EXPECT_EQ(tier("auto"), "");
  EXPECT_EQ(tier("standard_only"), "default");
  EXPECT_EQ(tier("fast"), "priority");
  EXPECT_EQ(tier("flex"), "flex");
  Request request = asking();
  request.service_tier = "batch";
  EXPECT_EQ(lost(request), (Names{"service_tier"}));
}

// Extras of another dialect never reach the service.
TEST(BedrockForeign, ExtrasStayWhereTheyCameFrom) {
  Request request = asking();
  request.extra = {{"store_it", "true"}, {"additionalModelRequestFields.x", "1"}, {"inferenceConfig.y", "2"}};
  request.messages[0].extra = {{"z", "1"}};
  request.messages[0].parts[0].extra = {{"~type", "\"text\""}};
  EXPECT_EQ(converse_body(request), of(R"({"messages":[{"role":"user","content":[{"text":"hello"}]}]})"));
}

}  // namespace
}  // namespace tollgate::gateway
