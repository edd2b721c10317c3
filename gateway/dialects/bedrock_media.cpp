#include "gateway/dialects/bedrock_media.h"

#include <algorithm>
#include <array>

#include "core/base64.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using Kind = chat::Media::Kind;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::size_t kMaxName = 200;

// Format words by kind, each between spaces.
constexpr std::string_view kImages = " png jpeg gif webp ";
constexpr std::string_view kDocuments = " pdf csv doc docx xls xlsx html txt md ";
constexpr std::string_view kSounds = " mp3 opus wav aac flac mp4 ogg mkv mka x-aac m4a mpeg mpga pcm webm ";
constexpr std::string_view kFilms = " mkv mov mp4 webm flv mpeg mpg wmv three_gp ";

// Where the word is not the type's second half.
constexpr std::array<Pair, 7> kOddTypes{{{"video/quicktime", "mov"},
                                         {"video/x-matroska", "mkv"},
                                         {"video/3gpp", "three_gp"},
                                         {"video/x-flv", "flv"},
                                         {"video/x-ms-wmv", "wmv"},
                                         {"audio/mpeg", "mp3"},
                                         {"application/json", "txt"}}};
// First characters of base64 text that give the type away.
constexpr std::array<Pair, 6> kHeads{{{"iVBORw0KGgo", "png"},
                                      {"/9j/", "jpeg"},
                                      {"R0lGOD", "gif"},
                                      {"UklGR", "webp"},
                                      {"JVBERi", "pdf"},
                                      {"UEsDB", "docx"}}};

std::string_view words_of(Kind kind) {
  switch (kind) {
    case Kind::image:
      return kImages;
    case Kind::document:
      return kDocuments;
    case Kind::audio:
      return kSounds;
    case Kind::video:
      break;
  }
  return kFilms;
}

// The word as it stands in the list (which lives forever); "" when it does not.
std::string_view known_word(Kind kind, std::string_view word) {
  const std::string_view words = words_of(kind);
  if (word.empty() || word.find(' ') != std::string_view::npos) return {};
  for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1))
    if (words[at - 1] == ' ' && words[at + word.size()] == ' ') return words.substr(at, word.size());
  return {};
}

std::string_view word_of_type(Kind kind, std::string_view mime) {
  mime = mime.substr(0, mime.find(';'));
  for (const auto& [type, word] : kOddTypes)
    if (type == mime) return known_word(kind, word);
  if (const auto word = known_word(kind, format_of_mime(mime)); !word.empty()) return word;
  std::string_view half = mime.substr(std::min(mime.size(), mime.find('/') + 1));
  if (half.starts_with("x-")) half.remove_prefix(2);
  if (const auto word = known_word(kind, half); !word.empty()) return word;
  return kind == Kind::document && mime.starts_with("text/") ? std::string_view("txt") : std::string_view();
}

std::string type_of_word(Kind kind, std::string_view word) {
  if (kind == Kind::document) return std::string(mime_of_name(std::string(".").append(word)));
  const std::string_view half = kind == Kind::image ? "image/" : kind == Kind::audio ? "audio/" : "video/";
  for (const auto& [type, odd] : kOddTypes)
    if (odd == word && type.starts_with(half)) return std::string(type);
  return std::string(half).append(word);
}

bool has_source(const chat::Media& media) {
  return !media.data.empty() || !media.url.empty() || (media.kind == Kind::document && !media.text.empty());
}

void read_document_texts(JsonValue blocks, std::string& text) {
  blocks.elements([&](JsonValue block) {
    if (!text.empty()) text += '\n';
    text += block["text"].as_string().value_or("");
  });
}

// True when the meaning keeps all of it.
bool read_source(JsonValue source, chat::Media& media) {
  bool plain = source.is_object();
  source.members([&](std::string_view key, JsonValue value) {
    if (key == "bytes" && value.is_string()) {
      media.data = *value.as_string();
    } else if (key == "text" && value.is_string()) {
      media.text = *value.as_string();
    } else if (key == "s3Location") {
      media.url = text_or_empty(value["uri"]);
      plain = plain && value.size() == 1 && !media.url.empty();
    } else {
      if (key == "content") read_document_texts(value, media.text);
      plain = false;
    }
  });
  return plain;
}

bool allowed_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '(' ||
         c == ')' || c == '[' || c == ']';
}

// With + and /, padded, on one line: other spellings are taken by other vendors.
std::string_view standard_base64(const std::string& data, std::string& buffer) {
  const bool url = data.find('-') != std::string::npos || data.find('_') != std::string::npos;
  const bool broken = data.find('\n') != std::string::npos || data.find('\r') != std::string::npos;
  if (!url && !broken && data.size() % 4 == 0) return data;
  for (const char c : data) {
    if (c == '\n' || c == '\r' || c == '=') continue;
    buffer += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (buffer.size() % 4 != 0) buffer += '=';
  return buffer;
}

void write_source(JsonWriter& writer, const chat::Media& media, const ModelTraits& traits) {
  std::string buffer;
  writer.key("source").begin_object();
  if (!media.data.empty()) {
    writer.member("bytes", standard_base64(media.data, buffer));
  } else if (!media.url.empty()) {
    writer.key("s3Location").begin_object().member("uri", media.url).end_object();
  } else if (traits.claude_like()) {
    writer.member("text", media.text);
  } else {
    writer.member("bytes", base64_encode(media.text));
  }
  writer.end_object();
}

}  // namespace

std::string_view block_of(Kind kind) {
  switch (kind) {
    case Kind::image:
      return "image";
    case Kind::document:
      return "document";
    case Kind::audio:
      return "audio";
    case Kind::video:
      break;
  }
  return "video";
}

std::string_view format_of(const chat::Media& media) {
  if (const auto word = word_of_type(media.kind, media.mime); !word.empty()) return word;
  for (const std::string* name : {&media.name, &media.url})
    if (const auto word = word_of_type(media.kind, mime_of_name(*name)); !word.empty()) return word;
  if (!media.mime.empty() && media.kind != Kind::image) return {};
  for (const auto& [head, word] : kHeads)
    if (media.data.starts_with(head)) return known_word(media.kind, word);
  return media.kind == Kind::document && media.data.empty() && media.url.empty() ? std::string_view("txt")
                                                                                 : std::string_view();
}

std::string unfit(const chat::Media& media, bool in_result) {
  const std::string block(block_of(media.kind));
  if (in_result && media.kind == Kind::audio) return block;
  if (!media.url.empty() && media.data.empty() && !media.url.starts_with("s3://")) return block + ".url";
  if (!has_source(media)) return block + (media.file_id.empty() ? "" : ".file_id");
  return format_of(media).empty() ? block + ".format" : std::string();
}

void read_media(Kind kind, JsonValue value, chat::Part& part) {
  chat::Media media{.kind = kind};
  const std::string prefix = std::string(block_of(kind)) + '.';
  JsonValue format;
  value.members([&](std::string_view key, JsonValue member) {
    const bool document = kind == Kind::document;
    if (key == "format" && member.is_string()) {
      format = member;
      media.mime = type_of_word(kind, *member.as_string());
    } else if (key == "source") {
      if (!read_source(member, media)) part.extra.emplace_back("~" + prefix + "source", member.text());
    } else if (document && key == "name" && member.is_string()) {
      media.name = *member.as_string();
    } else if (document && key == "context" && member.is_string()) {
      media.context = *member.as_string();
    } else if (document && key == "citations" && member["enabled"].as_bool() == true && member.size() == 1) {
      media.citations = true;
    } else {
      keep_under(part.extra, document && key == "citations" ? "~" + prefix : prefix, key, member);
    }
  });
  if (format.present() && format_of(media) != *format.as_string())
    part.extra.emplace_back("~" + prefix + "format", format.text());
  part.what = std::move(media);
}

std::string DocumentNames::fitting(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && !mime_of_name(name).empty()) name = name.substr(0, dot);
  std::string out;
  for (const char c : name.substr(0, kMaxName - 8)) {
    if (allowed_in_name(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  if (out.empty()) out = "Document";
  const std::string stem = out;
  for (int number = 2; std::find(taken_.begin(), taken_.end(), out) != taken_.end(); ++number)
    out = stem + ' ' + std::to_string(number);
  return taken_.emplace_back(std::move(out));
}

void write_media(JsonWriter& writer, const chat::Media& media, const chat::Extra& extra, bool own,
                 const ModelTraits& traits, DocumentNames& names) {
  const std::string prefix = std::string(block_of(media.kind)) + '.';
  const std::string_view format = own ? extra_value(extra, "~" + prefix + "format") : std::string_view();
  const std::string_view source = own ? extra_value(extra, "~" + prefix + "source") : std::string_view();
  writer.begin_object();
  if (!format.empty()) {
    writer.raw_member("format", format);
  } else if (!own || !media.mime.empty()) {
    writer.member_if("format", format_of(media));
  }
  if (media.kind == Kind::document) writer.member("name", own ? media.name : names.fitting(media.name));
  if (!source.empty()) {
    writer.raw_member("source", source);
  } else if (!own || has_source(media)) {
    write_source(writer, media, traits);
  }
  if (media.kind == Kind::document && (own || traits.claude_like())) {
    writer.member_if("context", media.context);
    if (media.citations) writer.key("citations").begin_object().member("enabled", true).end_object();
    if (own) writer.raw_member_if("citations", extra_value(extra, "~document.citations"));
  }
  if (own) write_extra_under(writer, extra, prefix);
  writer.end_object();
}

}  // namespace tollgate::gateway::bedrock
