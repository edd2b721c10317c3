// Converse replies that are no streams. Thread rule: pure functions.
#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

constexpr std::string_view kMessage = "output.message.";  // of members kept in Choice::extra

void read_message(JsonValue message, chat::Choice& choice) {
  message.members([&](std::string_view key, JsonValue value) {
    if (key == "content" && value.is_array()) {
      choice.parts.reserve(value.size());
      value.elements([&](JsonValue block) {
        if (block.is_object()) read_block(block, choice.parts);
      });
    } else if (key != "role") {
      keep_under(choice.extra, kMessage, key, value);
    }
  });
}

// The service answers with an empty message where a filter took everything.
Error unreadable(std::string_view problem) {
  return Error{.kind = ErrorKind::retry_same,
               .status = 502,
               .code = "upstream_bad_reply",
               .message = "Bedrock's reply " + std::string(problem)};
}

void write_message(JsonWriter& writer, const chat::Reply& reply, bool own) {
  static const chat::Choice kNone;
  const chat::Choice& choice = reply.choices.empty() ? kNone : reply.choices.front();
  const ModelTraits traits;
  chat::Losses ignored;
  BlockWriter blocks(writer, own ? BlockUse::own_reply : BlockUse::foreign_reply, traits, ignored);
  writer.key("output").begin_object().key("message").begin_object().member("role", "assistant");
  writer.key("content").begin_array();
  for (const chat::Part& part : choice.parts) blocks.write(part, 0);
  writer.end_array();
  if (own) write_extra_under(writer, choice.extra, kMessage);
  writer.end_object().end_object();
  writer.member("stopReason", stop_reason_of(choice.finish, choice.finish_raw));
  if (!choice.stop_sequence.empty() && (!own || extra_value(reply.extra, "additionalModelResponseFields").empty()))
    writer.key("additionalModelResponseFields")
        .begin_object()
        .member("stop_sequence", choice.stop_sequence)
        .end_object();
}

}  // namespace

Result<chat::Reply> read_reply(std::string_view body) {
  thread_local JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return unreadable("is no JSON: " + root.error().message);
  if (!root->is_object() || !(*root)["output"].is_object()) return unreadable("has no output");
  chat::Reply reply;
  reply.dialect = kDialect;
  chat::Choice& choice = reply.choices.emplace_back();
  root->members([&](std::string_view key, JsonValue value) {
    if (key == "output") {
      read_message(value["message"], choice);
    } else if (key == "stopReason") {
      choice.finish_raw = text_or_empty(value);
      choice.finish = finish_of(choice.finish_raw);
    } else if (key == "serviceTier" && value.size() == 1 && value["type"].is_string()) {
      reply.service_tier = text_or_empty(value["type"]);
    } else if (key == "additionalModelResponseFields") {
      choice.stop_sequence = stop_sequence_in(value);
      if (choice.stop_sequence.empty() || value.size() != 1 || !value["stop_sequence"].is_string())
        keep_under(reply.extra, "", key, value);
    } else if (key != "usage") {
      keep_under(reply.extra, "", key, value);
    }
  });
  return reply;
}

std::string write_reply(const chat::Reply& reply, const StreamOptions&) {
  const bool own = reply.dialect == kDialect;
  std::string out;
  out.reserve(1024);
  JsonWriter writer(out);
  writer.begin_object();
  write_message(writer, reply, own);
  if (reply.usage.reported) {
    writer.key("usage");
    write_usage(writer, reply.usage);
  }
  const std::string& tier = reply.service_tier.empty() ? reply.usage.served_tier : reply.service_tier;
  if (!tier.empty()) writer.key("serviceTier").begin_object().member("type", tier).end_object();
  if (own) {
    write_extra_under(writer, reply.extra, "");
  } else {
    writer.key("metrics").begin_object().member("latencyMs", 0).end_object();
  }
  writer.end_object();
  return out;
}

}  // namespace tollgate::gateway::bedrock
