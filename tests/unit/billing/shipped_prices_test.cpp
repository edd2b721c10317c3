// config/prices.yaml as shipped: loads, builds, says where every number comes from, and is wide enough.
#include <gtest/gtest.h>

#include <set>

#include "billing/price_time.h"
#include "config/load.h"
#include "price_test_data.h"

namespace tollgate::billing {
namespace {

using enum Bucket;

std::string cost(std::string_view provider, std::string_view model, const Usage& usage,
                 std::string_view when = "2026-11-21") {
  static const auto kBook = PriceBook::build(config::shipped_prices());
  if (!kBook) return kBook.error().message;
  PriceQuery query;
  query.provider = provider;
  query.model = model;
  query.at_us = utc_from_text(when).value_or(0);
  return test::cost_text((*kBook)->price(query, usage));
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
  const auto built = PriceBook::build(config::shipped_prices());
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ((*built)->size(), config::shipped_prices().size());
  std::set<std::string> ids;
  for (const auto& row : config::shipped_prices()) {
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

}  // namespace
}  // namespace tollgate::billing
