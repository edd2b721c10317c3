// UsageReader: whole replies of the OpenAI family and what vendors add to them.
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

TEST(UsageOpenAi, EmbeddingsWithOnlyATotalAreInput) {
  const Usage u =
      read_reply(UsageDialect::openai_embeddings, R"({"object":"list","data":[],"usage":{"total_tokens":7}})");
  EXPECT_EQ(u[Bucket::input], 7);
  EXPECT_EQ(u[Bucket::output], 0);
  EXPECT_TRUE(u.identity_ok);
}

TEST(UsageOpenAi, DurationIsCountedInMilliseconds) {
  EXPECT_EQ(chat(R"({"type":"duration","seconds":64})")[audio_milliseconds], 64'000);
  EXPECT_EQ(chat(R"({"type":"duration","seconds":1.5})")[audio_milliseconds], 1'500);
}

TEST(UsageCost, AChargeBelowZeroIsNoCharge) {
  UsageFlags flags;
  flags.reported_cost = true;
  for (const std::string_view usage :
       {R"({"prompt_tokens":1,"cost":-0.5})", R"({"prompt_tokens":1,"cost_in_usd_ticks":-5})",
        R"({"prompt_tokens":1,"cost":0.1,"is_byok":true,"cost_details":{"upstream_inference_cost":-5}})"}) {
    std::string body = R"({"usage":)" + std::string(usage) + "}";
    body.reserve(body.size() + kJsonPadding);
    UsageReader reader;
    reader.reset(UsageDialect::openai_chat, flags);
    reader.reply(body);
    EXPECT_EQ(reader.usage().reported_cost, "") << usage;
  }
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

TEST(UsageFlags, NamesOfVendorRows) {
  const UsageFlags flags = usage_flags_from({"additive_reasoning", "x_groq", "reported_cost", "hidden_reasoning"});
  EXPECT_TRUE(flags.additive_reasoning && flags.x_groq && flags.reported_cost && flags.hidden_reasoning);
  EXPECT_FALSE(usage_flags_from({}).reported_cost);
}

}  // namespace
}  // namespace tollgate::billing
