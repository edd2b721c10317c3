// Words and small pieces that requests, replies and streams have in common. Thread rule: pure functions.
#include <algorithm>
#include <array>

#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Finish;

// Stand for the two signs in a member's own name, which mean something in the name of an extra.
constexpr char kDot = '\x1f', kTilde = '\x1e';

struct Word {
  std::string_view word;
  Finish finish;
};
// The first word of a meaning is the one that is written.
constexpr std::array kWords{Word{"end_turn", Finish::stop},
                            Word{"tool_use", Finish::tool_calls},
                            Word{"max_tokens", Finish::length},
                            Word{"stop_sequence", Finish::stop_sequence},
                            Word{"content_filtered", Finish::content_filter},
                            Word{"guardrail_intervened", Finish::content_filter},
                            Word{"model_context_window_exceeded", Finish::context_length},
                            Word{"malformed_tool_use", Finish::malformed_call},
                            Word{"malformed_model_output", Finish::error},
                            Word{"content_filtered", Finish::refusal},
                            Word{"refusal", Finish::refusal},
                            Word{"end_turn", Finish::pause},
                            Word{"pause_turn", Finish::pause}};

}  // namespace

Finish finish_of(std::string_view stop_reason) {
  if (stop_reason.empty()) return Finish::unset;
  for (const Word& one : kWords)
    if (one.word == stop_reason) return one.finish;
  return Finish::other;
}

std::string_view stop_reason_of(Finish finish, std::string_view raw) {
  if (!raw.empty() && finish_of(raw) == finish) return raw;
  for (const Word& one : kWords)
    if (one.finish == finish) return one.word;
  return "end_turn";
}

void write_usage(JsonWriter& writer, const Usage& usage) {
  using B = Bucket;
  const std::int64_t input = usage[B::input] + usage[B::audio_input] + usage[B::image_input];
  const std::int64_t output = usage[B::output] + usage[B::reasoning] + usage[B::audio_output] + usage[B::image_output];
  const std::int64_t read = usage[B::cache_read] + usage[B::audio_cache_read];
  const std::int64_t hour = usage[B::cache_write_1h], written = usage[B::cache_write_5m] + hour;
  writer.begin_object().member("inputTokens", input).member("outputTokens", output);
  writer.member("totalTokens", input + output + read + written);
  if (read > 0) writer.member("cacheReadInputTokens", read);
  if (written > 0) writer.member("cacheWriteInputTokens", written);
  if (hour > 0) {
    writer.key("cacheDetails").begin_array();
    writer.begin_object().member("ttl", "1h").member("inputTokens", hour).end_object();
    if (written > hour) writer.begin_object().member("ttl", "5m").member("inputTokens", written - hour).end_object();
    writer.end_array();
  }
  writer.end_object();
}

std::string stop_sequence_in(JsonValue fields) {
  if (const auto text = fields["stop_sequence"].as_string()) return std::string(*text);
  return text_or_empty(fields["delta"]["stop_sequence"]);
}

void write_extra_under(JsonWriter& writer, const chat::Extra& extra, std::string_view prefix) {
  std::string name;
  for (const auto& [path, value] : extra) {
    if (!path.starts_with(prefix)) continue;
    name = std::string_view(path).substr(prefix.size());
    if (name.find('.') != std::string::npos || name.starts_with('~')) continue;
    std::replace(name.begin(), name.end(), kDot, '.');
    std::replace(name.begin(), name.end(), kTilde, '~');
    writer.raw_member(name, value);
  }
}

std::string_view extra_value(const chat::Extra& extra, std::string_view name) {
  for (const auto& [key, value] : extra)
    if (key == name) return value;
  return {};
}

void keep_under(chat::Extra& extra, std::string_view prefix, std::string_view name, JsonValue value) {
  std::string path(prefix);
  for (const char c : name) path += c == '.' ? kDot : c == '~' ? kTilde : c;
  keep_extra(extra, path, value);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos; }

std::string place_in(std::size_t message, std::string_view what) {
  std::string place = "messages[" + std::to_string(message) + "]";
  if (!what.empty()) place.append(".").append(what);
  return place;
}

}  // namespace tollgate::gateway::bedrock
