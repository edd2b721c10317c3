// Price entries: exact decimals, conditions, several rows from one entry.
#include <gtest/gtest.h>

#include "config_fixture.h"

namespace tollgate::config {
namespace {

std::vector<PriceRow> rows_of(const std::string& yaml) {
  std::vector<Diagnostic> errors;
  std::vector<PriceRow> rows = parse_price_rows(yaml, "p.yaml", errors);
  EXPECT_TRUE(errors.empty()) << all_text(errors);
  return rows;
}

std::string errors_of(const std::string& yaml) {
  std::vector<Diagnostic> errors;
  (void)parse_price_rows(yaml, "p.yaml", errors);
  return all_text(errors);
}

TEST(Prices, DecimalsAreExactTexts) {
  const auto rows = rows_of("- {target: a/b, input: 0.1, output: 5.46875e-7, cache_read: \"0.000000000000001\"}");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].rates.at(Bucket::input).per_million().to_string(), "0.1");
  EXPECT_EQ(rows[0].rates.at(Bucket::output).per_million().to_string(), "0.000000546875");
  EXPECT_EQ(rows[0].rates.at(Bucket::cache_read).per_million().femto(), 1);
  EXPECT_EQ(rows[0].provider, "a");
  EXPECT_EQ(rows[0].model, "b");
  EXPECT_EQ(rows[0].line, 1);
  EXPECT_EQ(rows[0].file, "p.yaml");
}

TEST(Prices, PerCallAndPerMillion) {
  const auto rows = rows_of("- {target: a/b, input: 1, per_call: {web_search: 0.01}}");
  EXPECT_EQ(rows[0].rates.at(Bucket::web_search).times(3).to_string(), "0.03");
  EXPECT_EQ(rows[0].rates.at(Bucket::input).times(1'000'000).to_string(), "1");
}

TEST(Prices, ConditionsDatesAndMultipliers) {
  const auto rows = rows_of(
      "- target: a/org/model-*\n"
      "  input: 1\n"
      "  region: eu\n"
      "  service_tier: flex\n"
      "  batch: true\n"
      "  context_from: 200000\n"
      "  valid_from: 2026-09-01\n"
      "  valid_to: 2026-10-01T12:30:15Z\n"
      "  multipliers: {batch: 0.5, \"geo:us\": 1.1}\n"
      "  source: somewhere\n"
      "  source_date: 2026-08-06\n"
      "  id: mine\n");
  const PriceRow& row = rows.at(0);
  EXPECT_EQ(row.model, "org/model-*");
  EXPECT_EQ(row.region, "eu");
  EXPECT_EQ(row.service_tier, "flex");
  EXPECT_TRUE(row.batch);
  EXPECT_TRUE(row.context_inclusive);
  EXPECT_EQ(row.context_over, 200'000);
  // date -u -d 2026-09-01 +%s and date -u -d 2026-10-01T12:30:15 +%s
  EXPECT_EQ(row.valid_from_us, 1'788'220'800'000'000);
  EXPECT_EQ(row.valid_to_us, 1'790'857'815'000'000);
  EXPECT_EQ(row.multipliers.at("geo:us"), (Factor{11, 1}));
  EXPECT_EQ(row.id, "mine");
  EXPECT_EQ(row.source, "somewhere");
}

TEST(Prices, TiersAndSchedulesBecomeRows) {
  const auto rows = rows_of(
      "- {target: a/b, input: 1, id: x, source: s, valid_from: 2026-01-01,\n"
      "   tiers: [{context_over: 200000, input: 2}, {service_tier: flex, input: 0.5, per_call: {web_fetch: 1}}]}\n"
      "- {target: a/c, input: 3, schedule: [{days: mon-fri, from: \"01:00\", to: \"04:00\"}, {days: \"sat,sun\", from: "
      "\"00:00\", to: "
      "\"24:00\"}]}\n"
      "- {target: a/d, input: 3, schedule: {days: sun, from: \"23:00\", to: \"23:59\"}}\n"
      "- {target: a/e, tiers: [{context_over: 5, input: 2}]}\n");
  ASSERT_EQ(rows.size(), 7u);
  EXPECT_EQ(rows[0].id, "x");
  EXPECT_EQ(rows[1].id, "x#1");
  EXPECT_EQ(rows[1].context_over, 200'000);
  EXPECT_FALSE(rows[1].context_inclusive);
  EXPECT_EQ(rows[1].rates.size(), 1u);
  EXPECT_EQ(rows[1].valid_from_us, rows[0].valid_from_us);
  EXPECT_EQ(rows[2].service_tier, "flex");
  EXPECT_EQ(rows[2].source, "s");
  EXPECT_EQ(rows[2].rates.at(Bucket::web_fetch).times(1).to_string(), "1");
  EXPECT_EQ(rows[3].weekdays, 0b0011111);
  EXPECT_EQ(rows[3].from_minute, 60);
  EXPECT_EQ(rows[3].to_minute, 240);
  EXPECT_EQ(rows[4].weekdays, 0b1100000);
  EXPECT_EQ(rows[4].to_minute, 1440);
  EXPECT_EQ(rows[5].weekdays, 0b1000000);
  EXPECT_EQ(rows[6].context_over, 5);
}

TEST(Prices, MistakesAreToldWithTheirPlace) {
  EXPECT_EQ(errors_of("- {target: a/b, inptu: 1, output: 2}"),
            "p.yaml:1:17: unknown key `inptu` (did you mean `input`?)\n");
  for (const char* bad : {"- {input: 1}",
                          "- {target: a, input: 1}",
                          "- {target: a/b}",
                          "- {target: a/*b, input: 1}",
                          "- {target: a/b, input: x}",
                          "- {target: a/b, input: -1}",
                          "- {target: a/b, input: 0x10}",
                          "- {target: a/b, input: 1.0000000000000001}",
                          "- {target: a/b, input: 99999999999}",
                          "- {target: a/b, input: [1]}",
                          "- {target: a/b, input: 1, batch: yes}",
                          "- {target: a/b, input: 1, context_over: 1, context_from: 2}",
                          "- {target: a/b, input: 1, context_over: 0}",
                          "- {target: a/b, input: 1, valid_from: 2026-02-30}",
                          "- {target: a/b, input: 1, valid_from: 2026-02-02, valid_to: 2026-02-01}",
                          "- {target: a/b, input: 1, schedule: {days: mon-fir, from: \"01:00\", to: \"04:00\"}}",
                          "- {target: a/b, input: 1, schedule: {days: mon, from: \"04:00\", to: \"01:00\"}}",
                          "- {target: a/b, input: 1, schedule: {days: mon, from: \"04:00\"}}",
                          "- {target: a/b, input: 1, multipliers: {bach: 0.5}}",
                          "- {target: a/b, input: 1, multipliers: {batch: -1}}",
                          "- {target: a/b, input: 1, per_call: {input: 1}}",
                          "a: b",
                          "- x"}) {
    EXPECT_NE(errors_of(bad), "") << bad;
  }
}

TEST(Prices, UserRowsKeepTheirLine) {
  const LoadResult result = load_lab("prices:\n  - {target: lab/x, input: 1}\n  - target: lab/y\n    input: 2\n");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  ASSERT_EQ(result.config.prices.size(), 2u);
  EXPECT_EQ(result.config.prices[0].line, 8);
  EXPECT_EQ(result.config.prices[1].line, 9);
  EXPECT_EQ(result.config.prices[1].file, "t.yaml");
}

}  // namespace
}  // namespace tollgate::config
