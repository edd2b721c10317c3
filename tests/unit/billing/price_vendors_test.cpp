// Prices of clouds and of pieces: imported keys, vendors that share rows, other money, capacity paid for beforehand,
// replies from the cache.
#include <gtest/gtest.h>

#include <map>

#include "billing/price_import.h"
#include "billing/price_time.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using test::book;
using test::cost_text;
using test::fee;
using test::multiplier;
using test::row;
using test::usage_of;
using enum Bucket;

std::int64_t at(std::string_view text) { return utc_from_text(text).value_or(-1); }

PriceQuery query(std::string_view provider, std::string_view model, std::string_view when = "2026-11-01") {
  return {.provider = provider, .model = model, .at_us = at(when)};
}

constexpr std::string_view kClouds = R"({
 "us.anthropic.claude-x-v1:0": {"litellm_provider": "bedrock_converse", "mode": "chat", "input_cost_per_token": 3.3e-06},
 "bedrock/eu-central-1/anthropic.claude-x": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 4e-06},
 "bedrock/eu-central-1/1-month-commitment/anthropic.claude-x": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 1e-06},
 "bedrock/invoke/anthropic.claude-y": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 5e-06},
 "gemini/gemini-x": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 1e-06},
 "vertex_ai/claude-x@20260101": {"litellm_provider": "vertex_ai-anthropic_models", "mode": "chat", "input_cost_per_token": 3e-06},
 "azure/global/gpt-x": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 2e-06},
 "rerank-x": {"litellm_provider": "cohere", "mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0},
 "embed-x": {"litellm_provider": "cohere", "mode": "embedding", "input_cost_per_token": 1e-07, "input_cost_per_image": 0.0001},
 "whisper-x": {"litellm_provider": "openai", "mode": "audio_transcription", "input_cost_per_second": 0.0001},
 "tts-x": {"litellm_provider": "openai", "mode": "audio_speech", "input_cost_per_character": 1.5e-05},
 "picture-x": {"litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.04},
 "chat-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "input_cost_per_image": 0.5},
 "mistral/ocr-x": {"litellm_provider": "mistral", "mode": "ocr", "ocr_cost_per_page": 0.004}
})";

TEST(PriceVendors, ImportedKeysNameModelAndRegion) {
  const auto report = import_prices(PriceFormat::litellm, kClouds, {.source_date = "2026-08-06"});
  ASSERT_TRUE(report) << report.error().message;
  std::map<std::string, const config::PriceRow*> rows;
  for (const auto& one : report->rows) rows[one.provider + "/" + one.model] = &one;
  EXPECT_EQ(rows.size(), 13u);
  ASSERT_EQ(rows.count("bedrock/us.anthropic.claude-x-v1:0"), 1u);
  ASSERT_EQ(rows.count("bedrock/anthropic.claude-x"), 1u);
  EXPECT_EQ(rows["bedrock/anthropic.claude-x"]->region, "eu-central-1");
  EXPECT_EQ(rows.count("bedrock/anthropic.claude-y"), 1u);
  EXPECT_EQ(rows.count("google/gemini-x"), 1u);
  EXPECT_EQ(rows.count("vertex_anthropic/claude-x@20260101"), 1u);
  ASSERT_EQ(rows.count("azure/gpt-x"), 1u);
  EXPECT_EQ(rows["azure/gpt-x"]->region, "");
  ASSERT_EQ(report->skipped.size(), 1u);
  EXPECT_EQ(report->skipped[0].reason, "capacity that was bought beforehand");
}

TEST(PriceVendors, ImportedPiecesAndSeconds) {
  const auto report = import_prices(PriceFormat::litellm, kClouds, {.source_date = "2026-08-06"});
  const auto prices = book(report->rows);
  ASSERT_TRUE(prices);
  const auto cost = [&](std::string_view provider, std::string_view model, const Usage& usage) {
    return cost_text(prices->price(query(provider, model), usage));
  };
  EXPECT_EQ(cost("cohere", "rerank-x", usage_of({{search_units, 2}})), "0.004");
  EXPECT_EQ(cost("cohere", "embed-x", usage_of({{input, 1'000'000}, {images, 3}})), "0.1003");
  EXPECT_EQ(cost("openai", "whisper-x", usage_of({{audio_milliseconds, 64'000}})), "0.0064");
  EXPECT_EQ(cost("openai", "tts-x", usage_of({{characters, 1'234}})), "0.01851");
  EXPECT_EQ(cost("openai", "picture-x", usage_of({{images, 2}})), "0.08");
  EXPECT_EQ(cost("openai", "chat-x", usage_of({{images, 1}})), "unpriced");
  EXPECT_EQ(cost("mistral", "ocr-x", usage_of({{pages, 10}})), "0.04");
}

TEST(PriceVendors, AVendorMayCostWhatAnotherCosts) {
  auto same = row("vertex/*", {});
  same.same_as = "google";
  multiplier(same, "tier:provisioned", "0");
  auto own = row("vertex/own", {{input, "7"}});
  auto prefix = row("google/gemini-*", {{input, "1"}, {output, "4"}});
  auto half = row("google/*", {});
  multiplier(half, "batch", "0.5");
  const auto prices = book({same, own, row("google/gemini-pro", {{input, "2"}, {output, "8"}}), prefix, half});
  ASSERT_TRUE(prices);
  const Usage million = usage_of({{input, 1'000'000}});
  EXPECT_EQ(cost_text(prices->price(query("vertex", "gemini-pro"), million)), "2");
  EXPECT_EQ(cost_text(prices->price(query("vertex", "gemini-new"), million)), "1");
  EXPECT_EQ(cost_text(prices->price(query("vertex", "own"), million)), "7");
  EXPECT_EQ(cost_text(prices->price(query("vertex", "other"), million)), "unpriced");
  EXPECT_EQ(cost_text(prices->price(query("google", "own"), million)), "unpriced");
  PriceQuery batch = query("vertex", "gemini-pro");
  batch.batch = true;
  const Priced priced = prices->price(batch, million);
  EXPECT_EQ(cost_text(priced), "1");
  EXPECT_EQ(priced.price_ids, (std::vector<std::string>{"google/gemini-pro@2026-08-06", "google/*@2026-08-06"}));
  EXPECT_TRUE(prices->knows(query("vertex", "gemini-pro")));
  auto wrong = row("vertex/gemini", {});
  wrong.same_as = "google";
  EXPECT_FALSE(PriceBook::build({wrong}));
}

TEST(PriceVendors, TokensPaidForBeforehandCostNothingAndKeepTheirListPrice) {
  auto vendor = row("vertex/*", {});
  multiplier(vendor, "tier:provisioned", "0");
  auto model = row("vertex/m", {{input, "2"}, {output, "8"}});
  fee(model, web_search, "0.014");
  const auto prices = book({vendor, model});
  Usage usage = usage_of({{input, 1'000'000}, {output, 500'000}, {web_search, 1}});
  usage.served_tier = "provisioned";
  const Priced priced = prices->price(query("vertex", "m"), usage);
  EXPECT_EQ(cost_text(priced), "0.014") << "fees are not tokens";
  EXPECT_EQ(priced.source, CostSource::computed);
  EXPECT_EQ(priced.baseline->to_string(), "6.014");
}

TEST(PriceVendors, OtherMoneyAtTheWorthOfTheDay) {
  auto contract = row("deepseek/m", {{input, "1"}, {cache_read, "0.02"}, {output, "4"}});
  contract.currency = "CNY";
  fee(contract, web_search, "0.1");
  multiplier(contract, "batch", "0.5");
  auto before = row("currency/CNY", {}), after = row("currency/CNY", {});
  multiplier(before, "usd", "0.1402");
  multiplier(after, "usd", "0.15");
  before.valid_to_us = after.valid_from_us = at("2026-10-01");
  const auto prices = book({contract, before, after});
  ASSERT_TRUE(prices);
  const Usage usage = usage_of({{input, 10'000}, {cache_read, 40'000}, {output, 5'000}});
  const Priced priced = prices->price(query("deepseek", "m", "2026-09-14"), usage);
  EXPECT_EQ(cost_text(priced), "0.00431816");
  EXPECT_EQ(priced.price_ids, (std::vector<std::string>{"deepseek/m@2026-08-06", "currency/CNY@2026-08-06"}));
  EXPECT_EQ(cost_text(prices->price(query("deepseek", "m", "2026-10-01"), usage)), "0.00462");
  EXPECT_EQ(cost_text(prices->price(query("deepseek", "m"), usage_of({{web_search, 2}}))), "0.03");
  PriceQuery batch = query("deepseek", "m");
  batch.batch = true;
  EXPECT_EQ(cost_text(prices->price(batch, usage_of({{input, 1'000'000}}))), "0.075");
}

TEST(PriceVendors, MoneyOfUnknownWorthIsAnUnknownPrice) {
  auto contract = row("deepseek/m", {{input, "1"}});
  contract.currency = "CNY";
  auto later = row("currency/CNY", {});
  multiplier(later, "usd", "0.15");
  later.valid_from_us = at("2027-01-01");
  const Priced priced = book({contract, later})->price(query("deepseek", "m"), usage_of({{input, 1}}));
  EXPECT_EQ(cost_text(priced), "unpriced");
  EXPECT_EQ(priced.note, "rate missing for CNY of deepseek/m");
  auto dear = row("currency/XAU", {});
  multiplier(dear, "usd", "10.5");
  EXPECT_FALSE(PriceBook::build({dear}));
  auto odd = row("currency/CNY", {});
  multiplier(odd, "batch", "0.5");
  EXPECT_FALSE(PriceBook::build({odd}));
  auto vendor = row("deepseek/m", {});
  multiplier(vendor, "usd", "0.5");
  EXPECT_FALSE(PriceBook::build({vendor}));
}

TEST(PriceVendors, StandInsOfTheRarerMedia) {
  const auto plain = book({row("a/m", {{input, "2"}, {cache_read, "0.5"}})});
  const auto cost = [&](Bucket bucket) {
    return cost_text(plain->price(query("a", "m"), usage_of({{bucket, 1'000'000}})));
  };
  EXPECT_EQ(cost(video_input), "2");
  EXPECT_EQ(cost(citation), "2");
  EXPECT_EQ(cost(image_cache_read), "0.5");
  for (const Bucket piece : {search_units, images, pages, characters}) EXPECT_EQ(cost(piece), "unpriced");
  const auto bare = book({row("a/m", {{input, "2"}})});
  EXPECT_EQ(cost_text(bare->price(query("a", "m"), usage_of({{image_cache_read, 1'000'000}}))), "2");
  const auto full = book({row("a/m", {{input, "2"}, {image_input, "10"}, {image_cache_read, "2.5"}})});
  const Priced priced = full->price(query("a", "m"), usage_of({{image_cache_read, 1'000'000}}));
  EXPECT_EQ(cost_text(priced), "2.5");
  EXPECT_EQ(priced.baseline->to_string(), "10") << "list price of an image that was not cached";
}

TEST(PriceVendors, ReplyFromTheCacheCostsNothingAndTellsWhatItSaved) {
  const auto prices = book({row("openai/gpt-4o", {{input, "2.5"}, {output, "10"}})});
  const Usage kept = usage_of({{input, 2'000}, {output, 500}});
  const Priced priced = prices->price_cached(query("openai", "gpt-4o"), kept);
  EXPECT_EQ(cost_text(priced), "0");
  EXPECT_EQ(priced.source, CostSource::cache);
  EXPECT_EQ(priced.baseline->to_string(), "0.01");
  const Priced unknown = prices->price_cached(query("openai", "no-such"), kept);
  EXPECT_EQ(cost_text(unknown), "0");
  EXPECT_FALSE(unknown.baseline);
}

}  // namespace
}  // namespace tollgate::billing
