// PriceBook: the rules of choosing rows and multiplying, on rows written here.
#include "billing/price_book.h"

#include <gtest/gtest.h>

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

TEST(PriceBook, UnknownTargetIsUnpricedEvenForZeroUsage) {
  const auto prices = book({row("openai/gpt-5", {{input, "1.25"}, {output, "10"}})});
  const Priced priced = prices->price(query("openai", "gpt-6"), Usage{});
  EXPECT_FALSE(priced.cost);
  EXPECT_FALSE(priced.baseline);
  EXPECT_EQ(priced.source, CostSource::unpriced);
  EXPECT_EQ(priced.note, "no price for openai/gpt-6");
  EXPECT_FALSE(prices->knows(query("openai", "gpt-6")));
  EXPECT_FALSE(prices->knows(query("azure", "gpt-5")));
  EXPECT_TRUE(prices->knows(query("openai", "gpt-5")));
}

TEST(PriceBook, KnownTargetWithoutUsageCostsZero) {
  const auto prices = book({row("openai/gpt-5", {{input, "1.25"}, {output, "10"}})});
  const Priced priced = prices->price(query("openai", "gpt-5"), Usage{});
  EXPECT_EQ(cost_text(priced), "0");
  EXPECT_EQ(priced.source, CostSource::computed);
  EXPECT_EQ(priced.price_ids, std::vector<std::string>{"openai/gpt-5@2026-08-06"});
}

TEST(PriceBook, EveryBucketAtItsRate) {
  const auto prices = book({row("a/m", {{input, "3"},
                                        {cache_read, "0.3"},
                                        {cache_write_5m, "3.75"},
                                        {cache_write_1h, "6"},
                                        {output, "15"},
                                        {reasoning, "20"},
                                        {audio_input, "40"},
                                        {audio_output, "80"},
                                        {characters, "15"},
                                        {audio_milliseconds, "0.1"}})});
  const Priced priced = prices->price(query("a", "m"), usage_of({{input, 1},
                                                                 {cache_read, 10},
                                                                 {cache_write_5m, 100},
                                                                 {cache_write_1h, 1000},
                                                                 {output, 3},
                                                                 {reasoning, 7},
                                                                 {audio_input, 2},
                                                                 {audio_output, 5},
                                                                 {characters, 11},
                                                                 {audio_milliseconds, 64'000}}));
  // 3 + 3 + 375 + 6000 + 45 + 140 + 80 + 400 + 165 + 6400 millionths
  EXPECT_EQ(cost_text(priced), "0.013611");
}

TEST(PriceBook, FallBacksAndMissingRates) {
  const auto prices = book({row("a/m", {{input, "1"}, {output, "10"}})});
  const auto cost = [&](Bucket b) { return cost_text(prices->price(query("a", "m"), usage_of({{b, 1'000'000}}))); };
  EXPECT_EQ(cost(reasoning), "10");
  EXPECT_EQ(cost(cache_read), "1");
  EXPECT_EQ(cost(cache_write_5m), "1");  // vendors without a write fee charge the input price
  EXPECT_EQ(cost(image_input), "1");
  for (const Bucket b : {cache_write_1h, audio_input, audio_output, audio_cache_read, image_output, web_search,
                         web_fetch, file_search, code_execution, audio_milliseconds, characters}) {
    EXPECT_EQ(cost(b), "unpriced") << bucket_name(b);
  }
  const Priced priced = prices->price(query("a", "m"), usage_of({{input, 5}, {web_search, 1}}));
  EXPECT_EQ(priced.note, "rate missing for web_search of a/m");
  EXPECT_EQ(priced.source, CostSource::unpriced);
  EXPECT_TRUE(priced.price_ids.empty());
}

TEST(PriceBook, ZeroIsAPrice) {
  auto free_row = row("a/m", {{input, "0"}, {output, "0"}});
  fee(free_row, web_fetch, "0");
  const Priced priced = book({free_row})->price(query("a", "m"), usage_of({{input, 9}, {output, 9}, {web_fetch, 3}}));
  EXPECT_EQ(cost_text(priced), "0");
  EXPECT_EQ(priced.source, CostSource::computed);
}

TEST(PriceBook, ExactBeatsPrefixAndLongPrefixBeatsShort) {
  const auto prices = book({row("a/*", {{input, "1"}}), row("a/gpt-5*", {{input, "2"}}),
                            row("a/gpt-5-mini*", {{input, "3"}}), row("a/gpt-5-mini", {{input, "4"}})});
  const auto cost = [&](std::string_view model) {
    return cost_text(prices->price(query("a", model), usage_of({{input, 1'000'000}})));
  };
  EXPECT_EQ(cost("x"), "1");
  EXPECT_EQ(cost("gpt-5"), "2");
  EXPECT_EQ(cost("gpt-5-mini-2025"), "3");
  EXPECT_EQ(cost("gpt-5-mini"), "4");
}

TEST(PriceBook, UserRowWinsAndInheritsWhatItDoesNotName) {
  auto user = row("openai/gpt-5", {{input, "1"}});
  user.file = "tollgate.yaml";
  auto shipped = row("openai/gpt-5", {{input, "1.25"}, {cache_read, "0.125"}, {output, "10"}});
  auto flex = row("openai/gpt-5", {{input, "0.6"}, {output, "5"}});
  flex.service_tier = "flex";
  // A newer date in the shipped file does not beat the user's row.
  auto newer = row("openai/gpt-5", {{input, "9"}});
  newer.valid_from_us = at("2026-01-01");
  shipped.file = flex.file = newer.file = "prices.yaml";
  const auto prices = book({user, shipped, flex, newer});
  const Usage usage = usage_of({{input, 1'000'000}, {cache_read, 1'000'000}, {output, 1'000'000}});
  const Priced priced = prices->price(query("openai", "gpt-5"), usage);
  EXPECT_EQ(cost_text(priced), "11.125");
  EXPECT_EQ(priced.price_ids.size(), 2u);
  EXPECT_NE(priced.price_ids[0], priced.price_ids[1]);  // same target and date: made distinct
  PriceQuery flexible = query("openai", "gpt-5");
  flexible.service_tier = "flex";
  EXPECT_EQ(cost_text(prices->price(flexible, usage_of({{input, 1'000'000}}))), "0.6");
}

TEST(PriceBook, VendorWideRowsLendFeesAndMultipliersOnly) {
  auto wide = row("openai/*", {});
  fee(wide, web_search, "0.01");
  multiplier(wide, "batch", "0.5");
  auto own = row("openai/own-fee", {{input, "1"}});
  fee(own, web_search, "0.03");
  const auto prices = book({wide, row("openai/m", {{input, "1"}}), own, row("openai/m-*", {{input, "3"}})});
  PriceQuery q = query("openai", "m");
  q.batch = true;
  const Usage usage = usage_of({{input, 1'000'000}, {web_search, 1}});
  const Priced priced = prices->price(q, usage);
  EXPECT_EQ(cost_text(priced), "0.51");
  EXPECT_EQ(priced.source, CostSource::computed);
  EXPECT_EQ(priced.price_ids, (std::vector<std::string>{"openai/m@2026-08-06", "openai/*@2026-08-06"}));
  EXPECT_EQ(cost_text(prices->price(query("openai", "own-fee"), usage)), "1.03");
  EXPECT_EQ(cost_text(prices->price(query("openai", "m-2026"), usage)), "3.01");
  // A model that only the vendor's fees match is unknown, even without usage.
  EXPECT_EQ(cost_text(prices->price(query("openai", "other"), Usage{})), "unpriced");
  EXPECT_FALSE(prices->knows(query("openai", "other")));
}

TEST(PriceBook, DatesAreHalfOpenAndTheNewestWins) {
  auto first = row("openai/o3", {{input, "10"}, {output, "40"}});
  auto cut = row("openai/o3", {{input, "2"}, {output, "8"}});
  cut.valid_from_us = at("2025-06-10");
  auto planned = row("openai/o3", {{input, "1"}});
  planned.valid_from_us = at("2026-12-01");
  planned.valid_to_us = at("2026-12-02");
  const auto prices = book({first, cut, planned});
  const auto cost = [&](std::int64_t when) {
    PriceQuery q = query("openai", "o3");
    q.at_us = when;
    return cost_text(prices->price(q, usage_of({{input, 1'000'000}})));
  };
  EXPECT_EQ(cost(at("2025-06-10") - 1), "10");
  EXPECT_EQ(cost(at("2025-06-10")), "2");
  EXPECT_EQ(cost(at("2026-12-01")), "1");
  EXPECT_EQ(cost(at("2026-12-02")), "2");
}

TEST(PriceBook, ContextTiersCompareTheWholeInputAndRepriceAll) {
  auto base = row("a/m", {{input, "3"}, {cache_read, "0.3"}, {cache_write_5m, "3.75"}, {output, "15"}});
  auto over = row("a/m", {{input, "6"}, {cache_read, "0.6"}, {cache_write_5m, "7.5"}, {output, "22.5"}});
  over.context_over = 200'000;
  auto from = row("x/m", {{input, "6"}});
  from.context_over = 200'000;
  from.context_inclusive = true;
  const auto prices = book({base, over, row("x/m", {{input, "3"}}), from});
  const auto cost = [&](std::int64_t write) {
    return cost_text(prices->price(
        query("a", "m"), usage_of({{input, 1'000}, {cache_read, 190'000}, {cache_write_5m, write}, {output, 2'000}})));
  };
  EXPECT_EQ(cost(9'000), "0.12375");
  EXPECT_EQ(cost(9'001), "0.2325075");
  EXPECT_EQ(cost_text(prices->price(query("x", "m"), usage_of({{input, 200'000}}))), "1.2");
  EXPECT_EQ(cost_text(prices->price(query("x", "m"), usage_of({{input, 199'999}}))), "0.599997");
}

TEST(PriceBook, TierServedWinsOverTierRequested) {
  auto base = row("openai/m", {{input, "5"}, {output, "30"}});
  auto priority = row("openai/m", {{input, "10"}, {output, "60"}});
  priority.service_tier = "priority";
  auto large = row("openai/m", {{input, "20"}});
  large.service_tier = "priority";
  large.context_over = 272'000;
  auto large_base = row("openai/m", {{input, "11"}});
  large_base.context_over = 272'000;
  const auto prices = book({base, priority, large, large_base});
  const auto cost = [&](std::string_view requested, std::string_view served, std::int64_t tokens) {
    PriceQuery q = query("openai", "m");
    q.service_tier = requested;
    Usage usage = usage_of({{input, tokens}});
    usage.served_tier = served;
    return cost_text(prices->price(q, usage));
  };
  EXPECT_EQ(cost("priority", "default", 1'000), "0.005");
  EXPECT_EQ(cost("fast", "priority", 1'000), "0.01");
  EXPECT_EQ(cost("", "fast", 1'000), "0.01");
  EXPECT_EQ(cost("auto", "", 1'000), "0.005");
  EXPECT_EQ(cost("", "default", 300'000), "3.3");  // not the priority row of large contexts
  EXPECT_EQ(cost("", "priority", 300'000), "6");
}

TEST(PriceBook, TierWithoutAPriceIsEstimatedAtTheStandardOne) {
  auto base = row("openai/m", {{input, "5"}, {output, "30"}});
  multiplier(base, "tier:flex", "0.5");
  const auto prices = book({base});
  Usage usage = usage_of({{input, 1'000'000}});
  usage.served_tier = "flex";
  Priced priced = prices->price(query("openai", "m"), usage);
  EXPECT_EQ(cost_text(priced), "2.5");
  EXPECT_EQ(priced.source, CostSource::computed);
  usage.served_tier = "scale";
  priced = prices->price(query("openai", "m"), usage);
  EXPECT_EQ(cost_text(priced), "5");
  EXPECT_EQ(priced.source, CostSource::estimated);
  EXPECT_EQ(priced.note, "no price for scale of openai/m, standard price taken");
}

TEST(PriceBook, BatchByRowElseByMultiplierNeverOnFees) {
  auto anthropic = row("anthropic/m", {{input, "3"}, {cache_read, "0.3"}, {cache_write_1h, "6"}, {output, "15"}});
  multiplier(anthropic, "batch", "0.5");
  fee(anthropic, web_search, "0.01");
  auto openai = row("openai/m", {{input, "5"}, {cache_read, "0.5"}, {output, "30"}});
  multiplier(openai, "batch", "0.5");
  auto explicit_batch = row("openai/m", {{input, "2"}, {output, "12"}});
  explicit_batch.batch = true;
  const auto prices = book({anthropic, openai, explicit_batch, row("none/m", {{input, "1"}})});
  Usage usage = usage_of({{input, 500}, {cache_read, 20'000}, {cache_write_1h, 4'000}, {output, 800}, {web_search, 2}});
  usage.served_tier = "batch";
  EXPECT_EQ(cost_text(prices->price(query("anthropic", "m"), usage)), "0.04175");
  PriceQuery q = query("openai", "m");
  q.batch = true;
  // The batch row does not name cache reads: those take the standard rate times the multiplier.
  EXPECT_EQ(cost_text(prices->price(q, usage_of({{input, 1'000'000}, {cache_read, 1'000'000}, {output, 1'000'000}}))),
            "14.25");
  q.provider = "none";
  EXPECT_EQ(prices->price(q, usage_of({{input, 1'000'000}})).source, CostSource::estimated);
}

TEST(PriceBook, GeoAndSpeedMultiplyEveryTokenBucket) {
  auto opus = row("anthropic/opus", {{input, "5"}, {cache_read, "0.5"}, {cache_write_5m, "6.25"}, {output, "25"}});
  multiplier(opus, "geo:us", "1.1");
  multiplier(opus, "speed:fast", "2");
  fee(opus, web_search, "0.01");
  const auto prices = book({opus});
  Usage usage =
      usage_of({{input, 1'000}, {cache_read, 50'000}, {cache_write_5m, 2'000}, {output, 1'000}, {web_search, 1}});
  usage.geo = "us";
  EXPECT_EQ(cost_text(prices->price(query("anthropic", "opus"), usage)), "0.08425");
  usage.speed = "fast";
  EXPECT_EQ(cost_text(prices->price(query("anthropic", "opus"), usage)), "0.1585");
  usage.geo = "global";
  usage.speed = "standard";
  EXPECT_EQ(cost_text(prices->price(query("anthropic", "opus"), usage)), "0.0775");
  // Without a word of the vendor the provider row's region counts.
  usage.geo.clear();
  PriceQuery q = query("anthropic", "opus");
  q.region = "us";
  EXPECT_EQ(cost_text(prices->price(q, usage)), "0.08425");
}

TEST(PriceBook, RegionRowIsNotMultipliedAgain) {
  auto base = row("azure/m", {{input, "1"}, {output, "2"}});
  multiplier(base, "geo:eu", "1.1");
  auto eu = row("azure/m", {{input, "1.2"}});
  eu.region = "eu";
  PriceQuery q = query("azure", "m");
  q.region = "eu";
  // input from the region's own row, output from the base row times 1.1
  EXPECT_EQ(cost_text(book({base, eu})->price(q, usage_of({{input, 1'000'000}, {output, 1'000'000}}))), "3.4");
}

TEST(PriceBook, SchedulesAreUtcHalfOpenAndKnowWeekdays) {
  auto off_peak = row("deepseek/m", {{input, "0.66"}});
  auto peak = row("deepseek/m", {{input, "1.32"}});
  peak.weekdays = 0x1f;
  peak.from_minute = 60;
  peak.to_minute = 240;
  const auto prices = book({off_peak, peak});
  const auto cost = [&](std::string_view when) {
    PriceQuery q = query("deepseek", "m");
    q.at_us = at(when);
    return cost_text(prices->price(q, usage_of({{input, 1'000'000}})));
  };
  EXPECT_EQ(cost("2026-09-14T00:59:59Z"), "0.66");  // Monday
  EXPECT_EQ(cost("2026-09-14T01:00:00Z"), "1.32");
  EXPECT_EQ(cost("2026-09-14T03:59:59Z"), "1.32");
  EXPECT_EQ(cost("2026-09-14T04:00:00Z"), "0.66");
  EXPECT_EQ(cost("2026-09-12T02:30:00Z"), "0.66");  // Saturday
  EXPECT_EQ(cost("2026-09-18T02:30:00Z"), "1.32");  // Friday
}

}  // namespace
}  // namespace tollgate::billing
