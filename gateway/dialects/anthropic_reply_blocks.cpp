// Parts of a reply as content blocks for the caller. Thread rule: pure.
#include <algorithm>

#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// FNV-1a: tells ids apart that differ only in characters which this API does not take.
std::uint32_t fingerprint(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

void write_redacted(JsonWriter& writer, std::string_view data) {
  writer.begin_object().member("type", "redacted_thinking").member("data", data).end_object();
}

void write_text_block(JsonWriter& writer, const chat::Text& text) {
  writer.begin_object().member("type", "text").member("text", text.text);
  if (std::any_of(text.citations.begin(), text.citations.end(), can_cite)) {
    writer.key("citations").begin_array();
    for (const chat::Citation& citation : text.citations)
      if (can_cite(citation)) write_citation(writer, citation);
    writer.end_array();
  }
}

void write_text(JsonWriter& writer, const chat::Text& text, const chat::Extra& extra, bool same_dialect) {
  if (!text.text.empty()) {
    write_text_block(writer, text);
    if (same_dialect) write_plain(writer, extra);
    writer.end_object();
  }
  if (text.signature.empty()) return;
  write_redacted(writer, text_marker(text.signature, text.text.empty()));
}

void write_plain_text(JsonWriter& writer, const std::string& text) {
  if (!text.empty()) writer.begin_object().member("type", "text").member("text", text).end_object();
}

void write_call(JsonWriter& writer, const chat::ToolCall& call, const std::string& id, const chat::Extra& extra,
                bool same_dialect) {
  if (!call.signature.empty())
    write_redacted(writer, write_marker({.kind = Marker::Kind::call, .id = id, .signature = call.signature}));
  writer.begin_object().member("type", "tool_use").member("id", id).member("name", call.name);
  write_input(writer, call);
  if (same_dialect) write_plain(writer, extra);
  writer.end_object();
}

void write_thinking(JsonWriter& writer, const chat::Thinking& thinking) {
  const bool redacted = !thinking.redacted.empty();
  if (!thinking.text.empty() || !thinking.signature.empty())
    writer.begin_object()
        .member("type", "thinking")
        .member("thinking", thinking.text)
        .member("signature", signature_slot(thinking))
        .end_object();
  if (redacted) write_redacted(writer, redacted_slot(thinking));
}

}  // namespace

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::string message_id(std::string_view id, std::string_view fallback) {
  if (id.empty()) id = fallback;
  if (id.starts_with("msg_")) return std::string(id);
  return "msg_" + std::string(id);
}

std::string call_id(std::string_view id) {
  if (!id.empty() && std::all_of(id.begin(), id.end(), is_id_character)) return std::string(id);
  std::string out = "toolu_" + std::to_string(fingerprint(id)) + "_";
  for (const char c : id) out += is_id_character(c) ? c : '_';
  return out;
}

std::string call_id_in(std::string_view reply_id, std::string_view id, std::size_t index) {
  if (!id.empty()) return call_id(id);
  return call_id("toolu_" + std::string(reply_id) + "_" + std::to_string(index));
}

std::string text_marker(const chat::Signature& signature, bool alone) {
  return write_marker({.kind = alone ? Marker::Kind::part : Marker::Kind::text, .id = {}, .signature = signature});
}

bool can_cite(const chat::Citation& citation) {
  return (citation.origin == kFamily && !citation.raw.empty()) || !citation.url.empty();
}

void write_citation(JsonWriter& writer, const chat::Citation& citation) {
  if (citation.origin == kFamily && !citation.raw.empty()) {
    writer.raw(citation.raw);
    return;
  }
  writer.begin_object()
      .member("type", "web_search_result_location")
      .member("url", citation.url)
      .member("title", citation.title)
      .member("cited_text", citation.quote)
      .member("encrypted_index", "")
      .end_object();
}

bool write_input(JsonWriter& writer, const chat::ToolCall& call) {
  writer.key("input");
  if (is_blank(call.arguments)) {
    writer.raw("{}");
    return true;
  }
  if (!call.custom) {
    if (const auto parsed = piece_parser().parse(call.arguments); parsed && parsed->is_object()) {
      writer.value(*parsed);
      return true;
    }
  }
  writer.begin_object().member(call.custom ? "input" : "arguments", call.arguments).end_object();
  return false;
}

void write_reply_blocks(JsonWriter& writer, const std::vector<chat::Part>& parts, std::string_view reply_id,
                        bool same_dialect) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const chat::Part& part = parts[i];
    if (const auto* text = part.get<chat::Text>()) {
      write_text(writer, *text, part.extra, same_dialect);
    } else if (const auto* refusal = part.get<chat::Refusal>()) {
      write_plain_text(writer, refusal->text);
    } else if (const auto* call = part.get<chat::ToolCall>()) {
      write_call(writer, *call, call_id_in(reply_id, call->id, i), part.extra, same_dialect);
    } else if (const auto* thinking = part.get<chat::Thinking>()) {
      write_thinking(writer, *thinking);
    } else if (const auto* media = part.get<chat::Media>()) {
      write_plain_text(writer, media->transcript);
    } else if (const auto* opaque = part.get<chat::Opaque>()) {
      if (opaque->dialect == kDialect && !opaque->json.empty()) writer.raw(opaque->json);
    }
  }
}

}  // namespace tollgate::gateway::claude
