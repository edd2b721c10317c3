// Ollama's chat by small fixtures: requests, replies, streams, errors.
#include "recorded_rounds.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

constexpr const char* kRich = R"({
  "model": "m",
  "messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is here?", "images": ["iVBORw0KGgo="]},
    {"role": "assistant", "content": "", "thinking": "Hm.",
     "tool_calls": [{"function": {"name": "look", "arguments": {"q": 1}}},
                    {"id": "call_x", "function": {"name": "count", "arguments": {}}}]},
    {"role": "tool", "content": "two", "tool_name": "count", "tool_call_id": "call_x"},
    {"role": "tool", "content": "a cat", "tool_name": "look"}],
  "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
  "format": {"type": "object", "properties": {}},
  "options": {"num_predict": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "min_p": 0.1, "repeat_penalty": 1.1,
              "presence_penalty": 0.2, "frequency_penalty": 0.3, "seed": 7, "stop": ["x"], "num_ctx": 4096},
  "think": "high", "keep_alive": "5m", "stream": false, "logprobs": true, "top_logprobs": 2
})";

Request read(const std::string& body) {
  auto request = ollama_chat().read_request(body, {});
  EXPECT_TRUE(request) << request.error().message;
  return request ? *request : Request{};
}

Json write(const Request& request, Losses& losses, bool same = false) {
  auto body =
      ollama_chat().write_request(request, {.model = "m", .stream = request.stream, .same_dialect = same}, losses);
  EXPECT_TRUE(body);
  return json_of(body ? *body : "null");
}

Request plain() {
  Request request;
  request.messages.push_back({.role = Role::user, .parts = {{.what = Text{.text = "hello"}}}});
  return request;
}

TEST(OllamaRequest, MeansWhatItSays) {
  const Request request = read(kRich);
  EXPECT_FALSE(request.stream);
  EXPECT_EQ(request.reasoning.effort, "high");
  EXPECT_EQ(request.format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(request.max_output_tokens, 9);
  EXPECT_EQ(request.temperature + request.top_p + request.top_k + request.min_p, "0.50.940.1");
  EXPECT_EQ(request.repetition_penalty + request.presence_penalty + request.frequency_penalty, "1.10.20.3");
  EXPECT_EQ(request.top_logprobs, 2);
  const auto& image = *request.messages[1].parts[1].get<Media>();
  EXPECT_EQ(image.mime, "image/png");
  EXPECT_EQ(request.messages[2].parts[0].get<Thinking>()->text, "Hm.");
  // A call without an id gets one, and its result finds it.
  const auto& call = *request.messages[2].parts[1].get<ToolCall>();
  EXPECT_TRUE(call.id.starts_with("ollama_call_")) << call.id;
  EXPECT_EQ(call.arguments, R"({"q":1})");
  EXPECT_EQ(request.messages[3].parts[0].get<ToolResult>()->call_id, "call_x");
  EXPECT_EQ(request.messages[4].parts[0].get<ToolResult>()->call_id, call.id);
  EXPECT_TRUE(read(R"({"messages":[]})").stream);  // a stream unless it says otherwise
}

TEST(OllamaRequest, IsWrittenAgainWhole) {
  Losses losses;
  for (const JsonDifference& one : compare_json(json_of(kRich), write(read(kRich), losses, true)))
    ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
  EXPECT_TRUE(losses.empty());
}

TEST(OllamaRequest, ResultsWithoutNamesAnswerTheOldestCall) {
  const Request request = read(R"({"messages":[
    {"role":"assistant","content":"","tool_calls":[{"function":{"name":"a","arguments":{}}},
                                                   {"function":{"name":"b","arguments":{}}}]},
    {"role":"tool","content":"1"},{"role":"tool","content":"2"},{"role":"tool","content":"3"}]})");
  const auto id = [&](std::size_t message) { return request.messages[message].parts[0].get<ToolResult>()->call_id; };
  EXPECT_EQ(id(1), request.messages[0].parts[0].get<ToolCall>()->id);
  EXPECT_EQ(id(2), request.messages[0].parts[1].get<ToolCall>()->id);
  EXPECT_NE(id(1), id(2));
  EXPECT_FALSE(id(3).empty());
  // A result that names its call leaves the others to those that name none, and neither is told more than it said.
  const std::string body = R"({"model":"m","stream":true,"messages":[
    {"role":"assistant","content":"","tool_calls":[{"id":"x","function":{"name":"a","arguments":{}}},
                                                   {"id":"y","function":{"name":"a","arguments":{}}}]},
    {"role":"tool","content":"1","tool_call_id":"x"},{"role":"tool","content":"2","tool_name":"a"}]})";
  EXPECT_EQ(read(body).messages[2].parts[0].get<ToolResult>()->call_id, "y");
  Losses losses;
  EXPECT_TRUE(compare_json(write(read(body), losses, true), json_of(body)).empty());
}

TEST(OllamaRequest, FaultsNameTheirPlace) {
  const std::pair<const char*, const char*> kFaults[] = {
      {R"({})", "messages: must be an array"},
      {R"({"messages":[{"role":"x","content":""}]})", "messages[0].role: must be system, user, assistant or tool"},
      {R"({"messages":[{"role":"user","content":[]}]})", "messages[0].content: must be a string"},
      {R"({"messages":[{"role":"user","images":"x"}]})", "messages[0].images: must be an array"},
      {R"({"messages":[],"options":{"temperature":"x"}})", "options.temperature: must be a number"},
      {R"({"messages":[],"options":[]})", "options: must be an object"},
      {R"({"messages":[],"format":"xml"})", "format: must be \"json\" or a schema"},
      {R"({"messages":[],"think":7})", "think: must be a string"},
      {R"({"messages":[],"tools":[{}]})", "tools[0].function.name: is missing"},
  };
  for (const auto& [body, message] : kFaults) {
    const auto request = ollama_chat().read_request(body, {});
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().message, message);
  }
}

TEST(OllamaRequest, OthersRequestsAreSaidInItsWords) {
  Request request = plain();
  request.messages[0].parts.push_back(
      {.what = Media{.kind = Media::Kind::document, .mime = "text/plain", .text = "Words.", .name = "W"}});
  request.messages.push_back({.role = Role::assistant,
                              .parts = {{.what = ToolCall{.id = "call_1", .name = "f", .arguments = "{broken"}},
                                        {.what = ToolCall{.id = "call_2", .name = "g", .arguments = ""}}}});
  ToolResult result{.call_id = "call_1", .content = {{.what = Text{.text = "no"}}}, .is_error = true};
  result.content.push_back({.what = Media{.mime = "image/png", .data = "iVBORw0K"}});
  request.messages.push_back({.role = Role::user, .parts = {{.what = result}, {.what = Text{.text = "and now?"}}}});
  request.stop = {"a"};
  Losses losses;
  const Json messages = write(request, losses)["messages"];
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0]["content"], "hello\nW:\nWords.");
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"], json_of(R"({"arguments":"{broken"})"));
  EXPECT_EQ(messages[1]["tool_calls"][1]["function"]["arguments"], Json::object());
  EXPECT_EQ(messages[2], json_of(R"({"role":"tool","content":"Error: no","tool_name":"f","tool_call_id":"call_1",
                                     "images":["iVBORw0K"]})"));
  EXPECT_EQ(messages[3]["content"], "and now?");
  EXPECT_EQ(losses.names(), std::vector<std::string>{"messages[1].tool_calls.arguments"});
}

TEST(OllamaRequest, ToolsAreLeftOutWhereNoneMayBeCalled) {
  Request request = plain();
  request.tools.resize(2);
  request.tools[0].name = "a";
  request.tools[1].name = "b";
  Losses losses;
  EXPECT_EQ(write(request, losses)["tools"].size(), 2u);
  request.tool_choice.allowed = {"b"};
  EXPECT_EQ(write(request, losses)["tools"][0]["function"]["name"], "b");
  request.tool_choice.mode = ToolChoice::Mode::none;
  EXPECT_FALSE(write(request, losses).contains("tools"));
}

TEST(OllamaRequest, ReasoningIsAWord) {
  const auto think = [](Reasoning reasoning) {
    Request request = plain();
    request.reasoning = std::move(reasoning);
    Losses losses;
    const Json body = write(request, losses);
    return body.contains("think") ? dump_json(body["think"]) : std::string("absent");
  };
  EXPECT_EQ(think({}), "absent");
  EXPECT_EQ(think({.mode = Reasoning::Mode::off}), "false");
  EXPECT_EQ(think({.effort = "none"}), "false");
  EXPECT_EQ(think({.mode = Reasoning::Mode::adaptive}), "true");
  EXPECT_EQ(think({.effort = "minimal"}), "\"low\"");
  EXPECT_EQ(think({.effort = "max"}), "\"max\"");
  EXPECT_EQ(think({.budget = 9000}), "\"medium\"");
}

TEST(OllamaReply, MeansWhatItSaysAndIsWrittenAgain) {
  const std::string body = R"({"model":"m","created_at":"2026-08-07T06:08:46.460387Z","message":{"role":"assistant",
    "content":"Hi","thinking":"Hm.","images":["iVBORw0KGgo="],
    "tool_calls":[{"id":"c","function":{"index":0,"name":"f","arguments":{"a":1}}}]},
    "logprobs":[{"token":"Hi","logprob":-0.5}],"done":true,"done_reason":"stop","total_duration":12})";
  const auto reply = ollama_chat().read_reply(body);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->model, "m");
  EXPECT_EQ(reply->created, 1786082926);
  const Choice& choice = reply->choices.at(0);
  EXPECT_EQ(choice.finish, Finish::tool_calls);
  ASSERT_EQ(choice.parts.size(), 4u);
  EXPECT_EQ(choice.parts[2].get<Media>()->mime, "image/png");
  EXPECT_TRUE(compare_json(json_of(body), json_of(ollama_chat().write_reply(*reply, {}))).empty());
}

TEST(OllamaReply, OthersRepliesAreSaidInItsWords) {
  Reply reply;
  reply.model = "gpt";
  reply.created = 1700000000;
  reply.choices.push_back({.parts = {{.what = Text{.text = "a"}}, {.what = Refusal{.text = "b"}}}});
  reply.choices[0].finish = Finish::context_length;
  reply.usage.reported = true;
  reply.usage[Bucket::input] = 3;
  reply.usage[Bucket::cache_read] = 4;
  reply.usage[Bucket::output] = 5;
  reply.usage[Bucket::reasoning] = 6;
  const Json written = json_of(ollama_chat().write_reply(reply, {.model = "asked"}));
  EXPECT_TRUE(compare_json(written, json_of(R"({"model":"asked","created_at":"2023-11-14T22:13:20Z","message":
    {"role":"assistant","content":"ab"},"done":true,"done_reason":"length","prompt_eval_count":7,"eval_count":11})"))
                  .empty())
      << dump_json(written);
}

TEST(OllamaReply, IdsAreMadeOfTheCallAndItsTime) {
  const auto id = [](const char* time, const char* arguments) {
    const auto reply = ollama_chat().read_reply(std::string(R"({"created_at":")") + time +
                                                R"(","message":{"tool_calls":[{"function":{"name":"f","arguments":)" +
                                                arguments + "}}]}}");
    return reply->choices[0].parts[0].get<ToolCall>()->id;
  };
  EXPECT_EQ(id("2026-01-01T00:00:00.1Z", "{}"), id("2026-01-01T00:00:00.1Z", "{}"));
  EXPECT_NE(id("2026-01-01T00:00:00.1Z", "{}"), id("2026-01-01T00:00:00.2Z", "{}"));
  EXPECT_NE(id("2026-01-01T00:00:00.1Z", "{}"), id("2026-01-01T00:00:00.1Z", R"({"a":1})"));
  EXPECT_LE(id("2026-01-01T00:00:00.1Z", "{}").size(), 40u);  // OpenAI's limit
}

TEST(OllamaStream, IsWrittenLineByLine) {
  Reply reply;
  reply.model = "m";
  reply.created = 1700000000;
  Choice& choice = reply.choices.emplace_back();
  choice.parts = {{.what = Thinking{.text = "Hm."}},
                  {.what = Text{.text = "Hi"}},
                  {.what = ToolCall{.id = "c1", .name = "f", .arguments = R"({"a":1})"}}};
  choice.finish = Finish::tool_calls;
  reply.usage.reported = true;
  reply.usage[Bucket::output] = 5;
  const std::string head =
      R"({"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":)";
  EXPECT_EQ(
      written(ollama_chat(), unfold(reply), {}),
      head + R"("","thinking":"Hm."},"done":false})" + "\n" + head + R"("Hi"},"done":false})" + "\n" + head +
          R"("","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}}]},"done":false})" +
          "\n" + head + R"(""},"done":true,"done_reason":"stop","eval_count":5})" + "\n");
}

TEST(OllamaStream, SurvivesARoundWithEverything) {
  Reply reply;
  reply.model = "m";
  reply.created = 1700000000;
  reply.dialect = "ollama.chat";
  Choice& choice = reply.choices.emplace_back();
  choice.parts = {{.what = Thinking{.text = "Hm."}},
                  {.what = Text{.text = "Hi"}},
                  {.what = Media{.mime = "image/png", .data = "iVBORw0KGgo="}},
                  {.what = ToolCall{.id = "c1", .name = "f", .arguments = "{}"}},
                  {.what = ToolCall{.id = "c2", .name = "f", .arguments = R"({"a":[1,2]})"}}};
  choice.finish = Finish::tool_calls;
  choice.finish_raw = "stop";
  choice.logprobs = R"([{"token":"Hi","logprob":-0.5}])";
  choice.extra = {{"created_at", R"("2023-11-14T22:13:20Z")"}, {"total_duration", "9"}};
  const Events events = events_of(ollama_chat(), written(ollama_chat(), unfold(reply), {}));
  expect_order(events, "rich");
  EXPECT_EQ(dump_json(reply_json(reply)), dump_json(reply_json(folded(events).reply())));
}

TEST(OllamaStream, PassesOverLogprobsThatAreNoList) {
  const Events events = events_of(
      ollama_chat(), R"({"model":"m","message":{"content":"Hi"},"logprobs":{"a":1},"done":true,"done_reason":"stop"})"
                     "\n");
  EXPECT_EQ(folded(events).reply().choices.at(0).logprobs, "");
}

TEST(OllamaStream, ErrorsEndIt) {
  const std::string begun = R"({"model":"m","message":{"role":"assistant","content":"Hi"},"done":false})"
                            "\n";
  for (const std::string& line : {std::string("nonsense"), std::string("[]"),
                                  std::string(R"({"error":"model runner has unexpectedly stopped"})")}) {
    const Events events = events_of(ollama_chat(), begun + line + "\n" + begun);
    expect_order(events, line);
    const Fold fold = folded(events);
    ASSERT_NE(fold.error(), nullptr) << line;
    EXPECT_FALSE(fold.ended());
    const Events again = events_of(ollama_chat(), written(ollama_chat(), events, {}));
    ASSERT_NE(folded(again).error(), nullptr);
    EXPECT_EQ(folded(again).error()->message, fold.error()->message);
  }
  EXPECT_FALSE(folded(events_of(ollama_chat(), begun)).ended());
}

TEST(OllamaErrors, AreClassifiedByStatusAndWords) {
  struct Row {
    int status;
    const char* body;
    ErrorKind kind;
    const char* code;
  };
  const Row kRows[] = {
      {400, R"({"error":"invalid options"})", ErrorKind::client_fault, "invalid_request"},
      {400, R"({"error":"\"llama\" does not support thinking"})", ErrorKind::retry_elsewhere, "unsupported_by_model"},
      {400, R"({"error":"input length exceeds the context length"})", ErrorKind::client_fault,
       "context_length_exceeded"},
      {401, R"({"error":"unauthorized"})", ErrorKind::auth, "invalid_api_key"},
      {404, R"({"error":"model 'x' not found"})", ErrorKind::retry_elsewhere, "model_not_found"},
      {429, R"({"error":"you have reached your weekly usage limit"})", ErrorKind::retry_elsewhere, "quota_exceeded"},
      {429, R"({"error":"too many requests"})", ErrorKind::limited, "rate_limited"},
      {500, R"({"error":"model requires more system memory (9 GiB) than is available"})", ErrorKind::retry_elsewhere,
       "out_of_memory"},
      {500, R"({"error":"llama runner process has terminated"})", ErrorKind::retry_elsewhere, "model_failed"},
      {500, R"({"error":"unexpected EOF"})", ErrorKind::retry_same, "server_error"},
      {503, R"({"error":"server busy, please try again"})", ErrorKind::retry_elsewhere, "overloaded"},
      {502, "bad gateway", ErrorKind::retry_same, "server_error"},
  };
  for (const Row& row : kRows) {
    const Error error = ollama_chat().read_error(row.status, row.body);
    EXPECT_EQ(error.kind, row.kind) << row.status << row.body;
    EXPECT_EQ(error.code, row.code) << row.status << row.body;
    EXPECT_FALSE(error.message.empty());
  }
  EXPECT_EQ(ollama_chat().write_error({.message = "m"}), R"({"error":"m"})");
}

}  // namespace
}  // namespace tollgate::gateway
