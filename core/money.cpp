// Exact decimal money. Owner: core. Thread rule: pure functions.
// Rate::times works in 128 bits where the product fits, else in a 512-bit integer; both round once, half to even.
#include "core/money.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

namespace tollgate {
namespace {

using U128 = unsigned __int128;

constexpr int kFemtoDecimals = 15;
constexpr int kRateDecimals = 6;
constexpr int kMaxPower128 = 38;  // 10^38 < 2^127
constexpr U128 kMaxMagnitude = ~U128{0} >> 1;

constexpr std::array<U128, kMaxPower128 + 1> make_powers() {
  std::array<U128, kMaxPower128 + 1> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr auto kPowers = make_powers();

U128 power_of_ten(int exponent) { return kPowers[static_cast<std::size_t>(exponent)]; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
U128 magnitude(Money::Femto value) { return value < 0 ? -static_cast<U128>(value) : static_cast<U128>(value); }

Error bad_decimal(const char* why) { return Error{ErrorKind::client_fault, 400, "invalid_decimal", why}; }

// value = (-1)^negative x mantissa x 10^exponent; the mantissa ends in no zero unless it is 0.
struct Decimal {
  bool negative = false;
  U128 mantissa = 0;
  int exponent = 0;
};

// Collects digits; zeros wait until a later digit needs them, so that "1000000...0" and "0.5000...0" do not overflow.
class Digits {
 public:
  bool push(char c, bool fraction) {
    if (fraction) ++fraction_digits_;
    if (c == '0') return ++pending_zeros_, true;
    if (value_ != 0) {
      if (pending_zeros_ + 1 > kMaxPower128) return false;
      if (__builtin_mul_overflow(value_, power_of_ten(pending_zeros_ + 1), &value_)) return false;
    }
    pending_zeros_ = 0;
    return !__builtin_add_overflow(value_, static_cast<U128>(c - '0'), &value_);
  }
  U128 value() const { return value_; }
  int exponent() const { return value_ == 0 ? 0 : pending_zeros_ - fraction_digits_; }

 private:
  U128 value_ = 0;
  int pending_zeros_ = 0;
  int fraction_digits_ = 0;
};

bool read_exponent(std::string_view text, int& exponent) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || text.size() > 4) return false;
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  exponent = negative ? -value : value;
  return true;
}

// Grammar: -?digits[.digits][(e|E)[+-]digits], at most 200 characters.
Result<Decimal> parse_decimal(std::string_view text) {
  Decimal out;
  if (text.size() > 200) return bad_decimal("a decimal number has too many characters");
  out.negative = text.starts_with('-');
  if (out.negative) text.remove_prefix(1);
  Digits digits;
  std::size_t i = 0;
  std::size_t point = std::string_view::npos;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && point == std::string_view::npos && i > 0) {
      point = i;
    } else if (!is_digit(text[i])) {
      break;
    } else if (!digits.push(text[i], point != std::string_view::npos)) {
      return bad_decimal("a decimal number has too many digits");
    }
  }
  if (i == 0 || text[i - 1] == '.') return bad_decimal("expected a decimal number such as 12 or 0.25");
  int exponent = 0;
  if (i < text.size()) {
    if ((text[i] != 'e' && text[i] != 'E') || !read_exponent(text.substr(i + 1), exponent))
      return bad_decimal("expected a decimal number such as 12 or 0.25");
  }
  out.mantissa = digits.value();
  if (out.mantissa != 0) out.exponent = digits.exponent() + exponent;
  return out;
}

// mantissa x 10^exponent, false when it is no integer or too large.
bool scale_up(U128 mantissa, int exponent, U128& out) {
  if (mantissa == 0) return out = 0, true;
  if (exponent < 0 || exponent > kMaxPower128) return false;
  return !__builtin_mul_overflow(mantissa, power_of_ten(exponent), &out);
}

// The following are made for 128 bits and for 64, which nearly every amount fits into and which are much quicker.
template <class U>
void append_digits(std::string& out, U value, int min_digits) {
  char buffer[40];
  int length = 0;
  while (value != 0 || length < min_digits) {
    buffer[length++] = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  }
  while (length > 0) out.push_back(buffer[--length]);
}

template <class U>
std::string write_fixed(bool negative, U value, int decimals) {
  std::string out;
  if (negative && value != 0) out.push_back('-');
  const U one = static_cast<U>(power_of_ten(decimals));
  append_digits<U>(out, value / one, 1);
  if (decimals > 0) {
    out.push_back('.');
    append_digits<U>(out, value % one, decimals);
  }
  return out;
}

template <class U>
std::string write_shortest(bool negative, U value, int decimals) {
  while (decimals > 0 && value % 10 == 0) {
    value /= 10;
    --decimals;
  }
  return write_fixed(negative, value, decimals);
}

bool is_short(U128 value, int decimals) { return value >> 64 == 0 && decimals <= 19; }

// value / 10^decimals with exactly that many places.
std::string fixed_text(bool negative, U128 value, int decimals) {
  return is_short(value, decimals) ? write_fixed(negative, static_cast<std::uint64_t>(value), decimals)
                                   : write_fixed(negative, value, decimals);
}

// The same without trailing zeros.
std::string shortest_text(bool negative, U128 value, int decimals) {
  return is_short(value, decimals) ? write_shortest(negative, static_cast<std::uint64_t>(value), decimals)
                                   : write_shortest(negative, value, decimals);
}

// value / divisor, half to even; `sticky` says that a remainder below `value` was already cut off.
U128 divide_half_even(U128 value, U128 divisor, bool sticky, bool& inexact) {
  const U128 quotient = value / divisor;
  const U128 rest = value % divisor;
  inexact = rest != 0 || sticky;
  const U128 half = divisor / 2;  // powers of ten above 1 are even
  if (divisor == 1 || rest < half) return quotient;
  if (rest > half || sticky) return quotient + 1;
  return quotient + (quotient & 1);
}

// Unsigned integer of 512 bits: products that leave 128 bits, kept exact until the one rounding.
class Wide {
 public:
  explicit Wide(U128 value) {
    limbs_[0] = static_cast<std::uint64_t>(value);
    limbs_[1] = static_cast<std::uint64_t>(value >> 64);
  }
  void multiply(std::uint64_t by) {
    U128 carry = 0;
    for (auto& limb : limbs_) {
      carry += static_cast<U128>(limb) * by;
      limb = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    if (carry != 0) std::abort();
  }
  std::uint64_t divide(std::uint64_t by) {  // returns the remainder
    U128 rest = 0;
    for (std::size_t i = limbs_.size(); i-- > 0;) {
      rest = rest << 64 | limbs_[i];
      limbs_[i] = static_cast<std::uint64_t>(rest / by);
      rest %= by;
    }
    return static_cast<std::uint64_t>(rest);
  }
  U128 to_u128() const {
    if (std::any_of(limbs_.begin() + 2, limbs_.end(), [](std::uint64_t limb) { return limb != 0; })) std::abort();
    return static_cast<U128>(limbs_[1]) << 64 | limbs_[0];
  }

 private:
  std::array<std::uint64_t, 8> limbs_{};
};

U128 wide_product(U128 rate, std::uint64_t units, std::span<const Factor> factors, int decimals, bool& inexact) {
  constexpr int kStep = 18;  // 10^18 fits one limb
  Wide wide(rate);
  wide.multiply(units);
  for (const Factor& factor : factors) wide.multiply(static_cast<std::uint64_t>(factor.num));
  bool sticky = false;
  for (; decimals > kStep; decimals -= kStep)
    sticky |= wide.divide(static_cast<std::uint64_t>(power_of_ten(kStep))) != 0;
  const auto divisor = static_cast<std::uint64_t>(power_of_ten(decimals));
  const std::uint64_t rest = wide.divide(divisor);
  const U128 quotient = wide.to_u128();
  if (quotient > kMaxMagnitude) std::abort();
  inexact = rest != 0 || sticky;
  const bool up = rest > divisor / 2 || (rest == divisor / 2 && (sticky || (quotient & 1) != 0));
  return divisor > 1 && up ? quotient + 1 : quotient;
}

Money::Femto with_sign(bool negative, U128 value) {
  if (value > kMaxMagnitude) std::abort();
  return negative ? -static_cast<Money::Femto>(value) : static_cast<Money::Femto>(value);
}

}  // namespace

Result<Money> Money::parse(std::string_view text) {
  auto decimal = parse_decimal(text);
  if (!decimal) return std::move(decimal).error();
  if (decimal->exponent < -kFemtoDecimals) return bad_decimal("an amount of money has more than 15 decimals");
  U128 value = 0;
  if (!scale_up(decimal->mantissa, decimal->exponent + kFemtoDecimals, value) || value > kMaxMagnitude)
    return bad_decimal("an amount of money is too large");
  return Money(with_sign(decimal->negative, value));
}

std::string Money::to_string() const { return shortest_text(femto_ < 0, magnitude(femto_), kFemtoDecimals); }

std::string Money::to_fixed(int decimals) const {
  decimals = std::clamp(decimals, 0, kFemtoDecimals);
  bool inexact = false;
  const U128 rounded = divide_half_even(magnitude(femto_), power_of_ten(kFemtoDecimals - decimals), false, inexact);
  return fixed_text(femto_ < 0, rounded, decimals);
}

Money operator+(Money a, Money b) {
  Money::Femto sum = 0;
  if (__builtin_add_overflow(a.femto_, b.femto_, &sum)) std::abort();
  return Money(sum);
}

Money operator-(Money a, Money b) {
  Money::Femto difference = 0;
  if (__builtin_sub_overflow(a.femto_, b.femto_, &difference)) std::abort();
  return Money(difference);
}

Result<Factor> Factor::parse(std::string_view text) {
  auto decimal = parse_decimal(text);
  if (!decimal) return std::move(decimal).error();
  if (decimal->negative && decimal->mantissa != 0) return bad_decimal("a factor must not be negative");
  if (decimal->exponent < -9) return bad_decimal("a factor has more than 9 decimals");
  U128 num = 0;
  if (!scale_up(decimal->mantissa, std::max(decimal->exponent, 0), num) || num > INT64_MAX)
    return bad_decimal("a factor is too large");
  return Factor{static_cast<std::int64_t>(num), std::max(-decimal->exponent, 0)};
}

std::string Factor::to_string() const {
  return shortest_text(num < 0, magnitude(num), std::clamp(scale, 0, kMaxPower128));
}

Rate Rate::per_unit(Money price) {
  U128 value = 0;
  if (__builtin_mul_overflow(magnitude(price.femto()), power_of_ten(kRateDecimals), &value)) std::abort();
  return Rate(Money::from_femto(with_sign(price.femto() < 0, value)));
}

Money Rate::times(std::int64_t units, const Factor* factors, int factor_count, bool* inexact) const {
  if (units < 0) std::abort();
  const std::span<const Factor> list(factors, static_cast<std::size_t>(factor_count));
  const U128 rate = magnitude(per_million_.femto());
  int decimals = kRateDecimals;
  U128 product = 0;
  bool wide = __builtin_mul_overflow(rate, static_cast<U128>(units), &product);
  for (const Factor& factor : list) {
    if (factor.num < 0 || factor.scale < 0) std::abort();
    decimals += factor.scale;
    wide = wide || __builtin_mul_overflow(product, static_cast<U128>(factor.num), &product);
  }
  bool rounded = false;
  const U128 value = wide || decimals > kMaxPower128
                         ? wide_product(rate, static_cast<std::uint64_t>(units), list, decimals, rounded)
                         : divide_half_even(product, power_of_ten(decimals), false, rounded);
  if (inexact != nullptr && rounded) *inexact = true;
  return Money::from_femto(with_sign(per_million_.femto() < 0, value));
}

}  // namespace tollgate
