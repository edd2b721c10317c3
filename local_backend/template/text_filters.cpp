// Filters that make text.
#include <algorithm>
#include <utility>

#include "local_backend/template/filters.h"
#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

// The text itself, safe or not; any other value as str() writes it.
Value soft_text(Arena& arena, const Value& value) {
  return value.is(Kind::text) ? value : arena.text(to_text(arena, value));
}

Value plain_text(Arena& arena, const Value& value) { return arena.text(to_text(arena, value)); }

template <std::string (*kMap)(std::string_view)>
Value mapped(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("filter", arguments).done();
  const Value text = soft_text(arena, input);
  return arena.text(kMap(text.bytes()), text.as_text().markup);
}

// Every run that does not begin with a separator begins with an upper case letter.
std::string title(std::string_view text) {
  const auto separates = [](char32_t p) {
    return is_white_space(p) || p == '-' || p == '(' || p == '{' || p == '[' || p == '<';
  };
  std::string out;
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t point = next_point(text, at);
    const std::string_view letter = text.substr(start, at - start);
    out += separates(point) ? std::string(letter) : begins ? upper_case(letter) : lower_case(letter);
    begins = separates(point);
  }
  return out;
}

Value string_filter(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("string", arguments).done();
  return soft_text(arena, input);
}

Value trim(Arena& arena, const Value& input, Arguments& arguments) {
  for (auto& [name, value] : arguments.named) {
    if (name != "chars" || !arguments.positional.empty()) continue;
    arguments.positional.push_back(value);
    arguments.named.clear();
    break;
  }
  return text_method("strip")(arena, soft_text(arena, input), arguments);
}

Value replace(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("replace", arguments);
  Arguments plain;
  plain.positional.push_back(plain_text(arena, parameters.require("old")));
  plain.positional.push_back(plain_text(arena, parameters.require("new")));
  const Value* count = parameters.take("count");
  if (count && !count->is(Kind::none)) plain.positional.push_back(*count);
  parameters.done();
  return text_method("replace")(arena, plain_text(arena, input), plain);
}

Value safe(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("safe", arguments).done();
  return arena.text(to_text(arena, input), true);
}

Value escape(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("escape", arguments).done();
  if (input.is(Kind::text) && input.as_text().markup) return input;
  return arena.text(escaped(to_text(arena, input)), true);
}

Value force_escape(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("forceescape", arguments).done();
  return arena.text(escaped(to_text(arena, input)), true);
}

Value format(Arena& arena, const Value& input, Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    fail("FilterArgumentError: can't handle positional and keyword arguments at the same time");
  }
  const Value text = soft_text(arena, input);
  Value values = arena.list(arguments.positional, Sequence::tuple);
  if (!arguments.named.empty()) {
    DictObject& dict = arena.dict();
    for (const auto& [name, value] : arguments.named) dict.set(Value::text(name), value);
    values = Value::of(&dict);
  }
  return arena.text(percent_format(arena, text.bytes(), values), text.as_text().markup);
}

Value center(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("center", arguments);
  Arguments width;
  width.positional.push_back(Value::integer(parameters.integer("width", 80)));
  parameters.done();
  return text_method("center")(arena, soft_text(arena, input), width);
}

Value indent(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("indent", arguments);
  const Value* width = parameters.take("width");
  const bool first = parameters.flag("first", false);
  const bool blank = parameters.flag("blank", false);
  parameters.done();
  std::string space = "    ";
  if (width && width->is(Kind::text)) {
    space = width->bytes();
  } else if (width) {
    if (!width->is_integral()) fail("TypeError: the width of indent must be an int or a str");
    if (width->as_integer() > 1000) fail("the width of indent is too large");
    space = std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, width->as_integer())), ' ');
  }
  if (!input.is(Kind::text)) {
    if (input.is(Kind::undefined)) fail("UndefinedError: " + input.undefined_reason());
    fail("TypeError: indent wants a text, not " + std::string(type_name(input)));
  }
  const std::string text = input.bytes() + "\n";
  const auto lines = split_lines(text, false);
  arena.charge_text(text.size() + lines.size() * space.size());
  std::string out = first ? space : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += space;
    out += lines[i];
  }
  return arena.text(std::move(out), input.as_text().markup);
}

Value truncate(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("truncate", arguments);
  const std::int64_t most = parameters.integer("length", 255);
  const bool kill_words = parameters.flag("killwords", false);
  const Value* mark = parameters.take("end");
  const std::string end = mark ? to_text(arena, *mark) : "...";
  const Value* given = parameters.take("leeway");
  const std::int64_t leeway = given && given->is_integral() ? given->as_integer() : 5;
  parameters.done();
  const auto end_size = static_cast<std::int64_t>(count_points(end));
  if (most < end_size) fail("AssertionError: expected length >= " + std::to_string(end_size));
  if (leeway < 0) fail("AssertionError: expected leeway >= 0");
  const std::int64_t size = length(arena, input);
  if (size <= most || size - most <= leeway) return input;
  if (!input.is(Kind::text)) fail("TypeError: truncate wants a text, not " + std::string(type_name(input)));
  const Value& text = input;
  std::string cut = text.bytes().substr(0, offset_of_point(text.bytes(), static_cast<std::size_t>(most - end_size)));
  if (!kill_words) cut = split_by(cut, " ", 1, true)[0];
  return arena.text(cut + end);
}

Value word_count(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("wordcount", arguments).done();
  const std::string text = to_text(arena, input);
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_point(text, at);
    const bool letter = point == '_' || is_alphabetic(point) || is_decimal(point);
    if (letter && !inside) ++words;
    inside = letter;
  }
  return Value::integer(words);
}

Value url_encode(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("urlencode", arguments).done();
  std::string out;
  for (const char c : to_text(arena, input)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 0xF];
    }
  }
  return arena.text(std::move(out));
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"capitalize", mapped<capitalized>},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"format", format},
    {"indent", indent},
    {"lower", mapped<lower_case>},
    {"replace", replace},
    {"safe", safe},
    {"string", string_filter},
    {"title", mapped<title>},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", mapped<upper_case>},
    {"urlencode", url_encode},
    {"wordcount", word_count},
};

}  // namespace

Filter find_text_filter(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.first == name; });
  return found == std::end(kFilters) ? nullptr : found->second;
}

}  // namespace tollgate::local::jinja
