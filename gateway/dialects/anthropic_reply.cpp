// Whole replies, both directions. Thread rule: pure.
#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

Error unreadable(std::string message) {
  return Error{
      .kind = ErrorKind::retry_elsewhere, .status = 502, .code = "upstream_bad_reply", .message = std::move(message)};
}

bool has_calls(const std::vector<chat::Part>& parts) {
  for (const chat::Part& part : parts)
    if (part.get<chat::ToolCall>()) return true;
  return false;
}

}  // namespace

bool read_end_member(std::string_view name, JsonValue value, chat::Choice& out) {
  if (name == "stop_reason") {
    out.finish_raw = text_or_empty(value);
    out.finish = finish_of(out.finish_raw);
  } else if (name == "stop_sequence") {
    out.stop_sequence = text_or_empty(value);
  } else if (name == "stop_details" || name == "container" || name == "context_management" || name == "diagnostics") {
    // The end of a stream may repeat what its start said.
    std::erase_if(out.extra, [&](const auto& known) { return known.first == name; });
    if (!value.is_null()) keep_extra(out.extra, name, value);
  } else {
    return false;
  }
  return true;
}

Result<chat::Reply> read_reply(std::string_view body) {
  const auto parsed = body_parser().parse(body);
  if (!parsed || !parsed->is_object()) return unreadable("the reply is no JSON object");
  if ((*parsed)["type"].as_string() == "error") return read_error_object(0, (*parsed)["error"]);
  chat::Reply reply;
  reply.dialect = kDialect;
  chat::Choice& choice = reply.choices.emplace_back();
  Result<void> read;
  bool said = false;
  parsed->members([&](std::string_view name, JsonValue value) {
    if (name == "id") {
      reply.id = text_or_empty(value);
    } else if (name == "model") {
      reply.model = text_or_empty(value);
    } else if (name == "content") {
      said = true;
      if (read) read = read_blocks(value, {.member = "content"}, false, choice.parts);
    } else if (name == "usage") {
      reply.service_tier = text_or_empty(value["service_tier"]);
    } else if (!read_end_member(name, value, choice) && name != "type" && name != "role") {
      keep_unknown(reply.extra, name, value);
    }
  });
  if (!read) return unreadable("the reply cannot be read: " + read.error().message);
  if (!said) return unreadable("the reply has no content");
  return reply;
}

std::string write_reply(const chat::Reply& reply, const StreamOptions& options) {
  static const chat::Choice kNothing;
  const chat::Choice& choice = reply.choices.empty() ? kNothing : reply.choices.front();
  const bool same = reply.dialect == kDialect;
  std::string out;
  out.reserve(1024);
  JsonWriter writer(out);
  writer.begin_object()
      .member("id", message_id(reply.id, options.id))
      .member("type", "message")
      .member("role", "assistant")
      .member("model", options.model.empty() ? reply.model : options.model)
      .key("content")
      .begin_array();
  write_reply_blocks(writer, choice.parts, options.id, same);
  writer.end_array();
  writer.member("stop_reason", stop_reason_of(choice, !same && has_calls(choice.parts)));
  writer.key("stop_sequence");
  choice.stop_sequence.empty() ? writer.null() : writer.string(choice.stop_sequence);
  // The SDKs read usage without asking whether it is there.
  writer.key("usage");
  write_usage(writer, reply.usage, reply.service_tier);
  if (same) {
    write_plain(writer, choice.extra);
    write_plain(writer, reply.extra);
  }
  writer.end_object();
  return out;
}

}  // namespace tollgate::gateway::claude
