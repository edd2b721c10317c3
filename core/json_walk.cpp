// Token index and grammar of JSON texts. Owner: core. Thread rule: see json_walk.h.
#include "core/json_walk.h"

#include <simdjson.h>

#include <algorithm>
#include <memory>

#include "core/utf8.h"

namespace tollgate::json_walk {
namespace {

using Indexer = std::unique_ptr<simdjson::internal::dom_parser_implementation>;

// The index takes 4 bytes per byte of text: what a thread keeps stays within 1 MiB.
constexpr std::size_t kKeptTextBytes = 256u << 10;
constexpr std::size_t kFirstTextBytes = 16u << 10;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// RFC 8259 section 6.
bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t int_begin = at;
  at = skip_digits(text, at);
  if (at == int_begin || (text[int_begin] == '0' && at > int_begin + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    at = skip_digits(text, at);
    if (at == begin) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t begin = at;
    at = skip_digits(text, at);
    if (at == begin) return false;
  }
  return at == text.size();
}

bool make_indexer(std::size_t capacity, Indexer& indexer) {
  // Stage one needs no depth; simdjson wants at least one level.
  return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, indexer) ==
         simdjson::SUCCESS;
}

// The thread's indexer, grown to `size`; one of its own, dropped at the thread's next call, for a large text.
Indexer* indexer_for(std::size_t size) {
  thread_local Indexer kept;
  thread_local Indexer large;
  large.reset();
  if (size > kKeptTextBytes) return make_indexer(size, large) ? &large : nullptr;
  if (!kept || kept->capacity() < size) {
    std::size_t capacity = kFirstTextBytes;
    while (capacity < size) capacity *= 2;
    kept.reset();
    if (!make_indexer(capacity, kept)) return nullptr;
  }
  return &kept;
}

const char* explain(simdjson::error_code code) {
  switch (code) {
    case simdjson::EMPTY:
      return "the text is empty";
    case simdjson::UTF8_ERROR:
      return "the text is not valid UTF-8";
    case simdjson::UNCLOSED_STRING:
      return "a string is not closed";
    case simdjson::UNESCAPED_CHARS:
      return "a string holds an unescaped control character";
    case simdjson::CAPACITY:
      return "the text is too large";
    default:
      return "the text cannot be indexed";
  }
}

}  // namespace

const char* index_tokens(std::string_view text, Tokens& out) {
  if (text.empty()) return explain(simdjson::EMPTY);
  Indexer* indexer = indexer_for(text.size());
  if (indexer == nullptr) return explain(simdjson::MEMALLOC);
  auto& stage = **indexer;
  const auto code =
      stage.stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS) return explain(code);
  out = Tokens{text, stage.structural_indexes.get(), stage.n_structural_indexes};
  return nullptr;
}

// One past the last byte before `token` that is not white space: the end of the token before it.
std::size_t Walker::end_before(std::size_t token) const {
  std::size_t end = tokens_.offset(token);
  while (is_space(tokens_.text[end - 1])) --end;
  return end;
}

bool Walker::take_string() {
  const std::size_t begin = tokens_.offset(next_);
  const std::size_t end = end_before(next_ + 1);
  if (end - begin < 2 || tokens_.text[end - 1] != '"') return false;
  ++next_;
  return true;
}

bool Walker::take_key(std::string_view& key) {
  const std::size_t token = next_;
  if (tokens_.first_char(token) != '"' || !take_string()) return false;
  const std::size_t begin = tokens_.offset(token) + 1;
  key = tokens_.text.substr(begin, end_before(next_) - 1 - begin);
  return take(':');
}

bool Walker::take_scalar() {
  const char first = tokens_.first_char(next_);
  if (first == '"') return take_string();
  if (next_ >= tokens_.count) return false;
  const std::size_t begin = tokens_.offset(next_);
  const std::string_view token = tokens_.text.substr(begin, end_before(next_ + 1) - begin);
  const bool known = first == 't'   ? token == "true"
                     : first == 'f' ? token == "false"
                     : first == 'n' ? token == "null"
                                    : is_number(token);
  if (known) ++next_;
  return known;
}

bool Walker::open_container(Expect& expect) {
  const bool object = tokens_.first_char(next_) == '{';
  if (depth_ == kMaxDepth) return false;
  ++next_;
  if (take(object ? '}' : ']')) {
    expect = Expect::after;
    return true;
  }
  is_object_[depth_++] = object;
  expect = object ? Expect::key : Expect::value;
  return true;
}

bool Walker::close_or_continue(Expect& expect) {
  const bool object = is_object_[depth_ - 1];
  if (take(',')) {
    expect = object ? Expect::key : Expect::value;
    return true;
  }
  if (!take(object ? '}' : ']')) return false;
  --depth_;
  return true;
}

bool Walker::skip_value() {
  depth_ = 0;
  Expect expect = Expect::value;
  for (;;) {
    if (expect == Expect::key) {
      std::string_view key;
      if (!take_key(key)) return false;
      expect = Expect::value;
    }
    if (expect == Expect::value) {
      const char c = tokens_.first_char(next_);
      if (c == '{' || c == '[') {
        if (!open_container(expect)) return false;
      } else {
        if (!take_scalar()) return false;
        expect = Expect::after;
      }
    }
    while (expect == Expect::after) {
      if (depth_ == 0) return true;
      if (!close_or_continue(expect)) return false;
    }
  }
}

namespace {

bool read_hex4(std::string_view raw, std::size_t at, std::uint32_t& out) {
  if (at + 4 > raw.size()) return false;
  out = 0;
  for (const char c : raw.substr(at, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if (!is_digit(c) && (lower < 'a' || lower > 'f')) return false;
    out = out << 4 | static_cast<std::uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  return true;
}

// `at` stands behind "\u" and is moved behind the character.
bool unescape_unicode(std::string_view raw, std::size_t& at, std::string& out) {
  std::uint32_t code = 0;
  if (!read_hex4(raw, at, code)) return false;
  at += 4;
  if (code >= 0xD800 && code < 0xE000) {
    std::uint32_t low = 0;
    if (code >= 0xDC00 || raw.substr(at, 2) != "\\u" || !read_hex4(raw, at + 2, low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return false;
    at += 6;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, code);
  return true;
}

// Bytes of the \u escape at `at`: 12 for a surrogate pair, 6 for one character, 0 when it is a lone surrogate.
std::size_t unicode_escape_length(std::string_view text, std::size_t at) {
  std::uint32_t code = 0;
  if (!read_hex4(text, at + 2, code) || code < 0xD800 || code >= 0xE000) return 6;
  std::uint32_t low = 0;
  const bool pair =
      code < 0xDC00 && text.substr(at + 6, 2) == "\\u" && read_hex4(text, at + 8, low) && low >= 0xDC00 && low < 0xE000;
  return pair ? 12 : 0;
}

}  // namespace

bool mend_lone_surrogates(char* text, std::size_t size) {
  static constexpr std::string_view kMended = "\\ufffd";
  const std::string_view view(text, size);
  bool changed = false;
  for (std::size_t at = view.find('\\'); at < size; at = view.find('\\', at)) {
    if (view.substr(at, 2) != "\\u") {
      at += 2;
      continue;
    }
    std::size_t length = unicode_escape_length(view, at);
    if (length == 0) {
      length = kMended.copy(text + at, kMended.size());
      changed = true;
    }
    at += length;
  }
  return changed;
}

bool unescape(std::string_view raw, std::string& out) {
  static constexpr std::string_view kNames = "\"\\/bfnrt";
  static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  out.clear();
  std::size_t at = 0;
  for (;;) {
    const std::size_t slash = std::min(raw.find('\\', at), raw.size());
    out.append(raw, at, slash - at);
    if (slash == raw.size()) return true;
    if (slash + 1 == raw.size()) return false;
    const char name = raw[slash + 1];
    at = slash + 2;
    if (name == 'u') {
      if (!unescape_unicode(raw, at, out)) return false;
      continue;
    }
    const std::size_t which = kNames.find(name);
    if (which == std::string_view::npos) return false;
    out.push_back(kValues[which]);
  }
}

}  // namespace tollgate::json_walk
