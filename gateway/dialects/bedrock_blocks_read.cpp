// Content blocks, read. Thread rule: pure functions.
#include "core/base64.h"
#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Part;

// "tollgate." in base64: how a signature of another family looks where the wire wants bytes.
constexpr std::string_view kWrapped = "dG9sbGdhdGUu";

chat::Opaque opaque(std::string_view type, JsonValue block) {
  return {.dialect = std::string(kDialect), .type = std::string(type), .json = block.text()};
}

void read_call(JsonValue value, Part& part) {
  chat::ToolCall call;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "toolUseId") {
      call.id = text_or_empty(member);
    } else if (key == "name") {
      call.name = text_or_empty(member);
    } else if (key == "input") {
      call.arguments = raw_of(member);
    } else {
      keep_under(part.extra, "~toolUse.", key, member);
    }
  });
  if (call.arguments.empty()) call.arguments = "{}";
  part.what = std::move(call);
}

void read_result_content(JsonValue content, chat::ToolResult& result) {
  if (content.size() == 1) {
    const JsonValue only = content.at(0), json = only["json"];
    if (json.is_object() && only.size() == 1) {
      result.json = json.text();
      return;
    }
  }
  content.elements([&](JsonValue block) {
    if (block.is_object()) read_block(block, result.content);
  });
}

void read_result(JsonValue value, Part& part) {
  chat::ToolResult result;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "toolUseId") {
      result.call_id = text_or_empty(member);
    } else if (key == "content" && member.is_array()) {
      read_result_content(member, result);
    } else if (key == "status" && member.as_string() == "error") {
      result.is_error = true;
    } else {
      keep_under(part.extra, key == "status" ? "~toolResult." : "toolResult.", key, member);
    }
  });
  part.what = std::move(result);
}

void read_thinking(JsonValue value, Part& part) {
  chat::Thinking thinking;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "reasoningText" && member.is_object()) {
      thinking.text = text_or_empty(member["text"]);
      if (const auto signature = member["signature"].as_string())
        thinking.signature = chat::unwrap_signature(*signature, kFamily);
    } else if (key == "redactedContent" && member.is_string()) {
      thinking.redacted = read_redacted(*member.as_string());
    } else {
      keep_under(part.extra, "reasoningContent.", key, member);
    }
  });
  part.what = std::move(thinking);
}

void read_cited_text(JsonValue value, Part& part) {
  chat::Text text;
  value.members([&](std::string_view key, JsonValue member) {
    if (key == "content") {
      member.elements([&](JsonValue piece) { text.text += piece["text"].as_string().value_or(""); });
    } else if (key == "citations") {
      member.elements([&](JsonValue citation) { text.citations.push_back(read_citation(citation)); });
    } else {
      keep_under(part.extra, "citationsContent.", key, member);
    }
  });
  part.what = std::move(text);
}

// False for a kind of block that the meaning does not model.
bool read_kind(std::string_view kind, JsonValue value, Part& part) {
  using Kind = chat::Media::Kind;
  if (kind == "text" && value.is_string()) {
    part.get<chat::Text>()->text = *value.as_string();
    return true;
  }
  if (!value.is_object()) return false;
  if (kind == "toolUse" && value["type"].as_string() != "server_tool_use") {
    read_call(value, part);
  } else if (kind == "toolResult" && !value["type"].present()) {
    read_result(value, part);
  } else if (kind == "reasoningContent") {
    read_thinking(value, part);
  } else if (kind == "citationsContent") {
    read_cited_text(value, part);
  } else if (kind == "image") {
    read_media(Kind::image, value, part);
  } else if (kind == "document") {
    read_media(Kind::document, value, part);
  } else if (kind == "audio") {
    read_media(Kind::audio, value, part);
  } else if (kind == "video") {
    read_media(Kind::video, value, part);
  } else {
    return false;
  }
  return true;
}

bool read_cache_point(JsonValue point, std::vector<Part>& parts) {
  if (parts.empty() || parts.back().cache.set || point["type"].as_string() != "default") return false;
  const JsonValue ttl = point["ttl"];
  if (point.size() != (ttl.is_string() ? 2u : 1u)) return false;
  parts.back().cache = {.set = true, .ttl = text_or_empty(ttl)};
  return true;
}

// A tool of the service tells its own kind; other blocks are called by their member.
std::string_view opaque_type(std::string_view kind, JsonValue value) {
  return (kind == "toolUse" || kind == "toolResult") ? value["type"].as_string().value_or(kind) : kind;
}

}  // namespace

chat::Signature read_redacted(std::string_view base64) {
  std::string bytes;
  if (base64.starts_with(kWrapped) && base64_decode(base64, bytes)) return chat::unwrap_signature(bytes, kFamily);
  return {.value = std::string(base64), .origin = std::string(kFamily)};
}

// A block is a union: one member says its kind. Others beside it ("type" next to "text") are kept.
void read_block(JsonValue block, std::vector<Part>& parts) {
  Part part;
  std::string_view kind;
  JsonValue inside;
  bool known = false, point = false;
  block.members([&](std::string_view key, JsonValue value) {
    if (value.is_null()) return;
    if (!known && key == "cachePoint" && block.size() == 1) {
      point = read_cache_point(value, parts);
    } else if (!known && read_kind(key, value, part)) {
      known = true;
      return;
    }
    if (known || key == "type") {
      keep_under(part.extra, "~", key, value);
    } else if (kind.empty()) {
      kind = key;
      inside = value;
    }
  });
  if (point) return;
  if (!known) part = {.what = opaque(opaque_type(kind, inside), block)};
  parts.push_back(std::move(part));
}

chat::Citation read_citation(JsonValue citation) {
  chat::Citation out;
  out.origin = kDialect;
  citation.members([&](std::string_view key, JsonValue value) {
    if (key == "title") {
      out.title = text_or_empty(value);
    } else if (key == "source" && out.url.empty()) {
      const auto source = value.as_string().value_or("");
      if (source.find("://") != std::string_view::npos) out.url = source;
    } else if (key == "sourceContent") {
      value.elements([&](JsonValue piece) { out.quote += piece["text"].as_string().value_or(""); });
    } else if (key == "location") {
      if (const auto url = value["web"]["url"].as_string()) out.url = *url;
    }
  });
  out.raw = citation.text();
  return out;
}

}  // namespace tollgate::gateway::bedrock
