// What several dialects need: data URLs, reasoning effort in tokens, MIME types. Pure. Thread rule: anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/json.h"
#include "core/json_write.h"
#include "core/result.h"

namespace tollgate::gateway {

// "data:image/png;base64,AAAA" -> {mime, data}. False for anything else, and for data that is not base64.
bool parse_data_url(std::string_view url, std::string& mime, std::string& data);
std::string make_data_url(std::string_view mime, std::string_view data);

// Thinking tokens for an effort word, less than `max_output` where that is known (a budget must leave room for the
// answer). 0 for "none", nothing for an unknown word.
std::optional<std::int64_t> budget_for_effort(std::string_view effort, std::optional<std::int64_t> max_output);
// The nearest word for a number of thinking tokens: "none" for 0, else low | medium | high.
std::string_view effort_for_budget(std::int64_t budget);

// A served tier in OpenAI's words: Anthropic's and Bedrock's "standard" is its "default"; others stay as they are.
std::string_view openai_tier(std::string_view tier);

// By file name ending: "application/pdf", "text/plain", "image/png", ...; "" when unknown.
std::string_view mime_of_name(std::string_view file_name);
// "png" of "image/png", "pdf" of "application/pdf", "jpeg" of "image/jpg"; the part behind '/' otherwise.
std::string_view format_of_mime(std::string_view mime);

// Reading of optional members; null counts as absent.
std::string text_or_empty(JsonValue value);
std::optional<std::int64_t> integer_of(JsonValue value);
std::optional<bool> flag_of(JsonValue value);
// The number's text, "" when it is none.
std::string number_of(JsonValue value);
// Compact text of the value, "" for absent and null.
std::string raw_of(JsonValue value);
// As raw_of(), and the name, into `extra`; nothing for an absent value. A null is kept.
void keep_extra(chat::Extra& extra, std::string_view name, JsonValue value);
// Writes all of `extra` as members, without the spellings (names that begin with '~').
void write_extra(JsonWriter& writer, const chat::Extra& extra);

// What a vendor's words and status mean; the first rule that fits.
struct ErrorRule {
  int status;              // 0 = any
  std::string_view words;  // in the message, in small letters; "" = any
  ErrorKind kind;
  std::string_view code;
};
// Sets kind and code of `error`, whose status and message are set, by the first rule that fits; none fits: unchanged.
void judge_error(std::span<const ErrorRule> rules, Error& error);

// One element of `tools` in the form {"type", "function": {"name", "description", "parameters"}}; what else it holds is
// kept as extra.
chat::Tool read_function_tool(JsonValue item);

// A client's fault at `place`: "messages[2].content".
Error bad_request(std::string_view place, std::string_view problem);

}  // namespace tollgate::gateway
