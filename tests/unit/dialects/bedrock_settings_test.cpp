// Settings of other dialects' requests as Converse and the model behind it take them: sampling, reasoning, formats.
#include "bedrock_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

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
