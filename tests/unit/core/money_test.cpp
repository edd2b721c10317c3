#include "core/money.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tollgate {
namespace {

Money money(std::string_view text) {
  auto parsed = Money::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : Money();
}

Factor factor(std::string_view text) {
  auto parsed = Factor::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : Factor{};
}

TEST(Money, TextBothWays) {
  const std::pair<const char*, const char*> cases[] = {{"12", "12"},
                                                       {"-0.000054399", "-0.000054399"},
                                                       {"1.5e-7", "0.00000015"},
                                                       {"1.5E+3", "1500"},
                                                       {"0", "0"},
                                                       {"-0", "0"},
                                                       {"-0.0", "0"},
                                                       {"0.000000000000001", "0.000000000000001"},
                                                       {"007.50", "7.5"},
                                                       {"0.0000000000000010000000", "0.000000000000001"},
                                                       {"0e999", "0"},
                                                       {"100000000000000000000000", "100000000000000000000000"},
                                                       {"5.4399e-05", "0.000054399"},
                                                       {"-1.5", "-1.5"}};
  for (const auto& [in, out] : cases) EXPECT_EQ(money(in).to_string(), out) << in;
}

TEST(Money, RefusesOtherText) {
  for (const char* text : {"",   "-",  "+1",  ".5",  "1.",  "1..2", "1.2.3", "1e",      "1e+", "e5",   "1e5.0",
                           " 1", "1 ", "1,5", "0x1", "nan", "inf",  "--1",   "1e99999", "$1",  "1_000"})
    EXPECT_FALSE(Money::parse(text).has_value()) << text;
}

TEST(Money, RefusesWhatItCannotHold) {
  EXPECT_FALSE(Money::parse("0.0000000000000001").has_value());
  EXPECT_FALSE(Money::parse("1.5e-15").has_value());
  EXPECT_FALSE(Money::parse("1e24").has_value());
  EXPECT_FALSE(Money::parse("1e999").has_value());
  EXPECT_FALSE(Money::parse(std::string(500, '1')).has_value());
  EXPECT_FALSE(Money::parse("170141183460469231731687303715884105728e-15").has_value());
  EXPECT_EQ(money("170141183460469231731687303715884105727e-15").to_string(),
            "170141183460469231731687.303715884105727");
}

TEST(Money, FixedPlacesRoundHalfToEven) {
  const std::tuple<const char*, int, const char*> cases[] = {{"0.125", 2, "0.12"},
                                                             {"0.135", 2, "0.14"},
                                                             {"0.1350000001", 2, "0.14"},
                                                             {"0.1250000001", 2, "0.13"},
                                                             {"-0.125", 2, "-0.12"},
                                                             {"-0.001", 2, "0.00"},
                                                             {"2.5", 0, "2"},
                                                             {"3.5", 0, "4"},
                                                             {"1", 15, "1.000000000000000"},
                                                             {"999.999", 2, "1000.00"}};
  for (const auto& [in, places, out] : cases) EXPECT_EQ(money(in).to_fixed(places), out) << in;
}

TEST(Money, SumsAreExact) {
  Money sum;
  for (int i = 0; i < 1000; ++i) sum += money("0.000000000000001");
  EXPECT_EQ(sum, money("1e-12"));
  sum -= money("1");
  EXPECT_EQ(sum.to_string(), "-0.999999999999");
  EXPECT_EQ(-sum, money("0.999999999999"));
  EXPECT_LT(money("-2"), money("-1"));
}

TEST(MoneyDeathTest, OverflowEndsTheProgram) {
  const Money most = Money::from_femto(static_cast<Money::Femto>(~static_cast<unsigned __int128>(0) >> 1));
  EXPECT_DEATH((void)(most + Money::from_femto(1)), "");
  EXPECT_DEATH((void)(-most - Money::from_femto(2)), "");
  EXPECT_DEATH((void)Rate::per_million(most).times(5'000'000'000), "");
  EXPECT_DEATH((void)Rate::per_unit(most), "");
}

TEST(Factor, TextBothWays) {
  EXPECT_EQ(factor("1.1"), (Factor{11, 1}));
  EXPECT_EQ(factor("1.10"), (Factor{11, 1}));
  EXPECT_EQ(factor("0"), (Factor{0, 0}));
  EXPECT_EQ(factor("250"), (Factor{250, 0}));
  EXPECT_EQ(factor("0.000000001"), (Factor{1, 9}));
  for (const char* text : {"1.1", "0.5", "250", "0", "0.000000001", "1.005"}) EXPECT_EQ(factor(text).to_string(), text);
  for (const char* text : {"-1", "0.0000000001", "9223372036854775808", "x", ""})
    EXPECT_FALSE(Factor::parse(text).has_value()) << text;
}

TEST(Rate, PricesTokens) {
  EXPECT_EQ(Rate::per_million(money("2.50")).times(1'234).to_string(), "0.003085");
  EXPECT_EQ(Rate::per_unit(money("0.01")).times(3), money("0.03"));
  EXPECT_EQ(Rate::per_unit(money("0.01")).per_million(), money("10000"));
  const Factor factors[] = {factor("0.5"), factor("1.1")};
  bool inexact = false;
  EXPECT_EQ(Rate::per_million(money("3")).times(1'000'000, factors, 2, &inexact), money("1.65"));
  EXPECT_FALSE(inexact);
  EXPECT_TRUE(Rate::per_million(Money()).times(5).is_zero());
}

TEST(Rate, RoundsOnceHalfToEven) {
  const Rate tiny = Rate::per_million(Money::from_femto(500'000));  // half a femto-dollar each
  bool inexact = false;
  EXPECT_EQ(tiny.times(1, nullptr, 0, &inexact).femto(), 0);
  EXPECT_TRUE(inexact);
  EXPECT_EQ(tiny.times(3).femto(), 2);
  EXPECT_EQ(tiny.times(5).femto(), 2);
  const Factor three[] = {{3, 0}};
  EXPECT_EQ(tiny.times(1, three, 1).femto(), 2);  // 1.5; rounding before the factor would give 0
  inexact = false;
  EXPECT_EQ(tiny.times(2, nullptr, 0, &inexact).femto(), 1);
  EXPECT_FALSE(inexact);
  inexact = true;
  (void)tiny.times(2, nullptr, 0, &inexact);
  EXPECT_TRUE(inexact) << "the flag gathers over several calls";
}

// Schoolbook arithmetic on decimal strings, digits most significant first: slow, and independent of the code under
// test.
std::string multiply(const std::string& a, const std::string& b) {
  std::vector<int> cells(a.size() + b.size(), 0);
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;) cells[i + j + 1] += (a[i] - '0') * (b[j] - '0');
  for (std::size_t i = cells.size(); i-- > 1;) {
    cells[i - 1] += cells[i] / 10;
    cells[i] %= 10;
  }
  std::string out;
  for (const int cell : cells) out.push_back(static_cast<char>('0' + cell));
  out.erase(0, std::min(out.find_first_not_of('0'), out.size() - 1));
  return out;
}

std::string round_off(std::string digits, std::size_t places, bool& inexact) {
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  const std::string cut = digits.substr(digits.size() - places);
  std::string kept = digits.substr(0, digits.size() - places);
  inexact = cut.find_first_not_of('0') != std::string::npos;
  const std::string half = places == 0 ? "" : "5" + std::string(places - 1, '0');
  const bool odd = (kept.back() - '0') % 2 == 1;
  if (places > 0 && (cut > half || (cut == half && odd))) {
    std::size_t i = kept.size();
    while (i > 0 && kept[i - 1] == '9') kept[--i] = '0';
    if (i > 0)
      ++kept[i - 1];
    else
      kept.insert(0, "1");
  }
  kept.erase(0, std::min(kept.find_first_not_of('0'), kept.size() - 1));
  return kept;
}

// Femto-dollars as decimal digits.
std::string femto_digits(Money amount) {
  std::string text = amount.to_fixed(15);
  std::erase(text, '.');
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  return text;
}

TEST(Rate, EqualsSchoolbookArithmetic) {
  std::mt19937_64 random(3);
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  int rounded_cases = 0;
  for (int round = 0; round < 20'000; ++round) {
    // From single femto-dollars up to 1e9 USD per million, times up to 5e9 units, times up to four factors.
    const std::int64_t price = 1 + below(std::uint64_t{1} << (1 + below(59)));
    const std::int64_t price_scale = round % 3 == 0 ? 1'000'000 : 1;
    const std::int64_t units = below(std::uint64_t{1} << (1 + below(33))) % 5'000'000'001;
    const Money rate = Money::from_femto(static_cast<Money::Femto>(price) * price_scale);
    std::string product = multiply(multiply(std::to_string(price), std::to_string(price_scale)), std::to_string(units));
    std::vector<Factor> factors;
    std::size_t places = 6;
    for (std::int64_t i = below(5); i > 0; --i) {
      factors.push_back({below(i == 1 ? 2'000'000'000 : 100), static_cast<int>(below(10))});
      product = multiply(product, std::to_string(factors.back().num));
      places += static_cast<std::size_t>(factors.back().scale);
    }
    bool expect_inexact = false;
    const std::string expected = round_off(product, places, expect_inexact);
    if (expected.size() > 38) continue;  // does not fit: ends the program, as the death test shows
    bool inexact = false;
    const Money amount =
        Rate::per_million(rate).times(units, factors.data(), static_cast<int>(factors.size()), &inexact);
    ASSERT_EQ(femto_digits(amount), expected) << price << " x " << units;
    ASSERT_EQ(inexact, expect_inexact);
    const Money mirrored = Rate::per_million(-rate).times(units, factors.data(), static_cast<int>(factors.size()));
    ASSERT_EQ(mirrored, -amount);
    rounded_cases += inexact ? 1 : 0;
  }
  EXPECT_GT(rounded_cases, 5'000);
}

TEST(Rate, TheLargestPriceTimesTheMostTokens) {
  const Factor factors[] = {factor("1.123456789"), factor("1.987654321"), factor("0.999999999"), factor("1.5")};
  bool inexact = false;
  const Money amount = Rate::per_million(money("1000000000")).times(5'000'000'000, factors, 4, &inexact);
  std::string product = multiply("1000000000000000000000000", "5000000000");
  for (const char* digits : {"1123456789", "1987654321", "999999999", "15"}) product = multiply(product, digits);
  bool expect_inexact = false;
  EXPECT_EQ(femto_digits(amount), round_off(product, 6 + 28, expect_inexact));
  EXPECT_EQ(inexact, expect_inexact);
}

TEST(Money, RandomTextRoundTrip) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20'000; ++round) {
    Money::Femto femto =
        static_cast<Money::Femto>(random() >> 2) * static_cast<Money::Femto>(random() >> (random() % 64));
    femto >>= random() % 120;
    if (round % 2 == 1) femto = -femto;
    const Money amount = Money::from_femto(femto);
    ASSERT_EQ(money(amount.to_string()), amount);
    ASSERT_EQ(money(amount.to_fixed(15)), amount);
  }
}

}  // namespace
}  // namespace tollgate
