// The % operator of texts and str.format(): fields, widths, precisions.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

constexpr int kMaxWidth = 1000;  // of a field, and its digits

struct Field {
  bool left = false, plus = false, blank = false, alternate = false, zero = false, grouped = false;
  char align = 0;
  std::string fill = " ";
  int width = 0;
  int precision = -1;
  char type = 0;
};

int small_number(std::string_view text, std::size_t& at) {
  int out = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    out = out * 10 + (text[at++] - '0');
    if (out > kMaxWidth) fail("ValueError: too large a width or precision in a format");
  }
  return out;
}

std::string real_digits(double value, const Field& field) {
  char buffer[1600];
  const std::string format = std::string("%") + (field.alternate ? "#" : "") + ".*" + field.type;
  std::snprintf(buffer, sizeof(buffer), format.c_str(), field.precision < 0 ? 6 : field.precision, value);
  return buffer;
}

std::string integer_digits(std::int64_t value, const Field& field) {
  const int base = field.type == 'x' || field.type == 'X' ? 16 : field.type == 'o' ? 8 : field.type == 'b' ? 2 : 10;
  char buffer[72];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, base);
  std::string digits(buffer, end.ptr);
  const std::size_t sign = value < 0 ? 1 : 0;
  if (static_cast<int>(digits.size() - sign) < field.precision) {
    digits.insert(sign, static_cast<std::size_t>(field.precision) - digits.size() + sign, '0');
  }
  if (field.alternate && base != 10) digits.insert(sign, base == 16 ? "0x" : base == 8 ? "0o" : "0b");
  if (field.type == 'X') digits = upper_case(digits);
  return digits;
}

void group_thousands(std::string& digits) {
  std::size_t end = digits.find_first_of(".e");
  if (end == std::string::npos) end = digits.size();
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  while (end > first + 3) digits.insert(end -= 3, ",");
}

std::string padded(std::string text, const Field& field, bool number) {
  if (number && (field.plus || field.blank) && !text.starts_with('-')) text.insert(0, field.plus ? "+" : " ");
  const std::size_t size = count_points(text);
  if (field.width <= 0 || size >= static_cast<std::size_t>(field.width)) return text;
  const std::size_t missing = static_cast<std::size_t>(field.width) - size;
  const auto filled = [&](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += field.fill;
    return out;
  };
  const char align = field.left ? '<' : field.align != 0 ? field.align : 0;
  if (align == '=' || (align == 0 && number && field.zero)) {
    const bool sign = text.starts_with('-') || text.starts_with('+') || text.starts_with(' ');
    return text.insert(sign ? 1 : 0, align == '=' ? filled(missing) : std::string(missing, '0'));
  }
  if (align == '<') return text + filled(missing);
  if (align == '^') return filled(missing / 2) + text + filled(missing - missing / 2);
  return filled(missing) + text;
}

std::string truncated(const std::string& text, int precision) {
  if (precision < 0) return text;
  return text.substr(0, offset_of_point(text, static_cast<std::size_t>(precision)));
}

void read_percent_flags(std::string_view format, std::size_t& at, Field& field) {
  for (; at < format.size(); ++at) {
    switch (format[at]) {
      case '-':
        field.left = true;
        continue;
      case '+':
        field.plus = true;
        continue;
      case ' ':
        field.blank = true;
        continue;
      case '#':
        field.alternate = true;
        continue;
      case '0':
        field.zero = true;
        continue;
      default:
        break;
    }
    break;
  }
  field.width = small_number(format, at);
  if (at < format.size() && format[at] == '.') field.precision = small_number(format, ++at);
  while (at < format.size() && (format[at] == 'l' || format[at] == 'h' || format[at] == 'L')) ++at;
  if (at >= format.size()) fail("ValueError: incomplete format");
  field.type = format[at++];
}

std::string percent_field(Arena& arena, Field field, const Value& value) {
  switch (field.type) {
    case 's':
      return padded(truncated(to_text(arena, value), field.precision), field, false);
    case 'r':
    case 'a':
      return padded(truncated(repr(arena, value), field.precision), field, false);
    case 'c':
      return padded(to_text(arena, value), field, false);
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      if (!value.is_number() || (!value.is_integral() && (field.type == 'x' || field.type == 'o'))) {
        fail(std::string("TypeError: %") + field.type + " format: a number is required, not " +
             std::string(type_name(value)));
      }
      if (!value.is_integral() && !(std::abs(value.as_real()) < 9.2e18))
        fail("OverflowError: too large for an integer");
      const std::int64_t whole =
          value.is_integral() ? value.as_integer() : static_cast<std::int64_t>(std::trunc(value.as_real()));
      return padded(integer_digits(whole, field), field, true);
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (!value.is_number()) fail("TypeError: must be real number, not " + std::string(type_name(value)));
      return padded(real_digits(value.as_real(), field), field, true);
    default:
      fail(std::string("ValueError: unsupported format character '") + field.type + "'");
  }
}

}  // namespace

std::string percent_format(Arena& arena, std::string_view format, const Value& arguments) {
  const bool tuple = arguments.is(Kind::list) && arguments.as_list().sequence == Sequence::tuple;
  std::size_t used = 0;
  bool by_name = false;
  std::string out;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    if (++at >= format.size()) fail("ValueError: incomplete format");
    if (format[at] == '%') {
      out += format[at++];
      continue;
    }
    Field field;
    const Value* value = nullptr;
    if (format[at] == '(') {
      const std::size_t close = format.find(')', at);
      if (close == std::string_view::npos) fail("ValueError: incomplete format key");
      if (!arguments.is(Kind::dict)) fail("TypeError: format requires a mapping");
      const std::string_view name = format.substr(at + 1, close - at - 1);
      value = arguments.as_dict().find(name);
      if (!value) fail("KeyError: '" + std::string(name) + "'");
      by_name = true;
      at = close + 1;
    }
    read_percent_flags(format, at, field);
    if (!value && tuple && used < arguments.as_list().items.size()) value = &arguments.as_list().items[used++];
    if (!value && !tuple && used++ == 0) value = &arguments;
    if (!value) fail("TypeError: not enough arguments for format string");
    out += percent_field(arena, field, *value);
    arena.check_size(out.size());
  }
  const bool left = tuple ? used < arguments.as_list().items.size()
                          : used == 0 && !by_name && !arguments.is(Kind::dict) && !arguments.is(Kind::list) &&
                                !arguments.is(Kind::undefined);
  if (left) fail("TypeError: not all arguments converted during string formatting");
  return out;
}

namespace {

Field read_format_spec(std::string_view spec) {
  Field field;
  std::size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  std::size_t behind = 0;
  if (!spec.empty()) next_point(spec, behind);
  if (behind < spec.size() && is_align(spec[behind])) {
    field.fill = spec.substr(0, behind);
    field.align = spec[behind];
    at = behind + 1;
  } else if (!spec.empty() && is_align(spec[0])) {
    field.align = spec[at++];
  }
  if (at < spec.size() && (spec[at] == '+' || spec[at] == ' ' || spec[at] == '-')) {
    field.plus = spec[at] == '+';
    field.blank = spec[at] == ' ';
    ++at;
  }
  if (at < spec.size() && spec[at] == '#') field.alternate = true, ++at;
  if (at < spec.size() && spec[at] == '0') {
    if (field.align == 0) field.align = '=', field.fill = "0";
    ++at;
  }
  field.width = small_number(spec, at);
  if (at < spec.size() && spec[at] == ',') field.grouped = true, ++at;
  if (at < spec.size() && spec[at] == '.') field.precision = small_number(spec, ++at);
  if (at < spec.size()) field.type = spec[at++];
  if (at != spec.size()) fail("ValueError: Invalid format specifier '" + std::string(spec) + "'");
  return field;
}

std::string format_value(Arena& arena, const Value& value, std::string_view spec) {
  if (spec.empty()) return to_text(arena, value);
  Field field = read_format_spec(spec);
  const auto wrong = [&]() {
    fail("ValueError: Unknown format code for object of type '" + std::string(type_name(value)) + "'");
  };
  if (value.is(Kind::text)) {
    if (field.type != 0 && field.type != 's') wrong();
    if (field.align == 0) field.align = '<';
    return padded(truncated(value.bytes(), field.precision), field, false);
  }
  if (!value.is_number()) fail("TypeError: unsupported format string passed to " + std::string(type_name(value)));
  const bool as_real = field.type != 0 && std::string_view("eEfFgG%").find(field.type) != std::string_view::npos;
  std::string digits;
  if (value.is_integral() && !as_real) {
    if (std::string_view("dxXobn").find(field.type) == std::string_view::npos && field.type != 0) wrong();
    if (field.precision >= 0) fail("ValueError: Precision not allowed in integer format specifier");
    digits = integer_digits(value.as_integer(), field);
  } else if (field.type == '%') {
    field.type = 'f';
    digits = real_digits(value.as_real() * 100, field) + "%";
  } else if (field.type == 0 && field.precision < 0) {
    digits = real_repr(value.as_real());
  } else {
    if (!as_real && field.type != 0) wrong();
    if (field.type == 0) field.type = 'g';
    digits = real_digits(value.as_real(), field);
  }
  if (field.grouped) group_thousands(digits);
  return padded(std::move(digits), field, true);
}

// `name`, `0`, `name.attribute[key]`, or nothing for the next one.
enum class Numbering : unsigned char { none, automatic, manual };
Value format_field(Arena& arena, std::string_view path, Arguments& arguments, std::size_t& automatic,
                   Numbering& numbering) {
  const std::size_t end = std::min(path.find_first_of(".["), path.size());
  const std::string_view name = path.substr(0, end);
  Value value;
  std::size_t position = automatic;
  const bool numbered = !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
  if (name.empty() || numbered) {
    std::size_t at = 0;
    if (numbered) position = static_cast<std::size_t>(small_number(name, at));
    const Numbering wanted = numbered ? Numbering::manual : Numbering::automatic;
    if (numbering != Numbering::none && numbering != wanted) {
      fail("ValueError: cannot switch between manual field specification and automatic field numbering");
    }
    numbering = wanted;
    if (name.empty()) ++automatic;
    if (position >= arguments.positional.size()) fail("IndexError: Replacement index out of range");
    value = arguments.positional[position];
  } else {
    const Value* found = nullptr;
    for (const auto& [known, each] : arguments.named) {
      if (known == name) found = &each;
    }
    if (!found) fail("KeyError: '" + std::string(name) + "'");
    value = *found;
  }
  for (std::size_t at = end; at < path.size();) {
    const bool attribute = path[at] == '.';
    const std::size_t stop = attribute ? std::min(path.find_first_of(".[", at + 1), path.size()) : path.find(']', at);
    if (stop == std::string_view::npos) fail("ValueError: Missing ']' in format string");
    const std::string key(path.substr(at + 1, stop - at - 1));
    std::size_t from = 0;
    const bool index = !key.empty() && key.find_first_not_of("0123456789") == std::string::npos;
    value = attribute ? attribute_of(arena, value, key)
                      : item_of(arena, value, index ? Value::integer(small_number(key, from)) : Value::text(key));
    at = attribute ? stop : stop + 1;
  }
  return value;
}

}  // namespace

std::string text_format(Arena& arena, const Text& format, Arguments& arguments) {
  const std::string_view text = format.bytes;
  std::size_t automatic = 0;
  Numbering numbering = Numbering::none;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    const bool twice = at < text.size() && text[at] == c;
    if ((c == '{' || c == '}') && twice) ++at;
    if ((c != '{' && c != '}') || twice) {
      out += c;
      continue;
    }
    if (c == '}') fail("ValueError: Single '}' encountered in format string");
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos) fail("ValueError: expected '}' before end of string");
    std::string_view field = text.substr(at, close - at);
    at = close + 1;
    std::string_view spec;
    if (const std::size_t colon = field.find(':'); colon != std::string_view::npos) {
      spec = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    if (spec.find('{') != std::string_view::npos) fail("ValueError: nested format fields are not supported");
    char conversion = 0;
    if (field.size() >= 2 && field[field.size() - 2] == '!') {
      conversion = field.back();
      field.remove_suffix(2);
    }
    Value value = format_field(arena, field, arguments, automatic, numbering);
    if (conversion == 'r') value = Value::text(repr(arena, value));
    if (conversion == 's') value = Value::text(to_text(arena, value));
    out += format_value(arena, value, spec);
    arena.check_size(out.size());
  }
  return out;
}

}  // namespace tollgate::local::jinja
