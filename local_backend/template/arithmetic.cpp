// + - * / // % ** and ~ over numbers, texts and lists. Integers have 64 bits: what Python would widen is an error.
#include <cmath>
#include <limits>

#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

std::string_view name_of(Operator op) {
  switch (op) {
    case Operator::add:
      return "+";
    case Operator::sub:
      return "-";
    case Operator::mul:
      return "*";
    case Operator::div:
      return "/";
    case Operator::floordiv:
      return "//";
    case Operator::mod:
      return "%";
    case Operator::pow:
      return "** or pow()";
  }
  return "+";
}

[[noreturn]] void wrong_types(Operator op, const Value& a, const Value& b) {
  if (op == Operator::add && (a.is(Kind::text) || a.is(Kind::list))) {
    const std::string name(type_name(a));
    fail("TypeError: can only concatenate " + name + " (not \"" + std::string(type_name(b)) + "\") to " + name);
  }
  fail("TypeError: unsupported operand type(s) for " + std::string(name_of(op)) + ": '" + std::string(type_name(a)) +
       "' and '" + std::string(type_name(b)) + "'");
}

[[noreturn]] void overflow() { fail("OverflowError: an integer does not fit into 64 bits"); }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("ZeroDivisionError: integer division or modulo by zero");
  if (a == std::numeric_limits<std::int64_t>::min() && b == -1) overflow();
  const std::int64_t quotient = a / b;
  return quotient - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

// The remainder with the sign of the divisor.
double floor_modulo(double a, double b) {
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  return remainder == 0 ? std::copysign(0.0, b) : remainder;
}

double floor_quotient(double a, double b) {
  const double remainder = floor_modulo(a, b);
  const double quotient = (a - remainder) / b;
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t out = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return out;
}

Value power(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral() && b.as_integer() >= 0) {
    return Value::integer(integer_power(a.as_integer(), b.as_integer()));
  }
  if (a.as_real() == 0 && b.as_real() < 0) fail("ZeroDivisionError: 0.0 cannot be raised to a negative power");
  const double result = std::pow(a.as_real(), b.as_real());
  if (std::isnan(result) && a.as_real() < 0) fail("ValueError: a negative number has no such power");
  if (std::isinf(result) && std::isfinite(a.as_real()) && std::isfinite(b.as_real())) {
    fail("OverflowError: numerical result out of range");
  }
  return Value::real(result);
}

Value integers(Operator op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  switch (op) {
    case Operator::add:
      if (__builtin_add_overflow(a, b, &out)) overflow();
      return Value::integer(out);
    case Operator::sub:
      if (__builtin_sub_overflow(a, b, &out)) overflow();
      return Value::integer(out);
    case Operator::mul:
      if (__builtin_mul_overflow(a, b, &out)) overflow();
      return Value::integer(out);
    case Operator::floordiv:
      return Value::integer(floor_divide(a, b));
    default:
      if (b == -1) return Value::integer(0);
      return Value::integer(a - floor_divide(a, b) * b);
  }
}

Value numbers(Operator op, const Value& a, const Value& b) {
  if (op == Operator::pow) return power(a, b);
  if (op != Operator::div && a.is_integral() && b.is_integral()) return integers(op, a.as_integer(), b.as_integer());
  const double left = a.as_real();
  const double right = b.as_real();
  if (right == 0 && (op == Operator::div || op == Operator::floordiv || op == Operator::mod)) {
    fail(op == Operator::div ? "ZeroDivisionError: division by zero" : "ZeroDivisionError: float modulo");
  }
  switch (op) {
    case Operator::add:
      return Value::real(left + right);
    case Operator::sub:
      return Value::real(left - right);
    case Operator::mul:
      return Value::real(left * right);
    case Operator::div:
      return Value::real(left / right);
    case Operator::floordiv:
      return Value::real(floor_quotient(left, right));
    default:
      return Value::real(floor_modulo(left, right));
  }
}

Value repeated(Arena& arena, const Value& sequence, std::int64_t times) {
  const auto count = static_cast<std::uint64_t>(times < 0 ? 0 : times);
  if (sequence.is(Kind::text)) {
    const std::string& unit = sequence.bytes();
    if (!unit.empty() && count > (std::uint64_t{1} << 40) / unit.size()) arena.charge_text(std::size_t{1} << 40);
    if (unit.empty()) return sequence;
    arena.charge_text(unit.size() * count);
    std::string out;
    for (std::uint64_t i = 0; i < count; ++i) out += unit;
    return Value::text(std::move(out), sequence.as_text().markup);
  }
  const auto& unit = sequence.as_list().items;
  if (unit.empty()) return arena.list({}, sequence.as_list().sequence);
  if (count > (std::uint64_t{1} << 40) / unit.size()) arena.charge(~std::uint64_t{0});
  arena.charge(unit.size() * count);
  std::vector<Value> out;
  for (std::uint64_t i = 0; i < count; ++i) out.insert(out.end(), unit.begin(), unit.end());
  return arena.list(std::move(out), sequence.as_list().sequence);
}

bool is_sequence(const Value& value) {
  return value.is(Kind::text) || (value.is(Kind::list) && (value.as_list().sequence == Sequence::list ||
                                                           value.as_list().sequence == Sequence::tuple));
}

Value add_lists(Arena& arena, const Value& a, const Value& b) {
  std::vector<Value> out = a.as_list().items;
  out.insert(out.end(), b.as_list().items.begin(), b.as_list().items.end());
  return arena.list(std::move(out), a.as_list().sequence);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Value join_texts(Arena& arena, const Value& a, const Value& b) {
  const bool markup = a.as_text().markup || b.as_text().markup;
  const auto side = [&](const Value& v) { return markup && !v.as_text().markup ? escaped(v.bytes()) : v.bytes(); };
  arena.charge_text(a.bytes().size() + b.bytes().size());
  return Value::text(side(a) + side(b), markup);
}

Value arithmetic(Arena& arena, Operator op, const Value& a, const Value& b) {
  if (op == Operator::mod && a.is(Kind::text)) {
    return arena.text(percent_format(arena, a.bytes(), b), a.as_text().markup);
  }
  for (const Value* side : {&a, &b}) {
    if (side->is(Kind::undefined)) fail("UndefinedError: " + side->undefined_reason());
  }
  if (a.is_number() && b.is_number()) return numbers(op, a, b);
  if (op == Operator::add && a.is(Kind::text) && b.is(Kind::text)) return join_texts(arena, a, b);
  if (op == Operator::add && a.is(Kind::list) && b.is(Kind::list) && is_sequence(a) && is_sequence(b) &&
      a.as_list().sequence == b.as_list().sequence) {
    return add_lists(arena, a, b);
  }
  if (op == Operator::mul && is_sequence(a) && b.is_integral()) return repeated(arena, a, b.as_integer());
  if (op == Operator::mul && is_sequence(b) && a.is_integral()) return repeated(arena, b, a.as_integer());
  wrong_types(op, a, b);
}

Value negate(const Value& value, bool keep_sign) {
  if (value.is(Kind::undefined)) fail("UndefinedError: " + value.undefined_reason());
  if (!value.is_number()) {
    fail("TypeError: bad operand type for unary " + std::string(keep_sign ? "+" : "-") + ": '" +
         std::string(type_name(value)) + "'");
  }
  if (value.is(Kind::real)) return keep_sign ? value : Value::real(-value.as_real());
  if (!keep_sign && value.as_integer() == std::numeric_limits<std::int64_t>::min()) overflow();
  return Value::integer(keep_sign ? value.as_integer() : -value.as_integer());
}

// Not even safe texts escape their neighbours here: Jinja does that only where it escapes all output.
Value concat(Arena& arena, const std::vector<Value>& parts) {
  std::string out;
  for (const Value& part : parts) {
    out += to_text(arena, part);
    arena.charge_text(part.is(Kind::text) ? part.bytes().size() : 0);
    arena.check_size(out.size());
  }
  return arena.text(std::move(out));
}

}  // namespace tollgate::local::jinja
