// JsonReader over simdjson's DOM, and escaping. Owner: core. Thread rule: see json.h.
#include "core/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/json_walk.h"
#include "core/utf8.h"

namespace tollgate {

namespace dom = simdjson::dom;

// A JsonValue is a dom::element under another name: document pointer and tape index, so that json.h needs no simdjson.
struct JsonValueAccess {
  static JsonValue from(dom::element element) {
    static_assert(sizeof(dom::element) == sizeof(JsonValue));
    return std::bit_cast<JsonValue>(element);
  }
  static dom::element to(JsonValue value) { return std::bit_cast<dom::element>(value); }
  static std::optional<dom::element_type> type(JsonValue value) {
    if (!value.present()) return std::nullopt;
    return to(value).type();
  }
};

namespace {

using Access = JsonValueAccess;

// A parser takes about 14 bytes per byte of its largest text: with 64 KiB kept, a reader stays under 1 MiB.
constexpr std::size_t kKeptTextBytes = 64u << 10;
constexpr std::size_t kFirstTextBytes = 4u << 10;
constexpr std::size_t kMaxDepth = 1024;
static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

}  // namespace

bool JsonValue::is_null() const { return Access::type(*this) == dom::element_type::NULL_VALUE; }
bool JsonValue::is_object() const { return Access::type(*this) == dom::element_type::OBJECT; }
bool JsonValue::is_array() const { return Access::type(*this) == dom::element_type::ARRAY; }
bool JsonValue::is_string() const { return Access::type(*this) == dom::element_type::STRING; }
bool JsonValue::is_number() const {
  const auto type = Access::type(*this);
  return type == dom::element_type::INT64 || type == dom::element_type::UINT64 || type == dom::element_type::DOUBLE;
}

JsonValue JsonValue::operator[](std::string_view key) const {
  if (!is_object()) return {};
  dom::element found;
  return Access::to(*this).at_key(key).get(found) == simdjson::SUCCESS ? Access::from(found) : JsonValue();
}

JsonValue JsonValue::at(std::size_t index) const {
  if (!is_array()) return {};
  dom::element found;
  return Access::to(*this).at(index).get(found) == simdjson::SUCCESS ? Access::from(found) : JsonValue();
}

std::size_t JsonValue::size() const {
  dom::array array;
  dom::object object;
  if (is_array() && Access::to(*this).get(array) == simdjson::SUCCESS) return array.size();
  if (is_object() && Access::to(*this).get(object) == simdjson::SUCCESS) return object.size();
  return 0;
}

std::optional<std::int64_t> JsonValue::as_int() const {
  if (!is_number()) return std::nullopt;
  std::int64_t integer = 0;
  if (Access::to(*this).get(integer) == simdjson::SUCCESS) return integer;
  double number = 0;
  if (Access::type(*this) != dom::element_type::DOUBLE || Access::to(*this).get(number) != simdjson::SUCCESS)
    return std::nullopt;
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (!(number >= -kTwoTo63 && number < kTwoTo63)) return std::nullopt;
  integer = static_cast<std::int64_t>(number);
  if (static_cast<double>(integer) != number) return std::nullopt;
  return integer;
}

std::optional<std::string_view> JsonValue::as_string() const {
  std::string_view text;
  if (!is_string() || Access::to(*this).get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<bool> JsonValue::as_bool() const {
  bool value = false;
  if (!present() || Access::to(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::string JsonValue::number_text() const {
  if (!is_number()) return {};
  const dom::element element = Access::to(*this);
  std::int64_t integer = 0;
  if (element.get(integer) == simdjson::SUCCESS) return std::to_string(integer);
  std::uint64_t large = 0;
  if (element.get(large) == simdjson::SUCCESS) return std::to_string(large);
  double number = 0;
  if (element.get(number) != simdjson::SUCCESS) return {};
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  return std::string(buffer, end);
}

void JsonValue::each_member(bool (*f)(void* context, std::string_view key, JsonValue value), void* context) const {
  dom::object object;
  if (!is_object() || Access::to(*this).get(object) != simdjson::SUCCESS) return;
  for (const auto& member : object)
    if (!f(context, member.key, Access::from(member.value))) return;
}

void JsonValue::each_element(bool (*f)(void* context, JsonValue value), void* context) const {
  dom::array array;
  if (!is_array() || Access::to(*this).get(array) != simdjson::SUCCESS) return;
  for (const auto element : array)
    if (!f(context, Access::from(element))) return;
}

namespace {

void append_scalar(std::string& out, JsonValue value) {
  if (const auto text = value.as_string()) {
    out += '"';
    json_escape(out, *text);
    out += '"';
  } else if (const auto flag = value.as_bool()) {
    out += *flag ? "true" : "false";
  } else {
    out += value.is_null() ? "null" : value.number_text();
  }
}

}  // namespace

// Recursion is bounded by the parser's depth limit.
void JsonValue::append_to(std::string& out) const {
  if (!present()) return;
  const auto separate = [&out](bool& first) {
    if (!first) out += ',';
    first = false;
  };
  bool first = true;
  if (is_object()) {
    out += '{';
    members([&](std::string_view key, JsonValue value) {
      separate(first);
      out += '"';
      json_escape(out, key);
      out += "\":";
      value.append_to(out);
    });
    out += '}';
  } else if (is_array()) {
    out += '[';
    elements([&](JsonValue value) {
      separate(first);
      value.append_to(out);
    });
    out += ']';
  } else {
    append_scalar(out, *this);
  }
}

struct JsonReader::Impl {
  std::unique_ptr<dom::parser> parser;
  std::unique_ptr<char[]> copy;  // the text and its padding
  std::size_t copy_size = 0;

  bool reserve(std::size_t size) {
    const std::size_t kept = parser ? parser->capacity() : 0;
    if (!parser || kept < size || (kept > kKeptTextBytes && size <= kKeptTextBytes)) {
      std::size_t capacity = kFirstTextBytes;
      while (capacity < size && capacity < kKeptTextBytes) capacity *= 2;
      capacity = std::max(capacity, size);
      parser = std::make_unique<dom::parser>();
      if (parser->allocate(capacity, kMaxDepth) != simdjson::SUCCESS) return false;
      copy_size = capacity + kJsonPadding;
      copy = std::make_unique_for_overwrite<char[]>(copy_size);
    }
    return true;
  }
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Result<JsonValue> JsonReader::parse(std::string_view text) {
  auto fail = [](const char* why) {
    return Error{ErrorKind::client_fault, 400, "invalid_json", fmt::format("not valid JSON: {}", why)};
  };
  if (!impl_->reserve(text.size())) return fail("the text is too large");
  char* copy = impl_->copy.get();
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  std::memset(copy + text.size(), 0, kJsonPadding);
  dom::element root;
  auto code = impl_->parser->parse(copy, text.size(), false).get(root);
  // Vendors cut emoji in two between stream chunks; the usage beside such a half still counts.
  if (code == simdjson::STRING_ERROR && json_walk::mend_lone_surrogates(copy, text.size()))
    code = impl_->parser->parse(copy, text.size(), false).get(root);
  if (code != simdjson::SUCCESS) return fail(simdjson::error_message(code));
  return Access::from(root);
}

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101u, kTops = 0x8080808080808080u;

// None of the eight bytes is a control, a quote, a backslash or part of a longer character.
bool all_plain(std::uint64_t word) {
  const auto top_where_below = [](std::uint64_t bytes, std::uint64_t limit) {
    return (bytes - kOnes * limit) & ~bytes;
  };
  const std::uint64_t special = word | top_where_below(word, 0x20) | top_where_below(word ^ (kOnes * '"'), 1) |
                                top_where_below(word ^ (kOnes * '\\'), 1);
  return (special & kTops) == 0;
}

// How many bytes from `at` on stand for themselves in a string, counted in eights, or to the end: most text is plain.
std::size_t plain_bytes(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  std::uint64_t word = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    if (!all_plain(word)) return at - begin;
  }
  if (at == text.size()) return at - begin;
  // The rest is shorter than a word; names of members mostly are nothing else.
  word = kOnes * 'x';
  std::memcpy(&word, text.data() + at, text.size() - at);
  return (all_plain(word) ? text.size() : at) - begin;
}

}  // namespace

void json_escape(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::size_t at = 0;
  std::size_t clean = 0;  // first byte not yet copied
  const auto replace = [&](std::size_t length, std::string_view with) {
    out.append(text, clean, at - clean).append(with);
    clean = at += length;
  };
  while (at < text.size()) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      if (const std::size_t length = utf8_length(text, at); length > 0)
        at += length;
      else
        replace(1, kReplacementCharacter);
    } else if (c == '"' || c == '\\') {
      const char escaped[] = {'\\', c};
      replace(1, std::string_view(escaped, 2));
    } else if (byte < 0x20) {
      const std::size_t which = std::string_view("\b\f\n\r\t").find(c);
      const char shorthand[] = {
          '\\', which == std::string_view::npos ? 'u' : "bfnrt"[which], '0', '0', kHex[byte >> 4], kHex[byte & 15]};
      replace(1, std::string_view(shorthand, which == std::string_view::npos ? 6 : 2));
    } else {
      at += std::max<std::size_t>(1, plain_bytes(text, at));
    }
  }
  out.append(text, clean);
}

}  // namespace tollgate
