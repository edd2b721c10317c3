// UsageReader: Anthropic messages, whole and streamed.
#include "billing/usage_reader.h"

#include <gtest/gtest.h>

#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::padded;
using enum Bucket;

Usage read_reply(UsageDialect dialect, std::string_view body, UsageFlags flags = {}) {
  UsageReader reader;
  reader.reset(dialect, flags);
  const std::string text = padded(body);
  reader.reply(text);
  return reader.usage();
}

Usage messages(std::string_view usage, UsageFlags flags = {}) {
  return read_reply(UsageDialect::anthropic_messages, R"({"id":"x","model":"m","usage":)" + std::string(usage) + "}",
                    flags);
}

TEST(UsageAnthropic, CacheStandsBesideInputAndWritesAreNotDoubled) {
  const Usage u = messages(R"({"input_tokens":10,"cache_creation_input_tokens":3904,"cache_read_input_tokens":7,
    "cache_creation":{"ephemeral_5m_input_tokens":904,"ephemeral_1h_input_tokens":3000},"output_tokens":120,
    "output_tokens_details":{"thinking_tokens":20},"server_tool_use":{"web_search_requests":2,"web_fetch_requests":3},
    "service_tier":"standard","inference_geo":"us","speed":"fast"})");
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 10);
  EXPECT_EQ(u[cache_read], 7);
  EXPECT_EQ(u[cache_write_5m], 904);
  EXPECT_EQ(u[cache_write_1h], 3000);
  EXPECT_EQ(u[output], 100);
  EXPECT_EQ(u[reasoning], 20);
  EXPECT_EQ(u[web_search], 2);
  EXPECT_EQ(u[web_fetch], 3);
  EXPECT_EQ(u.served_tier, "standard");
  EXPECT_EQ(u.geo, "us");
  EXPECT_EQ(u.speed, "fast");
}

TEST(UsageAnthropic, WithoutSplitWritesAreFiveMinutes) {
  const Usage u = messages(R"({"input_tokens":0,"cache_creation_input_tokens":1000,"output_tokens":0})");
  EXPECT_EQ(u[cache_write_5m], 1000);
  EXPECT_EQ(u[cache_write_1h], 0);
  EXPECT_FALSE(
      messages(
          R"({"cache_creation_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2}})")
          .identity_ok);
  EXPECT_EQ(messages(R"({"input_tokens":1,"inference_geo":"not_available"})").geo, "");
}

TEST(UsageAnthropic, WritesRaisedAfterTheSplitKeepItsLifetime) {
  const auto raised = [](std::string_view split) {
    UsageReader reader;
    reader.reset(UsageDialect::anthropic_messages, {});
    reader.event(
        "message_start",
        R"({"type":"message_start","message":{"usage":{"input_tokens":2,"cache_creation_input_tokens":100,"cache_creation":)" +
            std::string(split) + "}}}");
    reader.event("message_delta",
                 R"({"type":"message_delta","usage":{"cache_creation_input_tokens":150,"output_tokens":1}})");
    return reader.usage();
  };
  const Usage brief = raised(R"({"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":0})");
  EXPECT_EQ(brief[cache_write_5m], 150);
  EXPECT_TRUE(brief.identity_ok);
  EXPECT_EQ(raised(R"({"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":100})")[cache_write_1h], 150);
  const Usage both = raised(R"({"ephemeral_5m_input_tokens":40,"ephemeral_1h_input_tokens":60})");
  EXPECT_EQ(both[cache_write_1h], 60);
  EXPECT_EQ(both[cache_write_5m], 90);
}

TEST(UsageAnthropic, StreamTakesTheLastValuePerField) {
  UsageReader reader;
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.event(
      "message_start",
      R"({"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":2,"cache_creation_input_tokens":47119,"cache_read_input_tokens":5,"output_tokens":4,"service_tier":"standard"}}})");
  EXPECT_FALSE(reader.saw_content());
  EXPECT_EQ(reader.served_model(), "claude");
  EXPECT_EQ(reader.provider_request_id(), "msg_1");
  reader.event("content_block_start",
               R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
  reader.event("ping", R"({"type":"ping"})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("content_block_delta",
               R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_EQ(reader.estimated_output_tokens(), 1);
  reader.event("message_delta",
               R"({"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":40}})");
  EXPECT_EQ(reader.usage()[output], 40);
  EXPECT_EQ(reader.usage()[cache_write_5m], 47119);
  reader.event(
      "message_delta",
      R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":10682,"output_tokens":64,"server_tool_use":{"web_search_requests":1}}})");
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("message_stop", R"({"type":"message_stop"})");
  EXPECT_TRUE(reader.saw_terminal());
  const Usage& u = reader.usage();
  EXPECT_EQ(u[input], 10682);
  EXPECT_EQ(u[cache_read], 5);
  EXPECT_EQ(u[cache_write_5m], 47119);
  EXPECT_EQ(u[output], 64);
  EXPECT_EQ(u[web_search], 1);
  EXPECT_EQ(u.served_tier, "standard");
  EXPECT_NE(u.raw.find(R"("message_start":{"input_tokens":2)"), std::string::npos);
  EXPECT_NE(u.raw.find(R"("message_delta":{"input_tokens":10682)"), std::string::npos);
}

TEST(UsageAnthropic, EventsWithoutNamesAreKnownByType) {
  UsageReader reader;
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.event("", R"({"type":"message_start","message":{"usage":{"input_tokens":2,"output_tokens":4}}})");
  reader.event(
      "", R"({"type": "content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}})");
  EXPECT_TRUE(reader.saw_content());
  reader.event("", R"({"type":"message_stop"})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[input], 2);
}

TEST(UsageAnthropic, ToolStartIsContent) {
  UsageReader reader;
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.event(
      "content_block_start",
      R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})");
  EXPECT_FALSE(reader.saw_content());
  reader.event(
      "content_block_start",
      R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})");
  EXPECT_TRUE(reader.saw_content());
}

TEST(UsageAnthropic, IterationsArePartsAndTheirSumIsTheUsage) {
  UsageReader reader;
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.reply(padded(
      R"({"model":"opus","usage":{"input_tokens":1200,"output_tokens":350,"output_tokens_details":{"thinking_tokens":49},"speed":"fast","server_tool_use":{"web_search_requests":1},"iterations":[
    {"type":"message","model":"fable","input_tokens":1200,"output_tokens":299},
    {"type":"fallback_message","model":"opus","input_tokens":1200,"cache_read_input_tokens":5,"output_tokens":350}]}})"));
  const Usage& u = reader.usage();
  ASSERT_EQ(reader.parts().size(), 2u);
  EXPECT_EQ(reader.parts()[0].model, "fable");
  EXPECT_EQ(reader.parts()[0].usage[output], 299);
  EXPECT_EQ(reader.parts()[0].usage.speed, "fast");
  EXPECT_EQ(reader.parts()[0].usage[web_search], 0);
  EXPECT_EQ(reader.parts()[1].usage[web_search], 1);
  EXPECT_EQ(u[input], 2400);
  EXPECT_EQ(u[cache_read], 5);
  EXPECT_EQ(u[output], 600);
  EXPECT_EQ(u[reasoning], 49);
  EXPECT_EQ(u[web_search], 1);
}

TEST(UsageAnthropic, DeclinedIterationBeforeAFallbackIsNotBilled) {
  UsageReader reader;
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.reply(padded(R"({"usage":{"input_tokens":412,"output_tokens":264,"iterations":[
    {"type":"message","model":"fable","input_tokens":412,"output_tokens":0},
    {"type":"fallback_message","model":"opus","input_tokens":412,"output_tokens":264}]}})"));
  EXPECT_EQ(reader.usage()[input], 412);
  ASSERT_EQ(reader.parts().size(), 1u);
  EXPECT_EQ(reader.parts()[0].model, "opus");
}

TEST(UsageAnthropic, OneIterationSaysNothingNew) {
  UsageReader reader;
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.reply(padded(
      R"({"usage":{"input_tokens":31,"output_tokens":547,"iterations":[{"type":"message","input_tokens":31,"output_tokens":547}]}})"));
  EXPECT_EQ(reader.usage()[output], 547);
  EXPECT_TRUE(reader.parts().empty());
}

}  // namespace
}  // namespace tollgate::billing
