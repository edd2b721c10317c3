// Filters over any kind of value: conversions, numbers, JSON.
#include "local_backend/template/filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "local_backend/template/json_text.h"
#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

Value default_filter(Arena&, const Value& input, Arguments& arguments) {
  Parameters parameters("default", arguments);
  const Value* otherwise = parameters.take("default_value");
  const bool falsy = parameters.flag("boolean", false);
  parameters.done();
  if (!input.is(Kind::undefined) && !(falsy && !truthy(input))) return input;
  return otherwise ? *otherwise : Value::text("");
}

// Python's float(text) and int(text, base); false for its ValueError.
bool read_real(std::string_view text, double& out) {
  text = stripped(text, Side::both);
  std::string plain = lower_case(text);
  const bool negative = plain.starts_with('-');
  if (negative || plain.starts_with('+')) plain.erase(0, 1);
  if (plain == "inf" || plain == "infinity" || plain == "nan") {
    out = plain == "nan" ? NAN : HUGE_VAL;
  } else {
    if (plain.empty() || !((plain[0] >= '0' && plain[0] <= '9') || plain[0] == '.')) return false;
    std::erase(plain, '_');
    const auto read = std::from_chars(plain.data(), plain.data() + plain.size(), out);
    if (read.ptr != plain.data() + plain.size() || read.ec == std::errc::invalid_argument) return false;
    if (read.ec == std::errc::result_out_of_range) out = plain.find("e-") == std::string::npos ? HUGE_VAL : 0.0;
  }
  if (negative) out = -out;
  return true;
}

bool read_integer(std::string_view text, std::int64_t base, std::int64_t& out) {
  std::string plain = lower_case(stripped(text, Side::both));
  const bool negative = plain.starts_with('-');
  if (negative || plain.starts_with('+')) plain.erase(0, 1);
  const std::string_view prefix = std::string_view(plain).substr(0, 2);
  const std::int64_t named = prefix == "0x" ? 16 : prefix == "0o" ? 8 : prefix == "0b" ? 2 : 0;
  if (base == 0) base = named == 0 ? 10 : named;
  if (named != 0 && named == base) plain.erase(0, 2);
  if (base < 2 || base > 36 || plain.empty() || plain[0] == '-' || plain[0] == '_' || plain.back() == '_') return false;
  std::erase(plain, '_');
  if (negative) plain.insert(0, "-");
  const auto read = std::from_chars(plain.data(), plain.data() + plain.size(), out, static_cast<int>(base));
  if (read.ec == std::errc::result_out_of_range) fail("OverflowError: an integer does not fit into 64 bits");
  return read.ec == std::errc() && read.ptr == plain.data() + plain.size();
}

bool whole_part(double real, std::int64_t& out) {
  if (!(std::abs(real) < 9.2e18)) return false;
  out = static_cast<std::int64_t>(std::trunc(real));
  return true;
}

Value int_filter(Arena&, const Value& input, Arguments& arguments) {
  Parameters parameters("int", arguments);
  const Value* given = parameters.take("default");
  const Value otherwise = given ? *given : Value::integer(0);
  const std::int64_t base = parameters.integer("base", 10);
  parameters.done();
  if (input.is(Kind::undefined)) fail("UndefinedError: " + input.undefined_reason());
  std::int64_t out = 0;
  if (input.is_integral()) return Value::integer(input.as_integer());
  if (input.is(Kind::real)) {
    if (std::isinf(input.as_real())) fail("OverflowError: cannot convert float infinity to integer");
    return whole_part(input.as_real(), out) ? Value::integer(out) : otherwise;
  }
  if (!input.is(Kind::text)) return otherwise;
  double real = 0;
  if (read_integer(input.bytes(), base, out)) return Value::integer(out);
  if (read_real(input.bytes(), real) && whole_part(real, out)) return Value::integer(out);
  return otherwise;
}

Value float_filter(Arena&, const Value& input, Arguments& arguments) {
  Parameters parameters("float", arguments);
  const Value* given = parameters.take("default");
  const Value otherwise = given ? *given : Value::real(0.0);
  parameters.done();
  if (input.is(Kind::undefined)) fail("UndefinedError: " + input.undefined_reason());
  if (input.is_number()) return Value::real(input.as_real());
  double real = 0;
  return input.is(Kind::text) && read_real(input.bytes(), real) ? Value::real(real) : otherwise;
}

Value abs_filter(Arena&, const Value& input, Arguments& arguments) {
  Parameters("abs", arguments).done();
  if (!input.is_number()) fail("TypeError: bad operand type for abs(): '" + std::string(type_name(input)) + "'");
  if (input.is(Kind::real)) return Value::real(std::abs(input.as_real()));
  return input.as_integer() < 0 ? negate(input, false) : Value::integer(input.as_integer());
}

double rounded(double value, std::int64_t precision) {
  if (!std::isfinite(value) || precision > 300) return value;
  if (precision < -300) return std::copysign(0.0, value);
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value / unit) * unit;
  }
  char buffer[700];
  std::snprintf(buffer, sizeof(buffer), "%.*f", static_cast<int>(precision), value);
  return std::strtod(buffer, nullptr);
}

Value round_filter(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("round", arguments);
  const std::int64_t precision = parameters.integer("precision", 0);
  const Value* given = parameters.take("method");
  parameters.done();
  const std::string method = given ? to_text(arena, *given) : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    fail("FilterArgumentError: method must be common, ceil or floor");
  }
  if (!input.is_number()) fail("TypeError: type " + std::string(type_name(input)) + " doesn't define __round__ method");
  if (method == "common") {
    if (input.is_integral() && precision >= 0) return Value::integer(input.as_integer());
    const double value = rounded(input.as_real(), precision);
    return input.is_integral() ? Value::integer(static_cast<std::int64_t>(value)) : Value::real(value);
  }
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.as_real() * unit;
  if (!std::isfinite(scaled)) fail("OverflowError: cannot convert float infinity to integer");
  return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

Value length_filter(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("length", arguments).done();
  return Value::integer(length(arena, input));
}

Value attr_filter(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("attr", arguments);
  const std::string& name = parameters.text("name");
  parameters.done();
  if (input.is(Kind::dict) && !dict_method(name)) {
    return Value::undefined("'dict object' has no attribute " + text_repr(name));
  }
  return attribute_of(arena, input, name);
}

// Python's json.dumps() as transformers calls it.
Value tojson_filter(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("tojson", arguments);
  JsonStyle style;
  style.ensure_ascii = parameters.flag("ensure_ascii", false);
  const Value* indent = parameters.take("indent");
  const Value* separators = parameters.take("separators");
  style.sort_keys = parameters.flag("sort_keys", false);
  parameters.done();
  if (indent && !indent->is(Kind::none)) {
    style.indented = true;
    style.item_separator = ",";
    if (indent->is(Kind::text)) {
      style.indent = indent->bytes();
    } else if (indent->is_integral()) {
      if (indent->as_integer() > 1000) fail("the indent of tojson is too large");
      style.indent = std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, indent->as_integer())), ' ');
    } else {
      fail("TypeError: the indent of tojson must be an int or a str");
    }
  }
  if (separators && !separators->is(Kind::none)) {
    const std::vector<Value> pair = all_items(arena, *separators);
    if (pair.size() != 2 || !pair[0].is(Kind::text) || !pair[1].is(Kind::text)) {
      fail("ValueError: the separators of tojson are two texts");
    }
    style.item_separator = pair[0].bytes();
    style.key_separator = pair[1].bytes();
    arena.check_size(64 * (style.item_separator.size() + style.key_separator.size()));
  }
  return arena.text(json_from_value(arena, input, style));
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"abs", abs_filter},         {"attr", attr_filter},     {"count", length_filter}, {"d", default_filter},
    {"default", default_filter}, {"float", float_filter},   {"int", int_filter},      {"length", length_filter},
    {"round", round_filter},     {"tojson", tojson_filter},
};

}  // namespace

Filter find_filter(std::string_view name) {
  if (const Filter found = find_text_filter(name)) return found;
  if (const Filter found = find_sequence_filter(name)) return found;
  const auto* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.first == name; });
  return found == std::end(kFilters) ? nullptr : found->second;
}

void no_such_filter(std::string_view name) { fail("No filter named '" + std::string(name) + "' found."); }
void no_such_test(std::string_view name) { fail("No test named '" + std::string(name) + "' found."); }

}  // namespace tollgate::local::jinja
