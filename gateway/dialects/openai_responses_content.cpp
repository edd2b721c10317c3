// Content parts: input_text, input_image, input_file, input_audio, output_text, refusal, and what is unknown.
#include "gateway/dialects/openai_responses_content.h"

#include "core/utf8.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::responses {
namespace {

// The members of any content part, found in one pass.
struct ContentMembers {
  std::string_view type;
  JsonValue text, refusal, image_url, file_id, file_url, file_data, filename, detail, audio, annotations, logprobs,
      cache;
  chat::Extra extra;

  void take(std::string_view key, JsonValue value) {
    JsonValue* place = place_of(key);
    if (place) {
      *place = value;
    } else if (key == "type") {
      type = value.as_string().value_or("");
    } else if (!value.is_null()) {
      keep_extra(extra, key, value);
    }
  }

 private:
  JsonValue* place_of(std::string_view key) {
    if (key == "text") return &text;
    if (key == "annotations") return &annotations;
    if (key == "logprobs") return &logprobs;
    if (key == "refusal") return &refusal;
    if (key == "image_url") return &image_url;
    if (key == "file_id") return &file_id;
    if (key == "file_url") return &file_url;
    if (key == "file_data") return &file_data;
    if (key == "filename") return &filename;
    if (key == "detail") return &detail;
    if (key == "input_audio") return &audio;
    if (key == "prompt_cache_breakpoint") return &cache;
    return nullptr;
  }
};

void read_text(const ContentMembers& in, chat::Text& text) {
  text.text = in.text.as_string().value_or("");
  in.annotations.elements([&](JsonValue one) { text.citations.push_back(read_citation(one)); });
}

void read_image(const ContentMembers& in, chat::Media& media) {
  const std::string_view url = in.image_url.as_string().value_or("");
  if (!parse_data_url(url, media.mime, media.data)) media.url = url;
  media.file_id = text_or_empty(in.file_id);
  media.detail = text_or_empty(in.detail);
}

// False when the data is no base64, with or without the head of a data URL.
bool read_file(const ContentMembers& in, chat::Media& media) {
  media.kind = chat::Media::Kind::document;
  media.name = text_or_empty(in.filename);
  media.file_id = text_or_empty(in.file_id);
  media.url = text_or_empty(in.file_url);
  media.detail = text_or_empty(in.detail);
  const std::string_view data = in.file_data.as_string().value_or("");
  if (data.empty() || parse_data_url(data, media.mime, media.data)) return true;
  media.mime = mime_of_name(media.name);
  std::string ignored;
  return parse_data_url(make_data_url("", data), ignored, media.data);
}

void read_audio(const ContentMembers& in, chat::Media& media) {
  media.kind = chat::Media::Kind::audio;
  in.audio.members([&](std::string_view key, JsonValue value) {
    if (key == "data") media.data = text_or_empty(value);
    if (key == "format") media.mime = value.as_string() == "mp3" ? "audio/mpeg" : "audio/" + text_or_empty(value);
  });
}

bool is_text(std::string_view type) {
  return type == "input_text" || type == "output_text" || type == "text" || type == "summary_text" ||
         type == "reasoning_text";
}

// Parts are large: they are filled where they stay.
Result<void> read_part(JsonValue value, Place place, chat::Part& part, chat::RawJson* logprobs) {
  if (!value.is_object()) return bad_request(place.text(), "must hold objects with a type");
  ContentMembers in;
  value.members([&](std::string_view key, JsonValue member) { in.take(key, member); });
  if (is_text(in.type)) {
    if (!in.text.is_string())
      return bad_request(place.text(), "a part of type " + std::string(in.type) + " needs a string `text`");
    read_text(in, *part.get<chat::Text>());
    if (logprobs && in.logprobs.size() > 0) append_elements(*logprobs, in.logprobs.text());
  } else if (in.type == "refusal") {
    part.what.emplace<chat::Refusal>().text = text_or_empty(in.refusal);
  } else if (in.type == "input_image") {
    read_image(in, part.what.emplace<chat::Media>());
  } else if (in.type == "input_file") {
    if (!read_file(in, part.what.emplace<chat::Media>()))
      return bad_request(place.text(), "file_data must be base64, or a data URL with base64");
  } else if (in.type == "input_audio") {
    read_audio(in, part.what.emplace<chat::Media>());
  } else if (in.type.empty()) {
    return bad_request(place.text(), "a part has no type");
  } else {
    part.what = chat::Opaque{.dialect = std::string(kName), .type = std::string(in.type), .json = value.text()};
    in.extra.assign(1, {"~content", "true"});  // stands in a message; items by themselves are opaque parts too
  }
  part.cache.set = in.cache.is_object();
  part.extra = std::move(in.extra);
  return {};
}

void write_image(JsonWriter& writer, const chat::Media& media) {
  writer.member("type", "input_image");
  if (!media.data.empty()) {
    writer.member("image_url", make_data_url(media.mime.empty() ? "image/png" : media.mime, media.data));
  } else {
    writer.member_if("image_url", media.url);
  }
  writer.member_if("file_id", media.file_id).member_if("detail", media.detail);
}

void write_file(JsonWriter& writer, const chat::Media& media) {
  writer.member("type", "input_file").member_if("file_id", media.file_id).member_if("file_url", media.url);
  if (!media.data.empty()) {
    const std::string_view mime = media.mime.empty() ? std::string_view("application/pdf") : media.mime;
    // The API refuses file data without a name.
    writer.member("filename", media.name.empty() ? "document." + std::string(format_of_mime(mime)) : media.name);
    writer.member("file_data", make_data_url(mime, media.data));
  } else if (!media.name.empty() && media.url.empty() && media.file_id.empty()) {
    writer.member("filename", media.name);
  }
  writer.member_if("detail", media.detail);
}

}  // namespace

void append_elements(chat::RawJson& array, std::string_view other) {
  if (other.size() <= 2) return;
  if (array.size() <= 2) {
    array = other;
  } else {
    array.back() = ',';
    array += other.substr(1);
  }
}

std::string quoted(std::string_view text) {
  std::string out;
  JsonWriter(out).string(text);
  return out;
}

std::int64_t count_characters(std::string_view text) {
  std::int64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::string Place::text(std::string_view member) const {
  std::string out(list);
  out.append("[").append(std::to_string(index)).append("]");
  if (!member.empty()) out.append(".").append(member);
  return out;
}

Result<void> read_content(JsonValue content, Place place, std::vector<chat::Part>& parts, chat::RawJson* logprobs) {
  if (const auto text = content.as_string()) {
    parts.emplace_back().get<chat::Text>()->text = *text;
    return {};
  }
  if (!content.present() || content.is_null()) return {};
  if (!content.is_array()) return bad_request(place.text(), "must be a string or an array");
  Result<void> outcome;
  parts.reserve(content.size());
  content.elements([&](JsonValue part) {
    if (!outcome) return;
    if (auto read = read_part(part, place, parts.emplace_back(), logprobs); !read) outcome = std::move(read);
  });
  return outcome;
}

chat::Citation read_citation(JsonValue annotation) {
  chat::Citation citation{.origin = std::string(kName), .raw = annotation.text()};
  annotation.members([&](std::string_view key, JsonValue value) {
    if (key == "url") citation.url = text_or_empty(value);
    if (key == "title" || key == "filename") citation.title = text_or_empty(value);
    if (key == "start_index") citation.begin = value.as_int().value_or(-1);
    if (key == "end_index") citation.end = value.as_int().value_or(-1);
  });
  return citation;
}

void write_annotation(JsonWriter& writer, const chat::Citation& citation, std::int64_t length) {
  if (citation.origin == kName && !citation.raw.empty()) {
    writer.raw(citation.raw);
    return;
  }
  const std::int64_t begin = citation.begin < 0 ? 0 : citation.begin;
  writer.begin_object();
  if (citation.url.empty()) {
    writer.member("type", "file_citation").member("file_id", "").member("filename", citation.title);
    writer.member("index", begin);
  } else {
    writer.member("type", "url_citation").member("url", citation.url).member("title", citation.title);
    writer.member("start_index", begin).member("end_index", citation.end < 0 ? length : citation.end);
  }
  writer.end_object();
}

void write_cache_mark(JsonWriter& writer, const chat::Part& part, bool known) {
  if (part.cache.set && known)
    writer.key("prompt_cache_breakpoint").begin_object().member("mode", "explicit").end_object();
}

bool write_media(JsonWriter& writer, const chat::Part& part, bool same_dialect, bool cache_marks) {
  const chat::Media& media = *part.get<chat::Media>();
  using Kind = chat::Media::Kind;
  const bool any = !media.data.empty() || !media.url.empty() || !media.file_id.empty();
  const bool plain_text = media.kind == Kind::document && !media.text.empty();
  if (media.kind == Kind::video || (!any && !plain_text && !same_dialect)) return false;
  if (media.kind == Kind::audio && media.data.empty()) return false;
  if (!media.context.empty())
    writer.begin_object().member("type", "input_text").member("text", media.context).end_object();
  writer.begin_object();
  if (plain_text) {
    writer.member("type", "input_text");
    writer.member("text", media.name.empty() ? media.text : media.name + "\n\n" + media.text);
  } else if (media.kind == Kind::image) {
    write_image(writer, media);
  } else if (media.kind == Kind::document) {
    write_file(writer, media);
  } else {
    writer.member("type", "input_audio").key("input_audio").begin_object();
    writer.member("data", media.data).member("format", format_of_mime(media.mime)).end_object();
  }
  write_cache_mark(writer, part, cache_marks);
  if (same_dialect) write_extra(writer, part.extra);
  writer.end_object();
  return true;
}

}  // namespace tollgate::gateway::responses
