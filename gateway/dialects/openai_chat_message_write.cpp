// Messages of the dialect openai.chat, written: results become messages of their own, neighbouring messages of an
// assistant become one where a call or a thought stands alone. Thread rule: see openai_chat.h.
#include "gateway/dialects/openai_chat_message_write.h"

#include <algorithm>

namespace tollgate::gateway::oai {
namespace {

using chat::Message;
using chat::Part;
using chat::Role;

bool only_thoughts_and_calls(const Message& message) {
  return std::all_of(message.parts.begin(), message.parts.end(),
                     [](const Part& part) { return part.get<chat::Thinking>() || part.get<chat::ToolCall>(); });
}

bool holds_call(const PartList& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const Part* part) { return part->get<chat::ToolCall>(); });
}

class MessageWriter : MessagePieces {
 public:
  MessageWriter(const Writing& writing, const chat::Request& request)
      : MessagePieces(writing), writing_(writing), request_(request) {}

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

  void write_system(const Message& message, std::size_t index) {
    begin(message.role == Role::developer && quirks_.developer_role ? "developer" : "system");
    PartList parts;
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
    PartList rest;
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
    PartList content;
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

  // ---- assistant

  // Writes the message at `first` and those that belong to the same turn; gives the index of the last.
  std::size_t write_assistants(std::size_t first) {
    const auto& messages = request_.messages;
    PartList parts;
    std::size_t last = first;
    bool bare = true;
    for (;; ++last) {
      for (const Part& part : messages[last].parts) parts.push_back(&part);
      bare = bare && only_thoughts_and_calls(messages[last]);
      if (same_ || last + 1 == messages.size() || messages[last + 1].role != Role::assistant) break;
      if (!bare && !holds_call(parts) && !only_thoughts_and_calls(messages[last + 1])) break;
    }
    write_assistant(writing_, parts, messages[first], first);
    return last;
  }

  const Writing& writing_;
  const chat::Request& request_;
  std::string schema_;
  PartList moved_media_;
};

constexpr const char* kMediaNames[] = {"image", "document", "audio", "video"};

}  // namespace

void MessagePieces::end(const Message& message) {
  if (!message.name.empty() && quirks_.no_message_name) {
    losses_.add(chat::Field::message_name);
  } else {
    writer_.member_if("name", message.name);
  }
  if (same_) write_own(writer_, message.extra);
  writer_.end_object();
}

void MessagePieces::lose_media(const chat::Media& media, std::size_t index) {
  losses_.add("messages[" + std::to_string(index) + "]." + kMediaNames[static_cast<std::size_t>(media.kind)]);
}

bool MessagePieces::is_plain(const Part& part) const {
  return part.get<chat::Text>() && !cache_written(part, parts_) && (!same_ || part.extra.empty());
}

void MessagePieces::write_content(const PartList& parts, std::size_t index) {
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

std::string MessagePieces::text_alone(const PartList& parts, std::size_t index) {
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
      lose_media(*media, index);
    }
  }
  return out;
}

void write_messages(JsonWriter& writer, const chat::Request& request, const WriteContext& context,
                    chat::Losses& losses) {
  const Quirks& quirks = context.quirks;
  const Writing writing{writer, quirks, context.same_dialect, losses,
                        CallIds(request, quirks.short_tool_ids, context.same_dialect)};
  MessageWriter(writing, request).write();
}

}  // namespace tollgate::gateway::oai
