// Reports: figures follow from what was measured, and what is not known is "-" and null, never 0.
#include <gtest/gtest.h>

#include "gateway/bench/report.h"

namespace tollgate::gateway::bench {
namespace {

const GridRow kPrompt{.prefill = true, .size = 100}, kFour{.size = 4};
const ModelWork kModel{.layer_bytes = 9e6, .head_bytes = 1e6, .layer_flops = 2e7, .head_flops = 2e6};

Setting setting() {
  return {.file = "m.gguf", .name = "m", .architecture = "llama", .device = "cpu", .kv = "f16", .step_tokens = 512};
}

GridSpeed decoding(const Setting& where) {
  // 8 steps of 4 tokens in 2 ms.
  return speed_of({.row = kFour, .us = {1'900, 2'000, 9'000}, .tokens = 32, .context = 10}, {.steps = 8}, kModel,
                  where);
}

TEST(Speed, IsTheMediansAndItsCeilings) {
  Setting where = setting();
  where.bandwidth = 10;
  where.peak = 0.1;
  where.hourly = *Money::parse("3.6");
  const GridSpeed speed = decoding(where);
  EXPECT_DOUBLE_EQ(speed.tokens_per_second, 16'000);
  EXPECT_DOUBLE_EQ(*speed.memory_ceiling, 4'000);         // 10 MB at 10 GB/s: a step of 1 ms
  EXPECT_NEAR(*speed.compute_ceiling, 4'545.45, 0.01);    // 4 * 22 MFLOP at 0.1 TFLOPS: 0.88 ms
  EXPECT_EQ(speed.per_million, *Money::parse("0.0625"));  // 0.001 USD a second / 16,000 * 1e6
  const GridSpeed prompt = speed_of({.row = kPrompt, .us = {1'000}, .tokens = 100}, {}, kModel, where);
  EXPECT_DOUBLE_EQ(prompt.tokens_per_second, 100'000);
  EXPECT_DOUBLE_EQ(*prompt.memory_ceiling, 100'000);
}

TEST(GridReport, WhatIsNotKnownIsNoNumber) {
  const GridReport report{{.steps = 8}, {decoding(setting()), {.row = kPrompt, .left_out = "needs a context"}}};
  const std::string text = grid_text(setting(), report);
  EXPECT_NE(text.find("not known, say --bandwidth"), std::string::npos);
  EXPECT_NE(text.find("not known, say --peak"), std::string::npos);
  EXPECT_NE(text.find("needs a context"), std::string::npos);
  EXPECT_EQ(text.find("USD"), std::string::npos);
  EXPECT_EQ(text.find(" 0 "), std::string::npos) << text;
  const std::string json = report_json(setting(), &report, nullptr);
  EXPECT_NE(json.find(R"("bandwidth_gb_per_second":null)"), std::string::npos);
  EXPECT_NE(json.find(R"("memory_ceiling":null,"compute_ceiling":null,"usd_per_million":null)"), std::string::npos);
  EXPECT_NE(json.find(R"({"row":"pp100","left_out":"needs a context"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("serve":null)"), std::string::npos);
}

TEST(GridReport, SaysWhenCachesHoldIt) {
  Setting where = setting();
  where.bandwidth = 10;
  EXPECT_NE(grid_text(where, {{.steps = 8}, {decoding(where)}}).find("400.0 %"), std::string::npos);
  EXPECT_NE(grid_text(where, {{.steps = 8}, {decoding(where)}}).find("caches hold"), std::string::npos);
  where.bandwidth = 1000;
  EXPECT_EQ(grid_text(where, {{.steps = 8}, {decoding(where)}}).find("caches hold"), std::string::npos);
}

ServeFigures figures() {
  ServeFigures out{.requests = 2, .took_us = 10'000'000, .input_tokens = 4'000, .output_tokens = 1'000};
  out.traffic = {{.input = 3'000, .output = 400}, {.input = 1'000, .output = 600}};
  return out;
}

TEST(ServeCostOf, IsWhatIsComputedByHand) {
  const auto cost = cost_of(figures(), *Money::parse("3.6"), *HostedPrice::given("2,10"));
  ASSERT_TRUE(cost);
  EXPECT_EQ(cost->machine, *Money::parse("0.01"));
  EXPECT_EQ(cost->per_million_output, *Money::parse("10"));
  EXPECT_EQ(cost->per_million, *Money::parse("2"));
  EXPECT_EQ(cost->hosted, *Money::parse("0.018"));  // 4,000 * 2e-6 + 1,000 * 10e-6
  EXPECT_EQ(cost->hosted_per_million_output, *Money::parse("18"));
  EXPECT_EQ(cost->hosted_per_million, *Money::parse("3.6"));
  EXPECT_EQ(cost->break_even->hosted_by_own.to_string(), "1.8");
  EXPECT_EQ(cost->break_even->percent.to_string(), "55.6");
  EXPECT_FALSE(cost_of(figures(), std::nullopt, std::nullopt));
}

TEST(ServeReport, WithoutAnAnswerThereIsNoTime) {
  ServeReport report{"8/8", {}, {.requests = 1, .failed = 1, .first_failure = "queue is full", .took_us = 5}, {}};
  report.cost = cost_of(report.figures, *Money::parse("1"), *HostedPrice::given("1,1"));
  const std::string text = serve_text(report);
  EXPECT_NE(text.find("0 answered, 1 failed"), std::string::npos);
  EXPECT_NE(text.find("first failure: queue is full"), std::string::npos);
  EXPECT_NE(text.find("- per 1M output tokens"), std::string::npos) << text;
  const std::string json = report_json(setting(), nullptr, &report);
  EXPECT_NE(json.find(R"("first_token_us":null)"), std::string::npos);
  EXPECT_NE(json.find(R"("usd_per_million_output":null)"), std::string::npos);
  EXPECT_NE(json.find(R"("break_even_percent":null)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("rate":null)"), std::string::npos);
}

TEST(ServeReport, MoneyStaysText) {
  ServeReport report{"8/8", {.rate = 2.5}, figures(), {}};
  report.cost = cost_of(report.figures, *Money::parse("3.6"), *HostedPrice::given("2,10"));
  const std::string json = report_json(setting(), nullptr, &report);
  EXPECT_NE(json.find(R"("machine_usd":"0.01")"), std::string::npos);
  EXPECT_NE(json.find(R"("hosted_by_own":1.8,"break_even_percent":55.6)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("rate":2.5)"), std::string::npos);
  EXPECT_NE(serve_text(report).find("cheaper from 55.6 % of this rate on"), std::string::npos);
}

}  // namespace
}  // namespace tollgate::gateway::bench
