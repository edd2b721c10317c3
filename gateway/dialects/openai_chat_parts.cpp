// Content parts of the dialect openai.chat, read. Thread rule: see openai_chat.h.
#include "core/base64.h"
#include "core/utf8.h"
#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Media;

bool is_link(std::string_view url) { return url.find("://") != std::string_view::npos; }

// A place of bytes as vendors write it: a data URL, another URL, or bare base64.
void read_location(std::string_view location, Media& media) {
  if (parse_data_url(location, media.mime, media.data)) return;
  if (is_link(location) || location.starts_with("data:")) {
    media.url = location;
  } else {
    media.data = location;
  }
}

std::string audio_mime(std::string_view format) {
  if (format.empty()) return {};
  if (format == "mp3") return "audio/mpeg";
  return "audio/" + std::string(format);
}

bool is_text_mime(std::string_view mime) { return mime == "text/plain"; }

// Plain text is kept as text: other dialects take it as such, not as bytes.
void settle_document(Media& media) {
  if (media.mime.empty()) media.mime = mime_of_name(media.name);
  std::string text;
  if (!is_text_mime(media.mime) || media.data.empty() || !base64_decode(media.data, text)) return;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return;
    at += length;
  }
  media.text = std::move(text);
  media.data.clear();
}

// The object or the bare string of an `image_url`, `video_url`, `audio_url`.
void read_url_member(JsonValue value, std::string_view member, Media& media, chat::Extra& extra) {
  if (const auto url = value.as_string()) return read_location(*url, media);
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "url") {
      read_location(inner.as_string().value_or(""), media);
    } else if (key == "detail" && inner.is_string()) {
      media.detail = text_or_empty(inner);
    } else {
      keep_under(extra, member, key, inner);
    }
  });
}

void read_audio(JsonValue value, Media& media, chat::Extra& extra) {
  if (const auto text = value.as_string()) return read_location(*text, media);
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "data") {
      read_location(inner.as_string().value_or(""), media);
    } else if (key == "format") {
      media.mime = audio_mime(inner.as_string().value_or(""));
    } else {
      keep_under(extra, "input_audio", key, inner);
    }
  });
}

void read_file_member(std::string_view key, JsonValue value, Media& media, chat::Extra& extra) {
  if (key == "file_data") {
    read_location(value.as_string().value_or(""), media);
  } else if (key == "file_id") {
    media.file_id = text_or_empty(value);
  } else if (key == "filename") {
    media.name = text_or_empty(value);
  } else {
    keep_under(extra, "file", key, value);
  }
}

// Mistral: "thinking" is a list of text parts; others send the text itself.
std::string thinking_text(JsonValue value) {
  if (const auto text = value.as_string()) return std::string(*text);
  std::string out;
  value.elements([&](JsonValue piece) { out += piece["text"].as_string().value_or(""); });
  return out;
}

enum class Type : unsigned char { text, refusal, image, audio, audio_url, video, file, document, thinking, other };
struct TypeName {
  std::string_view name, payload;  // payload: the member that holds what the part is
  Type type;
};
constexpr TypeName kTypes[] = {
    {"text", "text", Type::text},
    {"image_url", "image_url", Type::image},
    {"file", "file", Type::file},
    {"input_audio", "input_audio", Type::audio},
    {"thinking", "thinking", Type::thinking},
    {"refusal", "refusal", Type::refusal},
    {"document_url", "document_url", Type::document},
    {"video_url", "video_url", Type::video},
    {"input_video", "video_url", Type::video},
    {"audio_url", "audio_url", Type::audio_url},
    {"input_text", "text", Type::text},
    {"output_text", "text", Type::text},
};

const TypeName* type_of(JsonValue part) {
  const auto word = part["type"].as_string();
  if (!word) return part["text"].is_string() ? &kTypes[0] : nullptr;
  for (const TypeName& one : kTypes)
    if (one.name == *word) return &one;
  return nullptr;
}

Media media_of(Type type, JsonValue payload, std::string_view member, chat::Extra& extra) {
  Media media;
  switch (type) {
    case Type::image:
      read_url_member(payload, member, media, extra);
      break;
    case Type::video:
      media.kind = Media::Kind::video;
      read_url_member(payload, member, media, extra);
      break;
    case Type::audio_url:
      media.kind = Media::Kind::audio;
      read_url_member(payload, member, media, extra);
      break;
    case Type::audio:
      media.kind = Media::Kind::audio;
      read_audio(payload, media, extra);
      break;
    case Type::document:
      media.kind = Media::Kind::document;
      read_location(payload.as_string().value_or(""), media);
      break;
    default:
      media.kind = Media::Kind::document;
      payload.members([&](std::string_view key, JsonValue value) { read_file_member(key, value, media, extra); });
      break;
  }
  return media;
}

// Members beside type and payload.
void read_beside(const TypeName& type, std::string_view key, JsonValue value, chat::Part& part) {
  Media* media = part.get<Media>();
  auto* thinking = part.get<chat::Thinking>();
  if (key == "cache_control") {
    part.cache = read_cache_control(value);
  } else if (key == "prompt_cache_breakpoint" && !value.is_null()) {
    part.cache.set = true;
    keep(part.extra, "~prompt_cache_breakpoint", value);
  } else if (media && type.type == Type::document && key == "document_name") {
    media->name = text_or_empty(value);
  } else if (media && type.type == Type::file && (key == "file_id" || key == "filename" || key == "file_data")) {
    read_file_member(key, value, *media, part.extra);  // Mistral: beside "type", not inside "file"
  } else if (thinking && key == "signature" && value.is_string()) {
    thinking->signature = chat::unwrap_signature(*value.as_string(), "mistral");
  } else if (!(thinking && key == "closed")) {
    keep(part.extra, key, value);
  }
}

}  // namespace

chat::CacheMark read_cache_control(JsonValue value) {
  if (!value.is_object()) return {};
  return {.set = true, .ttl = text_or_empty(value["ttl"])};
}

Media read_image(JsonValue image_url, chat::Extra& extra) {
  return media_of(Type::image, image_url, "image_url", extra);
}

chat::Part read_part(JsonValue value, Trouble& trouble) {
  if (const auto text = value.as_string()) return {.what = chat::Text{.text = std::string(*text)}};
  if (!value.is_object()) trouble.at("", "must be an object with a type");
  const TypeName* type = type_of(value);
  if (type == nullptr)
    return {.what = chat::Opaque{
                .dialect = std::string(kName), .type = text_or_empty(value["type"]), .json = raw_of(value)}};
  chat::Part part;
  const JsonValue payload = value[type->payload];
  switch (type->type) {
    case Type::text:
      trouble.text("text", payload, part.what.emplace<chat::Text>().text);
      break;
    case Type::refusal:
      trouble.text("refusal", payload, part.what.emplace<chat::Refusal>().text);
      break;
    case Type::thinking:
      part.what = chat::Thinking{.text = thinking_text(payload)};
      break;
    default:
      part.what = media_of(type->type, payload, type->payload, part.extra);
      break;
  }
  value.members([&](std::string_view key, JsonValue inner) {
    if (key != "type" && key != type->payload) read_beside(*type, key, inner, part);
  });
  if (auto* media = part.get<Media>(); media && media->kind == Media::Kind::document) settle_document(*media);
  return part;
}

void read_content(JsonValue content, std::vector<chat::Part>& out, Trouble& trouble) {
  if (const auto text = content.as_string()) {
    out.push_back({.what = chat::Text{.text = std::string(*text)}});
    return;
  }
  if (!content.is_array()) {
    if (content.present() && !content.is_null()) trouble.at("content", "must be a string or an array");
    return;
  }
  std::size_t index = 0;
  content.elements([&](JsonValue part) {
    Trouble inner;
    out.push_back(read_part(part, inner));
    trouble.within("content", index++, inner);
  });
}

}  // namespace tollgate::gateway::oai
