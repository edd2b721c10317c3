// str() and repr() as Python writes them.
#include <charconv>
#include <cmath>

#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

void append_hex(std::string& out, char32_t point, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[point >> shift & 0xF];
}

void append_repr(Arena& arena, std::string& out, const Value& value);

void append_list(Arena& arena, std::string& out, const ListObject& list) {
  const bool tuple = list.sequence == Sequence::tuple;
  if (list.sequence == Sequence::keys) out += "dict_keys(";
  if (list.sequence == Sequence::values) out += "dict_values(";
  if (list.sequence == Sequence::items) out += "dict_items(";
  out += tuple ? '(' : '[';
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out += ", ";
    append_repr(arena, out, list.items[i]);
  }
  if (tuple && list.items.size() == 1) out += ',';
  out += tuple ? ')' : ']';
  if (list.sequence != Sequence::list && !tuple) out += ')';
}

void append_range(std::string& out, const ListObject& range) {
  const auto& items = range.items;
  const std::int64_t first = items.empty() ? 0 : items.front().as_integer();
  const std::int64_t step = items.size() < 2 ? 1 : items[1].as_integer() - first;
  const std::int64_t stop = items.empty() ? 0 : items.back().as_integer() + (step < 0 ? -1 : 1);
  out += "range(" + std::to_string(first) + ", " + std::to_string(stop);
  out += step == 1 ? ")" : ", " + std::to_string(step) + ")";
}

void append_dict(Arena& arena, std::string& out, const DictObject& dict) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!first) out += ", ";
    first = false;
    append_repr(arena, out, key);
    out += ": ";
    append_repr(arena, out, value);
  }
  out += '}';
}

void append_namespace(Arena& arena, std::string& out, const NamespaceObject& space) {
  out += "<Namespace {";
  bool first = true;
  for (const auto& [name, value] : space.entries) {
    if (!first) out += ", ";
    first = false;
    out += text_repr(name) + ": ";
    append_repr(arena, out, value);
  }
  out += "}>";
}

void append_repr(Arena& arena, std::string& out, const Value& value) {
  const Arena::Level level(arena);
  arena.charge(1);
  const std::size_t before = out.size();
  switch (value.kind()) {
    case Kind::undefined:
      out += "Undefined";
      break;
    case Kind::none:
      out += "None";
      break;
    case Kind::boolean:
      out += value.as_boolean() ? "True" : "False";
      break;
    case Kind::integer:
      out += std::to_string(value.as_integer());
      break;
    case Kind::real:
      out += real_repr(value.as_real());
      break;
    case Kind::text:
      out += value.as_text().markup ? "Markup(" + text_repr(value.bytes()) + ")" : text_repr(value.bytes());
      break;
    case Kind::list:
      if (value.as_list().sequence == Sequence::range) return append_range(out, value.as_list());
      return append_list(arena, out, value.as_list());
    case Kind::dict:
      return append_dict(arena, out, value.as_dict());
    case Kind::name_space:
      return append_namespace(arena, out, value.as_namespace());
    case Kind::iterator:
      out += "<" + std::string(value.as_iterator().type) + " object>";
      break;
    case Kind::callable:
      out += value.as_callable().describe();
      break;
  }
  arena.check_size(out.size());
  arena.charge((out.size() - before) / 32);
}

}  // namespace

std::string real_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t mark = text.find('e');
  int exponent = 0;
  const char* digits_of_exponent = buffer + mark + (text[mark + 1] == '+' ? 2 : 1);
  std::from_chars(digits_of_exponent, end.ptr, exponent);
  std::string sign;
  std::string digits;
  for (const char c : text.substr(0, mark)) {
    if (c == '-') sign = "-";
    if (c >= '0' && c <= '9') digits += c;
  }
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits.substr(0, 1);
    if (digits.size() > 1) out += "." + digits.substr(1);
    const std::string power = std::to_string(std::abs(exponent));
    return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string text_repr(std::string_view text) {
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    if (point == static_cast<unsigned char>(quote) || point == '\\') {
      out += '\\';
      out += static_cast<char>(point);
    } else if (point == '\n') {
      out += "\\n";
    } else if (point == '\r') {
      out += "\\r";
    } else if (point == '\t') {
      out += "\\t";
    } else if (is_printable(point)) {
      append_point(out, point);
    } else {
      const int digits = point < 0x100 ? 2 : point < 0x10000 ? 4 : 8;
      out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
      append_hex(out, point, digits);
    }
  }
  return out += quote;
}

std::string repr(Arena& arena, const Value& value) {
  std::string out;
  append_repr(arena, out, value);
  return out;
}

std::string to_text(Arena& arena, const Value& value) {
  if (value.is(Kind::text)) return value.bytes();
  if (value.is(Kind::undefined)) return {};
  return repr(arena, value);
}

}  // namespace tollgate::local::jinja
