// Converse requests as their own callers write them.
#include "bedrock_testing.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

// Every place that the service has, with something of no known meaning beside each.
constexpr std::string_view kFull = R"({
  "messages": [
    {"role": "user", "content": [
      {"text": "look"},
      {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}, "error": {"message": "none"}}},
      {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k.jpg"}}}},
      {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k.jpg", "bucketOwner": "123456789012"}}}},
      {"document": {"format": "pdf", "name": "Report", "source": {"bytes": "JVBERi0="}, "context": "of May",
                    "citations": {"enabled": true}}},
      {"document": {"format": "txt", "name": "Words", "source": {"text": "some words"}, "citations": {"enabled": false}}},
      {"document": {"name": "Pieces", "source": {"content": [{"text": "one"}, {"text": "two"}]}}},
      {"audio": {"format": "wav", "source": {"bytes": "UklGRg=="}}},
      {"audio": {"format": "mpeg", "source": {"bytes": "UklGRg=="}}},
      {"video": {"format": "three_gp", "source": {"s3Location": {"uri": "s3://b/v.3gp"}}}},
      {"guardContent": {"text": {"text": "check this", "qualifiers": ["query"]}}},
      {"searchResult": {"source": "https://x", "title": "X", "content": [{"text": "t"}]}},
      {"cachePoint": {"type": "default", "ttl": "1h"}},
      {"cachePoint": {"type": "default"}}
    ], "note": 1},
    {"role": "assistant", "content": [
      {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
      {"reasoningContent": {"redactedContent": "cmVk"}},
      {"text": "calling", "type": "text"},
      {"toolUse": {"toolUseId": "tooluse_1", "name": "look_up", "input": {"q": [1, 2.5, {"a": null}]}, "type": "tool_use"}},
      {"toolUse": {"toolUseId": "tooluse_2", "name": "look_up", "input": {}}},
      {"toolUse": {"toolUseId": "tooluse_3", "name": "nova_grounding", "input": {"q": 1}, "type": "server_tool_use"}},
      {"toolResult": {"toolUseId": "tooluse_3", "type": "nova_grounding_result", "status": "success", "content": []}}
    ]},
    {"role": "user", "content": [
      {"toolResult": {"toolUseId": "tooluse_1", "status": "success", "content": [
        {"text": "found"}, {"image": {"format": "gif", "source": {"bytes": "R0lGOD=="}}}, {"json": {"n": 1}}]}},
      {"toolResult": {"toolUseId": "tooluse_2", "status": "error", "content": [{"json": {"why": "broken"}}], "more": 2}}
    ]},
    {"role": "system", "content": [{"toolAddition": {"tool": {"name": "later"}}}]}
  ],
  "system": [{"text": "be brief"}, {"cachePoint": {"type": "default"}}, {"guardContent": {"text": {"text": "g"}}}],
  "inferenceConfig": {"maxTokens": 100, "temperature": 0.7, "topP": 0.9, "stopSequences": ["END", " "], "odd": true},
  "toolConfig": {
    "tools": [
      {"toolSpec": {"name": "look_up", "description": "looks", "inputSchema": {"json": {"type": "object"}}, "strict": true}},
      {"cachePoint": {"type": "default"}},
      {"systemTool": {"name": "nova_code_interpreter"}},
      {"toolSpec": {"name": "later", "inputSchema": {"json": {}}, "hint": "x"}}
    ],
    "toolChoice": {"tool": {"name": "look_up"}}, "other": [1]
  },
  "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
  "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000, "speed": "x"}, "top_k": 5,
                                   "anthropic_beta": ["b"]},
  "promptVariables": {"v": {"text": "w"}},
  "additionalModelResponseFieldPaths": ["/stop_sequence"],
  "requestMetadata": {"team": "a"},
  "performanceConfig": {"latency": "optimized"},
  "serviceTier": {"type": "flex"},
  "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
      "schema": "{\"type\":\"object\"}", "name": "n", "description": "d"}}}, "effort": "low"},
  "unheard": {"of": 1}
})";

TEST(BedrockRequest, EverythingComesBack) {
  const auto differences = compare_json(json_of(std::string(kFull)), converse_again(kFull));
  for (const JsonDifference& one : differences) ADD_FAILURE() << one.path << ": " << one.left << " | " << one.right;
}

TEST(BedrockRequest, IsUnderstood) {
  const Request request = converse_request(kFull);
  EXPECT_EQ(request.model, kClaude45);
  ASSERT_EQ(request.messages.size(), 5u);
  EXPECT_EQ(request.messages[0].role, Role::system);
  EXPECT_TRUE(request.messages[0].parts[0].cache.set);
  const auto& user = request.messages[1].parts;
  EXPECT_EQ(user[1].get<Media>()->mime, "image/png");
  EXPECT_EQ(user[1].get<Media>()->data, "iVBORw0KGgo=");
  EXPECT_EQ(user[3].get<Media>()->url, "s3://b/k.jpg");
  EXPECT_EQ(user[4].get<Media>()->mime, "application/pdf");
  EXPECT_EQ(user[4].get<Media>()->context, "of May");
  EXPECT_TRUE(user[4].get<Media>()->citations);
  EXPECT_EQ(user[5].get<Media>()->text, "some words");
  EXPECT_EQ(user[6].get<Media>()->text, "one\ntwo");
  EXPECT_EQ(user[7].get<Media>()->kind, Media::Kind::audio);
  EXPECT_EQ(user[9].get<Media>()->mime, "video/3gpp");
  EXPECT_EQ(user[10].get<Opaque>()->type, "guardContent");
  EXPECT_EQ(user[11].get<Opaque>()->type, "searchResult");
  EXPECT_TRUE(user[11].cache.set);
  EXPECT_EQ(user[11].cache.ttl, "1h");
  EXPECT_EQ(user[12].get<Opaque>()->type, "cachePoint") << "a second mark on one part has no place in the meaning";
  const auto& said = request.messages[2].parts;
  EXPECT_EQ(said[0].get<Thinking>()->text, "hm");
  EXPECT_EQ(said[0].get<Thinking>()->signature.origin, "bedrock");
  EXPECT_EQ(said[1].get<Thinking>()->redacted.value, "cmVk");
  EXPECT_EQ(said[3].get<ToolCall>()->id, "tooluse_1");
  EXPECT_EQ(said[3].get<ToolCall>()->arguments, R"({"q":[1,2.5,{"a":null}]})");
  EXPECT_EQ(said[5].get<Opaque>()->type, "server_tool_use");
  EXPECT_EQ(said[6].get<Opaque>()->type, "nova_grounding_result");
  const auto& results = request.messages[3].parts;
  EXPECT_EQ(results[0].get<ToolResult>()->content.size(), 3u);
  EXPECT_FALSE(results[0].get<ToolResult>()->is_error);
  EXPECT_EQ(results[1].get<ToolResult>()->json, R"({"why":"broken"})");
  EXPECT_TRUE(results[1].get<ToolResult>()->is_error);
  ASSERT_EQ(request.tools.size(), 3u);
  EXPECT_EQ(request.tools[0].strict, true);
  EXPECT_TRUE(request.tools[0].cache.set);
  EXPECT_EQ(request.tools[1].kind, Tool::Kind::code_execution);
  EXPECT_EQ(request.tool_choice.mode, ToolChoice::Mode::named);
  EXPECT_EQ(request.max_output_tokens, 100);
  EXPECT_EQ(request.temperature, "0.7");
  EXPECT_EQ(request.top_k, "5");
  EXPECT_EQ(request.stop, (std::vector<std::string>{"END", " "}));
  EXPECT_EQ(request.reasoning.mode, Reasoning::Mode::on);
  EXPECT_EQ(request.reasoning.budget, 2000);
  EXPECT_EQ(request.reasoning.effort, "low");
  EXPECT_EQ(request.format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(request.format.schema, R"({"type":"object"})");
  EXPECT_EQ(request.service_tier, "flex");
  EXPECT_EQ(request.metadata, R"({"team":"a"})");
}

TEST(BedrockRequest, ModelsOwnWordsForReasoning) {
  const auto reasoning = [](std::string_view fields) {
    return converse_request(R"({"messages":[],"additionalModelRequestFields":)" + std::string(fields) + "}").reasoning;
  };
  EXPECT_EQ(reasoning(R"({"thinking":{"type":"adaptive","display":"omitted"}})").mode, Reasoning::Mode::adaptive);
  EXPECT_EQ(reasoning(R"({"thinking":{"type":"adaptive","display":"omitted"}})").include, false);
  EXPECT_EQ(reasoning(R"({"reasoning_config":{"type":"enabled","budget_tokens":1024}})").budget, 1024);
  EXPECT_EQ(reasoning(R"({"thinking":{"type":"disabled"}})").mode, Reasoning::Mode::off);
  EXPECT_EQ(reasoning(R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}})").effort, "low");
  EXPECT_EQ(reasoning(R"({"reasoningConfig":{"type":"disabled"}})").mode, Reasoning::Mode::off);
  EXPECT_EQ(reasoning(R"({"reasoning_effort":"high"})").effort, "high");
  EXPECT_EQ(reasoning(R"({"reasoning":{"effort":"medium"}})").effort, "medium");
  EXPECT_EQ(reasoning(R"({"output_config":{"effort":"max"}})").effort, "max");
}

// What one model's interface calls by its own name comes back under it.
TEST(BedrockRequest, ModelsOwnFieldsComeBack) {
  const auto again = [](std::string_view fields, std::string_view model) {
    return converse_again(R"({"messages":[],"additionalModelRequestFields":)" + std::string(fields) + "}",
                          model)["additionalModelRequestFields"];
  };
  const std::array<std::pair<const char*, std::string_view>, 8> cases{
      {{R"({"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high","x":1}})", kNova2},
       {R"({"reasoningConfig":{"type":"disabled"}})", kNova2},
       {R"({"inferenceConfig":{"topK":10}})", kNova2},
       {R"({"inferenceConfig":{"topK":10,"other":2}})", kNova2},
       {R"({"reasoning_effort":"high"})", "openai.gpt-oss-120b-1:0"},
       {R"({"reasoning":{"effort":"high"}})", "us.openai.gpt-5.6-v1:0"},
       {R"({"k":7})", "cohere.command-r-plus-v1:0"},
       {R"({"thinking":{"odd":1},"tool_choiced":{"type":"odd"}})", kClaude45}}};
  for (const auto& [fields, model] : cases) EXPECT_EQ(again(fields, model), json_of(fields)) << fields;
}

TEST(BedrockRequest, AMessageInTheMiddleStaysThere) {
  const auto body =
      R"({"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"system","content":[{"text":"b"}]}]})";
  EXPECT_EQ(converse_again(body), json_of(body));
}

TEST(BedrockRequest, FaultsNameTheirPlace) {
  const std::array<std::pair<const char*, const char*>, 13> cases{
      {{"[]", "body: must be an object"},
       {R"({"messages":{}})", "messages: must be an array"},
       {R"({"messages":["x"]})", "messages[0]: must be an object"},
       {R"({"messages":[{"role":"user","content":"x"}]})", "messages[0].content: must be an array"},
       {R"({"messages":[{"role":"user","content":["x"]}]})", "messages[0].content: each block must be an object"},
       {R"({"messages":[{"role":"tool","content":[]}]})", "messages[0].role: must be user, assistant or system"},
       {R"({"system":"x"})", "system: must be an array"},
       {R"({"inferenceConfig":[]})", "inferenceConfig: must be an object"},
       {R"({"inferenceConfig":{"maxTokens":"x"}})", "inferenceConfig.maxTokens: must be an integer"},
       {R"({"inferenceConfig":{"stopSequences":"x"}})", "inferenceConfig.stopSequences: must be an array"},
       {R"({"toolConfig":1})", "toolConfig: must be an object"},
       {R"({"requestMetadata":"x"})", "requestMetadata: must be an object"},
       {R"({"outputConfig":{"textFormat":{"structure":{"jsonSchema":{"schema":"{"}}}}})",
        "outputConfig.textFormat.structure.jsonSchema.schema: must be JSON in a string"}}};
  for (const auto& [body, message] : cases) {
    const auto request = bedrock_converse().read_request(body, {});
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().message, message);
    EXPECT_EQ(request.error().status, 400);
    EXPECT_EQ(request.error().kind, ErrorKind::client_fault);
  }
  EXPECT_FALSE(bedrock_converse().read_request("{", {}));
}

TEST(BedrockRequest, NullsAndOddBlocksAreNoFaults) {
  const auto body = R"({"messages":[{"role":"user","content":[{"text":"a"},{"newKind":{"x":1}},{},
    {"toolUse":"odd"},{"image":null,"text":"b"}]}],"system":null,"inferenceConfig":null,"toolConfig":{"toolChoice":{"x":{}}}})";
  const Request request = converse_request(body);
  ASSERT_EQ(request.messages.size(), 1u);
  const auto& parts = request.messages[0].parts;
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[1].get<Opaque>()->type, "newKind");
  EXPECT_EQ(parts[4].get<Text>()->text, "b");
}

}  // namespace
}  // namespace tollgate::gateway
