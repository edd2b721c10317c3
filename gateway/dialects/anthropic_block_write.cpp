#include "gateway/dialects/anthropic_block_write.h"

#include <algorithm>

#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

std::string_view image_mime(std::string_view mime) {
  if (mime.empty()) return "image/png";
  return mime == "image/jpg" ? "image/jpeg" : mime;
}

std::string_view without_end_blanks(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

void BlockWriter::cache_mark(const chat::CacheMark& mark, const chat::Extra& extra) {
  if (!mark.set) return;
  if (skipped_marks_ > 0) {
    --skipped_marks_;
    losses_.add(chat::Field::cache_marks);
    return;
  }
  writer_.key("cache_control").begin_object().member("type", "ephemeral");
  if (same() || mark.ttl == "5m" || mark.ttl == "1h") writer_.member_if("ttl", mark.ttl);
  if (same()) write_nested(writer_, extra, "cache_control");
  writer_.end_object();
}

void BlockWriter::close(const chat::Part& part, bool markable) {
  if (markable) cache_mark(part.cache, part.extra);
  if (same()) write_plain(writer_, part.extra);
  writer_.end_object();
}

void BlockWriter::write(const Piece& piece, bool last) {
  const chat::Part& part = *piece.part;
  if (const auto* said = part.get<chat::Text>()) {
    text(said->text, part, piece.message, last);
  } else if (const auto* refusal = part.get<chat::Refusal>()) {
    text(refusal->text, part, piece.message, last);
  } else if (const auto* shown = part.get<chat::Media>()) {
    media(*shown, part, piece.message);
  } else if (const auto* asked = part.get<chat::ToolCall>()) {
    call(*asked, part, piece.message);
  } else if (const auto* answered = part.get<chat::ToolResult>()) {
    result(*answered, part, piece.message);
  } else if (const auto* thought = part.get<chat::Thinking>()) {
    thinking(*thought, part);
  } else if (const auto* opaque = part.get<chat::Opaque>()) {
    writer_.raw(opaque->json);
  }
}

void BlockWriter::text(std::string_view text, const chat::Part& part, std::size_t message, bool last) {
  if (last && !same() && without_end_blanks(text).size() < text.size()) {
    // The API refuses to go on from a blank.
    text = without_end_blanks(text);
    losses_.add(piece_place(message, "trailing_blanks"));
  }
  writer_.raw(R"({"type":"text","text":)").string(text);
  if (const auto* said = part.get<chat::Text>(); said && !said->citations.empty()) citations(*said, message);
  close(part);
}

// The API checks that citations are its own.
void BlockWriter::citations(const chat::Text& text, std::size_t message) {
  bool open = false;
  for (const chat::Citation& citation : text.citations) {
    if (citation.origin != kFamily || citation.raw.empty()) {
      losses_.add(piece_place(message, "citations"));
      continue;
    }
    if (!std::exchange(open, true)) writer_.key("citations").begin_array();
    writer_.raw(citation.raw);
  }
  if (open) writer_.end_array();
}

void BlockWriter::media(const chat::Media& media, const chat::Part& part, std::size_t message) {
  if (const auto* block = same() ? find_extra(part.extra, "~search_result") : nullptr) {
    writer_.raw(*block);
    return;
  }
  const bool image = media.kind == chat::Media::Kind::image;
  writer_.begin_object().member("type", image ? "image" : "document");
  const auto* spelt = same() ? find_extra(part.extra, "~source") : nullptr;
  if (spelt) {
    writer_.raw_member("source", *spelt);
  } else if (!same() || !find_extra(part.extra, "source")) {
    source(media, part.extra);
  }
  if (!image) writer_.member_if("title", media.name).member_if("context", media.context);
  if (!image && (media.citations || (same() && has_nested(part.extra, "citations")))) {
    writer_.key("citations").begin_object().member("enabled", media.citations);
    if (same()) write_nested(writer_, part.extra, "citations");
    writer_.end_object();
  }
  if (image && !same() && !media.context.empty()) losses_.add(piece_place(message, "image.context"));
  close(part);
}

void BlockWriter::source(const chat::Media& media, const chat::Extra& extra) {
  writer_.key("source").begin_object();
  if (!media.data.empty()) {
    data_source(media);
  } else if (!media.url.empty()) {
    writer_.member("type", "url").member("url", media.url);
  } else if (!media.file_id.empty()) {
    writer_.member("type", "file").member("file_id", media.file_id);
  } else {
    writer_.member("type", "text").member("media_type", "text/plain").member("data", media.text);
  }
  if (same()) write_nested(writer_, extra, "source");
  writer_.end_object();
}

void BlockWriter::data_source(const chat::Media& media) {
  std::string_view mime = media.mime;
  if (media.kind == chat::Media::Kind::image) {
    mime = same() && !mime.empty() ? mime : image_mime(mime);
  } else {
    if (std::string text; !same() && plain_text_of(media, text)) {
      writer_.member("type", "text").member("media_type", "text/plain").member("data", text);
      return;
    }
    if (mime.empty()) mime = "application/pdf";
  }
  writer_.member("type", "base64").member("media_type", mime).member("data", media.data);
}

std::string BlockWriter::id_of_call(const chat::ToolCall& call) {
  if (same()) return call.id;
  if (!call.id.empty()) return call_id(call.id);
  unnamed_.emplace_back(call.name, "toolu_unnamed_" + std::to_string(given_++));
  return unnamed_.back().second;
}

std::string BlockWriter::id_of_result(const chat::ToolResult& result) {
  if (same()) return result.call_id;
  if (!result.call_id.empty()) return call_id(result.call_id);
  auto found = std::find_if(unnamed_.begin(), unnamed_.end(),
                            [&](const auto& call) { return result.name.empty() || call.first == result.name; });
  if (found == unnamed_.end()) return "toolu_unnamed";
  std::string id = std::move(found->second);
  unnamed_.erase(found);
  return id;
}

void BlockWriter::call(const chat::ToolCall& call, const chat::Part& part, std::size_t message) {
  writer_.raw(R"({"type":"tool_use","id":)").string(id_of_call(call)).member("name", call.name);
  if (!write_input(writer_, call) && !call.custom) losses_.add(piece_place(message, "tool_calls.arguments"));
  close(part);
}

void BlockWriter::result(const chat::ToolResult& result, const chat::Part& part, std::size_t message) {
  writer_.raw(R"({"type":"tool_result","tool_use_id":)").string(id_of_result(result));
  result_content(result, message);
  if (result.is_error) writer_.member("is_error", true);
  close(part);
}

void BlockWriter::result_content(const chat::ToolResult& result, std::size_t message) {
  bool open = false;
  const auto begin = [&] {
    if (!std::exchange(open, true)) writer_.key("content").begin_array();
  };
  if (!result.json.empty()) {
    begin();
    writer_.begin_object().member("type", "text").member("text", result.json).end_object();
  }
  for (const chat::Part& inner : result.content) {
    if (!same()) {
      const auto* said = inner.get<chat::Text>();
      if (said && is_blank(said->text)) continue;
      const auto* shown = inner.get<chat::Media>();
      if (shown && !takes_media(*shown, context_.quirks, false, piece_place(message, "tool_result."), losses_))
        continue;
      const auto* opaque = inner.get<chat::Opaque>();
      if ((!said && !shown && !opaque) || (opaque && opaque->dialect != kDialect)) continue;
    }
    begin();
    write({&inner, message}, false);
  }
  if (open) writer_.end_array();
}

void BlockWriter::thinking(const chat::Thinking& thinking, const chat::Part& part) {
  if (!thinking.redacted.empty()) {
    writer_.begin_object().member("type", "redacted_thinking").member("data", thinking.redacted.value);
  } else {
    writer_.begin_object()
        .member("type", "thinking")
        .member("thinking", thinking.text)
        .member("signature", thinking.signature.value);
  }
  close(part, false);
}

}  // namespace tollgate::gateway::claude
