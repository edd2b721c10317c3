// Money of a bench: exact amounts by hand, rounding, and what cannot be said.
#include "gateway/bench/cost.h"

#include <gtest/gtest.h>

namespace tollgate::gateway::bench {
namespace {

Money usd(const char* text) { return *Money::parse(text); }

TEST(Cost, OfAnHour) {
  EXPECT_EQ(machine_money(usd("2.49"), 3'600'000'000), usd("2.49"));
  EXPECT_EQ(machine_money(usd("3.6"), 1), usd("0.000000001"));
  // 1 USD for a 3,600 millionth of an hour is 2.777...e-10: rounded in the fifteenth decimal.
  EXPECT_EQ(machine_money(usd("1"), 1), usd("0.000000000277778"));
}

TEST(Cost, PerMillionTokens) {
  // 3.60 USD an hour, 10 s, 5,000 tokens: 0.01 USD for 5,000 is 2 USD for a million.
  EXPECT_EQ(machine_per_million(usd("3.6"), 10'000'000, 5'000), usd("2"));
  EXPECT_EQ(machine_per_million(usd("3.6"), 10'000'000, 0), std::nullopt);
  EXPECT_EQ(per_million(usd("0.01"), 5'000), usd("2"));
  EXPECT_EQ(per_million(usd("0.01"), 0), std::nullopt);
  // One rounding only: 1 USD / 3600 s * 1 us * 1e6 / 7 tokens.
  EXPECT_EQ(machine_per_million(usd("1"), 1, 7), usd("0.000039682539683"));
}

TEST(Cost, HalvesAreRoundedToEven) {
  EXPECT_EQ(share_of(Money::from_femto(1), 1, 2).femto(), 0);
  EXPECT_EQ(share_of(Money::from_femto(3), 1, 2).femto(), 2);
  EXPECT_EQ(share_of(Money::from_femto(5), 1, 2).femto(), 2);
  EXPECT_EQ(share_of(Money::from_femto(2), 2, 3).femto(), 1);
}

TEST(Cost, TheLargestRunIsExact) {
  const Money hourly = usd("1000000");
  EXPECT_EQ(machine_money(hourly, 3'600'000'000'000'000), usd("1000000000000"));
}

TEST(Cost, HoursAreRefusedThatAreNone) {
  for (const char* text : {"", "0", "-1", "2,49", "free", "1000001"}) {
    const auto hourly = parse_hourly(text);
    ASSERT_FALSE(hourly) << text;
    EXPECT_NE(hourly.error().message.find("such as 2.49"), std::string::npos);
  }
}

TEST(Hosted, GivenRates) {
  const auto price = HostedPrice::given("0.25,2");
  ASSERT_TRUE(price) << price.error().message;
  // 1,000 * 0.25e-6 + 100 * 2e-6, twice; without a rate of its own cached input is input.
  EXPECT_EQ(price->of({{.input = 1000, .output = 100}, {.input = 1000, .cached = 400, .output = 100}}), usd("0.0009"));
  EXPECT_EQ(price->of({}), Money());
  for (const char* text : {"", "1", "1,", ",1", "1,2,3", "-1,2", "a,b"}) EXPECT_FALSE(HostedPrice::given(text)) << text;
}

TEST(Hosted, ShippedRatesAndCachedInput) {
  const auto price = HostedPrice::shipped("openai/gpt-5-mini");
  ASSERT_TRUE(price) << price.error().message;
  const auto million = [&](Traffic traffic) { return *price->of({traffic}); };
  const Money input = million({.input = 1'000'000}), output = million({.output = 1'000'000}),
              cached = million({.input = 1'000'000, .cached = 1'000'000});
  EXPECT_GT(output, input);
  EXPECT_GT(input, cached);
  EXPECT_GT(cached, Money());
  EXPECT_EQ(million({.input = 1'000'000, .output = 1'000'000}), input + output);
}

TEST(Hosted, WhatTheListLacks) {
  const auto unknown = HostedPrice::shipped("openai/no-such-model");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("tollgate prices list --target 'openai/*'"), std::string::npos);
  for (const char* text : {"", "gpt-5-mini", "/x", "openai/"}) EXPECT_FALSE(HostedPrice::shipped(text)) << text;
}

TEST(BreakEvenPoint, IsWhereBothCostTheSame) {
  const auto cheap = break_even(usd("1"), usd("4"));
  ASSERT_TRUE(cheap);
  EXPECT_TRUE(cheap->worth);
  EXPECT_EQ(cheap->hosted_by_own.to_string(), "4");
  EXPECT_EQ(cheap->percent.to_string(), "25");
  const auto dear = break_even(usd("3"), usd("2"));
  EXPECT_FALSE(dear->worth);
  EXPECT_EQ(dear->hosted_by_own.to_string(), "0.66");
  EXPECT_EQ(dear->percent.to_string(), "150");
  // At 33.3 % it would not yet be cheaper.
  EXPECT_EQ(break_even(usd("1"), usd("3"))->percent.to_string(), "33.4");
  EXPECT_TRUE(break_even(usd("2"), usd("2"))->worth);
}

TEST(BreakEvenPoint, IsNotSaidOfNothing) {
  EXPECT_FALSE(break_even(Money(), usd("1")));
  EXPECT_FALSE(break_even(usd("1"), Money()));
}

}  // namespace
}  // namespace tollgate::gateway::bench
