// Content blocks, written. Thread rule: see the header.
#include <algorithm>
#include <array>

#include "core/base64.h"
#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMistralId = 9;

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool fits_id(char c) { return is_plain(c) || c == '_' || c == '.' || c == ':' || c == '-'; }

// `count` letters and digits that depend on the text alone (FNV-1a, stirred).
std::string short_name(std::string_view text, std::size_t count) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  std::string out;
  while (out.size() < count) {
    hash ^= hash >> 29;
    hash *= 0xBF58476D1CE4E5B9u;
    hash ^= hash >> 32;
    out += kLetters[hash % kLetters.size()];
  }
  return out;
}

// Where a citation points, as far as another dialect told it.
void write_location(JsonWriter& writer, const chat::Citation& citation) {
  if (citation.url.empty()) return;
  writer.key("location").begin_object().key("web").begin_object().member("url", citation.url);
  writer.end_object().end_object();
}

}  // namespace

std::string redacted_bytes(const chat::Signature& redacted, bool reply) {
  if (redacted.origin == kFamily || redacted.origin.empty()) return redacted.value;
  return base64_encode(reply ? chat::wrap_signature(redacted, kFamily) : redacted.value);
}

std::string fitting_call_id(std::string_view id, Vendor vendor) {
  if (vendor == Vendor::mistral) {
    const bool fits = id.size() == kMistralId && std::all_of(id.begin(), id.end(), is_plain);
    return fits ? std::string(id) : short_name(id, kMistralId);
  }
  if (!id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), fits_id)) return std::string(id);
  return "tooluse_" + short_name(id, 22);
}

void write_citation(JsonWriter& writer, const chat::Citation& citation) {
  if (citation.origin == kDialect && !citation.raw.empty()) {
    writer.raw(citation.raw);
    return;
  }
  writer.begin_object().member_if("title", citation.title);
  if (!citation.quote.empty())
    writer.key("sourceContent").begin_array().begin_object().member("text", citation.quote).end_object().end_array();
  write_location(writer, citation);
  writer.end_object();
}

void BlockWriter::write(const chat::Part& part, std::size_t message) {
  if (const auto* said = part.get<chat::Text>()) {
    text(*said, part);
  } else if (const auto* refusal = part.get<chat::Refusal>()) {
    plain_text(refusal->text, part);
  } else if (const auto* made = part.get<chat::ToolCall>()) {
    call(*made, part);
  } else if (const auto* given = part.get<chat::ToolResult>()) {
    result(*given, part, message);
  } else if (const auto* thought = part.get<chat::Thinking>()) {
    thinking(*thought, part);
  } else if (const auto* media = part.get<chat::Media>()) {
    writer_.begin_object().key(block_of(media->kind));
    write_media(writer_, *media, part.extra, own(), traits_, names_);
    writer_.end_object();
  } else if (const auto* opaque = part.get<chat::Opaque>(); opaque && opaque->dialect == kDialect) {
    writer_.raw(opaque->json);
  }
  if (reply()) return;
  cache_point(part.cache);
  // A mark inside of a result has no place there.
  if (const auto* given = part.get<chat::ToolResult>(); given && !part.cache.set)
    for (const chat::Part& inner : given->content)
      if (inner.cache.set) return cache_point(inner.cache);
}

void BlockWriter::cache_point(const chat::CacheMark& mark) {
  if (!mark.set || (!own() && !traits_.cache_points)) return;
  writer_.begin_object().key("cachePoint").begin_object().member("type", "default");
  const bool known = mark.ttl == "5m" || mark.ttl == "1h";
  if (own() || known) writer_.member_if("ttl", mark.ttl);
  writer_.end_object().end_object();
}

void BlockWriter::plain_text(std::string_view text, const chat::Part& part) {
  writer_.begin_object().member("text", text);
  if (own()) write_extra_under(writer_, part.extra, "~");
  writer_.end_object();
}

void BlockWriter::text(const chat::Text& text, const chat::Part& part) {
  if (text.citations.empty() || use_ == BlockUse::foreign_request) return plain_text(text.text, part);
  writer_.begin_object().key("citationsContent").begin_object();
  if (!text.text.empty())
    writer_.key("content").begin_array().begin_object().member("text", text.text).end_object().end_array();
  writer_.key("citations").begin_array();
  for (const chat::Citation& citation : text.citations) write_citation(writer_, citation);
  writer_.end_array();
  if (own()) write_extra_under(writer_, part.extra, "citationsContent.");
  writer_.end_object().end_object();
}

// Arguments must be an object; what a model wrote may be none.
void BlockWriter::call(const chat::ToolCall& call, const chat::Part& part) {
  writer_.begin_object().key("toolUse").begin_object();
  writer_.member("toolUseId", own() ? call.id : fitting_call_id(call.id, traits_.vendor)).member("name", call.name);
  writer_.key("input");
  thread_local JsonReader reader;
  const auto parsed = call.custom ? Result<JsonValue>(Error{}) : reader.parse(call.arguments);
  if (parsed && (parsed->is_object() || own())) {
    writer_.value(*parsed);
  } else {
    writer_.begin_object().member_if("input", call.arguments).end_object();
  }
  if (own()) write_extra_under(writer_, part.extra, "~toolUse.");
  writer_.end_object().end_object();
}

bool BlockWriter::result_part(const chat::Part& part, std::size_t message) {
  if (const auto* text = part.get<chat::Text>()) {
    if (!own() && is_blank(text->text)) return false;
    plain_text(text->text, part);
    return true;
  }
  if (const auto* media = part.get<chat::Media>()) {
    const std::string problem = own() ? std::string() : unfit(*media, true);
    if (!problem.empty()) {
      losses_.add(place_in(message, problem));
      return false;
    }
    writer_.begin_object().key(block_of(media->kind));
    write_media(writer_, *media, part.extra, own(), traits_, names_);
    writer_.end_object();
    return true;
  }
  const auto* opaque = part.get<chat::Opaque>();
  if (!opaque || opaque->dialect != kDialect) return false;
  writer_.raw(opaque->json);
  return true;
}

void BlockWriter::result(const chat::ToolResult& result, const chat::Part& part, std::size_t message) {
  writer_.begin_object().key("toolResult").begin_object();
  writer_.member("toolUseId", own() ? result.call_id : fitting_call_id(result.call_id, traits_.vendor));
  writer_.key("content").begin_array();
  bool said = false;
  if (result.json.starts_with('{')) {
    writer_.begin_object().raw_member("json", result.json).end_object();
    said = true;
  } else if (!result.json.empty()) {
    plain_text(result.json, {});
    said = true;
  }
  for (const chat::Part& inner : result.content) said = result_part(inner, message) || said;
  if (!said && !own()) plain_text("(no output)", {});
  writer_.end_array();
  if (result.is_error) writer_.member("status", "error");
  if (own()) {
    write_extra_under(writer_, part.extra, "~toolResult.");
    write_extra_under(writer_, part.extra, "toolResult.");
  }
  writer_.end_object().end_object();
}

void BlockWriter::thinking(const chat::Thinking& thinking, const chat::Part& part) {
  const auto open = [&] { writer_.begin_object().key("reasoningContent").begin_object(); };
  const auto close = [&] {
    if (own()) write_extra_under(writer_, part.extra, "reasoningContent.");
    writer_.end_object().end_object();
  };
  if (!thinking.text.empty() || !thinking.signature.empty() || thinking.redacted.empty()) {
    open();
    writer_.key("reasoningText").begin_object().member("text", thinking.text);
    const std::string& bare = thinking.signature.value;
    writer_.member_if("signature", reply() ? chat::wrap_signature(thinking.signature, kFamily) : bare);
    writer_.end_object();
    close();
  }
  if (thinking.redacted.empty()) return;
  open();
  writer_.member("redactedContent", redacted_bytes(thinking.redacted, reply()));
  close();
}

}  // namespace tollgate::gateway::bedrock
