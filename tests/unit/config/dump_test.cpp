// The effective configuration: complete, and loads to the same again.
#include <gtest/gtest.h>

#include "config_fixture.h"

namespace tollgate::config {
namespace {

std::string dump_again(const std::string& text) {
  const LoadResult result = load_text(text, "dump.yaml");
  EXPECT_TRUE(result.ok()) << all_text(result.errors) << text;
  return dump(result.config);
}

TEST(Dump, LoadsToTheSame) {
  const LoadResult result = load_text(std::string(kLab) +
                                          "  'odd name: #1': {targets: [\"lab/a b\", lab/x]}\n"
                                          "threads: 3\n"
                                          "attribution: {required: [team, project], missing: reject, allowed: {team: "
                                          "[a, \"true\", \"2\"]}, defaults: {team: a, x: \"q\\\"\\\\\"}}\n"
                                          "prices:\n"
                                          "  - {target: lab/x, input: 0.1, output: 5.46875e-7, per_call: {web_search: "
                                          "0.01}, multipliers: {batch: 0.5}}\n"
                                          "  - {target: lab/*, input: 1, valid_from: 2026-09-01, schedule: {days: "
                                          "mon-fri, from: \"01:00\", to: \"24:00\"}, id: z}\n"
                                          "  - {target: lab/y, input: 1, tiers: [{context_from: 5, batch: true, input: "
                                          "2}], source: s, source_date: 2026-01-01}\n"
                                          "server: {max_body_bytes: 1025}\n"
                                          "unpriced: block\nshipped_prices: false\nstream: {heartbeat: 0}\n",
                                      "t.yaml");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  const std::string first = dump(result.config);
  EXPECT_EQ(dump_again(first), first);

  const LoadResult second = load_text(first, "dump.yaml");
  ASSERT_EQ(second.config.prices.size(), result.config.prices.size());
  for (std::size_t i = 0; i < result.config.prices.size(); ++i) {
    const PriceRow &a = result.config.prices[i], &b = second.config.prices[i];
    EXPECT_EQ(a.rates, b.rates) << i;
    EXPECT_EQ(a.weekdays, b.weekdays);
    EXPECT_EQ(a.to_minute, b.to_minute);
    EXPECT_EQ(a.valid_from_us, b.valid_from_us);
    EXPECT_EQ(a.context_over, b.context_over);
    EXPECT_EQ(a.context_inclusive, b.context_inclusive);
    EXPECT_EQ(a.multipliers, b.multipliers);
  }
  EXPECT_EQ(second.config.attribution.defaults, result.config.attribution.defaults);
  EXPECT_EQ(second.config.find_model("odd name: #1")->targets.size(), 2u);
}

TEST(Dump, TheDefaultLoadsToTheSame) {
  const std::string first = dump(load_text(default_yaml(), "default").config);
  EXPECT_EQ(dump_again(first), first);
  EXPECT_NE(first.find("max_body_bytes: 32MiB\n"), std::string::npos);
  EXPECT_NE(first.find("client_idle: 75s\n"), std::string::npos);
}

TEST(Dump, NamesTheShippedProvidersThatAreNotPrinted) {
  const std::string text = dump(load_lab("").config);
  EXPECT_EQ(text.find("\n  openai:\n"), std::string::npos);
  EXPECT_NE(text.find("# Providers known without an entry: echo, openai, azure"), std::string::npos) << text;
}

TEST(Dump, DollarBracesSurvive) {
  const LoadResult result = load_lab("attribution: {defaults: {note: \"$${X}\"}}\n");
  ASSERT_TRUE(result.ok()) << all_text(result.errors);
  EXPECT_EQ(result.config.attribution.defaults.at("note"), "${X}");
  const std::string first = dump(result.config);
  EXPECT_EQ(dump_again(first), first);
}

}  // namespace
}  // namespace tollgate::config
