// Python's methods of str.
#include <algorithm>
#include <utility>

#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

// A text made from `self`: safe if `self` is.
Value same_kind(Arena& arena, const Value& self, std::string bytes) {
  return arena.text(std::move(bytes), self.as_text().markup);
}

Value texts(Arena& arena, const Value& self, const std::vector<std::string_view>& parts) {
  arena.charge(parts.size());
  std::vector<Value> out;
  for (const std::string_view part : parts) out.push_back(same_kind(arena, self, std::string(part)));
  return arena.list(std::move(out));
}

template <Side kSide>
Value strip(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("strip", arguments);
  const Value* any_of = parameters.take("");
  parameters.done();
  if (any_of && !any_of->is(Kind::none) && !any_of->is(Kind::text)) {
    fail("TypeError: strip arg must be None or str");
  }
  const bool given = any_of && any_of->is(Kind::text);
  return same_kind(arena, self,
                   std::string(given ? stripped(self.bytes(), kSide, any_of->bytes()) : stripped(self.bytes(), kSide)));
}

template <bool kFromRight>
Value split(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("split", arguments);
  const Value* mark = parameters.take("sep");
  const std::int64_t most = parameters.integer("maxsplit", -1);
  parameters.done();
  if (!mark || mark->is(Kind::none)) return texts(arena, self, split_words(self.bytes(), most, kFromRight));
  if (!mark->is(Kind::text)) fail("TypeError: must be str or None, not " + std::string(type_name(*mark)));
  if (mark->bytes().empty()) fail("ValueError: empty separator");
  return texts(arena, self, split_by(self.bytes(), mark->bytes(), most, kFromRight));
}

Value splitlines(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("splitlines", arguments);
  const bool keep = parameters.flag("keepends", false);
  parameters.done();
  return texts(arena, self, split_lines(self.bytes(), keep));
}

template <bool kFromRight>
Value partition(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("partition", arguments);
  const std::string& mark = parameters.text("");
  parameters.done();
  if (mark.empty()) fail("ValueError: empty separator");
  const std::string& bytes = self.bytes();
  const std::size_t found = kFromRight ? bytes.rfind(mark) : bytes.find(mark);
  std::vector<std::string> parts = {bytes, "", ""};
  if (found == std::string::npos && kFromRight) std::swap(parts[0], parts[2]);
  if (found != std::string::npos) parts = {bytes.substr(0, found), mark, bytes.substr(found + mark.size())};
  std::vector<Value> out;
  for (std::string& part : parts) out.push_back(same_kind(arena, self, std::move(part)));
  return arena.list(std::move(out), Sequence::tuple);
}

// Start and end of the searched part, as slices clip them.
std::string_view searched(Arena& arena, const Value& self, Parameters& parameters, std::int64_t& offset) {
  const Value* start = parameters.take("");
  const Value* end = parameters.take("");
  parameters.done();
  const std::int64_t size = length(arena, self);
  const auto index = [&](const Value* given, std::int64_t otherwise) {
    if (!given || given->is(Kind::none)) return otherwise;
    if (!given->is_integral()) fail("TypeError: slice indices must be integers or None");
    const std::int64_t at = given->as_integer();
    return at < 0 ? std::max<std::int64_t>(0, at + size) : at;
  };
  offset = index(start, 0);
  const std::int64_t stop = std::min(size, index(end, size));
  if (offset > stop) return {nullptr, 0};
  const std::string_view bytes = self.bytes();
  const std::size_t first = offset_of_point(bytes, static_cast<std::size_t>(offset));
  return bytes.substr(first, offset_of_point(bytes.substr(first), static_cast<std::size_t>(stop - offset)));
}

template <bool kEnd>
Value has_affix(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters(kEnd ? "endswith" : "startswith", arguments);
  const Value affix = parameters.require("");
  std::int64_t offset = 0;
  const std::string_view part = searched(arena, self, parameters, offset);
  const auto fits = [&](const Value& one) {
    if (!one.is(Kind::text)) fail("TypeError: startswith and endswith want str or a tuple of str");
    if (part.data() == nullptr) return false;
    return kEnd ? part.ends_with(one.bytes()) : part.starts_with(one.bytes());
  };
  if (affix.is(Kind::list) && affix.as_list().sequence == Sequence::tuple) {
    const auto& all = affix.as_list().items;
    return Value::boolean(std::any_of(all.begin(), all.end(), fits));
  }
  return Value::boolean(fits(affix));
}

template <bool kFromRight, bool kRequired>
Value find(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters(kRequired ? "index" : "find", arguments);
  const std::string wanted = parameters.text("");
  std::int64_t offset = 0;
  const std::string_view part = searched(arena, self, parameters, offset);
  const std::size_t found = part.data() == nullptr ? std::string_view::npos
                            : kFromRight           ? part.rfind(wanted)
                                                   : part.find(wanted);
  if (found != std::string_view::npos) {
    return Value::integer(offset + static_cast<std::int64_t>(count_points(part.substr(0, found))));
  }
  if (kRequired) fail("ValueError: substring not found");
  return Value::integer(-1);
}

Value count(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("count", arguments);
  const std::string wanted = parameters.text("");
  std::int64_t offset = 0;
  const std::string_view part = searched(arena, self, parameters, offset);
  if (part.data() == nullptr) return Value::integer(0);
  if (wanted.empty()) return Value::integer(static_cast<std::int64_t>(count_points(part)) + 1);
  std::int64_t out = 0;
  for (std::size_t at = part.find(wanted); at != std::string_view::npos; at = part.find(wanted, at + wanted.size())) {
    ++out;
  }
  return Value::integer(out);
}

Value replace(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("replace", arguments);
  const std::string& from = parameters.text("old");
  const std::string& to = parameters.text("new");
  const std::int64_t most = parameters.integer("count", -1);
  parameters.done();
  // What comes out is charged before it is made.
  std::uint64_t places = from.empty() ? count_points(self.bytes()) + 1 : 0;
  if (!from.empty()) {
    for (std::size_t at = self.bytes().find(from); at != std::string::npos;) {
      ++places;
      at = self.bytes().find(from, at + from.size());
    }
  }
  if (to.size() > from.size()) {
    arena.charge(places * (to.size() - from.size()) / 32);
    arena.check_size(self.bytes().size() + places * (to.size() - from.size()));
  }
  return same_kind(arena, self, replaced(self.bytes(), from, to, most < 0 ? -1 : most));
}

Value join(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("join", arguments);
  const Value list = parameters.require("");
  parameters.done();
  const bool markup = self.as_text().markup;
  const std::vector<Value> items = all_items(arena, list);
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is(Kind::text)) {
      fail("TypeError: sequence item " + std::to_string(i) + ": expected str instance, " +
           std::string(type_name(items[i])) + " found");
    }
    if (i > 0) out += self.bytes();
    out += markup && !items[i].as_text().markup ? escaped(items[i].bytes()) : items[i].bytes();
    arena.charge_text(self.bytes().size() + items[i].bytes().size());
    arena.check_size(out.size());
  }
  return arena.text(std::move(out), markup);
}

template <std::string (*kMap)(std::string_view)>
Value mapped(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters("method", arguments).done();
  return same_kind(arena, self, kMap(self.bytes()));
}

template <bool (*kWanted)(char32_t)>
Value all_are(Arena&, const Value& self, Arguments& arguments) {
  Parameters("method", arguments).done();
  const std::string& bytes = self.bytes();
  for (std::size_t at = 0; at < bytes.size();) {
    if (!kWanted(next_point(bytes, at))) return Value::boolean(false);
  }
  return Value::boolean(!bytes.empty());
}

bool is_alphanumeric(char32_t point) { return is_alphabetic(point) || is_decimal(point); }
bool is_ascii_point(char32_t point) { return point < 0x80; }

// At least one cased letter, and all of them of that case.
template <bool kUpper>
Value is_case(Arena&, const Value& self, Arguments& arguments) {
  Parameters("method", arguments).done();
  bool any = false;
  const std::string& bytes = self.bytes();
  for (std::size_t at = 0; at < bytes.size();) {
    const char32_t point = next_point(bytes, at);
    if (kUpper ? is_lower_case(point) : is_upper_case(point)) return Value::boolean(false);
    any = any || (kUpper ? is_upper_case(point) : is_lower_case(point));
  }
  return Value::boolean(any);
}

Value format(Arena& arena, const Value& self, Arguments& arguments) {
  return same_kind(arena, self, text_format(arena, self.as_text(), arguments));
}

enum class Pad : unsigned char { left, right, both, zeros };
template <Pad kPad>
Value pad(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("justify", arguments);
  const std::int64_t width = parameters.integer("width", 0);
  const Value* given = kPad == Pad::zeros ? nullptr : parameters.take("fillchar");
  parameters.done();
  if (given && (!given->is(Kind::text) || length(arena, *given) != 1)) {
    fail("TypeError: The fill character must be exactly one character long");
  }
  const std::string fill = given ? given->bytes() : kPad == Pad::zeros ? "0" : " ";
  const std::int64_t size = length(arena, self);
  if (width <= size) return self;
  const auto missing = static_cast<std::size_t>(width - size);
  arena.charge_text(missing * fill.size());
  const auto filled = [&](std::size_t times) {
    std::string out;
    for (; times > 0; --times) out += fill;
    return out;
  };
  const std::string& bytes = self.bytes();
  const std::size_t half = missing / 2 + (missing & static_cast<std::size_t>(width) & 1U);
  if (kPad == Pad::left) return same_kind(arena, self, bytes + filled(missing));
  if (kPad == Pad::right) return same_kind(arena, self, filled(missing) + bytes);
  if (kPad == Pad::both) return same_kind(arena, self, filled(half) + bytes + filled(missing - half));
  const std::size_t sign = bytes.starts_with('-') || bytes.starts_with('+') ? 1 : 0;
  return same_kind(arena, self, bytes.substr(0, sign) + filled(missing) + bytes.substr(sign));
}

template <bool kEnd>
Value remove_affix(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("removeprefix", arguments);
  const std::string& affix = parameters.text("");
  parameters.done();
  const std::string& bytes = self.bytes();
  if (kEnd ? !bytes.ends_with(affix) : !bytes.starts_with(affix)) return self;
  return same_kind(arena, self, kEnd ? bytes.substr(0, bytes.size() - affix.size()) : bytes.substr(affix.size()));
}

constexpr std::pair<std::string_view, Method> kMethods[] = {
    {"capitalize", mapped<capitalized>},
    {"casefold", mapped<lower_case>},
    {"center", pad<Pad::both>},
    {"count", count},
    {"endswith", has_affix<true>},
    {"find", find<false, false>},
    {"format", format},
    {"index", find<false, true>},
    {"isalnum", all_are<is_alphanumeric>},
    {"isalpha", all_are<is_alphabetic>},
    {"isascii", all_are<is_ascii_point>},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_decimal>},
    {"islower", is_case<false>},
    {"isnumeric", all_are<is_decimal>},
    {"isspace", all_are<is_white_space>},
    {"isupper", is_case<true>},
    {"join", join},
    {"ljust", pad<Pad::left>},
    {"lower", mapped<lower_case>},
    {"lstrip", strip<Side::left>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", pad<Pad::right>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", strip<Side::right>},
    {"split", split<false>},
    {"splitlines", splitlines},
    {"startswith", has_affix<false>},
    {"strip", strip<Side::both>},
    {"swapcase", mapped<swapped_case>},
    {"title", mapped<title_case>},
    {"upper", mapped<upper_case>},
    {"zfill", pad<Pad::zeros>},
};

}  // namespace

Method text_method(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const auto& m) { return m.first == name; });
  return found == std::end(kMethods) ? nullptr : found->second;
}

}  // namespace tollgate::local::jinja
