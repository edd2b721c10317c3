// Whole replies, both directions.
#include <gtest/gtest.h>

#include "anthropic_testing.h"
#include "json_compare.h"

namespace tollgate::gateway {
namespace {

using namespace chat;

Reply read(std::string_view body) {
  auto reply = anthropic().read_reply(body);
  EXPECT_TRUE(reply) << (reply ? "" : reply.error().message);
  return reply ? *reply : Reply{};
}

std::string message(std::string_view content, std::string_view rest) {
  return R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":)" + std::string(content) +
         R"(,"stop_sequence":null,)" + std::string(rest) + "}";
}

Json written(const Reply& reply, const StreamOptions& options = {}) {
  return parsed(anthropic().write_reply(reply, options));
}

TEST(AnthropicReply, ReadAndWrittenAgain) {
  const std::string body = message(
      R"([{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"d"},
          {"type":"text","text":"a","citations":[{"type":"page_location","cited_text":"q","document_index":0,
            "document_title":"t","start_page_number":1,"end_page_number":2}]},
          {"type":"server_tool_use","id":"srv","name":"web_search","input":{"query":"q"}},
          {"type":"web_search_tool_result","tool_use_id":"srv","content":[]},
          {"type":"tool_use","id":"toolu_1","name":"f","input":{"x":[1]},"caller":{"type":"direct"}}])",
      R"("stop_reason":"tool_use","container":{"id":"c","expires_at":"e"},"context_management":{"applied_edits":[]},
         "stop_details":null,"provider":"p","usage":{"input_tokens":0,"cache_creation_input_tokens":0,
         "cache_read_input_tokens":0,"output_tokens":0,"service_tier":"priority"})");
  const Reply reply = read(body);
  for (const JsonDifference& one : compare_json(parsed(body), written(reply)))
    ADD_FAILURE() << one.path << ": " << one.left << " became " << one.right;
  EXPECT_EQ(reply.id, "msg_1");
  EXPECT_EQ(reply.model, "claude-x");
  EXPECT_EQ(reply.service_tier, "priority");
  EXPECT_EQ(reply.dialect, "anthropic.messages");
  const Choice& choice = reply.choices.at(0);
  EXPECT_EQ(choice.finish, Finish::tool_calls);
  ASSERT_EQ(choice.parts.size(), 6u);
  EXPECT_EQ(choice.parts[5].get<ToolCall>()->arguments, R"({"x":[1]})");
}

TEST(AnthropicReply, EndsBothWays) {
  const std::pair<const char*, Finish> ends[] = {{"end_turn", Finish::stop},
                                                 {"max_tokens", Finish::length},
                                                 {"stop_sequence", Finish::stop_sequence},
                                                 {"tool_use", Finish::tool_calls},
                                                 {"pause_turn", Finish::pause},
                                                 {"refusal", Finish::refusal},
                                                 {"model_context_window_exceeded", Finish::context_length},
                                                 {"compaction", Finish::pause}};
  for (const auto& [word, finish] : ends) {
    const Reply reply = read(message("[]", R"("usage":{},"stop_reason":")" + std::string(word) + "\""));
    EXPECT_EQ(reply.choices[0].finish, finish) << word;
    EXPECT_EQ(written(reply)["stop_reason"], word);
  }
  const auto shown = [](Finish finish, std::string raw = "") {
    Reply reply;
    reply.choices.push_back({.finish = finish, .finish_raw = std::move(raw)});
    return written(reply)["stop_reason"];
  };
  EXPECT_EQ(shown(Finish::content_filter, "SAFETY"), "refusal");
  EXPECT_EQ(shown(Finish::malformed_call), "end_turn");
  EXPECT_EQ(shown(Finish::other, "of_tomorrow"), "end_turn");
  EXPECT_EQ(shown(Finish::pause), "pause_turn");
  EXPECT_EQ(shown(Finish::length, "stop_sequence"), "max_tokens");
  EXPECT_EQ(shown(Finish::unset), "end_turn");
  const Reply stopped = read(R"({"content":[],"stop_reason":"stop_sequence","stop_sequence":"END"})");
  EXPECT_EQ(stopped.choices[0].stop_sequence, "END");
  EXPECT_EQ(written(stopped)["stop_sequence"], "END");
}

TEST(AnthropicReply, OfAnotherVendor) {
  Reply reply{.id = "chatcmpl-1", .model = "gpt-x", .service_tier = "default"};
  reply.dialect = "openai.chat";
  reply.extra.emplace_back("choices_of_theirs", "1");
  Citation page{.url = "https://x.example", .title = "t", .quote = "q", .origin = "openai", .raw = "{}"};
  Citation placeless{.title = "t", .origin = "openai", .raw = "{}"};
  reply.choices.push_back(
      {.parts = {{.what = Text{.text = "a", .citations = {page, placeless}}, .extra = {{"theirs", "1"}}},
                 {.what = Text{}},
                 {.what = Refusal{.text = "no"}},
                 {.what = Media{.kind = Media::Kind::audio, .data = "AAAA", .transcript = "spoken"}},
                 {.what = Opaque{.dialect = "openai.responses", .type = "x", .json = "{}"}},
                 {.what = ToolCall{.id = "call_1", .name = "f", .arguments = "{\"a\": 1}"}},
                 {.what = ToolCall{.name = "g", .arguments = "no json"}}},
       .finish = Finish::stop,
       .finish_raw = "stop"});
  reply.choices.push_back({.index = 1, .parts = {{.what = Text{.text = "another"}}}});
  const Json json = written(reply, {.model = "asked-for", .id = "0192"});
  EXPECT_EQ(json["id"], "msg_chatcmpl-1");
  EXPECT_EQ(json["model"], "asked-for");
  EXPECT_EQ(json["stop_reason"], "tool_use");
  EXPECT_EQ(json["usage"]["service_tier"], "standard");
  EXPECT_FALSE(json.contains("choices_of_theirs"));
  EXPECT_EQ(json["content"], parsed(R"([{"type":"text","text":"a","citations":[{"type":"web_search_result_location",
      "url":"https://x.example","title":"t","cited_text":"q","encrypted_index":""}]},{"type":"text","text":"no"},
      {"type":"text","text":"spoken"},{"type":"tool_use","id":"call_1","name":"f","input":{"a":1}},
      {"type":"tool_use","id":"toolu_0192_6","name":"g","input":{"arguments":"no json"}}])"));
}

TEST(AnthropicReply, UsageInThisApisContainment) {
  Reply reply;
  Usage& usage = reply.usage;
  usage.reported = true;
  usage[Bucket::input] = 10;
  usage[Bucket::audio_input] = 2;
  usage[Bucket::image_input] = 3;
  usage[Bucket::cache_read] = 100;
  usage[Bucket::audio_cache_read] = 1;
  usage[Bucket::cache_write_5m] = 20;
  usage[Bucket::cache_write_1h] = 30;
  usage[Bucket::output] = 5;
  usage[Bucket::reasoning] = 7;
  usage[Bucket::audio_output] = 1;
  usage[Bucket::web_search] = 2;
  usage.served_tier = "batch";
  usage.geo = "us";
  usage.speed = "fast";
  EXPECT_EQ(written(reply)["usage"], parsed(R"({"input_tokens":15,"cache_creation_input_tokens":50,
      "cache_read_input_tokens":101,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},
      "output_tokens":13,"output_tokens_details":{"thinking_tokens":7},
      "server_tool_use":{"web_search_requests":2,"web_fetch_requests":0},"service_tier":"batch","inference_geo":"us",
      "speed":"fast"})"));
}

TEST(AnthropicReply, Nothing) {
  const Json json = written({}, {.id = "r"});
  EXPECT_EQ(json["id"], "msg_r");
  EXPECT_TRUE(json["content"].empty());
  EXPECT_EQ(json["stop_reason"], "end_turn");
  EXPECT_EQ(json["usage"]["input_tokens"], 0);
}

}  // namespace
}  // namespace tollgate::gateway
