// Writing of Gemini parts, see gemini_parts.h. Thread rule: a parser per thread.
#include <array>

#include "core/base64.h"
#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_parts.h"

namespace tollgate::gateway::gemini_form {

using namespace chat;

namespace {

std::string_view guessed_mime(const Media& media) {
  std::string_view path = media.url;
  path = path.substr(0, path.find_first_of("?#"));
  const std::string_view known = mime_of_name(media.name.empty() ? path : std::string_view(media.name));
  if (!known.empty()) return known;
  static constexpr std::array<std::string_view, 4> kByKind{"image/jpeg", "application/pdf", "audio/wav", "video/mp4"};
  return media.text.empty() ? kByKind[static_cast<std::size_t>(media.kind)] : "text/plain";
}

void write_mime(JsonWriter& writer, const Media& media, const MediaStyle& style) {
  if (!media.mime.empty() || style.guess)
    writer.member("mimeType", media.mime.empty() ? guessed_mime(media) : std::string_view(media.mime));
}

void write_blob(JsonWriter& writer, const Media& media, std::string_view data, const MediaStyle& style) {
  writer.key("inlineData").begin_object();
  write_mime(writer, media, style);
  writer.member("data", data);
  if (style.name) writer.member_if("displayName", media.name);
  if (style.extra) write_extras(writer, *style.extra, "blob");
  writer.end_object();
}

void write_file(JsonWriter& writer, const Media& media, const MediaStyle& style) {
  const bool youtube = media.mime.empty() && media.kind == Media::Kind::video;
  writer.key("fileData").begin_object();
  if (!youtube) write_mime(writer, media, style);
  writer.member("fileUri", std::string_view(media.url.empty() ? media.file_id : media.url));
  if (style.name) writer.member_if("displayName", media.name);
  if (style.extra) write_extras(writer, *style.extra, "blob");
  writer.end_object();
}

}  // namespace

std::string_view extra_of(const Extra& extra, std::string_view name) {
  for (const auto& [key, value] : extra)
    if (key == name) return value;
  return {};
}

void write_extras(JsonWriter& writer, const Extra& extra, std::string_view prefix) {
  for (const auto& [key, value] : extra) {
    std::string_view name = key;
    if (name.starts_with('~')) continue;
    if (!prefix.empty()) {
      if (name.size() <= prefix.size() || !name.starts_with(prefix) || name[prefix.size()] != '.') continue;
      name.remove_prefix(prefix.size() + 1);
    }
    if (name.find('.') == std::string_view::npos) writer.raw_member(name, value);
  }
}

void write_text_part(JsonWriter& writer, std::string_view text, bool thought, std::string_view signature) {
  writer.begin_object().member("text", text);
  if (thought) writer.member("thought", true);
  writer.member_if("thoughtSignature", signature).end_object();
}

void write_arguments(JsonWriter& writer, const ToolCall& call) {
  thread_local JsonReader reader;
  if (call.arguments == "{}" || (call.arguments.empty() && !call.custom)) {
    writer.raw("{}");
    return;
  }
  if (!call.custom) {
    if (const auto parsed = reader.parse(call.arguments); parsed && parsed->is_object()) {
      writer.value(*parsed);
      return;
    }
  }
  writer.begin_object().member("input", std::string_view(call.arguments)).end_object();
}

bool write_media(JsonWriter& writer, const Media& media, const MediaStyle& style) {
  Media parsed;
  if (!media.data.empty()) {
    write_blob(writer, media, media.data, style);
  } else if (!media.text.empty()) {
    write_blob(writer, media, base64_encode(media.text), style);
  } else if (media.url.starts_with("data:") && parse_data_url(media.url, parsed.mime, parsed.data)) {
    parsed.kind = media.kind;
    write_blob(writer, parsed, parsed.data, style);
  } else if (!media.url.empty() || !media.file_id.empty()) {
    write_file(writer, media, style);
  } else {
    return false;
  }
  return true;
}

}  // namespace tollgate::gateway::gemini_form
