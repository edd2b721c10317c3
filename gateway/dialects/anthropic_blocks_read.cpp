// Content blocks into parts: one reader for requests, replies and the first frame of a streamed block. Thread rule:
// pure.
#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

// What every kind of block may have.
void read_common(std::string_view name, JsonValue value, chat::Part& out) {
  if (name == "cache_control") {
    read_cache_control(value, out.cache, out.extra);
  } else if (name != "type") {
    keep_unknown(out.extra, name, value);
  }
}

Result<void> read_text(JsonValue block, const Place& place, chat::Part& out) {
  auto& text = out.what.emplace<chat::Text>();
  bool said = false;
  block.members([&](std::string_view name, JsonValue value) {
    if (name == "text") {
      said = value.is_string();
      text.text = text_or_empty(value);
    } else if (name == "citations") {
      value.elements([&](JsonValue one) { text.citations.push_back(read_citation(one)); });
    } else {
      read_common(name, value, out);
    }
  });
  if (!said) return fault(place, "a text block must have a string `text`");
  return {};
}

void read_source(JsonValue source, chat::Media& media, chat::Extra& extra) {
  const std::string_view type = source["type"].as_string().value_or("");
  source.members([&](std::string_view name, JsonValue value) {
    if (name == "media_type") {
      media.mime = text_or_empty(value);
    } else if (name == "data") {
      (type == "text" ? media.text : media.data) = text_or_empty(value);
    } else if (name == "url") {
      media.url = text_or_empty(value);
    } else if (name == "file_id") {
      media.file_id = text_or_empty(value);
    } else if (name != "type") {
      keep_nested(extra, "source", name, value);
    }
  });
}

// A document given as blocks reads as their text elsewhere; the blocks are kept for this API. Only pictures among them
// are lost to others.
void read_content_source(JsonValue source, chat::Media& media, chat::Extra& extra) {
  const JsonValue content = source["content"];
  bool all_text = true;
  media.text = text_or_empty(content);
  content.elements([&](JsonValue block) {
    const auto text = block["text"].as_string();
    all_text = all_text && text;
    if (text) media.text.append(media.text.empty() ? "" : "\n").append(*text);
  });
  media.mime = "text/plain";
  keep_extra(extra, all_text ? "~source" : "source", source);
}

bool known_source(std::string_view type) {
  return type == "base64" || type == "url" || type == "file" || type == "text" || type == "content";
}

void read_media(JsonValue block, chat::Media::Kind kind, chat::Part& out) {
  chat::Media media{.kind = kind};
  block.members([&](std::string_view name, JsonValue value) {
    if (name == "source") {
      if (value["type"].as_string() == "content") {
        read_content_source(value, media, out.extra);
      } else {
        read_source(value, media, out.extra);
      }
    } else if (name == "title") {
      media.name = text_or_empty(value);
    } else if (name == "context") {
      media.context = text_or_empty(value);
    } else if (name == "citations" && value.is_object()) {
      value.members([&](std::string_view inner, JsonValue flag) {
        if (inner == "enabled") {
          media.citations = flag_of(flag).value_or(false);
        } else {
          keep_nested(out.extra, "citations", inner, flag);
        }
      });
    } else {
      read_common(name, value, out);
    }
  });
  out.what = std::move(media);
}

// A search result of the caller is a text document to every other vendor; this API gets the block again.
void read_search_result(JsonValue block, chat::Part& out) {
  chat::Media media{.kind = chat::Media::Kind::document, .mime = "text/plain"};
  media.name = text_or_empty(block["title"]);
  media.context = text_or_empty(block["source"]);
  media.citations = flag_of(block["citations"]["enabled"]).value_or(false);
  block["content"].elements([&](JsonValue one) {
    if (const auto text = one["text"].as_string()) media.text.append(media.text.empty() ? "" : "\n").append(*text);
  });
  if (const JsonValue mark = block["cache_control"]; mark.is_object()) read_cache_control(mark, out.cache, out.extra);
  out.extra.clear();
  keep_extra(out.extra, "~search_result", block);
  out.what = std::move(media);
}

void read_thinking(JsonValue block, chat::Part& out) {
  chat::Thinking thinking;
  block.members([&](std::string_view name, JsonValue value) {
    if (name == "thinking") {
      thinking.text = text_or_empty(value);
    } else if (name == "signature") {
      read_signature_slot(value.as_string().value_or(""), thinking);
    } else if (name == "data") {
      read_redacted_slot(value.as_string().value_or(""), thinking);
    } else {
      read_common(name, value, out);
    }
  });
  out.what = std::move(thinking);
}

void read_tool_use(JsonValue block, chat::Part& out) {
  auto& call = out.what.emplace<chat::ToolCall>();
  block.members([&](std::string_view name, JsonValue value) {
    if (name == "id") {
      call.id = text_or_empty(value);
    } else if (name == "name") {
      call.name = text_or_empty(value);
    } else if (name == "input") {
      call.arguments = raw_of(value);
    } else {
      read_common(name, value, out);
    }
  });
}

Result<void> read_tool_result(JsonValue block, const Place& place, chat::Part& out) {
  auto& result = out.what.emplace<chat::ToolResult>();
  Result<void> read;
  block.members([&](std::string_view name, JsonValue value) {
    if (name == "tool_use_id") {
      result.call_id = text_or_empty(value);
    } else if (name == "is_error") {
      result.is_error = flag_of(value).value_or(false);
    } else if (name == "content") {
      const Place content{.member = "content", .parent = &place};
      if (const auto text = value.as_string()) {
        if (!text->empty()) result.content.emplace_back().what.emplace<chat::Text>().text = *text;
      } else if (!value.is_null() && read) {
        read = read_blocks(value, content, false, result.content);
      }
    } else {
      read_common(name, value, out);
    }
  });
  return read;
}

void read_opaque(JsonValue block, std::string_view type, chat::Part& out) {
  chat::Extra ignored;
  read_cache_control(block["cache_control"], out.cache, ignored);
  out.what = chat::Opaque{.dialect = std::string(kDialect), .type = std::string(type), .json = block.text()};
}

// Puts a signature back onto what its marker names, in the message read so far.
void apply_marker(Marker marker, std::vector<chat::Part>& parts, std::size_t place) {
  using Kind = Marker::Kind;
  if (marker.kind == Kind::call) {
    for (chat::Part& part : parts)
      if (auto* call = part.get<chat::ToolCall>(); call && call->id == marker.id)
        call->signature = std::move(marker.signature);
    return;
  }
  for (std::size_t i = std::min(place, parts.size()); i-- > 0;) {
    if (auto* text = parts[i].get<chat::Text>()) {
      text->signature = std::move(marker.signature);
      return;
    }
  }
}

struct Waiting {
  Marker marker;
  std::size_t place;
};

// True when the block was a marker: it is no part of its own then.
bool take_marker(const JsonValue& block, std::vector<chat::Part>& out, std::vector<Waiting>& waiting) {
  if (block["type"].as_string() != "redacted_thinking") return false;
  Marker marker;
  if (!read_marker(block["data"].as_string().value_or(""), marker)) return false;
  using Kind = Marker::Kind;
  if (marker.kind == Kind::item || marker.kind == Kind::summary) return false;
  if (marker.kind == Kind::part) {
    out.push_back({.what = chat::Text{.signature = std::move(marker.signature)}});
  } else {
    waiting.push_back({std::move(marker), out.size()});
  }
  return true;
}

}  // namespace

void read_cache_control(JsonValue value, chat::CacheMark& mark, chat::Extra& extra) {
  if (!value.is_object()) return;
  mark.set = true;
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "ttl") {
      mark.ttl = text_or_empty(inner);
    } else if (name != "type") {
      keep_nested(extra, "cache_control", name, inner);
    }
  });
}

chat::Citation read_citation(JsonValue value) {
  chat::Citation out;
  out.origin = kFamily;
  out.raw = value.text();
  value.members([&](std::string_view name, JsonValue inner) {
    if (name == "url" || name == "source") {
      out.url = text_or_empty(inner);
    } else if (name == "title" || name == "document_title") {
      out.title = text_or_empty(inner);
    } else if (name == "cited_text") {
      out.quote = text_or_empty(inner);
    }
  });
  return out;
}

Result<void> read_block(JsonValue block, const Place& place, chat::Part& out) {
  if (!block.is_object()) return fault(place, "must be an object");
  const auto type = block["type"].as_string();
  if (!type) return fault(place, "must have a `type`");
  if (*type == "text") return read_text(block, place, out);
  if (*type == "tool_use") return read_tool_use(block, out), Result<void>{};
  if (*type == "tool_result") return read_tool_result(block, place, out);
  if (*type == "thinking" || *type == "redacted_thinking") return read_thinking(block, out), Result<void>{};
  if (*type == "search_result") return read_search_result(block, out), Result<void>{};
  if (*type == "image" || *type == "document") {
    const auto source = block["source"]["type"].as_string();
    if (!source) return fault(place, "must have a `source` with a `type`");
    if (known_source(*source))
      return read_media(block, *type == "image" ? chat::Media::Kind::image : chat::Media::Kind::document, out),
             Result<void>{};
  }
  return read_opaque(block, *type, out), Result<void>{};
}

Result<void> read_blocks(JsonValue blocks, const Place& place, bool markers, std::vector<chat::Part>& out) {
  if (!blocks.is_array()) return fault(place, "must be a string or an array of blocks");
  out.reserve(blocks.size());
  std::vector<Waiting> waiting;
  Place at{.member = place.member, .index = 0, .parent = place.parent};
  Result<void> read;
  blocks.elements([&](JsonValue block) {
    if (!read) return;
    if (!markers || !take_marker(block, out, waiting)) {
      if (auto one = read_block(block, at, out.emplace_back()); !one) read = std::move(one);
    }
    ++at.index;
  });
  if (!read) return read;
  for (Waiting& one : waiting) apply_marker(std::move(one.marker), out, one.place);
  return {};
}

}  // namespace tollgate::gateway::claude
