// config/prices.yaml as shipped: loads, builds, says where every number comes from, and is wide enough.
#include <gtest/gtest.h>

#include <set>

#include "billing/price_time.h"
#include "config/load.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using enum Bucket;

Priced priced(std::string_view provider, std::string_view model, const Usage& usage, bool batch = false,
              std::string_view when = "2026-11-21") {
  static const auto kBook = PriceBook::build(config::shipped_prices());
  return (*kBook)->price(
      {.provider = provider, .model = model, .batch = batch, .at_us = utc_from_text(when).value_or(0)}, usage);
}

std::string cost(std::string_view provider, std::string_view model, const Usage& usage,
                 std::string_view when = "2026-11-21") {
  return test::cost_text(priced(provider, model, usage, false, when));
}

TEST(ShippedPrices, WideEnoughAndEveryRowNamesItsSource) {
  std::set<std::string> vendors, models;
  for (const auto& row : config::shipped_prices()) {
    EXPECT_FALSE(row.source.empty()) << row.provider << "/" << row.model;
    EXPECT_EQ(row.source_date.size(), 10u) << row.provider << "/" << row.model;
    EXPECT_FALSE(row.rates.empty() && row.multipliers.empty() && row.same_as.empty())
        << row.provider << "/" << row.model;
    vendors.insert(row.provider);
    models.insert(row.provider + "/" + row.model);
  }
  EXPECT_GE(vendors.size(), 12u);
  EXPECT_GE(models.size(), 150u);
}

TEST(ShippedPrices, BuildWithoutDoubtfulRows) {
  const std::vector<config::PriceRow> rows = config::shipped_prices();
  const auto built = PriceBook::build(rows);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ((*built)->size(), rows.size());
  std::set<std::string> ids;
  for (const auto& row : rows) {
    const std::string id = row.id.empty() ? price_row_id(row) : row.id;
    EXPECT_TRUE(ids.insert(id).second) << "two rows state one price: " << id;
    for (const auto& [bucket, rate] : row.rates) {
      // No token is dearer than a tenth of a cent; a slip by 1000 would show here.
      if (bucket <= image_output) EXPECT_LE(rate, Rate::per_million(test::usd("1000"))) << id;
    }
  }
}

TEST(ShippedPrices, KnownExamples) {
  const Usage million = test::usage_of({{input, 100'000}, {output, 100'000}});
  EXPECT_EQ(cost("openai", "gpt-5-mini", million), "0.225");
  EXPECT_EQ(cost("anthropic", "claude-haiku-4-5", million), "0.6");
  EXPECT_EQ(cost("echo", "anything", million), "0.05");
  EXPECT_EQ(cost("anthropic", "claude-sonnet-5", million, "2026-08-31T23:59:59Z"), "1.2");
  EXPECT_EQ(cost("anthropic", "claude-sonnet-5", million, "2026-09-01"), "1.8");
  EXPECT_EQ(cost("openai", "no-such-model", million), "unpriced");
}

TEST(ShippedPrices, ContextTierAndServedTier) {
  Usage large = test::usage_of({{input, 272'001}});
  EXPECT_EQ(cost("openai", "gpt-5.5", large), "2.72001");
  large[input] = 272'000;
  EXPECT_EQ(cost("openai", "gpt-5.5", large), "1.36");
  large.served_tier = "flex";
  EXPECT_EQ(cost("openai", "gpt-5.5", large), "0.68");
}

// Half price where the vendors say so, never below it, and as a price that is known.
TEST(ShippedPrices, BatchesAtHalfPrice) {
  const Usage usage = test::usage_of({{input, 1'000'000}, {output, 100'000}});
  for (const auto& [provider, model] :
       {std::pair{"openai", "gpt-4.1"}, std::pair{"anthropic", "claude-haiku-4-5"},
        std::pair{"google", "gemini-2.5-flash"}, std::pair{"gemini", "gemini-2.5-pro"},
        std::pair{"vertex", "gemini-3.1-flash-lite"}, std::pair{"vertex_anthropic", "claude-haiku-4-5@20251001"},
        std::pair{"mistral", "mistral-large-latest"},
        std::pair{"bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
        std::pair{"bedrock_anthropic", "anthropic.claude-haiku-4-5-20251001-v1:0"}, std::pair{"azure", "gpt-4.1"}}) {
    const Priced whole = priced(provider, model, usage), batch = priced(provider, model, usage, true);
    ASSERT_TRUE(whole.cost && batch.cost) << provider << "/" << model << " " << whole.note << batch.note;
    EXPECT_EQ((*batch.cost + *batch.cost).to_string(), whole.cost->to_string()) << provider << "/" << model;
    EXPECT_EQ(batch.source, CostSource::computed) << provider << "/" << model;
  }
  const Usage searched = test::usage_of({{input, 1'000'000}, {web_search, 1}});
  EXPECT_EQ(test::cost_text(priced("google", "gemini-2.5-flash", searched, true)), "0.185") << "fees are not halved";
}

TEST(ShippedPrices, CloudsAndTheirNames) {
  const Usage million = test::usage_of({{input, 100'000}, {output, 100'000}});
  EXPECT_EQ(cost("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", million), "1.8");
  EXPECT_EQ(cost("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", million), "1.98");
  EXPECT_EQ(cost("bedrock_anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", million), "1.98");
  EXPECT_EQ(cost("bedrock", "us.amazon.nova-lite-v1:0", million), "0.03");
  EXPECT_EQ(cost("bedrock", "no.such-model-v1:0", million), "unpriced");
  EXPECT_EQ(cost("vertex", "gemini-2.5-flash", million), "0.28");
  EXPECT_EQ(cost("vertex_anthropic", "claude-sonnet-4-5@20250929", million), "1.8");
  EXPECT_EQ(cost("google", "gemini-2.5-flash", million), cost("gemini", "gemini-2.5-flash", million));
  EXPECT_EQ(cost("azure", "gpt-4o", million), "1.25");
  EXPECT_EQ(cost("cohere", "command-a-03-2025", million), "1.25");
  EXPECT_EQ(cost("cohere", "rerank-v3.5", test::usage_of({{search_units, 2}})), "0.004");
  EXPECT_EQ(cost("voyage", "rerank-2.5", test::usage_of({{input, 1'000'000}})), "0.05");
}

TEST(ShippedPrices, ProvisionedThroughputCostsNothingByTheToken) {
  Usage usage = test::usage_of({{input, 100'000}, {output, 100'000}});
  usage.served_tier = "provisioned";
  const Priced found = priced("vertex", "gemini-2.5-flash", usage);
  EXPECT_EQ(test::cost_text(found), "0");
  EXPECT_EQ(found.source, CostSource::computed);
  EXPECT_EQ(found.baseline->to_string(), "0.28");
  EXPECT_EQ(found.price_ids.back(), "vertex/*@2026-08-06");
}

}  // namespace
}  // namespace tollgate::billing
