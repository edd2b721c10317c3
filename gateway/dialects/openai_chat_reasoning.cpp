// Reasoning in messages and replies of the dialect openai.chat: plain texts under two names, and reasoning_details, a
// list of signed pieces whose `format` names the family that made them. Thread rule: see openai_chat.h.
#include <algorithm>
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

struct Format {
  std::string_view name, origin;
};
constexpr std::array kFormats{
    Format{"unknown", "unknown"},
    Format{"anthropic-claude-v1", "anthropic"},
    Format{"openai-responses-v1", "openai"},
    Format{"google-gemini-v1", "google"},
    Format{"xai-responses-v1", "xai"},
    Format{"azure-openai-responses-v1", "azure"},
    Format{"bedrock-openai-responses-v1", "bedrock-openai"},
    Format{"bedrock-xai-responses-v1", "bedrock-xai"},
    Format{"meta-responses-v1", "meta"},
};

// A format without a row is its own origin.
std::string_view origin_of(std::string_view format) {
  for (const Format& one : kFormats)
    if (one.name == format) return one.origin;
  return format;
}

// "" when the origin has no format of its own.
std::string_view format_of(std::string_view origin) {
  for (const Format& one : kFormats)
    if (one.origin == origin) return one.name;
  return {};
}

chat::Signature signature_of(std::string_view value, std::string_view format) {
  chat::Signature signature = chat::unwrap_signature(value, "");
  if (signature.origin.empty()) signature.origin = origin_of(format);
  return signature;
}

// Families that sign the text itself; a piece of theirs without a text is a redacted thought.
bool signs_texts(std::string_view origin) { return origin == "anthropic" || origin == "bedrock"; }

// An encrypted piece signs a call, completes the summary before it, or stands for a whole thought.
void add_encrypted(const Detail& detail, std::vector<chat::Part>& out, std::size_t first,
                   std::vector<CallSignature>& of_calls) {
  if (detail.signature.empty()) return;
  auto* last = out.size() > first ? out.back().get<chat::Thinking>() : nullptr;
  if (!detail.id.empty() && !has_item_ids(detail.signature.origin)) {
    of_calls.push_back({std::string(detail.id), detail.signature});
  } else if (detail.redacted) {
    out.push_back({.what = chat::Thinking{.redacted = detail.signature}});
  } else if (last && last->summary && last->signature.empty() && last->id == detail.id &&
             last->signature.origin == detail.signature.origin) {
    last->signature = detail.signature;
  } else {
    out.push_back({.what = chat::Thinking{.signature = detail.signature, .id = std::string(detail.id)}});
  }
}

void add_detail(const Detail& detail, std::vector<chat::Part>& out, std::size_t first,
                std::vector<CallSignature>& of_calls) {
  switch (detail.kind) {
    case Detail::Kind::text:
      if (detail.text.empty() && detail.signature.empty()) return;
      out.push_back({.what = chat::Thinking{.text = std::string(detail.text), .signature = detail.signature}});
      break;
    case Detail::Kind::summary:
      if (detail.text.empty()) return;
      out.push_back({.what = chat::Thinking{.text = std::string(detail.text),
                                            .summary = true,
                                            .signature = detail.signature,
                                            .id = std::string(detail.id)}});
      break;
    case Detail::Kind::encrypted:
      add_encrypted(detail, out, first, of_calls);
      break;
    case Detail::Kind::other:
      break;
  }
}

void write_format(JsonWriter& writer, const chat::Signature& signature, bool wrap) {
  if (signature.origin.empty()) return;
  std::string_view format = format_of(signature.origin);
  if (format.empty()) format = wrap ? std::string_view("unknown") : std::string_view(signature.origin);
  writer.member("format", format);
}

// As the value alone where a format tells the family, else wrapped for a caller.
std::string value_of(const chat::Signature& signature, bool wrap) {
  return wrap && format_of(signature.origin).empty() ? chat::wrap_signature(signature, "") : signature.value;
}

JsonWriter& begin_detail(JsonWriter& writer, std::string_view type, std::int64_t& index) {
  return writer.begin_object().member("type", type).member("index", index++);
}

}  // namespace

bool has_item_ids(std::string_view origin) {
  return origin == "openai" || origin == "azure" || origin == "xai" || origin == "bedrock-openai" ||
         origin == "bedrock-xai" || origin == "meta" || origin.empty();
}

Detail read_detail(JsonValue item) {
  Detail detail;
  std::string_view type, format, signature, data;
  item.members([&](std::string_view key, JsonValue value) {
    const std::string_view text = value.as_string().value_or("");
    if (key == "type") {
      type = text;
    } else if (key == "text" || key == "summary") {
      detail.text = text;
    } else if (key == "signature") {
      signature = text;
    } else if (key == "data") {
      data = text;
    } else if (key == "format") {
      format = text;
    } else if (key == "id") {
      detail.id = text;
    }
  });
  if (type == "reasoning.text") detail.kind = Detail::Kind::text;
  if (type == "reasoning.summary") detail.kind = Detail::Kind::summary;
  if (type == "reasoning.encrypted") detail.kind = Detail::Kind::encrypted;
  detail.signature = signature_of(detail.kind == Detail::Kind::encrypted ? data : signature, format);
  detail.redacted = detail.kind == Detail::Kind::encrypted && signs_texts(detail.signature.origin);
  if (detail.kind == Detail::Kind::text && !has_item_ids(detail.signature.origin)) detail.id = {};
  return detail;
}

std::string_view plain_thought(const ThoughtMembers& members) {
  const auto content = members.reasoning_content.as_string().value_or("");
  return content.empty() ? members.reasoning.as_string().value_or("") : content;
}

void read_thoughts(const ThoughtMembers& members, std::vector<chat::Part>& out, std::vector<CallSignature>& of_calls) {
  const std::size_t first = out.size();
  members.details.elements([&](JsonValue item) { add_detail(read_detail(item), out, first, of_calls); });
  const std::string_view plain = plain_thought(members);
  if (plain.empty()) return;
  const auto thought = [&](std::size_t i) { return out[i].get<chat::Thinking>(); };
  for (std::size_t i = first; i < out.size(); ++i)
    if (!thought(i)->text.empty()) return;  // the details say the same text, piece by piece
  // A signature without a text belongs to the text beside it, when there is one of each.
  if (out.size() == first + 1 && thought(first)->redacted.empty() && thought(first)->id.empty() &&
      thought(first)->signature.origin != "google") {
    thought(first)->text = plain;
    return;
  }
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(first),
             chat::Part{.what = chat::Thinking{.text = std::string(plain)}});
}

bool needs_details(const chat::Thinking& thinking) {
  return !thinking.signature.empty() || !thinking.redacted.empty() || !thinking.signature.origin.empty();
}

void write_details(JsonWriter& writer, const chat::Thinking& thinking, std::int64_t& index, bool wrap) {
  const chat::Signature& signature = thinking.signature;
  const bool signs_text = !thinking.summary && (!has_item_ids(signature.origin) || signature.origin.empty()) &&
                          (!thinking.text.empty() || signs_texts(signature.origin));
  if (!thinking.text.empty() || signs_text) {
    begin_detail(writer, thinking.summary ? "reasoning.summary" : "reasoning.text", index);
    writer.member(thinking.summary ? "summary" : "text", thinking.text);
    if (signs_text && !signature.empty()) writer.member("signature", value_of(signature, wrap));
    writer.member_if("id", thinking.id);
    write_format(writer, signature, wrap);
    writer.end_object();
  }
  const chat::Signature& sealed = thinking.redacted.empty() ? signature : thinking.redacted;
  if (sealed.empty() || (signs_text && thinking.redacted.empty())) return;
  begin_detail(writer, "reasoning.encrypted", index).member("data", value_of(sealed, wrap));
  writer.member_if("id", thinking.id);
  write_format(writer, sealed, wrap);
  writer.end_object();
}

void write_call_detail(JsonWriter& writer, const chat::ToolCall& call, std::string_view id, std::int64_t& index) {
  begin_detail(writer, "reasoning.encrypted", index).member("data", call.signature.value).member("id", id);
  write_format(writer, call.signature, false);
  writer.end_object();
}

}  // namespace tollgate::gateway::oai
