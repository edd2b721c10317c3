// An assistant's messages of the dialect openai.chat, written: texts, thoughts, calls and what signs them. Thread rule:
// see openai_chat.h.
#include <algorithm>

#include "gateway/dialects/openai_chat_message_write.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Message;
using chat::Part;

// The parts of one assistant message by what they become.
struct Spoken {
  PartList content, thoughts, calls, images;
  std::string refusal;
  const chat::Media* audio = nullptr;
};

class AssistantWriter : MessagePieces {
 public:
  explicit AssistantWriter(const Writing& writing) : MessagePieces(writing) {}

  void write(const PartList& parts, const Message& message, std::size_t index) {
    write_sorted(sorted(parts, index), message, index);
  }

 private:
  Spoken sorted(const PartList& parts, std::size_t index) {
    Spoken out;
    for (const Part* part : parts) {
      const auto* media = part->get<chat::Media>();
      if (part->get<chat::ToolCall>()) {
        out.calls.push_back(part);
      } else if (part->get<chat::Thinking>()) {
        const bool in_content = quirks_.thinking_parts && !part->get<chat::Thinking>()->text.empty();
        (in_content && !quirks_.no_reasoning_history ? out.content : out.thoughts).push_back(part);
      } else if (const auto* refusal = part->get<chat::Refusal>()) {
        out.refusal += refusal->text;
      } else if (media && media->kind == chat::Media::Kind::image && (same_ || quirks_.reasoning_details)) {
        out.images.push_back(part);
      } else if (media && media->kind == chat::Media::Kind::audio && same_ && !media->id.empty()) {
        out.audio = media;
      } else if (media) {
        lose_media(*media, index);
      } else {
        out.content.push_back(part);
      }
    }
    return out;
  }

  void write_sorted(const Spoken& said, const Message& message, std::size_t index) {
    begin("assistant");
    if (said.content.empty() && (!said.calls.empty() || !said.refusal.empty() || said.audio)) {
      writer_.key("content").null();
    } else {
      write_content(said.content, index);
    }
    writer_.member_if("refusal", said.refusal);
    write_thoughts(said, message);
    if (said.audio) writer_.key("audio").begin_object().member("id", said.audio->id).end_object();
    if (!said.images.empty()) write_images(said.images);
    if (same_) write_annotations(said.content);
    if (!said.calls.empty()) {
      writer_.key("tool_calls").begin_array();
      for (const Part* part : said.calls) write_call(*part, message);
      writer_.end_array();
    }
    write_text_signature(said.content, message);
    end(message);
  }

  void write_images(const PartList& images) {
    writer_.key("images").begin_array();
    for (const Part* part : images)
      writer_.begin_object()
          .member("type", "image_url")
          .key("image_url")
          .begin_object()
          .member("url", image_location(*part->get<chat::Media>()))
          .end_object()
          .end_object();
    writer_.end_array();
  }

  void write_annotations(const PartList& content) {
    bool any = false;
    for (const Part* part : content) {
      const auto* text = part->get<chat::Text>();
      if (!text || text->citations.empty()) continue;
      if (!any) writer_.key("annotations").begin_array();
      any = true;
      for (const chat::Citation& citation : text->citations) write_annotation(writer_, citation, 0, 0);
    }
    if (any) writer_.end_array();
  }

  // ---- thoughts

  void write_thoughts(const Spoken& said, const Message& message) {
    const bool signed_calls = std::any_of(said.calls.begin(), said.calls.end(), [](const Part* part) {
      return !part->get<chat::ToolCall>()->signature.empty();
    });
    const std::string_view details = same_ ? kept(message.extra, "~reasoning_details") : std::string_view();
    if (said.thoughts.empty() && !signed_calls && details.empty()) return write_no_thought(message);
    if (quirks_.no_reasoning_history || quirks_.thinking_parts) {
      if (!said.thoughts.empty()) losses_.add(chat::Field::thinking_history);
      return;
    }
    const bool signed_thoughts = std::any_of(said.thoughts.begin(), said.thoughts.end(), [](const Part* part) {
      return needs_details(*part->get<chat::Thinking>());
    });
    if (!details.empty()) {
      writer_.raw_member("reasoning_details", details);
    } else if (quirks_.reasoning_details && (signed_thoughts || signed_calls)) {
      return write_signed(said);
    }
    write_plain(said, message, !details.empty());
  }

  void write_no_thought(const Message& message) {
    const bool empty = same_ && !kept(message.extra, "~no_reasoning").empty();
    if (empty && !quirks_.no_reasoning_history && !quirks_.reasoning_field) writer_.member("reasoning_content", "");
  }

  void write_signed(const Spoken& said) {
    std::int64_t index = 0;
    writer_.key("reasoning_details").begin_array();
    for (const Part* part : said.thoughts) write_details(writer_, *part->get<chat::Thinking>(), index, false);
    for (const Part* part : said.calls)
      if (const auto& call = *part->get<chat::ToolCall>(); !call.signature.empty())
        write_call_detail(writer_, call, ids_.of(call), index);
    writer_.end_array();
  }

  // `detailed`: reasoning_details has told it already; the text stands beside it only where the client wrote both.
  void write_plain(const Spoken& said, const Message& message, bool detailed) {
    std::string text;
    bool silent = false;
    for (const Part* part : said.thoughts) {
      const auto& thinking = *part->get<chat::Thinking>();
      text += thinking.text;
      silent = silent || thinking.text.empty();
    }
    if (silent && !detailed) losses_.add(chat::Field::thinking_history);
    if (text.empty()) return;
    const bool both = same_ && !kept(message.extra, "~both_reasonings").empty();
    const bool short_name = same_ && !kept(message.extra, "~reasoning").empty();
    const bool long_name = same_ && !kept(message.extra, "~reasoning_content").empty();
    if (detailed && !both && !short_name && !long_name) return;
    if (both || short_name || quirks_.reasoning_field) writer_.member("reasoning", text);
    if (both || !(short_name || quirks_.reasoning_field)) writer_.member("reasoning_content", text);
  }

  // ---- calls

  void write_call(const Part& part, const Message& message) {
    const auto& call = *part.get<chat::ToolCall>();
    const std::string_view outer = call.custom ? "custom" : "function";
    writer_.begin_object().member("id", ids_.of(call)).member("type", outer);
    if (same_) writer_.raw_member_if("index", kept(part.extra, "~index"));
    writer_.key(outer).begin_object().member("name", call.name);
    if (call.custom) {
      writer_.member("input", call.arguments);
    } else {
      writer_.member("arguments", call.arguments.empty() && !same_ ? "{}" : call.arguments);
    }
    if (same_) write_under(writer_, part.extra, outer);
    writer_.end_object();
    if (takes_signature(call.signature, message)) write_google_signature(writer_, call.signature);
    write_cache(writer_, part.cache, part.extra, parts_);
    if (same_) write_own(writer_, part.extra);
    writer_.end_object();
  }

  // Google's own endpoint; and where the client of this form wrote it and the vendor's row does not speak against it.
  bool takes_signature(const chat::Signature& signature, const Message& message) const {
    if (quirks_.extra_content) return signature.origin == "google";
    const bool told = !kept(message.extra, "~reasoning_details").empty();
    return same_ && !told && !quirks_.reasoning_details && !quirks_.no_reasoning_history;
  }

  void write_text_signature(const PartList& content, const Message& message) {
    for (const Part* part : content)
      if (const auto* text = part->get<chat::Text>(); text && takes_signature(text->signature, message))
        if (!text->signature.empty()) return write_google_signature(writer_, text->signature);
  }
};

}  // namespace

void write_google_signature(JsonWriter& writer, const chat::Signature& signature) {
  if (signature.empty()) return;
  writer.key("extra_content").begin_object().key("google").begin_object();
  writer.member("thought_signature", chat::wrap_signature(signature, "google")).end_object().end_object();
}

void write_assistant(const Writing& writing, const PartList& parts, const chat::Message& message, std::size_t index) {
  AssistantWriter(writing).write(parts, message, index);
}

}  // namespace tollgate::gateway::oai
