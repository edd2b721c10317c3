// Content parts of the dialect openai.chat, written. Thread rule: see openai_chat.h.
#include "core/base64.h"
#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Media;

// The part being written, and where it stands.
class PartWriter {
 public:
  PartWriter(JsonWriter& writer, const chat::Part& part, std::size_t index, const PartContext& context)
      : writer_(writer), part_(part), index_(index), context_(context) {}

  bool text(std::string_view text) {
    begin("text").member("text", text);
    return end();
  }
  bool refusal(const chat::Refusal& refusal) {
    begin("refusal").member("refusal", refusal.text);
    return end();
  }
  bool image(const Media& media) {
    if (media.data.empty() && media.url.empty()) return lost("image.file_id");
    begin("image_url").key("image_url").begin_object().member("url", image_location(media));
    writer_.member_if("detail", media.detail);
    return end_inner("image_url");
  }
  bool video(const Media& media) {
    if (context_.quirks.no_video || (media.data.empty() && media.url.empty())) return lost("video");
    begin("video_url").key("video_url").begin_object().member("url", image_location(media));
    return end_inner("video_url");
  }
  bool audio(const Media& media) {
    if (context_.quirks.plain_audio && media.data.size() + media.url.size() > 0) {
      begin("input_audio").member("input_audio", media.data.empty() ? media.url : media.data);
      return end();
    }
    if (!media.data.empty()) {
      begin("input_audio").key("input_audio").begin_object().member("data", media.data);
      writer_.member("format", media.mime.empty() ? "wav" : format_of_mime(media.mime));
      return end_inner("input_audio");
    }
    if (media.url.empty() || !context_.same_dialect) return lost("audio.url");
    begin("audio_url").key("audio_url").begin_object().member("url", media.url);
    return end_inner("audio_url");
  }
  bool document(const Media& media) {
    const Quirks& quirks = context_.quirks;
    if (!media.text.empty() && quirks.no_files) return text(named_text(media));
    if (quirks.document_url && media.file_id.empty()) return document_url(media);
    if (quirks.no_files) return lost("document");
    if (!media.url.empty() && quirks.no_file_urls) return lost("document.url");
    if (!media.file_id.empty() && !own_file(media.file_id)) return lost("document.file_id");
    begin("file").key("file").begin_object();
    if (media.file_id.empty()) {
      writer_.member("filename", media.name.empty() ? default_name(media) : media.name);
      writer_.member("file_data", location(media));
    } else {
      writer_.member_if("filename", media.name).member("file_id", media.file_id);
    }
    return end_inner("file");
  }
  bool thinking(const chat::Thinking& thinking) {
    if (!context_.quirks.thinking_parts || thinking.text.empty()) return false;
    begin("thinking").key("thinking").begin_array().begin_object();
    writer_.member("type", "text").member("text", thinking.text).end_object().end_array();
    if (thinking.signature.origin == "mistral") writer_.member_if("signature", thinking.signature.value);
    return end();
  }
  bool opaque(const chat::Opaque& opaque) {
    if (!context_.same_dialect || opaque.dialect != kName) return false;
    writer_.raw(opaque.json);
    return true;
  }

 private:
  JsonWriter& begin(std::string_view type) { return writer_.begin_object().member("type", type); }
  bool end() {
    write_cache(writer_, part_.cache, part_.extra, context_);
    if (context_.same_dialect) write_own(writer_, part_.extra);
    writer_.end_object();
    return true;
  }
  bool end_inner(std::string_view outer) {
    if (context_.same_dialect) write_under(writer_, part_.extra, outer);
    writer_.end_object();
    return end();
  }
  bool lost(std::string_view what) {
    context_.losses.add("messages[" + std::to_string(index_) + "]." + std::string(what));
    return false;
  }
  bool document_url(const Media& media) {
    begin("document_url").member("document_url", location(media)).member_if("document_name", media.name);
    return end();
  }
  // OpenAI's ids; those of other stores mean nothing to it.
  bool own_file(std::string_view id) const { return context_.same_dialect || id.starts_with("file-"); }
  static std::string location(const Media& media) {
    if (!media.url.empty()) return media.url;
    const std::string_view mime = media.mime.empty() ? "application/pdf" : std::string_view(media.mime);
    if (media.text.empty()) return make_data_url(mime, media.data);
    return make_data_url("text/plain", base64_encode(media.text));
  }
  static std::string default_name(const Media& media) {
    const std::string_view mime = media.text.empty() ? std::string_view(media.mime) : "text/plain";
    return "document." + std::string(mime.empty() ? "pdf" : format_of_mime(mime));
  }
  static std::string named_text(const Media& media) {
    return media.name.empty() ? media.text : media.name + ":\n" + media.text;
  }

  JsonWriter& writer_;
  const chat::Part& part_;
  std::size_t index_;
  const PartContext& context_;
};

}  // namespace

std::string image_location(const Media& media) {
  if (media.data.empty()) return media.url;
  return make_data_url(media.mime.empty() ? (media.kind == Media::Kind::video ? "video/mp4" : "image/png")
                                          : std::string_view(media.mime),
                       media.data);
}

bool cache_written(const chat::Part& part, const PartContext& context) {
  return part.cache.set && (context.quirks.cache_control || context.same_dialect);
}

void write_cache(JsonWriter& writer, const chat::CacheMark& cache, const chat::Extra& extra,
                 const PartContext& context) {
  if (!cache.set) return;
  const std::string_view breakpoint = kept(extra, "~prompt_cache_breakpoint");
  if (context.same_dialect && !breakpoint.empty() && !context.quirks.cache_control) {
    writer.raw_member("prompt_cache_breakpoint", breakpoint);
  } else if (context.quirks.cache_control || context.same_dialect) {
    writer.key("cache_control").begin_object().member("type", "ephemeral");
    writer.member_if("ttl", cache.ttl).end_object();
  }
}

bool write_part(JsonWriter& writer, const chat::Part& part, std::size_t index, const PartContext& context) {
  PartWriter out(writer, part, index, context);
  if (const auto* text = part.get<chat::Text>()) return out.text(text->text);
  if (const auto* refusal = part.get<chat::Refusal>()) return out.refusal(*refusal);
  if (const auto* thinking = part.get<chat::Thinking>()) return out.thinking(*thinking);
  if (const auto* opaque = part.get<chat::Opaque>()) return out.opaque(*opaque);
  const auto* media = part.get<Media>();
  if (media == nullptr) return false;
  if (!media->context.empty()) PartWriter(writer, {}, index, context).text(media->context);
  switch (media->kind) {
    case Media::Kind::image:
      return out.image(*media);
    case Media::Kind::document:
      return out.document(*media);
    case Media::Kind::audio:
      return out.audio(*media);
    case Media::Kind::video:
      break;
  }
  return out.video(*media);
}

}  // namespace tollgate::gateway::oai
