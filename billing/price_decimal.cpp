// Decimal text to exact integers. Owner: billing, price half.
#include "billing/price_decimal.h"

#include <charconv>
#include <limits>
#include <string>

namespace tollgate::billing {
namespace {

using Wide = __int128;
constexpr std::size_t kMaxDigits = 40;
constexpr int kMaxExponent = 400;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// value = +-digits x 10^exponent
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

bool read_exponent(std::string_view text, int& exponent) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  if (value > kMaxExponent || value < -kMaxExponent) return false;
  exponent += value;
  return true;
}

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal out;
  std::size_t i = 0, seen = 0;
  bool after_point = false;
  if (!text.empty() && text[0] == '-') out.negative = true, i = 1;
  for (; i < text.size(); ++i) {
    if (text[i] == '.') {
      if (after_point) return std::nullopt;
      after_point = true;
      continue;
    }
    if (!is_digit(text[i])) break;
    ++seen;
    if (after_point) --out.exponent;
    if (text[i] != '0' || !out.digits.empty()) out.digits.push_back(text[i]);
  }
  if (seen == 0 || out.digits.size() > kMaxDigits) return std::nullopt;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    if (!read_exponent(text.substr(i + 1), out.exponent)) return std::nullopt;
  }
  return out;
}

bool push_digit(Wide& value, int digit) {
  constexpr Wide kMax = (Wide{1} << 120);
  if (value > kMax / 10) return false;
  value = value * 10 + digit;
  return true;
}

// Half-even: is `kept` with `rest` (the digits cut off) rounded away from zero?
bool rounds_up(Wide kept, std::string_view rest) {
  if (rest.empty() || rest[0] < '5') return false;
  if (rest[0] > '5' || rest.find_first_not_of('0', 1) != std::string_view::npos) return true;
  return kept % 2 != 0;
}

std::optional<Wide> scaled(std::string_view text, int shift, bool* changed) {
  const auto decimal = read_decimal(text);
  if (!decimal) return std::nullopt;
  const int places = decimal->exponent + shift;  // zeros to append, or digits to cut when negative
  std::string digits = decimal->digits;
  std::string rest;
  if (places < 0) {
    const std::size_t cut = static_cast<std::size_t>(-places);
    if (digits.size() < cut) digits.insert(0, cut - digits.size(), '0');
    rest = digits.substr(digits.size() - cut);
    digits.resize(digits.size() - cut);
  }
  Wide value = 0;
  for (const char c : digits) {
    if (!push_digit(value, c - '0')) return std::nullopt;
  }
  for (int i = 0; i < places && value != 0; ++i) {
    if (!push_digit(value, 0)) return std::nullopt;
  }
  if (changed != nullptr) *changed = rest.find_first_not_of('0') != std::string::npos;
  if (rounds_up(value, rest)) ++value;
  return decimal->negative ? -value : value;
}

}  // namespace

std::optional<Money> money_rounded(std::string_view text, int decimals, bool* changed) {
  auto value = scaled(text, decimals, changed);
  if (!value) return std::nullopt;
  constexpr Wide kMax = std::numeric_limits<Wide>::max() / 10;
  for (int i = decimals; i < 15; ++i) {
    if (*value > kMax || *value < -kMax) return std::nullopt;
    *value *= 10;
  }
  return Money::from_femto(*value);
}

std::optional<std::int64_t> decimal_to_integer(std::string_view text, int shift) {
  const auto value = scaled(text, shift, nullptr);
  if (!value || *value > std::numeric_limits<std::int64_t>::max() ||
      *value < std::numeric_limits<std::int64_t>::min()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*value);
}

}  // namespace tollgate::billing
