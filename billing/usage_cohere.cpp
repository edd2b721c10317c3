// UsageReader: Cohere (v1 and v2) and Ollama's own API. Owner: billing, price half.
#include "billing/price_decimal.h"
#include "billing/usage_members.h"
#include "billing/usage_reader.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

bool is_true(std::string_view text, std::size_t at) { return text.substr(at, 4) == "true"; }

}  // namespace

// v2 names its events by "type" (and the SSE event), v1 by "event_type", one object a line.
void UsageReader::cohere_event(std::string_view name, std::string_view data) {
  if (data.substr(0, 6) == "[DONE]") {
    terminal_ = true;
    return;
  }
  std::string_view type = name, usage_part, id, error, finish;
  std::size_t bytes = 0;
  each_key(data, [&](std::string_view key, std::size_t depth, std::size_t value) {
    if (key == "text" || key == "thinking" || key == "tool_plan" || key == "arguments")
      bytes += text_bytes(data, value);
    if (depth == 1) {
      if ((key == "type" && type.empty()) || key == "event_type") type = unquoted(value_text(data, value));
      if (key == "id" || key == "generation_id") id = value_text(data, value);
      if (key == "response") usage_part = value_text(data, value);
    }
    if (key == "delta") usage_part = value_text(data, value);
    if (depth == 2 && key == "error") error = value_text(data, value);
    if (depth <= 2 && key == "finish_reason") finish = unquoted(value_text(data, value));
    const bool inside =
        key == "delta" || key == "message" || key == "content" || key == "tool_calls" || key == "function";
    return inside ? value : value_end(data, value);
  });
  read_identity({}, id, {});
  if (type == "message-end" || type == "stream-end") {
    if (is_object_text(usage_part)) cohere_object(padded(usage_part));
    if (finish.starts_with("ERROR")) note_error("upstream_error");
    if (error.starts_with('"') || is_object_text(error)) note_error("upstream_error");
    terminal_ = true;
    return;
  }
  const bool call = type == "tool-call-start" || type == "tool-calls-chunk" || type == "tool-calls-generation";
  const bool says = type == "content-delta" || type == "text-generation" || type == "tool-plan-delta" ||
                    type == "tool-call-delta" || type == "content-start";
  if (call || (says && bytes > 0)) note_content(bytes);
}

// A reply of chat, embed or rerank, or what ends a stream. v2 chat says `usage`, all others `meta`. A reply whose
// `message` is a text is an error.
void UsageReader::cohere_object(std::string_view object) {
  const auto [usage, meta, id, response_id, message, type, finish] =
      members(object, {"usage", "meta", "id", "response_id", "message", "error_type", "finish_reason"});
  read_identity({}, id.empty() ? response_id : id, {});
  const std::string_view counted = is_object_text(usage) ? usage : meta;
  if (is_object_text(counted)) {
    if (const auto parsed = reader_.parse(counted)) {
      read_cohere_usage(*parsed, counts_);
      if (counts_.reported) keep_raw(counted);
    }
    return;
  }
  if (message.starts_with('"') && finish.empty())
    note_error(unquoted(type).empty() ? std::string_view("upstream_error") : unquoted(type));
}

void UsageReader::ollama_event(std::string_view data) {
  std::size_t bytes = 0;
  bool done = false, call = false, failed = false;
  std::string_view model;
  each_key(data, [&](std::string_view key, std::size_t depth, std::size_t value) {
    if (depth == 1) {
      if (key == "message") return value;
      if (key == "done") done = is_true(data, value);
      if (key == "error") failed = true;
      if (key == "model") model = value_text(data, value);
      if (key == "response" || key == "thinking") bytes += text_bytes(data, value);
    } else {
      if (key == "content" || key == "thinking") bytes += text_bytes(data, value);
      if (key == "tool_calls") call = value_text(data, value).size() > 2;
    }
    return value_end(data, value);
  });
  if (served_model_.empty()) served_model_.assign(unquoted(model));
  if (bytes > 0 || call) note_content(bytes);
  if (done || failed) ollama_object(padded(data));
  terminal_ = terminal_ || done;
}

// A prompt that was cached whole has no count; a reply that generated nothing may have none of both.
void UsageReader::ollama_object(std::string_view object) {
  const auto [model, prompt, output, error, usage] =
      members(object, {"model", "prompt_eval_count", "eval_count", "error", "usage"});
  read_identity(model, {}, {});
  if (!error.empty()) read_error(error);
  if (is_object_text(usage)) return read_usage(usage);
  std::string raw;
  const auto take = [&](std::string_view name, std::string_view text, Field field) {
    const auto number = text.empty() ? std::nullopt : decimal_to_integer(text, 0);
    if (!number) return;
    counts_.set(field, *number);
    raw.append(raw.empty() ? "{\"" : ",\"").append(name).append("\":").append(text.substr(0, kMaxName));
  };
  take("prompt_eval_count", prompt, Field::prompt);
  take("eval_count", output, Field::completion);
  if (raw.empty()) return;
  counts_.reported = true;
  keep_raw(raw + "}");
}

}  // namespace tollgate::billing
