// JSON without a DOM on the relay path, and a small read-only DOM for small objects. simdjson stays inside json.cpp and
// json_walk.cpp.
//
//   scan_request()  one pass over a request body: the top-level fields the gateway needs, as values and byte ranges;
//                   everything else of the body is forwarded untouched.
//   scan_members()  raw byte ranges of chosen top-level members of any object (usage, model, id of a reply).
//   JsonReader      parses a (small) text to a tape; JsonValue walks it.
//   json_escape()   text -> JSON string literal content. core/json_write.h builds whole texts.
//
// Thread rule: functions use a thread-local parser; JsonReader belongs to one thread. Cold paths use core/json_dom.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/result.h"

namespace tollgate {

// Bytes that must be readable (any content) behind a text handed to a scan. Buffers of the request path reserve them.
inline constexpr std::size_t kJsonPadding = 64;

struct ByteRange {
  std::size_t begin = 0, end = 0;  // [begin, end) in the scanned text; begin == end means absent
  bool empty() const { return begin == end; }
};

// The top level of a chat, completion, responses, messages or embeddings request.
struct RequestScan {
  std::string model;      // unescaped
  ByteRange model_value;  // with its quotes; may be null, and `model` empty
  bool stream = false;
  ByteRange stream_options;    // the whole value
  bool include_usage = false;  // stream_options.include_usage == true
  std::string user;            // top-level "user" string (OpenAI), empty if absent
  ByteRange metadata;          // the whole value of "metadata"
  ByteRange tags;              // the whole value of "tags" (a LiteLLM client's list)
  std::string service_tier;
  std::int64_t max_output_tokens = 0;  // max_tokens | max_completion_tokens | max_output_tokens, 0 = absent
  std::int64_t choices = 1;            // "n"
  std::size_t open_brace = 0;          // offset of the object's '{': where a member can be inserted
  bool object_empty = false;           // no members at all
};

// `text` must be followed by kJsonPadding readable bytes. Fails with status 400 when the text is not one JSON object,
// when `model`, `stream` or `stream_options` stands twice (two readers would disagree), or when such a field has a
// wrong type (null counts as absent: some SDKs send it). The message names the byte offset where known. The whole
// grammar is checked, down to 1,024 levels, except for escape sequences in strings that are not read here.
Result<RequestScan> scan_request(std::string_view text);

// Raw values of the named top-level members, in the order of `names`, {0,0} where absent; the last one wins when a name
// is repeated. `text` needs padding as above. False when the text is not an object.
bool scan_members(std::string_view text, std::span<const std::string_view> names, std::span<ByteRange> values);

// A node of a parsed text. Trivially copyable; valid until its JsonReader parses again or dies. The default value is
// "absent": every getter on it returns nothing, so chains need no checks.
class JsonValue {
 public:
  JsonValue() = default;
  bool present() const { return document_ != nullptr; }
  bool is_null() const;
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  bool is_number() const;
  JsonValue operator[](std::string_view key) const;  // absent when not an object or no such key; first of repeated
  JsonValue at(std::size_t index) const;             // absent when not an array or out of range; linear
  std::size_t size() const;                          // elements or members, 0 for the rest
  std::optional<std::int64_t> as_int() const;        // integers, and doubles that hold an integer exactly
  std::optional<std::string_view> as_string() const;
  std::optional<bool> as_bool() const;
  std::string number_text() const;  // shortest text of a number, "" otherwise
  // Calls f(key, value) in order; f returns false to stop. Nothing for non-objects.
  void each_member(bool (*f)(void* context, std::string_view key, JsonValue value), void* context) const;
  void each_element(bool (*f)(void* context, JsonValue value), void* context) const;
  // The same with any callable `void(std::string_view key, JsonValue value)` or `void(JsonValue value)`.
  template <class F>
  void members(F&& f) const {
    each_member([](void* context, std::string_view key,
                   JsonValue value) { return (*static_cast<std::remove_reference_t<F>*>(context))(key, value), true; },
                const_cast<void*>(static_cast<const void*>(&f)));
  }
  template <class F>
  void elements(F&& f) const {
    each_element([](void* context,
                    JsonValue value) { return (*static_cast<std::remove_reference_t<F>*>(context))(value), true; },
                 const_cast<void*>(static_cast<const void*>(&f)));
  }
  // Appends the value as compact JSON: members in order, strings escaped anew, numbers with the same value (integers as
  // such, others in the shortest form that reads back equal). Nothing for an absent value.
  void append_to(std::string& out) const;
  std::string text() const {
    std::string out;
    append_to(out);
    return out;
  }

 private:
  friend class JsonReader;
  friend struct JsonValueAccess;
  const void* document_ = nullptr;
  std::size_t index_ = 0;
};

class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;
  // Copies `text`; half surrogate pairs in its strings read as U+FFFD. Fails with status 400, also for more than 1,024
  // levels and for numbers that fit neither 64 bits nor a double. Keeps at most 1 MiB between calls, a larger text's
  // memory until the next call.
  Result<JsonValue> parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Appends `text` escaped for use inside a JSON string literal (no quotes added); invalid UTF-8 becomes U+FFFD.
void json_escape(std::string& out, std::string_view text);

}  // namespace tollgate
