// JsonWriter: appends JSON text to a string and keeps the commas. No tree, no allocation of its own.
//
//   JsonWriter w(out);
//   w.begin_object().member("model", name).key("messages").begin_array(); ... w.end_array().end_object();
//
// REQUIRES: calls in an order that makes valid JSON (not checked). Thread rule: one owner.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"

namespace tollgate {

// A member's name. A literal stands as it is: it must hold nothing that needs an escape.
class JsonName {
 public:
  template <std::size_t N>
  constexpr JsonName(const char (&literal)[N]) : text_(literal, N - 1), plain_(true) {}
  template <std::convertible_to<std::string_view> T>
  constexpr JsonName(const T& text) : text_(text) {}
  void append_to(std::string& out) const {
    if (plain_) {
      out += text_;
    } else {
      json_escape(out, text_);
    }
  }

 private:
  std::string_view text_;
  bool plain_ = false;
};

class JsonWriter {
 public:
  // Text already in `out` stays in front.
  explicit JsonWriter(std::string& out) : out_(out), start_(out.size()) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(JsonName name) {
    separate();
    out_ += '"';
    name.append_to(out_);
    out_ += "\":";
    return *this;
  }
  JsonWriter& string(std::string_view text) {
    separate();
    out_ += '"';
    json_escape(out_, text);
    out_ += '"';
    return *this;
  }
  // `json`: the text of one JSON value. REQUIRES: not empty.
  JsonWriter& raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
  }
  JsonWriter& number(std::int64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& value(JsonValue value) {
    separate();
    value.append_to(out_);
    return *this;
  }

  JsonWriter& member(JsonName name, std::string_view text) { return key(name).string(text); }
  JsonWriter& member(JsonName name, const char* text) { return key(name).string(text); }
  template <std::integral T>
  JsonWriter& member(JsonName name, T number_or_flag) {
    if constexpr (std::same_as<T, bool>) {
      return key(name).boolean(number_or_flag);
    } else {
      return key(name).number(static_cast<std::int64_t>(number_or_flag));
    }
  }
  JsonWriter& raw_member(JsonName name, std::string_view json) { return key(name).raw(json); }
  // Only when there is something to say: `text` or `json` is not empty.
  JsonWriter& member_if(JsonName name, std::string_view text) { return text.empty() ? *this : member(name, text); }
  JsonWriter& raw_member_if(JsonName name, std::string_view json) {
    return json.empty() ? *this : raw_member(name, json);
  }

 private:
  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    return *this;
  }
  // A value never ends in one of these characters, so the last one tells whether a comma is due.
  void separate() {
    if (out_.size() == start_) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':') out_ += ',';
  }

  std::string& out_;
  std::size_t start_;
};

}  // namespace tollgate
