// What the gateway reads of a request body or a reply without parsing it. Owner: core. Thread rule: see json.h.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/json_walk.h"

namespace tollgate {
namespace {

using json_walk::Tokens;
using json_walk::Walker;

Error bad_request(std::string message) {
  return Error{ErrorKind::client_fault, 400, "invalid_json", std::move(message)};
}

std::string_view slice(std::string_view text, ByteRange range) {
  return text.substr(range.begin, range.end - range.begin);
}

// A key as its readers see it: "mod\u0065l" is "model". An undecodable key is no key that we know.
std::string_view plain_key(std::string_view raw, std::string& scratch) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  return json_walk::unescape(raw, scratch) ? std::string_view(scratch) : std::string_view();
}

bool read_string(std::string_view value, std::string& out) {
  if (!value.starts_with('"')) return false;
  return json_walk::unescape(value.substr(1, value.size() - 2), out);
}

// A count that a vendor would accept: an integer, also when written 1e3 or 5.0; 0 for anything else.
std::int64_t read_count(std::string_view value) {
  double number = 0;
  std::int64_t exact = 0;
  const char* end = value.data() + value.size();
  const auto whole = std::from_chars(value.data(), end, exact);
  if (whole.ec == std::errc() && whole.ptr == end) return exact > 0 ? exact : 0;
  const auto parsed = std::from_chars(value.data(), end, number);
  const bool integer =
      parsed.ec == std::errc() && parsed.ptr == end && number > 0 && number < 9e18 && std::floor(number) == number;
  return integer ? static_cast<std::int64_t>(number) : 0;
}

class RequestScanner {
 public:
  explicit RequestScanner(const Tokens& tokens) : tokens_(tokens) {}

  Result<RequestScan> run() {
    out_.open_brace = tokens_.offset(0);
    if (tokens_.first_char(0) != '{')
      return bad_request(fmt::format("the body must be a JSON object (byte {})", out_.open_brace));
    out_.object_empty = tokens_.first_char(1) == '}';
    Walker walker(tokens_);
    const bool complete = walker.walk_object([this](std::string_view raw_key, ByteRange value, std::size_t token) {
      problem_ = take_member(plain_key(raw_key, scratch_), value, token);
      problem_at_ = value.begin;
      return problem_ == nullptr;
    });
    if (problem_ != nullptr) return bad_request(fmt::format("{} (byte {})", problem_, problem_at_));
    if (!complete) return bad_request(fmt::format("the body is not valid JSON (byte {})", walker.offset()));
    if (!walker.at_end())
      return bad_request(fmt::format("something follows the JSON object (byte {})", walker.offset()));
    return std::move(out_);
  }

 private:
  // Null when well, else what is wrong. The first letters keep unknown keys cheap.
  const char* take_member(std::string_view key, ByteRange value, std::size_t token) {
    if (key.empty()) return nullptr;
    const std::string_view text = slice(tokens_.text, value);
    switch (key[0]) {
      case 'm':
        return take_m(key, value, text);
      case 's':
        return take_s(key, value, text, token);
      case 'n':
        if (key == "n" && read_count(text) > 0) out_.choices = read_count(text);
        return nullptr;
      case 'u':
        if (key == "user" && !read_string(text, out_.user)) out_.user.clear();
        return nullptr;
      case 't':
        if (key == "tags") out_.tags = value;
        return nullptr;
      default:
        return nullptr;
    }
  }

  const char* take_m(std::string_view key, ByteRange value, std::string_view text) {
    if (key == "model") {
      if (!out_.model_value.empty()) return "\"model\" stands twice";
      if (text != "null" && !read_string(text, out_.model)) return "\"model\" must be a string of valid characters";
      out_.model_value = value;
    } else if (key == "metadata") {
      out_.metadata = value;
    } else if (key == "max_tokens" || key == "max_completion_tokens" || key == "max_output_tokens") {
      out_.max_output_tokens = std::max(out_.max_output_tokens, read_count(text));
    }
    return nullptr;
  }

  const char* take_s(std::string_view key, ByteRange value, std::string_view text, std::size_t token) {
    if (key == "stream") {
      if (seen_stream_) return "\"stream\" stands twice";
      if (text != "true" && text != "false" && text != "null") return "\"stream\" must be true or false";
      seen_stream_ = true;
      out_.stream = text == "true";
    } else if (key == "stream_options") {
      if (!out_.stream_options.empty()) return "\"stream_options\" stands twice";
      if (text != "null" && !text.starts_with('{')) return "\"stream_options\" must be an object";
      out_.stream_options = value;
      if (text != "null") return take_stream_options(token);
    } else if (key == "service_tier" && !read_string(text, out_.service_tier)) {
      out_.service_tier.clear();
    }
    return nullptr;
  }

  const char* take_stream_options(std::size_t token) {
    bool seen = false;
    bool twice = false;
    std::string scratch;
    Walker(tokens_, token).walk_object([&](std::string_view raw_key, ByteRange value, std::size_t) {
      if (plain_key(raw_key, scratch) != "include_usage") return true;
      twice = twice || seen;
      seen = true;
      out_.include_usage = slice(tokens_.text, value) == "true";
      return true;
    });
    return twice ? "\"stream_options.include_usage\" stands twice" : nullptr;
  }

  const Tokens& tokens_;
  RequestScan out_;
  std::string scratch_;
  bool seen_stream_ = false;
  const char* problem_ = nullptr;
  std::size_t problem_at_ = 0;
};

}  // namespace

Result<RequestScan> scan_request(std::string_view text) {
  Tokens tokens;
  if (const char* problem = json_walk::index_tokens(text, tokens))
    return bad_request(fmt::format("the body is not valid JSON: {}", problem));
  return RequestScanner(tokens).run();
}

bool scan_members(std::string_view text, std::span<const std::string_view> names, std::span<ByteRange> values) {
  for (auto& value : values) value = {};
  Tokens tokens;
  if (json_walk::index_tokens(text, tokens) != nullptr) return false;
  std::string scratch;
  Walker walker(tokens);
  const bool complete = walker.walk_object([&](std::string_view raw_key, ByteRange value, std::size_t) {
    const std::string_view key = plain_key(raw_key, scratch);
    for (std::size_t i = 0; i < names.size() && i < values.size(); ++i)
      if (key == names[i]) values[i] = value;
    return true;
  });
  return complete && walker.at_end();
}

}  // namespace tollgate
