// UsageReader: the rules of every dialect and vendor, by hand-written replies and events.
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

Usage chat(std::string_view usage, UsageFlags flags = {}) {
  return read_reply(UsageDialect::openai_chat,
                    R"({"id":"x","model":"m","choices":[],"usage":)" + std::string(usage) + "}", flags);
}

Usage messages(std::string_view usage, UsageFlags flags = {}) {
  return read_reply(UsageDialect::anthropic_messages, R"({"id":"x","model":"m","usage":)" + std::string(usage) + "}",
                    flags);
}

TEST(UsageOpenAi, DetailsLieInsideTheirParents) {
  const Usage u = chat(R"({"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500,
    "prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":200,"audio_tokens":50,"image_tokens":40},
    "completion_tokens_details":{"reasoning_tokens":100,"audio_tokens":20,"rejected_prediction_tokens":30}})");
  EXPECT_TRUE(u.reported);
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[cache_read], 300);
  EXPECT_EQ(u[cache_write_5m], 200);
  EXPECT_EQ(u[audio_input], 50);
  EXPECT_EQ(u[image_input], 40);
  EXPECT_EQ(u[input], 410);
  EXPECT_EQ(u[reasoning], 100);
  EXPECT_EQ(u[audio_output], 20);
  EXPECT_EQ(u[output], 380);  // rejected predictions are billed output
  EXPECT_EQ(u.input_side(), 1000);
}

TEST(UsageOpenAi, NullsCountAsAbsent) {
  const Usage u = chat(R"({"prompt_tokens":10,"completion_tokens":null,"total_tokens":10,
    "prompt_tokens_details":null,"completion_tokens_details":null})");
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 10);
  EXPECT_EQ(u[output], 0);
}

TEST(UsageOpenAi, NoUsageIsNotReported) {
  EXPECT_FALSE(chat("null").reported);
  EXPECT_FALSE(read_reply(UsageDialect::openai_chat, R"({"id":"x"})").reported);
  EXPECT_FALSE(read_reply(UsageDialect::openai_chat, "not json at all").reported);
  EXPECT_TRUE(chat(R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})").reported);
}

TEST(UsageOpenAi, TheTotalDecidesWhereReasoningStands) {
  const Usage beside = chat(R"({"prompt_tokens":100,"completion_tokens":10,"total_tokens":150,
    "completion_tokens_details":{"reasoning_tokens":40}})");
  EXPECT_TRUE(beside.identity_ok);
  EXPECT_EQ(beside[output], 10);
  EXPECT_EQ(beside[reasoning], 40);
  // Even for a vendor that adds: here its total says that reasoning lies inside.
  const Usage inside = chat(R"({"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
    "completion_tokens_details":{"reasoning_tokens":40}})",
                            {.additive_reasoning = true});
  EXPECT_TRUE(inside.identity_ok);
  EXPECT_EQ(inside[output], 10);
  EXPECT_EQ(inside[reasoning], 40);
}

TEST(UsageOpenAi, WithoutTotalTheVendorRowDecides) {
  const std::string_view text =
      R"({"prompt_tokens":1,"completion_tokens":50,"completion_tokens_details":{"reasoning_tokens":40}})";
  EXPECT_EQ(chat(text)[output], 10);
  EXPECT_EQ(chat(text, {.additive_reasoning = true})[output], 50);
}

TEST(UsageOpenAi, HiddenReasoningIsTheRestOfTheTotal) {
  const std::string_view text = R"({"prompt_tokens":66,"completion_tokens":6,"total_tokens":100})";
  EXPECT_FALSE(chat(text).identity_ok);
  const Usage u = chat(text, {.hidden_reasoning = true});
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[reasoning], 28);
  EXPECT_EQ(u[output], 6);
}

TEST(UsageOpenAi, ContradictionsAreCutAndFlagged) {
  const Usage cached = chat(
      R"({"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"prompt_tokens_details":{"cached_tokens":250}})");
  EXPECT_FALSE(cached.identity_ok);
  EXPECT_EQ(cached[cache_read], 100);
  EXPECT_EQ(cached[input], 0);
  const Usage thinking = chat(
      R"({"prompt_tokens":1,"completion_tokens":9,"total_tokens":10,"completion_tokens_details":{"reasoning_tokens":61}})");
  EXPECT_FALSE(thinking.identity_ok);
  EXPECT_EQ(thinking[reasoning], 9);
  EXPECT_EQ(thinking[output], 0);
  EXPECT_FALSE(chat(R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":99})").identity_ok);
  const Usage negative = chat(R"({"prompt_tokens":-5,"completion_tokens":5,"total_tokens":5})");
  EXPECT_FALSE(negative.identity_ok);
  EXPECT_EQ(negative[input], 0);
  EXPECT_FALSE(chat(R"({"prompt_tokens":9000000000000000,"completion_tokens":5})").identity_ok);
}

TEST(UsageOpenAi, TwoSpellingsOfCachedAreNeverAdded) {
  const Usage deepseek = chat(R"({"prompt_tokens":100,"completion_tokens":1,"total_tokens":101,
    "prompt_cache_hit_tokens":90,"prompt_cache_miss_tokens":10,"prompt_tokens_details":{"cached_tokens":90}})");
  EXPECT_EQ(deepseek[cache_read], 90);
  EXPECT_EQ(deepseek[input], 10);
  EXPECT_TRUE(deepseek.identity_ok);
  EXPECT_FALSE(
      chat(R"({"prompt_tokens":100,"completion_tokens":1,"prompt_cache_hit_tokens":90,"prompt_cache_miss_tokens":20})")
          .identity_ok);
  const Usage mistral =
      chat(R"({"prompt_tokens":3000,"completion_tokens":1,"total_tokens":3001,"num_cached_tokens":2048,
    "prompt_tokens_details":{"cached_tokens":2048}})");
  EXPECT_EQ(mistral[cache_read], 2048);
  EXPECT_EQ(mistral[input], 952);
  EXPECT_EQ(chat(R"({"prompt_tokens":30,"completion_tokens":1,"cached_tokens":20})")[cache_read], 20);
  EXPECT_EQ(chat(R"({"prompt_tokens":30,"completion_tokens":1,"num_cached_tokens":20})")[cache_read], 20);
  EXPECT_FALSE(
      chat(
          R"({"prompt_tokens":30,"completion_tokens":1,"cached_tokens":20,"prompt_tokens_details":{"cached_tokens":10}})")
          .identity_ok);
}

TEST(UsageOpenAi, CachedAudioIsWhatDoesNotFitBeside) {
  const Usage u = chat(R"({"prompt_tokens":100,"completion_tokens":1,"total_tokens":101,
    "prompt_tokens_details":{"cached_tokens":80,"audio_tokens":50}})");
  EXPECT_EQ(u[audio_input], 20);
  EXPECT_EQ(u[audio_cache_read], 30);
  EXPECT_EQ(u[cache_read], 50);
  EXPECT_EQ(u[input], 0);
  EXPECT_EQ(u.input_side(), 100);
}

TEST(UsageOpenAi, TierServedIsReadFromReplyOrUsage) {
  EXPECT_EQ(read_reply(UsageDialect::openai_chat, R"({"service_tier":"flex","usage":{"prompt_tokens":1}})").served_tier,
            "flex");
  EXPECT_EQ(chat(R"({"prompt_tokens":1,"service_tier":"priority"})").served_tier, "priority");
  EXPECT_EQ(read_reply(UsageDialect::openai_chat, R"({"service_tier":null,"usage":{"prompt_tokens":1}})").served_tier,
            "");
}

TEST(UsageOpenAi, ToolCallsOfXaiAndOpenRouter) {
  const Usage xai = chat(
      R"({"prompt_tokens":1,"server_side_tool_usage_details":{"web_search_calls":3,"x_search_calls":2,"code_interpreter_calls":1,"file_search_calls":4}})");
  EXPECT_EQ(xai[web_search], 5);
  EXPECT_EQ(xai[code_execution], 1);
  EXPECT_EQ(xai[file_search], 4);
  EXPECT_EQ(chat(R"({"prompt_tokens":1,"server_tool_use_details":{"web_search_requests":2}})")[web_search], 2);
}

TEST(UsageOpenAi, EmbeddingsHaveNoOutput) {
  const Usage u = read_reply(UsageDialect::openai_embeddings,
                             R"({"object":"list","data":[],"usage":{"prompt_tokens":8,"total_tokens":8}})");
  EXPECT_EQ(u[input], 8);
  EXPECT_TRUE(u.identity_ok);
}

TEST(UsageOpenAi, DurationIsCountedInMilliseconds) {
  EXPECT_EQ(chat(R"({"type":"duration","seconds":64})")[audio_milliseconds], 64'000);
  EXPECT_EQ(chat(R"({"type":"duration","seconds":1.5})")[audio_milliseconds], 1'500);
}

TEST(UsageCost, ReportedOnlyWhereTheVendorRowSaysSo) {
  const std::string_view text =
      R"({"prompt_tokens":1,"cost":4e-05,"is_byok":false,"cost_details":{"upstream_inference_cost":4e-05}})";
  EXPECT_EQ(chat(text).reported_cost, "");
  EXPECT_EQ(chat(text, {.reported_cost = true}).reported_cost, "0.00004");
}

TEST(UsageCost, OwnKeyAddsTheUpstreamCharge) {
  const UsageFlags flags{.reported_cost = true};
  EXPECT_EQ(chat(R"({"cost":0.95,"is_byok":true,"cost_details":{"upstream_inference_cost":19}})", flags).reported_cost,
            "19.95");
  // Without the upstream's charge the sum is unknown, which is not the fee alone.
  EXPECT_EQ(
      chat(R"({"cost":0.95,"is_byok":true,"cost_details":{"upstream_inference_cost":null}})", flags).reported_cost, "");
}

TEST(UsageCost, ZeroNoiseTicksAndObjects) {
  const UsageFlags flags{.reported_cost = true};
  EXPECT_EQ(chat(R"({"cost":0})", flags).reported_cost, "0");
  EXPECT_EQ(chat(R"({"cost":null})", flags).reported_cost, "");
  EXPECT_EQ(chat(R"({"cost":0.00014849999999999998})", flags).reported_cost, "0.0001485");
  EXPECT_EQ(chat(R"({"cost_in_usd_ticks":37756000})", flags).reported_cost, "0.0037756");
  EXPECT_EQ(chat(R"({"cost":{"input_tokens_cost":8e-05,"total_cost":0.00515}})", flags).reported_cost, "0.00515");
}

TEST(UsageStream, UsageOnlyChunkIsTheEmptyChoicesOne) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event(
      "",
      R"({"id":"c1","model":"gpt","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null})");
  EXPECT_FALSE(reader.saw_content());
  EXPECT_EQ(reader.served_model(), "gpt");
  EXPECT_EQ(reader.provider_request_id(), "c1");
  reader.event("", R"({"id":"c1","choices":[{"index":0,"delta":{"content":"Hello \"usage\":{ x"}}],"usage":null})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_FALSE(reader.last_was_usage_only());
  EXPECT_FALSE(reader.usage().reported);
  reader.event("", R"({"id":"c1","choices":[ ],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})");
  EXPECT_TRUE(reader.last_was_usage_only());
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("", "[DONE]");
  EXPECT_FALSE(reader.last_was_usage_only());
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[input], 7);
  EXPECT_EQ(reader.usage().raw, R"({"prompt_tokens":7,"completion_tokens":3,"total_tokens":10})");
}

TEST(UsageStream, ContentFilterChunkIsNotUsageOnly) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"choices":[],"prompt_filter_results":[{"prompt_index":0}],"usage":null})");
  EXPECT_FALSE(reader.last_was_usage_only());
}

TEST(UsageStream, RunningTotalsAreReplacedNotSummed) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  for (const int n : {1, 2, 57}) {
    reader.event("", R"({"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":100,"completion_tokens":)" +
                         std::to_string(n) + R"(,"total_tokens":)" + std::to_string(100 + n) + "}}");
    EXPECT_FALSE(reader.last_was_usage_only());
  }
  EXPECT_EQ(reader.usage()[output], 57);
  EXPECT_EQ(reader.usage()[input], 100);
}

TEST(UsageStream, GroqIsCountedOnce) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {.x_groq = true});
  reader.event(
      "",
      R"({"choices":[{"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}})");
  EXPECT_EQ(reader.usage()[output], 5);
  reader.event(
      "",
      R"({"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25},"service_tier":"on_demand"})");
  EXPECT_EQ(reader.usage()[output], 5);
  EXPECT_EQ(reader.usage().served_tier, "on_demand");
}

TEST(UsageStream, ContentOfEveryKind) {
  const auto content = [](std::string_view delta) {
    UsageReader reader;
    reader.reset(UsageDialect::openai_chat, {});
    reader.event("",
                 R"({"id":"1","choices":[{"index":0,"delta":)" + std::string(delta) + R"(,"finish_reason":null}]})");
    return reader.saw_content();
  };
  EXPECT_FALSE(content("{}"));
  EXPECT_FALSE(content(R"({"role":"assistant"})"));
  EXPECT_FALSE(content(R"({"role":"assistant","content":""})"));
  EXPECT_FALSE(content(R"({"role":"assistant","content":null,"tool_calls":[]})"));
  EXPECT_TRUE(content(R"({"content":"a"})"));
  EXPECT_TRUE(content(R"({"content":null,"reasoning_content":"hm"})"));
  EXPECT_TRUE(content(R"({"role":"assistant","content":"","reasoning":"hm"})"));
  EXPECT_TRUE(content(R"({"refusal":"no"})"));
  EXPECT_TRUE(content(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]})"));
}

TEST(UsageStream, EstimateFromEventsAndBytes) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"choices":[{"delta":{"content":"0123456789abcdef0123456789abcdef0123456789"}}]})");
  EXPECT_EQ(reader.estimated_output_tokens(), 10);  // 42 bytes / 4
  for (int i = 0; i < 20; ++i) reader.event("", R"({"choices":[{"delta":{"content":"x"}}]})");
  EXPECT_EQ(reader.estimated_output_tokens(), 21);  // more events than bytes / 4
}

TEST(UsageStream, CompletionsText) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_completions, {});
  reader.event("", R"({"id":"c","model":"m","choices":[{"text":"","index":0}]})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("", R"({"id":"c","model":"m","choices":[{"text":" word","index":0}],"usage":null})");
  EXPECT_TRUE(reader.saw_content());
}

TEST(UsageStream, ErrorsInStreamAndReply) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"error":{"message":"boom","type":"server_error","code":"overloaded"}})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "overloaded");
  reader.reset(UsageDialect::openai_chat, {});
  reader.event(
      "",
      R"({"id":"g","error":{"code":502,"message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]})");
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "502");
  reader.reset(UsageDialect::openai_chat, {});
  reader.event("", R"({"id":"g","error":null,"choices":[{"delta":{},"finish_reason":"stop"}]})");
  EXPECT_FALSE(reader.saw_error());
  reader.reset(UsageDialect::anthropic_messages, {});
  reader.event("error", R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
  EXPECT_EQ(reader.error_code(), "overloaded_error");
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

constexpr std::string_view kResponse =
    R"({"id":"resp_1","object":"response","model":"gpt-5","service_tier":"default","status":"completed","error":null,"output":[
    {"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call","action":{"type":"open_page"}},
    {"type":"web_search_call"},{"type":"reasoning"},{"type":"file_search_call"},
    {"type":"code_interpreter_call","container_id":"c1"},{"type":"code_interpreter_call","container_id":"c1"},
    {"type":"message","content":[]}],
    "usage":{"input_tokens":20000,"input_tokens_details":{"cached_tokens":5000,"cache_write_tokens":14000},
    "output_tokens":500,"output_tokens_details":{"reasoning_tokens":300},"total_tokens":20500}})";

void expect_response(const Usage& u) {
  EXPECT_TRUE(u.identity_ok);
  EXPECT_EQ(u[input], 1000);
  EXPECT_EQ(u[cache_read], 5000);
  EXPECT_EQ(u[cache_write_5m], 14000);
  EXPECT_EQ(u[output], 200);
  EXPECT_EQ(u[reasoning], 300);
  EXPECT_EQ(u[web_search], 2);  // opening a found page is free
  EXPECT_EQ(u[file_search], 1);
  EXPECT_EQ(u[code_execution], 1);  // one container
  EXPECT_EQ(u.served_tier, "default");
}

TEST(UsageResponses, FeesComeFromWhatWasCalled) {
  expect_response(read_reply(UsageDialect::openai_responses, kResponse));
  EXPECT_EQ(
      read_reply(
          UsageDialect::openai_responses,
          R"({"tools":[{"type":"web_search"}],"output":[{"type":"function_call"}],"usage":{"input_tokens":1,"output_tokens":1}})")
          [web_search],
      0);
}

TEST(UsageResponses, TheVendorsOwnToolCountWins) {
  EXPECT_EQ(
      read_reply(
          UsageDialect::openai_responses,
          R"({"output":[{"type":"web_search_call"},{"type":"web_search_call"}],"tool_usage":{"web_search":{"num_requests":1}},
                       "usage":{"input_tokens":1,"output_tokens":1}})")[web_search],
      1);
}

TEST(UsageResponses, NamelessEventWithItsTypeLast) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "",
      R"({"response":{"output":[{"type":"message"}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}},"type":"response.completed"})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_EQ(reader.usage()[output], 4);
}

TEST(UsageResponses, StreamEndsWithTheWholeResponse) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "response.created",
      R"({"type":"response.created","response":{"id":"resp_1","model":"gpt-5","usage":null,"error":null,"output":[]}})");
  EXPECT_EQ(reader.served_model(), "gpt-5");
  reader.event("response.output_item.added",
               R"({"type":"response.output_item.added","item":{"type":"message","content":[]}})");
  EXPECT_FALSE(reader.saw_content());
  reader.event("response.output_text.delta",
               R"({"type":"response.output_text.delta","delta":"Hello","obfuscation":"abcdefgh"})");
  EXPECT_TRUE(reader.saw_content());
  EXPECT_FALSE(reader.saw_terminal());
  reader.event("response.completed", R"({"type":"response.completed","response":)" + std::string(kResponse) + "}");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_FALSE(reader.saw_error());
  EXPECT_EQ(reader.provider_request_id(), "resp_1");
  expect_response(reader.usage());
}

TEST(UsageResponses, FailureIsAnErrorAndTerminal) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "",
      R"({"type":"response.failed","response":{"id":"r","error":{"code":"server_error","message":"x"},"usage":null}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_TRUE(reader.saw_error());
  EXPECT_EQ(reader.error_code(), "server_error");
  reader.reset(UsageDialect::openai_responses, {});
  reader.event(
      "response.incomplete",
      R"({"type":"response.incomplete","response":{"error":null,"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}})");
  EXPECT_TRUE(reader.saw_terminal());
  EXPECT_FALSE(reader.saw_error());
  EXPECT_EQ(reader.usage()[output], 4);
}

TEST(UsageReader, ResetForgetsAndRawIsBounded) {
  UsageReader reader;
  reader.reset(UsageDialect::openai_chat, {});
  reader.reply(
      padded(R"({"id":"a","model":"m","usage":{"prompt_tokens":5,"pad":")" + std::string(5000, 'x') + R"("}})"));
  EXPECT_EQ(reader.usage()[input], 5);
  EXPECT_TRUE(reader.usage().raw.empty());
  reader.reset(UsageDialect::openai_chat, {});
  EXPECT_FALSE(reader.usage().reported);
  EXPECT_TRUE(reader.served_model().empty());
  EXPECT_FALSE(reader.saw_content());
}

TEST(UsageFlags, NamesOfVendorRows) {
  const UsageFlags flags = usage_flags_from({"additive_reasoning", "x_groq", "reported_cost", "hidden_reasoning"});
  EXPECT_TRUE(flags.additive_reasoning && flags.x_groq && flags.reported_cost && flags.hidden_reasoning);
  EXPECT_FALSE(usage_flags_from({}).reported_cost);
}

}  // namespace
}  // namespace tollgate::billing
