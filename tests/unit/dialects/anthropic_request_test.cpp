// Requests of Anthropic callers: what they mean, and that the same dialect gets them back unchanged.
#include <gtest/gtest.h>

#include "anthropic_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

Request read(std::string_view body) {
  auto request = anthropic().read_request(body, {});
  EXPECT_TRUE(request) << (request ? "" : request.error().message);
  return request ? *request : Request{};
}

// Read and written again for the same dialect.
Json again(std::string_view body, Quirks quirks = {}) {
  const Request request = read(body);
  Losses losses;
  const auto written = anthropic().write_request(
      request, {.model = request.model, .stream = request.stream, .quirks = quirks, .same_dialect = true}, losses);
  EXPECT_TRUE(written);
  EXPECT_TRUE(losses.empty()) << losses.names().front();
  return written ? parsed(*written) : Json();
}

void expect_unchanged(std::string_view body) {
  for (const JsonDifference& one : compare_json(parsed(body), again(body)))
    ADD_FAILURE() << one.path << ": " << one.left << " became " << one.right;
}

std::string one_block(std::string_view block, std::string_view role = "user") {
  return R"({"model":"m","max_tokens":10,"messages":[{"role":")" + std::string(role) + R"(","content":[)" +
         std::string(block) + "]}]}";
}

Part first_part(const Request& request) { return request.messages.at(0).parts.at(0); }

std::string fault_of(std::string_view body) {
  const auto request = anthropic().read_request(body, {});
  if (request) return "";
  EXPECT_EQ(request.error().kind, ErrorKind::client_fault);
  EXPECT_EQ(request.error().status, 400);
  return request.error().message;
}

TEST(AnthropicRequest, TopLevelMembers) {
  constexpr std::string_view kBody = R"({"model":"claude-x","max_tokens":300,"stream":true,"system":[
    {"type":"text","text":"be brief","cache_control":{"type":"ephemeral","ttl":"1h"}}],
    "messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],
    "temperature":0.7,"top_p":0.95,"top_k":40,"stop_sequences":["END","\n\n"],"metadata":{"user_id":"u-1","x":"y"},
    "service_tier":"standard_only","container":"container_1","context_management":{"edits":[{"type":"compact_20260112"}]},
    "speed":"fast","inference_geo":"us","fallbacks":[{"model":"claude-y"}],"cache_control":{"type":"ephemeral"},
    "mcp_servers":[{"type":"url","url":"https://mcp.example","name":"s"}],
    "output_config":{"effort":"high","task_budget":{"type":"tokens","total":5000}},
    "thinking":{"type":"adaptive","display":"summarized","later":1}})";
  expect_unchanged(kBody);
  const Request request = read(kBody);
  EXPECT_EQ(request.model, "claude-x");
  EXPECT_TRUE(request.stream);
  EXPECT_EQ(request.max_output_tokens, 300);
  EXPECT_EQ(request.temperature, "0.7");
  EXPECT_EQ(request.top_p, "0.95");
  EXPECT_EQ(request.top_k, "40");
  EXPECT_EQ(request.stop, (std::vector<std::string>{"END", "\n\n"}));
  EXPECT_EQ(request.user, "u-1");
  EXPECT_EQ(request.metadata, R"({"x":"y"})");
  EXPECT_EQ(request.service_tier, "standard_only");
  ASSERT_EQ(request.messages.size(), 2u);
  EXPECT_EQ(request.messages[0].role, Role::system);
  EXPECT_TRUE(request.messages[0].parts[0].cache.set);
  EXPECT_EQ(request.messages[0].parts[0].cache.ttl, "1h");
  EXPECT_EQ(request.reasoning.mode, Reasoning::Mode::adaptive);
  EXPECT_EQ(request.reasoning.effort, "high");
  EXPECT_EQ(request.reasoning.include, true);
}

TEST(AnthropicRequest, ShortFormsMeanTheSame) {
  const Request request = read(R"({"model":"m","max_tokens":1,"system":"s","temperature":null,"stop_sequences":null,
    "tools":null,"thinking":null,"messages":[{"role":"user","content":"hi"},{"role":"user","content":[
    {"type":"tool_result","tool_use_id":"t","content":"found"}]}]})");
  ASSERT_EQ(request.messages.size(), 3u);
  EXPECT_EQ(joined_text(request.messages[0].parts), "s");
  EXPECT_EQ(joined_text(request.messages[1].parts), "hi");
  const auto* result = request.messages[2].parts[0].get<ToolResult>();
  ASSERT_TRUE(result);
  EXPECT_EQ(joined_text(result->content), "found");
  EXPECT_TRUE(request.temperature.empty());
}

TEST(AnthropicRequest, Pictures) {
  const std::string data = one_block(R"({"type":"image","source":{"type":"base64","media_type":"image/png",
    "data":"QUJD"},"cache_control":{"type":"ephemeral"},"transformations":{"oversized_image":"error"}})");
  expect_unchanged(data);
  const Part picture = first_part(read(data));
  const auto* media = picture.get<Media>();
  ASSERT_TRUE(media);
  EXPECT_EQ(media->kind, Media::Kind::image);
  EXPECT_EQ(media->mime, "image/png");
  EXPECT_EQ(media->data, "QUJD");
  expect_unchanged(one_block(R"({"type":"image","source":{"type":"url","url":"https://x.example/a.png"}})"));
  expect_unchanged(one_block(R"({"type":"image","source":{"type":"file","file_id":"file_1"}})"));
  EXPECT_EQ(first_part(read(one_block(R"({"type":"image","source":{"type":"file","file_id":"file_1"}})")))
                .get<Media>()
                ->file_id,
            "file_1");
  // A source of tomorrow is handed on as it is.
  const std::string unknown = one_block(R"({"type":"image","source":{"type":"hologram","z":[1,2]}})");
  expect_unchanged(unknown);
  EXPECT_TRUE(first_part(read(unknown)).get<Opaque>());
}

TEST(AnthropicRequest, Documents) {
  const std::string text = one_block(R"({"type":"document","title":"t","context":"c","citations":{"enabled":true},
    "source":{"type":"text","media_type":"text/plain","data":"words"}})");
  expect_unchanged(text);
  const Part document = first_part(read(text));
  const auto* media = document.get<Media>();
  ASSERT_TRUE(media);
  EXPECT_EQ(media->text, "words");
  EXPECT_EQ(media->name, "t");
  EXPECT_EQ(media->context, "c");
  EXPECT_TRUE(media->citations);
  expect_unchanged(one_block(R"({"type":"document","source":{"type":"base64","media_type":"application/pdf",
    "data":"JVBERi0="}})"));
  expect_unchanged(one_block(R"({"type":"document","source":{"type":"url","url":"https://x.example/a.pdf"}})"));
  expect_unchanged(one_block(R"({"type":"document","source":{"type":"file","file_id":"file_1"}})"));

  const std::string blocks = one_block(R"({"type":"document","source":{"type":"content","content":[
    {"type":"text","text":"one"},{"type":"text","text":"two"}]}})");
  expect_unchanged(blocks);
  EXPECT_EQ(first_part(read(blocks)).get<Media>()->text, "one\ntwo");
}

TEST(AnthropicRequest, SearchResultsAreDocumentsElsewhere) {
  const std::string body = one_block(R"({"type":"search_result","source":"https://x.example","title":"t",
    "content":[{"type":"text","text":"one"},{"type":"text","text":"two"}],"citations":{"enabled":true},
    "cache_control":{"type":"ephemeral"}})");
  expect_unchanged(body);
  const Part part = first_part(read(body));
  EXPECT_EQ(part.get<Media>()->text, "one\ntwo");
  EXPECT_EQ(part.get<Media>()->context, "https://x.example");
  EXPECT_TRUE(part.cache.set);
}

TEST(AnthropicRequest, ToolCallsAndResults) {
  const std::string call = one_block(R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"b":1,"a":[true]},
    "caller":{"type":"direct"}})",
                                     "assistant");
  expect_unchanged(call);
  const Part first = first_part(read(call));
  const auto* asked = first.get<ToolCall>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->id, "toolu_1");
  EXPECT_EQ(asked->arguments, R"({"b":1,"a":[true]})");

  const std::string result = one_block(R"({"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":[
    {"type":"text","text":"no"},{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}},
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}},
    {"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}]},
    {"type":"tool_reference","tool_name":"g"}],"cache_control":{"type":"ephemeral"}})");
  expect_unchanged(result);
  const Part second = first_part(read(result));
  const auto* answered = second.get<ToolResult>();
  ASSERT_TRUE(answered);
  EXPECT_TRUE(answered->is_error);
  ASSERT_EQ(answered->content.size(), 5u);
  EXPECT_TRUE(answered->content[4].get<Opaque>());
}

TEST(AnthropicRequest, ThoughtsAndCitations) {
  const std::string body = one_block(R"({"type":"thinking","thinking":"hm","signature":"sig"},
    {"type":"redacted_thinking","data":"blob"},
    {"type":"text","text":"so","citations":[{"type":"char_location","cited_text":"q","document_index":0,
      "document_title":"d","start_char_index":0,"end_char_index":1}]})",
                                     "assistant");
  expect_unchanged(body);
  const auto parts = read(body).messages[0].parts;
  EXPECT_EQ(parts[0].get<Thinking>()->text, "hm");
  EXPECT_EQ(parts[0].get<Thinking>()->signature.origin, "anthropic");
  EXPECT_EQ(parts[1].get<Thinking>()->redacted.value, "blob");
  ASSERT_EQ(parts[2].get<Text>()->citations.size(), 1u);
  EXPECT_EQ(parts[2].get<Text>()->citations[0].quote, "q");
  EXPECT_EQ(parts[2].get<Text>()->citations[0].title, "d");
}

TEST(AnthropicRequest, WhatTheMeaningHasNotIsKept) {
  for (const char* block :
       {R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}})",
        R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result",
            "url":"u","title":"t","encrypted_content":"e","page_age":null}]})",
        R"({"type":"code_execution_tool_result","tool_use_id":"s","content":{"type":"code_execution_result",
            "stdout":"","stderr":"","return_code":0,"content":[]}})",
        R"({"type":"mcp_tool_use","id":"m","name":"n","server_name":"s","input":{}})",
        R"({"type":"container_upload","file_id":"file_1","cache_control":{"type":"ephemeral"}})",
        R"({"type":"compaction","content":"summary"})", R"({"type":"of_tomorrow","a":{"b":[1,2.5,null,"x"]}})"}) {
    expect_unchanged(one_block(block, "assistant"));
    EXPECT_TRUE(first_part(read(one_block(block))).get<Opaque>()) << block;
  }
}

TEST(AnthropicRequest, ToolsAndTheirChoice) {
  constexpr std::string_view kBody = R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[
    {"type":"text","text":"x"}]}],"tools":[
    {"name":"f","description":"d","input_schema":{"type":"object","properties":{}},"strict":true,
     "eager_input_streaming":true,"defer_loading":true,"cache_control":{"type":"ephemeral"}},
    {"type":"custom","name":"g","input_schema":{"type":"object"}},
    {"type":"web_search_20250305","name":"web_search","max_uses":3,"cache_control":{"type":"ephemeral"}},
    {"type":"web_fetch_20260209","name":"web_fetch"},{"type":"code_execution_20250825","name":"code_execution"},
    {"type":"computer_20251124","name":"computer","display_width_px":10,"display_height_px":10},
    {"type":"memory_20250818","name":"memory"},{"type":"mcp_toolset","mcp_server_name":"s"}],
    "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}})";
  expect_unchanged(kBody);
  const Request request = read(kBody);
  using Kind = Tool::Kind;
  const std::vector<Kind> kinds{Kind::function,       Kind::function, Kind::web_search, Kind::web_fetch,
                                Kind::code_execution, Kind::computer, Kind::other,      Kind::mcp};
  ASSERT_EQ(request.tools.size(), kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(request.tools[i].kind, kinds[i]) << i;
  EXPECT_EQ(request.tools[0].strict, true);
  EXPECT_TRUE(request.tools[0].cache.set && request.tools[2].cache.set);
  EXPECT_EQ(request.tool_choice.mode, ToolChoice::Mode::named);
  EXPECT_EQ(request.tool_choice.name, "f");
  EXPECT_EQ(request.tool_choice.parallel, false);
  for (const char* type : {"auto", "any", "none"})
    expect_unchanged(R"({"model":"m","max_tokens":1,"messages":[],"tool_choice":{"type":")" + std::string(type) +
                     "\"}}");
}

TEST(AnthropicRequest, Thinking) {
  using Mode = Reasoning::Mode;
  const auto with = [](std::string_view thinking) {
    return R"({"model":"m","max_tokens":9000,"messages":[],"thinking":)" + std::string(thinking) + "}";
  };
  for (const char* thinking :
       {R"({"type":"enabled","budget_tokens":2000})", R"({"type":"enabled","budget_tokens":2000,"display":"omitted"})",
        R"({"type":"disabled"})", R"({"type":"adaptive"})", R"({"type":"adaptive","display":"full"})"})
    expect_unchanged(with(thinking));
  EXPECT_EQ(read(with(R"({"type":"enabled","budget_tokens":2000})")).reasoning.mode, Mode::on);
  EXPECT_EQ(read(with(R"({"type":"enabled","budget_tokens":2000})")).reasoning.budget, 2000);
  EXPECT_EQ(read(with(R"({"type":"disabled"})")).reasoning.mode, Mode::off);
}

TEST(AnthropicRequest, StructuredOutputUnderBothNames) {
  constexpr std::string_view kClosed =
      R"({"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"array","items":{"type":"object",
      "properties":{},"additionalProperties":false}}},"required":["a"],"additionalProperties":false}})";
  constexpr std::string_view kOpen =
      R"({"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},
      "additionalProperties":false}})";
  const auto body = [](std::string_view members) {
    return R"({"model":"m","max_tokens":1,"messages":[],)" + std::string(members) + "}";
  };
  const std::string now = body(R"("output_config":{"format":)" + std::string(kClosed) + "}");
  const std::string before = body(R"("output_format":)" + std::string(kOpen));
  expect_unchanged(now);
  expect_unchanged(before);
  EXPECT_EQ(read(now).format.kind, ResponseFormat::Kind::json_schema);
  // Elsewhere "strict" asks that all properties be required, which not every schema of this API does.
  EXPECT_EQ(read(now).format.strict, true);
  EXPECT_EQ(read(before).format.strict, std::nullopt);
}

TEST(AnthropicRequest, CloudBodies) {
  constexpr std::string_view kBody = R"({"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["b"],
    "max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})";
  EXPECT_TRUE(compare_json(parsed(kBody), again(kBody, {.bedrock_body = true})).empty());
  const Request request = read(R"({"model":"m","stream":true,"max_tokens":1,"messages":[]})");
  Losses losses;
  const auto bedrock = anthropic().write_request(
      request, {.model = "m", .stream = true, .quirks = {.bedrock_body = true}, .same_dialect = true}, losses);
  EXPECT_EQ(*bedrock, R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]})");
  const auto vertex = anthropic().write_request(
      request, {.model = "m", .stream = true, .quirks = {.vertex_body = true}, .same_dialect = true}, losses);
  EXPECT_EQ(*vertex, R"({"anthropic_version":"vertex-2023-10-16","max_tokens":1,"stream":true,"messages":[]})");
}

TEST(AnthropicRequest, SystemMessagesAmongTurnsStay) {
  constexpr std::string_view kBody = R"({"model":"m","max_tokens":1,"messages":[
    {"role":"user","content":[{"type":"text","text":"x"}]},
    {"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_reference","name":"f"}}]},
    {"role":"assistant","content":[{"type":"text","text":"y"}],"later":true}]})";
  expect_unchanged(kBody);
  EXPECT_EQ(read(kBody).messages[1].role, Role::system);
}

TEST(AnthropicRequest, FaultsNameTheirPlace) {
  EXPECT_NE(fault_of("nonsense"), "");
  EXPECT_NE(fault_of("[]"), "");
  EXPECT_EQ(fault_of(R"({"model":"m"})"), "messages: is missing");
  EXPECT_EQ(fault_of(R"({"messages":{}})"), "messages: must be an array");
  EXPECT_EQ(fault_of(R"({"messages":[1]})"), "messages[0]: must be an object");
  EXPECT_EQ(fault_of(R"({"messages":[{"role":"tool","content":"x"}]})"),
            "messages[0].role: must be user, assistant or system");
  EXPECT_EQ(fault_of(R"({"messages":[{"role":"user"}]})"), "messages[0].content: is missing");
  EXPECT_EQ(fault_of(R"({"messages":[{"role":"user","content":5}]})"),
            "messages[0].content: must be a string or an array of blocks");
  EXPECT_EQ(fault_of(R"({"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"text":"y"}]}]})"),
            "messages[0].content[1]: must have a `type`");
  EXPECT_EQ(fault_of(one_block(R"({"type":"text"})")),
            "messages[0].content[0]: a text block must have a string `text`");
  EXPECT_EQ(fault_of(one_block(R"({"type":"tool_result","content":[{"type":"text"}]})")),
            "messages[0].content[0].content[0]: a text block must have a string `text`");
  EXPECT_EQ(fault_of(one_block(R"({"type":"image"})")), "messages[0].content[0]: must have a `source` with a `type`");
  EXPECT_EQ(fault_of(R"({"messages":[],"max_tokens":"1"})"), "max_tokens: must be an integer");
  EXPECT_EQ(fault_of(R"({"messages":[],"temperature":"hot"})"), "temperature: must be a number");
  EXPECT_EQ(fault_of(R"({"messages":[],"stream":1})"), "stream: must be true or false");
  EXPECT_EQ(fault_of(R"({"messages":[],"stop_sequences":["a",1]})"), "stop_sequences[1]: must be a string");
  EXPECT_EQ(fault_of(R"({"messages":[],"tools":[{"name":"f","input_schema":[]}]})"),
            "tools[0].input_schema: must be an object");
  EXPECT_NE(fault_of(R"({"messages":[],"tool_choice":{"type":"maybe"}})"), "");
  EXPECT_NE(fault_of(R"({"messages":[],"thinking":{"type":"hard"}})"), "");
  EXPECT_NE(fault_of(R"({"messages":[],"output_config":{"format":{"type":"xml"}}})"), "");
}

}  // namespace
}  // namespace tollgate::gateway
