// Requests of other families as Gemini upstreams take them, with every loss named.
#include <gtest/gtest.h>

#include "gemini_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

struct Made {
  Json body;
  std::vector<std::string> losses;
};

Made write(const Request& request, std::string_view model = "gemini-3-flash-preview", bool vertex = false) {
  Losses losses;
  WriteContext context{.model = model};
  context.quirks.vertex_labels = vertex;
  const auto body = gemini().write_request(request, context, losses);
  EXPECT_TRUE(body);
  return {.body = parsed(body ? *body : "{}"), .losses = losses.names()};
}

Message said(Role role, Part part) { return {.role = role, .parts = {std::move(part)}}; }
Part text(std::string words) { return {.what = Text{.text = std::move(words)}}; }

void expect_json(const Json& left, const std::string& right) {
  for (const JsonDifference& one : compare_json(left, parsed(right)))
    ADD_FAILURE() << one.path << "\n  written:  " << one.left << "\n  expected: " << one.right;
}

TEST(GeminiForeign, ResultsOfOneTurnStandInOneContent) {
  Request request;
  request.messages = {said(Role::system, text("be brief")),
                      said(Role::user, text("weather?")),
                      said(Role::assistant, text("I look")),
                      said(Role::assistant, {.what = ToolCall{.id = "a", .name = "f", .arguments = R"({"x": 1})"}}),
                      said(Role::assistant, {.what = ToolCall{.id = "b", .name = "g"}}),
                      said(Role::user, {.what = ToolResult{.call_id = "a", .content = {text("21")}}}),
                      said(Role::user, {.what = ToolResult{.call_id = "b", .json = R"({"t":1})"}}),
                      said(Role::user, text("go on"))};
  const Made made = write(request, "gemini-2.5-flash");
  expect_json(made.body, R"({"systemInstruction":{"parts":[{"text":"be brief"}]},"contents":[
    {"role":"user","parts":[{"text":"weather?"}]},
    {"role":"model","parts":[{"text":"I look"},{"functionCall":{"id":"a","name":"f","args":{"x":1}}},
      {"functionCall":{"id":"b","name":"g","args":{}}}]},
    {"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":"21"}}},
      {"functionResponse":{"id":"b","name":"g","response":{"t":1}}},{"text":"go on"}]}]})");
  EXPECT_TRUE(made.losses.empty());
}

TEST(GeminiForeign, NewModelsGetASignatureForTheFirstCallOfAStep) {
  Request request;
  request.messages = {
      said(Role::user, text("go")),
      {.role = Role::assistant,
       .parts = {{.what = ToolCall{.id = "a", .name = "f", .signature = {"sig", "anthropic"}}},
                 {.what = ToolCall{.id = "b", .name = "f"}}}},
      said(Role::user, {.what = ToolResult{.call_id = "a", .content = {text("1")}}}),
      said(Role::assistant, {.what = ToolCall{.id = "c", .name = "f", .signature = {"b3du", "google"}}})};
  const Json contents = write(request).body["contents"];
  EXPECT_EQ(contents[1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
  EXPECT_FALSE(contents[1]["parts"][1].contains("thoughtSignature"));
  EXPECT_EQ(contents[3]["parts"][0]["thoughtSignature"], "b3du");
  EXPECT_FALSE(write(request, "gemini-2.5-pro").body["contents"][1]["parts"][0].contains("thoughtSignature"));
  EXPECT_EQ(write(request, "gemini-flash-latest").body["contents"][1]["parts"][0]["thoughtSignature"],
            "skip_thought_signature_validator");
}

TEST(GeminiForeign, ThoughtsOfOthersAreLeftOut) {
  Request request;
  request.messages = {
      {.role = Role::assistant,
       .parts = {{.what = Thinking{.text = "hm", .signature = {"s", "anthropic"}}}, text("yes")}},
      {.role = Role::assistant, .parts = {{.what = Thinking{.text = "only"}}}},
      {.role = Role::user, .parts = {{.what = Opaque{.dialect = "anthropic.messages", .json = "{}"}}}},
      {.role = Role::assistant, .parts = {{.what = Thinking{.text = "mine", .signature = {"Z28=", "google"}}}}}};
  const Made made = write(request);
  expect_json(made.body, R"({"contents":[{"role":"model","parts":[{"text":"yes"}]},
    {"role":"model","parts":[{"text":"mine","thought":true,"thoughtSignature":"Z28="}]}]})");
  EXPECT_EQ(made.losses, (std::vector<std::string>{"thinking_history", "opaque_history"}));
}

TEST(GeminiForeign, InstructionsAreGathered) {
  Request request;
  request.messages = {said(Role::system, text("one")), said(Role::developer, text("two")), said(Role::user, text("hi")),
                      said(Role::system, text("three"))};
  const Made made = write(request);
  expect_json(made.body["systemInstruction"], R"({"parts":[{"text":"one"},{"text":"two"},{"text":"three"}]})");
  EXPECT_EQ(made.losses, std::vector<std::string>{"messages[3].position"});
}

TEST(GeminiForeign, MediaGoWhereTheVendorReadsThem) {
  using Kind = Media::Kind;
  const auto part_of = [](Media media, bool vertex = false) {
    Request request;
    request.messages = {said(Role::user, {.what = std::move(media)})};
    Made made = write(request, "gemini-3-flash", vertex);
    made.body = made.body["contents"].empty() ? Json() : made.body["contents"][0]["parts"];
    return made;
  };
  expect_json(part_of({.kind = Kind::image, .mime = "image/png", .data = "AAAA"}).body,
              R"([{"inlineData":{"mimeType":"image/png","data":"AAAA"}}])");
  expect_json(part_of({.kind = Kind::image, .url = "https://x.y/a.webp?b=1"}).body,
              R"([{"fileData":{"mimeType":"image/webp","fileUri":"https://x.y/a.webp?b=1"}}])");
  expect_json(part_of({.kind = Kind::image, .url = "data:image/gif;base64,R0lG"}).body,
              R"([{"inlineData":{"mimeType":"image/gif","data":"R0lG"}}])");
  expect_json(part_of({.kind = Kind::audio, .data = "UklG"}).body,
              R"([{"inlineData":{"mimeType":"audio/wav","data":"UklG"}}])");
  expect_json(part_of({.kind = Kind::document, .text = "words", .context = "about words"}).body,
              R"([{"text":"about words"},{"inlineData":{"mimeType":"text/plain","data":"d29yZHM="}}])");
  const Media named{.kind = Kind::document, .mime = "application/pdf", .data = "JVBE", .name = "a.pdf"};
  EXPECT_EQ(part_of(named).losses, std::vector<std::string>{"messages[0].document.name"});
  expect_json(part_of(named, true).body,
              R"([{"inlineData":{"mimeType":"application/pdf","data":"JVBE","displayName":"a.pdf"}}])");
  EXPECT_TRUE(part_of(named, true).losses.empty());
  EXPECT_EQ(part_of({.kind = Kind::image, .url = "s3://b/k"}).losses,
            std::vector<std::string>{"messages[0].image.url"});
  EXPECT_EQ(part_of({.kind = Kind::image, .file_id = "file-1"}).losses,
            std::vector<std::string>{"messages[0].image.file_id"});
}

TEST(GeminiForeign, ImageDetailIsOneSetting) {
  Request request;
  request.messages = {said(Role::user, {.what = Media{.mime = "image/png", .data = "AAAA", .detail = "low"}})};
  EXPECT_EQ(write(request).body["generationConfig"]["mediaResolution"], "MEDIA_RESOLUTION_LOW");
  request.messages.push_back(said(Role::user, {.what = Media{.mime = "image/png", .data = "AAAA", .detail = "high"}}));
  EXPECT_EQ(write(request).body["generationConfig"]["mediaResolution"], "MEDIA_RESOLUTION_HIGH");
  EXPECT_EQ(write(request).losses, std::vector<std::string>{"image_detail"});
}

TEST(GeminiForeign, ResultsCarryErrorsAndMedia) {
  Request request;
  ToolResult picture{.call_id = "a", .content = {text("see"), {.what = Media{.mime = "image/png", .data = "AAAA"}}}};
  request.messages = {said(Role::assistant, {.what = ToolCall{.id = "a", .name = "f"}}),
                      said(Role::user, {.what = picture}),
                      said(Role::user, {.what = ToolResult{.call_id = "a", .content = {text("no")}, .is_error = true}}),
                      said(Role::user, {.what = ToolResult{.call_id = "a", .json = "[1]", .is_error = true}}),
                      said(Role::user, {.what = ToolResult{.call_id = "lost", .content = {text("x")}}})};
  expect_json(write(request).body["contents"][1]["parts"], R"([
    {"functionResponse":{"id":"a","name":"f","response":{"output":"see"},
      "parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}},
    {"functionResponse":{"id":"a","name":"f","response":{"error":"no"}}},
    {"functionResponse":{"id":"a","name":"f","response":{"error":[1]}}},
    {"functionResponse":{"id":"lost","name":"lost","response":{"output":"x"}}}])");
  const Json old = write(request, "gemini-2.5-flash").body["contents"][1]["parts"];
  ASSERT_EQ(old.size(), 5u);
  EXPECT_FALSE(old[0]["functionResponse"].contains("parts"));
  expect_json(old[4], R"({"inlineData":{"mimeType":"image/png","data":"AAAA"}})");
}

TEST(GeminiForeign, BrokenAndCustomArgumentsStayReadable) {
  Request request;
  request.messages = {{.role = Role::assistant,
                       .parts = {{.what = ToolCall{.id = "a", .name = "f", .arguments = R"({"x": )"}},
                                 {.what = ToolCall{.id = "b", .name = "f", .arguments = "free text", .custom = true}},
                                 {.what = ToolCall{.id = "c", .name = "f", .arguments = "[1]"}}}}};
  const Json parts = write(request, "gemini-2.5-flash").body["contents"][0]["parts"];
  expect_json(parts[0]["functionCall"]["args"], R"({"input":"{\"x\": "})");
  expect_json(parts[1]["functionCall"]["args"], R"({"input":"free text"})");
  expect_json(parts[2]["functionCall"]["args"], R"({"input":"[1]"})");
}

TEST(GeminiForeign, ToolsOfOthersAreNamedAnew) {
  Request request;
  Tool function;
  function.name = "f";
  function.parameters = R"({"type":"object"})";
  Tool search{.kind = Tool::Kind::web_search, .origin = "anthropic.messages"};
  search.config = R"({"type":"web_search_20250305","name":"web_search","max_uses":3})";
  Tool fetch{.kind = Tool::Kind::web_fetch, .origin = "anthropic.messages"};
  Tool other{.kind = Tool::Kind::mcp, .origin = "openai.responses"};
  request.tools = {search, function, fetch, other};
  const Made made = write(request);
  expect_json(made.body, R"({"contents":[],"tools":[
    {"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object"}}]},{"googleSearch":{}},{"urlContext":{}}],
    "toolConfig":{"includeServerSideToolInvocations":true}})");
  EXPECT_EQ(made.losses, std::vector<std::string>{"tools[0].max_uses"});
  EXPECT_FALSE(write(request, "gemini-3-flash", true).body.contains("toolConfig"));
}

TEST(GeminiForeign, ChoiceOfTools) {
  const auto config = [](ToolChoice choice, bool strict = false) {
    Request request;
    Tool tool;
    tool.name = "f";
    if (strict) tool.strict = true;
    request.tools = {tool};
    request.tool_choice = std::move(choice);
    const Json body = write(request).body;
    return body.contains("toolConfig") ? body["toolConfig"]["functionCallingConfig"] : Json();
  };
  using Mode = ToolChoice::Mode;
  EXPECT_TRUE(config({.mode = Mode::automatic}).is_null());
  expect_json(config({.mode = Mode::none}), R"({"mode":"NONE"})");
  expect_json(config({.mode = Mode::required}), R"({"mode":"ANY"})");
  expect_json(config({.mode = Mode::named, .name = "f"}), R"({"mode":"ANY","allowedFunctionNames":["f"]})");
  expect_json(config({.mode = Mode::automatic, .allowed = {"f"}}),
              R"({"mode":"VALIDATED","allowedFunctionNames":["f"]})");
  expect_json(config({}, true), R"({"mode":"VALIDATED"})");
}

TEST(GeminiForeign, ReasoningByModel) {
  const auto thinking = [](Reasoning reasoning, std::string_view model) {
    Request request;
    request.reasoning = std::move(reasoning);
    Made made = write(request, model);
    made.body = made.body.contains("generationConfig") ? made.body["generationConfig"]["thinkingConfig"] : Json();
    return made;
  };
  using Mode = Reasoning::Mode;
  expect_json(thinking({.effort = "medium"}, "gemini-3-flash").body, R"({"thinkingLevel":"MEDIUM"})");
  expect_json(thinking({.effort = "max"}, "gemini-3.1-pro").body, R"({"thinkingLevel":"HIGH"})");
  expect_json(thinking({.effort = "minimal"}, "gemini-3-flash").body, R"({"thinkingLevel":"MINIMAL"})");
  expect_json(thinking({.effort = "minimal"}, "gemini-3.1-pro").body, R"({"thinkingLevel":"LOW"})");
  expect_json(thinking({.effort = "low"}, "gemini-2.5-flash").body, R"({"thinkingBudget":2048})");
  expect_json(thinking({.effort = "max"}, "gemini-2.5-flash").body, R"({"thinkingBudget":24576})");
  expect_json(thinking({.mode = Mode::on, .budget = 5000}, "gemini-3-flash").body,
              R"({"thinkingBudget":5000,"includeThoughts":true})");
  expect_json(thinking({.effort = "high", .summary = "auto"}, "gemini-3-flash").body,
              R"({"thinkingLevel":"HIGH","includeThoughts":true})");
  expect_json(thinking({.mode = Mode::on, .include = false}, "gemini-3-flash").body, R"({"includeThoughts":false})");
  expect_json(thinking({.effort = "none"}, "gemini-2.5-flash").body, R"({"thinkingBudget":0})");
  const Made never_off = thinking({.mode = Mode::off}, "gemini-2.5-pro");
  expect_json(never_off.body, R"({"thinkingBudget":128})");
  EXPECT_EQ(never_off.losses, std::vector<std::string>{"reasoning_off"});
  EXPECT_EQ(thinking({.mode = Mode::off}, "gemini-3-flash").losses, std::vector<std::string>{"reasoning_off"});
  EXPECT_EQ(thinking({.effort = "huge"}, "gemini-3-flash").losses, std::vector<std::string>{"reasoning_effort"});
}

TEST(GeminiForeign, SettingsAndTheirLimits) {
  Request request;
  request.stop = {"1", "2", "3", "4", "5", "6"};
  request.service_tier = "default";
  request.metadata = R"({"team":"a"})";
  request.top_logprobs = 2;
  request.modalities = {"text", "image"};
  request.format = {
      .kind = ResponseFormat::Kind::json_schema, .name = "n", .schema = R"({"type":"object"})", .strict = true};
  const Made made = write(request);
  expect_json(made.body, R"({"contents":[],"serviceTier":"standard","generationConfig":{
    "stopSequences":["1","2","3","4","5"],"responseLogprobs":true,"logprobs":2,"responseModalities":["TEXT","IMAGE"],
    "responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}})");
  EXPECT_EQ(made.losses, (std::vector<std::string>{"stop[5]", "metadata"}));
  EXPECT_EQ(write(request, "m", true).body["labels"]["team"], "a");
  request.service_tier = "scale";
  EXPECT_EQ(write(request, "m", true).losses, (std::vector<std::string>{"stop[5]", "service_tier"}));
}

}  // namespace
}  // namespace tollgate::gateway
