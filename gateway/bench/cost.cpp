#include "gateway/bench/cost.h"

#include <algorithm>

#include "config/load.h"
#include "core/clock.h"

namespace tollgate::gateway::bench {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000, kMillion = 1'000'000;
constexpr Money::Femto kUsd = 1'000'000'000'000'000;
constexpr std::string_view kGiven = "given";  // the vendor of a price book with one row

Error wrong(std::string message) {
  return Error{.kind = ErrorKind::client_fault, .status = 400, .code = "bad_price", .message = std::move(message)};
}

// value / by, rounded up or down, as a decimal with `scale` places; nullopt when it does not fit.
std::optional<Factor> quotient(Money::Femto value, Money::Femto by, int scale, bool up) {
  Money::Femto scaled = value;
  for (int i = 0; i < scale; ++i)
    if (__builtin_mul_overflow(scaled, Money::Femto{10}, &scaled)) return std::nullopt;
  const Money::Femto whole = scaled / by + (up && scaled % by != 0 ? 1 : 0);
  if (whole > INT64_MAX) return std::nullopt;
  return Factor{static_cast<std::int64_t>(whole), scale};
}

Result<Rate> parse_rate(std::string_view text) {
  auto price = Money::parse(text);
  if (!price || *price < Money()) return wrong("--hosted-price: say IN,OUT in USD per million tokens, such as 0.25,2");
  return Rate::per_million(*price);
}

}  // namespace

Result<Money> parse_hourly(std::string_view text) {
  auto hourly = Money::parse(text);
  if (!hourly || hourly->femto() <= 0 || hourly->femto() > kMostHourlyUsd * kUsd)
    return wrong("'" + std::string(text) + "' is no price of an hour; say USD, such as 2.49");
  return hourly;
}

Money share_of(Money amount, std::int64_t numerator, std::int64_t denominator) {
  Money::Femto product = 0;
  if (__builtin_mul_overflow(amount.femto(), Money::Femto{numerator}, &product)) std::abort();
  const Money::Femto whole = product / denominator, rest = product % denominator;
  const bool up = 2 * rest > denominator || (2 * rest == denominator && whole % 2 != 0);
  return Money::from_femto(whole + (up ? 1 : 0));
}

Money machine_money(Money hourly, std::int64_t us) { return share_of(hourly, us, kHourUs); }

std::optional<Money> machine_per_million(Money hourly, std::int64_t us, std::int64_t tokens) {
  if (tokens <= 0) return std::nullopt;
  static_assert(kHourUs % kMillion == 0);
  return share_of(hourly, us, kHourUs / kMillion * tokens);
}

std::optional<Money> per_million(Money amount, std::int64_t tokens) {
  if (tokens <= 0) return std::nullopt;
  return share_of(amount, kMillion, tokens);
}

Result<HostedPrice> HostedPrice::shipped(std::string_view target) {
  const std::size_t slash = target.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == target.size())
    return wrong("--against: say VENDOR/MODEL, such as openai/gpt-5-mini");
  HostedPrice price;
  price.name_ = target;
  price.provider_ = target.substr(0, slash);
  price.model_ = target.substr(slash + 1);
  auto book = billing::PriceBook::build(config::shipped_prices());
  if (!book) return std::move(book).error();
  price.book_ = *std::move(book);
  if (!price.of({{.input = 1, .output = 1}}))
    return wrong("--against: the price list has no price for " + price.name_ + "; `tollgate prices list --target '" +
                 price.provider_ + "/*'` lists what it has, or say --hosted-price IN,OUT");
  return price;
}

Result<HostedPrice> HostedPrice::given(std::string_view rates) {
  const std::size_t comma = std::min(rates.find(','), rates.size());
  auto in = parse_rate(rates.substr(0, comma));
  if (!in) return std::move(in).error();
  auto out = parse_rate(rates.substr(std::min(comma + 1, rates.size())));
  if (!out) return std::move(out).error();
  HostedPrice price;
  price.name_ = std::string(rates.substr(0, comma)) + " in, " + std::string(rates.substr(comma + 1)) + " out";
  price.provider_ = price.model_ = kGiven;
  config::PriceRow row;
  row.provider = kGiven;
  row.model = kGiven;
  row.rates = {{Bucket::input, *in}, {Bucket::output, *out}};
  auto book = billing::PriceBook::build({std::move(row)});
  if (!book) return std::move(book).error();
  price.book_ = *std::move(book);
  return price;
}

std::optional<Money> HostedPrice::of(const std::vector<Traffic>& requests) const {
  const billing::PriceQuery query{.provider = provider_, .model = model_, .at_us = wall_micros()};
  Money sum;
  for (const Traffic& request : requests) {
    Usage usage;
    usage.reported = true;
    usage[Bucket::input] = request.input - request.cached;
    usage[Bucket::cache_read] = request.cached;
    usage[Bucket::output] = request.output;
    const billing::Priced priced = book_->price(query, usage);
    if (!priced.cost) return std::nullopt;
    sum += *priced.cost;
  }
  return sum;
}

std::optional<BreakEven> break_even(Money own, Money hosted) {
  if (own.femto() <= 0 || hosted.femto() <= 0) return std::nullopt;
  const auto ratio = quotient(hosted.femto(), own.femto(), 2, false);
  const auto percent = quotient(own.femto(), hosted.femto(), 3, true);
  if (!ratio || !percent) return std::nullopt;
  return BreakEven{.own = own,
                   .hosted = hosted,
                   .hosted_by_own = *ratio,
                   .percent = {percent->num, 1},  // a thousandth is a tenth of a percent
                   .worth = own <= hosted};
}

}  // namespace tollgate::gateway::bench
