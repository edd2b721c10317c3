// Messages of the dialect openai.chat, written: results become messages of their own, neighbouring messages of an
// assistant become one where a call or a thought stands alone. Thread rule: see openai_chat.h.
#include <algorithm>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Message;
using chat::Part;
using chat::Role;
using Parts = std::vector<const Part*>;

bool only_thoughts_and_calls(const Message& message) {
  return std::all_of(message.parts.begin(), message.parts.end(),
                     [](const Part& part) { return part.get<chat::Thinking>() || part.get<chat::ToolCall>(); });
}

bool holds_call(const Parts& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const Part* part) { return part->get<chat::ToolCall>(); });
}

// The parts of one assistant message by what they become.
struct Spoken {
  Parts content, thoughts, calls, images;
  std::string refusal;
  const chat::Media* audio = nullptr;
};

class MessageWriter {
 public:
  MessageWriter(JsonWriter& writer, const chat::Request& request, const WriteContext& context, chat::Losses& losses)
      : writer_(writer),
        request_(request),
        quirks_(context.quirks),
        same_(context.same_dialect),
        losses_(losses),
        parts_{context.quirks, context.same_dialect, losses},
        ids_(request, context.quirks.short_tool_ids, context.same_dialect) {}

  void write() {
    note_schema();
    const auto& messages = request_.messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      switch (messages[i].role) {
        case Role::system:
        case Role::developer:
          flush_media(i);
          write_system(messages[i], i);
          break;
        case Role::user:
          write_user(messages[i], i);
          break;
        case Role::assistant:
          flush_media(i);
          i = write_assistants(i);
          break;
      }
    }
    flush_media(messages.size());
    if (!schema_.empty()) write_schema_alone();
  }

 private:
  // ---- what the schema asks, where the vendor has no place for it

  void note_schema() {
    const auto& format = request_.format;
    if (!quirks_.no_json_schema || format.kind != chat::ResponseFormat::Kind::json_schema) return;
    schema_ = "Answer with one JSON value that is valid under this JSON Schema, and with nothing else:\n" +
              (format.schema.empty() ? "{}" : format.schema);
    if (format.strict == true) losses_.add(chat::Field::strict_schema);
    const bool has_system = std::any_of(request_.messages.begin(), request_.messages.end(),
                                        [](const Message& one) { return one.role == Role::system; });
    if (!has_system) write_schema_alone();
  }
  void write_schema_alone() {
    begin("system").member("content", schema_).end_object();
    schema_.clear();
  }

  // ---- system and user

  JsonWriter& begin(std::string_view role) { return writer_.begin_object().member("role", role); }

  void write_name(const Message& message) {
    if (message.name.empty()) return;
    if (quirks_.no_message_name) return losses_.add(chat::Field::message_name);
    writer_.member("name", message.name);
  }

  void end(const Message& message) {
    write_name(message);
    if (same_) write_own(writer_, message.extra);
    writer_.end_object();
  }

  void write_system(const Message& message, std::size_t index) {
    begin(message.role == Role::developer && quirks_.developer_role ? "developer" : "system");
    Parts parts;
    for (const Part& part : message.parts) parts.push_back(&part);
    Part schema;
    if (!schema_.empty() && message.role == Role::system) {
      schema.what = chat::Text{.text = std::exchange(schema_, {})};
      parts.push_back(&schema);
    }
    write_content(parts, index);
    end(message);
  }

  // Results first, each a message; what else was said follows as the user's own message.
  void write_user(const Message& message, std::size_t index) {
    Parts rest;
    bool results = false;
    for (const Part& part : message.parts) {
      if (const auto* result = part.get<chat::ToolResult>()) {
        write_result(*result, part, message, index);
        results = true;
      } else {
        rest.push_back(&part);
      }
    }
    if (results && rest.empty()) return;
    rest.insert(rest.begin(), moved_media_.begin(), moved_media_.end());
    moved_media_.clear();
    begin("user");
    write_content(rest, index);
    end(message);
  }

  void write_result(const chat::ToolResult& result, const Part& part, const Message& message, std::size_t index) {
    begin("tool").member("tool_call_id", ids_.of(result));
    if (same_) writer_.member_if("name", result.name);
    Parts content;
    for (const Part& inner : result.content) {
      if (inner.get<chat::Media>() && !same_) {
        moved_media_.push_back(&inner);  // a tool's message holds text only
      } else {
        content.push_back(&inner);
      }
    }
    Part marked;
    if (cache_written(part, parts_) && !content.empty() && content.back()->get<chat::Text>()) {
      marked = *content.back();
      marked.cache = part.cache;
      content.back() = &marked;
    }
    if (result.json.empty()) {
      write_content(content, index);
    } else {
      writer_.member("content", result.json);
    }
    if (same_) write_own(writer_, message.extra);
    writer_.end_object();
  }

  // Media that results held, as a user's message once all results of the turn are told.
  void flush_media(std::size_t index) {
    if (moved_media_.empty()) return;
    begin("user");
    write_content(std::exchange(moved_media_, {}), index);
    writer_.end_object();
  }

  // ---- content

  bool is_plain(const Part& part) const {
    return part.get<chat::Text>() && !cache_written(part, parts_) && (!same_ || part.extra.empty());
  }

  void write_content(const Parts& parts, std::size_t index) {
    writer_.key("content");
    if (parts.empty()) {
      writer_.string("");
    } else if (parts.size() == 1 && is_plain(*parts[0])) {
      writer_.string(parts[0]->get<chat::Text>()->text);
    } else if (quirks_.text_only) {
      writer_.string(text_alone(parts, index));
    } else {
      writer_.begin_array();
      bool any = false;
      for (const Part* part : parts) any = write_part(writer_, *part, index, parts_) || any;
      if (!any) writer_.begin_object().member("type", "text").member("text", "").end_object();
      writer_.end_array();
    }
  }

  std::string text_alone(const Parts& parts, std::size_t index) {
    std::string out;
    const auto add = [&out](const std::string& text) {
      if (!out.empty()) out += '\n';
      out += text;
    };
    for (const Part* part : parts) {
      const auto* media = part->get<chat::Media>();
      if (const auto* text = part->get<chat::Text>()) {
        add(text->text);
      } else if (media && !media->text.empty()) {
        add(media->text);
      } else if (media) {
        losses_.add("messages[" + std::to_string(index) + "]." + kind_name(media->kind));
      }
    }
    return out;
  }

  static std::string kind_name(chat::Media::Kind kind) {
    constexpr const char* kNames[] = {"image", "document", "audio", "video"};
    return kNames[static_cast<std::size_t>(kind)];
  }

  // ---- assistant

  // Writes the message at `first` and those that belong to the same turn; gives the index of the last.
  std::size_t write_assistants(std::size_t first) {
    const auto& messages = request_.messages;
    Parts parts;
    std::size_t last = first;
    bool bare = true;
    for (;; ++last) {
      for (const Part& part : messages[last].parts) parts.push_back(&part);
      bare = bare && only_thoughts_and_calls(messages[last]);
      if (same_ || last + 1 == messages.size() || messages[last + 1].role != Role::assistant) break;
      if (!bare && !holds_call(parts) && !only_thoughts_and_calls(messages[last + 1])) break;
    }
    write_assistant(sorted(parts, first), messages[first], first);
    return last;
  }

  Spoken sorted(const Parts& parts, std::size_t index) {
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
        losses_.add("messages[" + std::to_string(index) + "]." + kind_name(media->kind));
      } else {
        out.content.push_back(part);
      }
    }
    return out;
  }

  void write_assistant(const Spoken& said, const Message& message, std::size_t index) {
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

  void write_images(const Parts& images) {
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

  void write_annotations(const Parts& content) {
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

  void write_text_signature(const Parts& content, const Message& message) {
    for (const Part* part : content)
      if (const auto* text = part->get<chat::Text>(); text && takes_signature(text->signature, message))
        if (!text->signature.empty()) return write_google_signature(writer_, text->signature);
  }

  JsonWriter& writer_;
  const chat::Request& request_;
  const Quirks& quirks_;
  bool same_;
  chat::Losses& losses_;
  PartContext parts_;
  CallIds ids_;
  std::string schema_;
  Parts moved_media_;
};

}  // namespace

void write_google_signature(JsonWriter& writer, const chat::Signature& signature) {
  if (signature.empty()) return;
  writer.key("extra_content").begin_object().key("google").begin_object();
  writer.member("thought_signature", chat::wrap_signature(signature, "google")).end_object().end_object();
}

void write_messages(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                    chat::Losses& losses) {
  MessageWriter(writer, request, context, losses).write();
}

}  // namespace tollgate::gateway::oai
