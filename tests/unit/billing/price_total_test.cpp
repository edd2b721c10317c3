// PriceBook: sums, parts, baseline, exactness and refused rows, on rows written here.
#include "billing/price_book.h"

#include <gtest/gtest.h>

#include <thread>

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

PriceQuery query(std::string_view provider, std::string_view model) {
  PriceQuery out;
  out.provider = provider;
  out.model = model;
  out.at_us = at("2026-11-01");
  return out;
}

TEST(PriceBook, ReportedCostIsFinal) {
  const auto prices = book({row("openrouter/m", {{input, "1"}, {output, "2"}})});
  Usage usage = usage_of({{input, 1'000'000}, {output, 1}});
  usage.reported_cost = "0.00004";
  const Priced priced = prices->price(query("openrouter", "m"), usage);
  EXPECT_EQ(cost_text(priced), "0.00004");
  EXPECT_EQ(priced.source, CostSource::provider);
  EXPECT_TRUE(priced.price_ids.empty());
  ASSERT_TRUE(priced.baseline);
  EXPECT_EQ(priced.baseline->to_string(), "1.000002");
  // Also where no row is known, and for an explicit zero.
  usage.reported_cost = "0";
  const Priced unknown = prices->price(query("openrouter", "other"), usage);
  EXPECT_EQ(cost_text(unknown), "0");
  EXPECT_EQ(unknown.source, CostSource::provider);
  EXPECT_FALSE(unknown.baseline);
}

TEST(PriceBook, PartsArePricedAtTheirOwnModelAndContext) {
  auto large = row("anthropic/fable", {{input, "20"}});
  large.context_over = 1'000;
  const auto prices = book({row("anthropic/fable", {{input, "10"}, {output, "50"}}), large,
                            row("anthropic/opus", {{input, "5"}, {output, "25"}})});
  const Usage sum = usage_of({{input, 1'600}, {output, 2}});
  std::vector<UsagePart> parts;
  parts.push_back({"fable", usage_of({{input, 800}, {output, 1}})});
  parts.push_back({"", usage_of({{input, 800}, {output, 1}})});
  const Priced priced = prices->price(query("anthropic", "opus"), sum, parts);
  EXPECT_EQ(cost_text(priced), "0.012075");
  EXPECT_EQ(priced.price_ids, (std::vector<std::string>{"anthropic/fable@2026-08-06", "anthropic/opus@2026-08-06"}));
  parts[0].model = "unheard-of";
  EXPECT_EQ(cost_text(prices->price(query("anthropic", "opus"), sum, parts)), "unpriced");
}

TEST(PriceBook, BaselineIsTheListPriceWithoutDiscounts) {
  auto base = row("a/m", {{input, "10"}, {cache_read, "1"}, {cache_write_1h, "20"}, {output, "30"}});
  multiplier(base, "batch", "0.5");
  fee(base, web_search, "0.01");
  auto flex = row("a/m", {{input, "5"}, {output, "15"}});
  flex.service_tier = "flex";
  const auto prices = book({base, flex});
  Usage usage = usage_of({{input, 100}, {cache_read, 900}, {cache_write_1h, 1'000}, {output, 100}, {web_search, 1}});
  usage.served_tier = "flex";
  const Priced priced = prices->price(query("a", "m"), usage);
  ASSERT_TRUE(priced.baseline);
  EXPECT_EQ(priced.baseline->to_string(), "0.033");  // 2000 x 10 + 100 x 30 + the fee
}

TEST(PriceBook, ExactToTheLastDigit) {
  auto tiny = row("d/m", {{cache_read, "0.0028"}});
  multiplier(tiny, "batch", "0.5");
  multiplier(tiny, "geo:us", "1.1");
  PriceQuery q = query("d", "m");
  q.batch = true;
  q.region = "us";
  EXPECT_EQ(cost_text(book({tiny})->price(q, usage_of({{cache_read, 1}}))), "0.00000000154");
  const auto big = book({row("o/m", {{input, "30"}, {output, "180"}})});
  EXPECT_EQ(cost_text(big->price(query("o", "m"), usage_of({{input, 3'000'000'000}, {output, 2'500'000'000}}))),
            "540000");
}

TEST(PriceBook, BadRowsAreRefusedWithTheirPlace) {
  const auto refused = [](config::PriceRow bad) {
    bad.file = "prices.yaml";
    bad.line = 7;
    const auto built = PriceBook::build({bad});
    return built ? std::string() : built.error().message;
  };
  auto negative = row("a/m", {});
  negative.rates[input] = Rate::per_million(test::usd("-1"));
  EXPECT_EQ(refused(negative), "prices.yaml:7: price of a/m: negative rate");
  auto dates = row("a/m", {{input, "1"}});
  dates.valid_to_us = dates.valid_from_us = at("2026-01-01");
  EXPECT_NE(refused(dates), "");
  auto hours = row("a/m", {{input, "1"}});
  hours.weekdays = 1;
  hours.from_minute = 600;
  hours.to_minute = 60;
  EXPECT_NE(refused(hours), "");
  auto unknown = row("a/m", {{input, "1"}});
  multiplier(unknown, "geo", "2");
  EXPECT_NE(refused(unknown), "");
  EXPECT_NE(refused(row("a/m", {{input, "10000000.01"}})), "");
  EXPECT_EQ(refused(row("a/m", {{input, "10000000"}})), "");
  auto factor = row("a/m", {{input, "1"}});
  multiplier(factor, "geo:us", "100.1");
  EXPECT_NE(refused(factor), "");
  EXPECT_NE(refused(row("a/", {{input, "1"}})), "");
  EXPECT_EQ(refused(row("a/m", {{input, "1"}})), "");
}

TEST(PriceBook, LargestCountsAndRatesStayInsideMoney) {
  std::initializer_list<std::pair<Bucket, std::string_view>> rates = {{input, "10000000"}, {output, "10000000"}};
  auto dear = row("a/m", rates);
  for (const char* name : {"batch", "geo:us", "speed:fast", "tier:x"}) multiplier(dear, name, "100");
  Usage usage = usage_of({{input, INT64_MAX}, {output, 1'000'000'000'000}});
  usage.geo = "us";
  usage.speed = "fast";
  usage.served_tier = "x";
  PriceQuery q = query("a", "m");
  q.batch = true;
  EXPECT_EQ(cost_text(book({dear})->price(q, usage)), "2000000000000000000000");
}

TEST(PriceBook, TooManyRowsOfOneTargetAreRefused) {
  std::vector<config::PriceRow> rows(65, row("a/m", {{input, "1"}}));
  EXPECT_FALSE(PriceBook::build(rows));
  rows.pop_back();
  EXPECT_TRUE(PriceBook::build(rows));
}

TEST(PriceBook, IdsTellTargetAndConditions) {
  auto full = row("azure/gpt", {});
  full.region = "eu";
  full.batch = true;
  full.service_tier = "flex";
  full.context_over = 200'000;
  full.context_inclusive = true;
  full.valid_from_us = at("2026-09-01");
  full.weekdays = 0x1f;
  full.from_minute = 60;
  full.to_minute = 240;
  EXPECT_EQ(price_row_id(full),
            "azure/gpt@2026-08-06+eu+batch+flex>=200000+from:2026-09-01T00:00:00Z+mon-fri 01:00-04:00");
}

TEST(PriceBook, SharedByThreads) {
  const auto prices = book({row("a/m", {{input, "1"}, {output, "2"}})});
  std::vector<std::thread> threads;
  std::vector<std::string> costs(4);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 500; ++n)
        costs[i] = cost_text(prices->price(query("a", "m"), usage_of({{input, 1'000'000}})));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const std::string& cost : costs) EXPECT_EQ(cost, "1");
}

TEST(PriceTime, TextBothWays) {
  EXPECT_EQ(utc_from_text("1970-01-02"), 86'400'000'000);
  EXPECT_EQ(utc_text(at("2026-02-28T23:59:58Z")), "2026-02-28T23:59:58Z");
  for (const char* bad :
       {"", "2026-02-30", "2026-2-03", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00", "2026-01-01T00:00:00"}) {
    EXPECT_FALSE(utc_from_text(bad)) << bad;
  }
}

}  // namespace
}  // namespace tollgate::billing
