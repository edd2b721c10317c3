// Requests of Cohere's chat, by small fixtures: what each member means, and how others' requests are said.
#include "core/chat_fields.h"
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

constexpr std::string_view kRich = R"({
  "model": "command-x", "stream": true,
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [
      {"type": "text", "text": "What is here?"},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K", "detail": "low"}},
      {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
    {"role": "assistant", "tool_plan": "I will look it up.",
     "tool_calls": [{"id": "look_1", "type": "function", "function": {"name": "look", "arguments": "{\"q\":1}"}}]},
    {"role": "tool", "tool_call_id": "look_1", "content": [
      {"type": "text", "text": "two rows"},
      {"type": "document", "document": {"id": "d1", "data": {"row": "one", "n": 2}}},
      {"type": "document", "document": {"data": {"title": "T", "text": "plain"}}}]},
    {"role": "assistant", "content": [
      {"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "It is a cat."}],
     "citations": [{"start": 8, "end": 11, "text": "cat", "content_index": 1, "type": "TEXT_CONTENT",
                    "sources": [{"type": "tool", "id": "look_1:0", "tool_output": {"content": "x"}}]}]},
    {"role": "user", "content": "Sure?"}],
  "documents": [{"id": "doc_a", "data": {"title": "A", "text": "First.", "url": "https://example.com/d"}},
                {"data": {"text": "Second."}}],
  "citation_options": {"mode": "FAST"},
  "tools": [{"type": "function", "function": {"name": "look", "description": "looks",
             "parameters": {"type": "object", "properties": {}}}}],
  "strict_tools": true, "tool_choice": "REQUIRED",
  "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
  "thinking": {"type": "enabled", "token_budget": 512},
  "max_tokens": 99, "temperature": 0.5, "p": 0.8, "k": 3, "frequency_penalty": 0.1, "presence_penalty": 0.2,
  "seed": 7, "stop_sequences": ["a", "b"], "logprobs": true, "safety_mode": "STRICT", "priority": 3
})";

Request read(std::string_view body) {
  auto request = cohere_chat().read_request(body, {});
  EXPECT_TRUE(request) << request.error().message;
  return request ? *request : Request{};
}

Json write(const Request& request, Losses& losses, bool same = false) {
  auto body =
      cohere_chat().write_request(request, {.model = "m", .stream = request.stream, .same_dialect = same}, losses);
  EXPECT_TRUE(body);
  return json_of(body ? *body : "null");
}

Request plain() {
  Request request;
  request.messages.push_back({.role = Role::user, .parts = {{.what = Text{.text = "hello"}}}});
  return request;
}

Tool tool_named(std::string name) {
  Tool tool;
  tool.name = std::move(name);
  tool.parameters = R"({"type":"object"})";
  return tool;
}

TEST(CohereRequest, MeansWhatItSays) {
  const Request request = read(kRich);
  EXPECT_EQ(request.model, "command-x");
  EXPECT_TRUE(request.stream);
  ASSERT_EQ(request.messages.size(), 6u);
  const auto& image = *request.messages[1].parts[1].get<Media>();
  EXPECT_EQ(image.mime + "|" + image.data + "|" + image.detail, "image/png|iVBORw0K|low");
  EXPECT_EQ(request.messages[1].parts[2].get<Media>()->url, "https://example.com/a.png");
  const auto& plan = *request.messages[2].parts[0].get<Thinking>();
  EXPECT_TRUE(plan.summary);
  EXPECT_EQ(plan.text, "I will look it up.");
  EXPECT_EQ(request.messages[2].parts[1].get<ToolCall>()->arguments, "{\"q\":1}");
  const auto& result = *request.messages[3].parts[0].get<ToolResult>();
  EXPECT_EQ(result.call_id, "look_1");
  ASSERT_EQ(result.content.size(), 3u);
  EXPECT_EQ(result.content[1].get<Text>()->text, R"({"row":"one","n":2})");
  EXPECT_EQ(result.content[2].get<Text>()->text, R"({"title":"T","text":"plain"})");
  const auto& answer = *request.messages[4].parts[1].get<Text>();
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].begin, 8);
  EXPECT_EQ(answer.citations[0].origin, "cohere");
}

TEST(CohereRequest, DocumentsStandBeforeTheLastQuestion) {
  const Request request = read(kRich);
  const auto& parts = request.messages[5].parts;
  ASSERT_EQ(parts.size(), 3u);
  const auto& first = *parts[0].get<Media>();
  EXPECT_EQ(first.kind, Media::Kind::document);
  EXPECT_EQ(first.name + "|" + first.text + "|" + first.context, R"(A|First.|{"url":"https://example.com/d"})");
  EXPECT_TRUE(first.citations);
  EXPECT_EQ(parts[2].get<Text>()->text, "Sure?");
}

TEST(CohereRequest, SettingsAreRead) {
  const Request request = read(kRich);
  EXPECT_EQ(request.tools[0].strict, true);
  EXPECT_EQ(request.tool_choice.mode, ToolChoice::Mode::required);
  EXPECT_EQ(request.format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(request.reasoning.mode, Reasoning::Mode::on);
  EXPECT_EQ(request.reasoning.budget, 512);
  EXPECT_EQ(request.max_output_tokens, 99);
  EXPECT_EQ(request.temperature + request.top_p + request.top_k, "0.50.83");
  EXPECT_EQ(request.frequency_penalty + request.presence_penalty, "0.10.2");
  EXPECT_EQ(request.seed, 7);
  EXPECT_EQ(request.stop.size(), 2u);
  EXPECT_EQ(request.logprobs, true);
  EXPECT_EQ(request.extra.size(), 3u);  // citation_options, safety_mode, priority
}

TEST(CohereRequest, IsWrittenAgainWhole) {
  Losses losses;
  Json expected = json_of(std::string(kRich));
  expected["model"] = "m";
  for (const JsonDifference& one : compare_json(expected, write(read(kRich), losses, true)))
    ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
  EXPECT_TRUE(losses.empty());
}

TEST(CohereRequest, DocumentsAmongContentStayWhereTheyAre) {
  const std::string body = R"({"model":"m","stream":false,"messages":[{"role":"user","content":[
    {"type":"document","document":{"id":"d","data":{"text":"Words."}}}]}]})";
  EXPECT_EQ(joined_text(read(body).messages[0].parts), "Words.");
  Losses losses;
  EXPECT_EQ(write(read(body), losses, true), json_of(body));
}

TEST(CohereRequest, FaultsNameTheirPlace) {
  const std::pair<const char*, const char*> kFaults[] = {
      {R"({"model":"m"})", "messages: must be an array"},
      {R"({"messages":{}})", "messages: must be an array"},
      {R"({"messages":[{"role":"robot","content":""}]})", "messages[0].role: must be system, user, assistant or tool"},
      {R"({"messages":[{"role":"user","content":7}]})", "messages[0].content: must be a string or an array"},
      {R"({"messages":[{"role":"user","content":["x"]}]})", "messages[0].content[0]: must be an object"},
      {R"({"messages":[{"role":"user","content":[{"type":"text","text":1}]}]})",
       "messages[0].content[0].text: must be a string"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]})",
       "messages[0].content[0].image_url.url: must be a string"},
      {R"({"messages":[],"temperature":"hot"})", "temperature: must be a number"},
      {R"({"messages":[],"max_tokens":1.5})", "max_tokens: must be an integer"},
      {R"({"messages":[],"stream":"yes"})", "stream: must be true or false"},
      {R"({"messages":[],"stop_sequences":"x"})", "stop_sequences: must be an array"},
      {R"({"messages":[],"tools":[{"type":"function"}]})", "tools[0].function.name: is missing"},
      {R"({"messages":[],"thinking":true})", "thinking: must be an object"},
      {R"([])", "body: must be a JSON object"},
  };
  for (const auto& [body, message] : kFaults) {
    const auto request = cohere_chat().read_request(body, {});
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().message, message);
    EXPECT_EQ(request.error().status, 400);
  }
  EXPECT_TRUE(cohere_chat().read_request(R"({"messages":[],"temperature":null,"tools":null,"seed":null})", {}));
}

TEST(CohereRequest, DocumentsOfOthersAreHoistedAndCitedOnlyWhenAsked) {
  Request request = plain();
  Media document{.kind = Media::Kind::document, .mime = "text/plain", .text = "Words.", .name = "W", .context = "old"};
  request.messages[0].parts.insert(request.messages[0].parts.begin(), Part{.what = document});
  Losses losses;
  Json body = write(request, losses);
  EXPECT_EQ(body["documents"][0]["data"], json_of(R"({"title":"W","text":"Words.","context":"old"})"));
  EXPECT_EQ(body["messages"].size(), 1u);
  EXPECT_EQ(body["messages"][0]["content"], "hello");
  EXPECT_EQ(body["citation_options"]["mode"], "OFF");
  request.messages[0].parts[0].get<Media>()->citations = true;
  EXPECT_EQ(write(request, losses)["citation_options"]["mode"], "ACCURATE");
  request.messages[0].parts.pop_back();
  EXPECT_EQ(write(request, losses)["messages"][0]["content"], "W");  // there must be a question
  EXPECT_TRUE(losses.empty());
}

TEST(CohereRequest, ATurnOfDocumentsAloneIsText) {
  Request request = plain();
  request.messages[0].parts[0].what =
      Media{.kind = Media::Kind::document, .mime = "text/plain", .text = "Words.", .name = "W"};
  request.messages.push_back({.role = Role::assistant, .parts = {{.what = Text{.text = "Read."}}}});
  request.messages.push_back({.role = Role::user, .parts = {{.what = Text{.text = "So?"}}}});
  Losses losses;
  const Json body = write(request, losses);
  EXPECT_EQ(body["messages"][0], json_of(R"({"role":"user","content":"W\nWords."})"));
  EXPECT_FALSE(body.contains("documents"));
}

TEST(CohereRequest, ToolResultsAreMessagesAndTheirImagesFollow) {
  Request request = plain();
  request.messages.push_back({.role = Role::assistant,
                              .parts = {{.what = Text{.text = "Looking."}},
                                        {.what = ToolCall{.id = "c1", .name = "look", .arguments = "{}"}},
                                        {.what = ToolCall{.id = "c2", .name = "look", .arguments = "{}"}}}});
  const Media image{.mime = "image/png", .data = "iVBORw0K"};
  request.messages.push_back(
      {.role = Role::user,
       .parts = {{.what = ToolResult{.call_id = "c1", .content = {{.what = image}}}},
                 {.what = ToolResult{.call_id = "c2", .content = {{.what = Text{.text = "no"}}}, .is_error = true}}}});
  Losses losses;
  Json messages = write(request, losses)["messages"];
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[1]["content"], "Looking.");
  EXPECT_EQ(messages[2]["role"], "tool");
  EXPECT_EQ(messages[3]["content"], "Error: no");
  EXPECT_EQ(messages[4]["role"], "user");
  EXPECT_EQ(messages[4]["content"][0]["image_url"]["url"], "data:image/png;base64,iVBORw0K");
  // With words of the user behind the results, the images go with them.
  request.messages[2].parts.push_back({.what = Text{.text = "and now?"}});
  messages = write(request, losses)["messages"];
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[4]["content"].size(), 2u);
  EXPECT_TRUE(losses.empty());
}

TEST(CohereRequest, ObjectsAsResultsAreTexts) {
  Request request = plain();
  request.messages.push_back(
      {.role = Role::user, .parts = {{.what = ToolResult{.call_id = "c", .json = R"({"a":1})"}}}});
  Losses losses;
  EXPECT_EQ(write(request, losses)["messages"][1]["content"], R"({"a":1})");
}

TEST(CohereRequest, ThinkingGoesBackAndPlansStandBesideCalls) {
  Request request = plain();
  request.messages.push_back(
      {.role = Role::assistant, .parts = {{.what = Thinking{.text = "Hm."}}, {.what = Text{.text = "Yes."}}}});
  request.messages.push_back({.role = Role::assistant,
                              .parts = {{.what = Thinking{.text = "Plan.", .summary = true}},
                                        {.what = ToolCall{.id = "c", .name = "f", .arguments = "{}"}}}});
  request.messages.push_back(
      {.role = Role::assistant,
       .parts = {{.what = Thinking{.redacted = {"zzz", "anthropic"}}}, {.what = Text{.text = "No."}}}});
  Losses losses;
  const Json messages = write(request, losses)["messages"];
  EXPECT_EQ(messages[1]["content"][0], json_of(R"({"type":"thinking","thinking":"Hm."})"));
  EXPECT_EQ(messages[2]["tool_plan"], "Plan.");
  EXPECT_FALSE(messages[2].contains("content"));
  EXPECT_EQ(messages[3]["content"], "No.");
  EXPECT_EQ(losses.names(), std::vector<std::string>{"thinking_history"});
}

TEST(CohereRequest, ToolChoicesAreSaidByTheToolsOffered) {
  Request request = plain();
  request.tools = {tool_named("a"), tool_named("b")};
  request.tool_choice = {.mode = ToolChoice::Mode::named, .name = "b"};
  Losses losses;
  Json body = write(request, losses);
  ASSERT_EQ(body["tools"].size(), 1u);
  EXPECT_EQ(body["tools"][0]["function"]["name"], "b");
  EXPECT_EQ(body["tool_choice"], "REQUIRED");
  request.tool_choice = {.mode = ToolChoice::Mode::none, .allowed = {"a"}};
  body = write(request, losses);
  EXPECT_EQ(body["tools"][0]["function"]["name"], "a");
  EXPECT_EQ(body["tool_choice"], "NONE");
  EXPECT_TRUE(losses.empty());
  request.tools[0].strict = true;
  request.tool_choice = {};
  body = write(request, losses);
  EXPECT_FALSE(body.contains("strict_tools"));
  EXPECT_EQ(losses.names(), std::vector<std::string>{"tools[].strict"});
}

TEST(CohereRequest, NumbersAreHeldWithinItsBounds) {
  Request request = plain();
  request.temperature = "1.7";
  request.top_p = "1";
  request.frequency_penalty = "-0.5";
  request.seed = -3;
  request.stop = {"1", "2", "3", "4", "5", "6"};
  Losses losses;
  const Json body = write(request, losses);
  EXPECT_EQ(body["temperature"], 1);
  EXPECT_EQ(body["p"], 0.99);
  EXPECT_EQ(body["frequency_penalty"], 0);
  EXPECT_EQ(body["stop_sequences"].size(), 5u);
  EXPECT_FALSE(body.contains("seed"));
  EXPECT_EQ(losses.names(), (std::vector<std::string>{"temperature", "frequency_penalty", "seed", "stop"}));
}

TEST(CohereRequest, ReasoningIsABudget) {
  Request request = plain();
  Losses losses;
  EXPECT_FALSE(write(request, losses).contains("thinking"));
  request.reasoning.effort = "low";
  EXPECT_EQ(write(request, losses)["thinking"], json_of(R"({"type":"enabled","token_budget":2048})"));
  request.reasoning.effort = "none";
  EXPECT_EQ(write(request, losses)["thinking"], json_of(R"({"type":"disabled"})"));
  request.reasoning = {.mode = Reasoning::Mode::adaptive};
  EXPECT_EQ(write(request, losses)["thinking"], json_of(R"({"type":"enabled"})"));
  EXPECT_TRUE(losses.empty());
}

TEST(CohereRequest, AFormatBesideToolsIsALoss) {
  Request request = plain();
  request.format.kind = ResponseFormat::Kind::json_schema;
  request.format.schema = R"({"type":"object"})";
  Losses losses;
  EXPECT_EQ(write(request, losses)["response_format"]["json_schema"], json_of(R"({"type":"object"})"));
  request.tools = {tool_named("a")};
  EXPECT_FALSE(write(request, losses).contains("response_format"));
  EXPECT_EQ(losses.names(), std::vector<std::string>{"json_schema"});
}

}  // namespace
}  // namespace tollgate::gateway
