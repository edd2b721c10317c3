// Messages as items: texts and media of one message are one item, each call, result, thought and vendor-run item its
// own.
#include "gateway/dialects/openai_responses_items_write.h"

#include <algorithm>

#include "core/sha256.h"
#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"

namespace tollgate::gateway::responses {
namespace {

constexpr std::size_t kLongestCallId = 64;

std::string_view role_word(chat::Role role) {
  switch (role) {
    case chat::Role::system:
      return "system";
    case chat::Role::developer:
      return "developer";
    case chat::Role::assistant:
      return "assistant";
    case chat::Role::user:
      break;
  }
  return "user";
}

// True for parts that stand inside of a message item.
bool is_content(const chat::Part& part, chat::Role role) {
  if (part.get<chat::Text>() || part.get<chat::Refusal>()) return true;
  if (const auto* opaque = part.get<chat::Opaque>())
    return opaque->dialect == kName && find_extra(part.extra, "~content");
  return part.get<chat::Media>() && role != chat::Role::assistant;
}

bool is_plain(const chat::Part& part) {
  const auto* text = part.get<chat::Text>();
  return text && text->citations.empty() && !part.cache.set && part.extra.empty();
}

}  // namespace

void ItemsWriter::lose(std::string_view what) {
  losses_.add("messages[" + std::to_string(index_) + "]." + std::string(what));
}

void ItemsWriter::write(JsonWriter& writer) {
  const auto& messages = request_.messages;
  index_ = write_instructions(writer);
  if (same_ && index_ + 1 == messages.size() && find_extra(request_.extra, "~input")) {
    writer.member("input", chat::joined_text(messages.back().parts));
    return;
  }
  // A stored prompt may be all the input there is.
  if (same_ && index_ == messages.size()) return;
  writer.key("input").begin_array();
  for (; index_ < messages.size(); ++index_) write_message_parts(writer, messages[index_]);
  writer.end_array();
}

bool ItemsWriter::plain_system(const chat::Message& message) const {
  if (message.role != chat::Role::system || message.parts.empty()) return false;
  const bool keep_marks = context_.quirks.cache_control;
  return std::all_of(message.parts.begin(), message.parts.end(),
                     [&](const chat::Part& part) { return part.get<chat::Text>() && !(part.cache.set && keep_marks); });
}

// Returns how many messages it has used up.
std::size_t ItemsWriter::write_instructions(JsonWriter& writer) {
  const auto& messages = request_.messages;
  if (same_) {
    if (messages.empty() || !find_extra(messages.front().extra, "~instructions")) return 0;
    writer.member("instructions", chat::joined_text(messages.front().parts));
    return 1;
  }
  std::string text;
  std::size_t used = 0;
  bool first = true;
  for (; used < messages.size() && plain_system(messages[used]); ++used) {
    for (const chat::Part& part : messages[used].parts) {
      if (!first) text += "\n\n";
      first = false;
      text += part.get<chat::Text>()->text;
    }
  }
  writer.member_if("instructions", text);
  return used;
}

void ItemsWriter::write_message_parts(JsonWriter& writer, const chat::Message& message) {
  const auto& parts = message.parts;
  if (parts.empty() && same_) write_message_item(writer, message, 0, 0);
  std::size_t at = 0;
  while (at < parts.size()) {
    std::size_t end = at;
    while (end < parts.size() && is_content(parts[end], message.role)) ++end;
    if (end == at) {
      write_item(writer, message, parts[at++]);
    } else {
      write_message_item(writer, message, at, end);
      at = end;
    }
  }
}

void ItemsWriter::write_head(JsonWriter& writer, const chat::Message& message) {
  if (!same_) return;
  writer.member_if("id", message.id);
  if (const chat::RawJson* status = find_extra(message.extra, "~status")) writer.raw_member("status", *status);
  write_extra(writer, message.extra);
}

void ItemsWriter::write_message_item(JsonWriter& writer, const chat::Message& message, std::size_t begin,
                                     std::size_t end) {
  writer.begin_object();
  if (!same_ || find_extra(message.extra, "~type")) writer.member("type", "message");
  writer.member("role", role_word(message.role));
  writer.key("content");
  write_content(writer, message, begin, end);
  write_head(writer, message);
  writer.end_object();
}

void ItemsWriter::write_content(JsonWriter& writer, const chat::Message& message, std::size_t begin, std::size_t end) {
  const auto& parts = message.parts;
  const bool as_array = same_ && find_extra(message.extra, "~content");
  if (end == begin + 1 && is_plain(parts[begin]) && !as_array) {
    writer.string(parts[begin].get<chat::Text>()->text);
    return;
  }
  writer.begin_array();
  const bool assistant = message.role == chat::Role::assistant;
  for (std::size_t i = begin; i < end; ++i)
    write_content_part(writer, parts[i], assistant, same_ && !message.id.empty());
  writer.end_array();
}

void ItemsWriter::write_content_part(JsonWriter& writer, const chat::Part& part, bool assistant, bool full) {
  const bool marks = same_ || context_.quirks.cache_control;
  if (const auto* opaque = part.get<chat::Opaque>()) {
    if (opaque->dialect == kName) {
      writer.raw(opaque->json);
    } else {  // another vendor's block in a tool's result (search results, objects): the model reads it as text
      writer.begin_object().member("type", "input_text").member("text", opaque->json).end_object();
    }
    return;
  }
  if (const auto* media = part.get<chat::Media>()) {
    // Video is named by the table of fields.
    if (!write_media(writer, part, same_, marks) && media->kind != chat::Media::Kind::video) lose("media");
    return;
  }
  writer.begin_object();
  if (const auto* refusal = part.get<chat::Refusal>()) {
    // Only the model refuses; in other mouths it is a text.
    writer.member("type", assistant ? "refusal" : "input_text");
    writer.member(assistant ? "refusal" : "text", refusal->text);
  } else if (const auto* text = part.get<chat::Text>()) {
    writer.member("type", assistant ? "output_text" : "input_text").member("text", text->text);
    if (!text->citations.empty() || (full && assistant)) {
      writer.key("annotations").begin_array();
      for (const chat::Citation& citation : text->citations)
        if (citation.origin == kName || !citation.url.empty())
          write_annotation(writer, citation, count_characters(text->text));
      writer.end_array();
    }
  }
  write_cache_mark(writer, part, marks);
  if (same_) write_extra(writer, part.extra);
  writer.end_object();
}

void ItemsWriter::write_item(JsonWriter& writer, const chat::Message& message, const chat::Part& part) {
  if (part.cache.set && context_.quirks.cache_control) lose("cache_mark");
  if (const auto* call = part.get<chat::ToolCall>()) return write_call(writer, message, *call);
  if (const auto* result = part.get<chat::ToolResult>()) return write_result(writer, message, *result);
  if (const auto* thinking = part.get<chat::Thinking>()) return write_thinking(writer, message, *thinking);
  if (const auto* media = part.get<chat::Media>()) return write_image(writer, message, *media);
  const auto* opaque = part.get<chat::Opaque>();
  if (opaque && opaque->dialect == kName) {
    writer.raw(opaque->json);
  } else {
    losses_.add(chat::Field::opaque_history);
  }
}

// Ids longer than the API takes become a digest of themselves; calls without an id are numbered in their order, and so
// are the results without one. Valid until the next call.
std::string_view ItemsWriter::call_id(const std::string& id, bool is_result) {
  if (!id.empty() && (same_ || id.size() <= kLongestCallId)) return id;
  made_id_ = "call_";
  if (id.empty()) return made_id_ += std::to_string(is_result ? nameless_results_++ : nameless_calls_++);
  return made_id_ += sha256_hex(id).substr(0, 40);
}

void ItemsWriter::write_call(JsonWriter& writer, const chat::Message& message, const chat::ToolCall& call) {
  writer.begin_object().member("type", call.custom ? "custom_tool_call" : "function_call");
  writer.member("call_id", call_id(call.id, false)).member("name", call.name);
  const bool nothing = call.arguments.empty() && !call.custom && !same_;
  writer.member(call.custom ? "input" : "arguments", nothing ? std::string_view("{}") : call.arguments);
  write_head(writer, message);
  writer.end_object();
}

// Not every dialect says at the result what kind of tool it is of.
bool ItemsWriter::answers_custom(const chat::ToolResult& result) const {
  if (result.custom || same_) return result.custom;
  for (const chat::Message& message : request_.messages)
    for (const chat::Part& part : message.parts)
      if (const auto* call = part.get<chat::ToolCall>(); call && call->id == result.call_id) return call->custom;
  return false;
}

void ItemsWriter::write_result(JsonWriter& writer, const chat::Message& message, const chat::ToolResult& result) {
  writer.begin_object().member("type", answers_custom(result) ? "custom_tool_call_output" : "function_call_output");
  writer.member("call_id", call_id(result.call_id, true));
  writer.key("output");
  write_output(writer, message, result);
  if (same_) writer.member_if("name", result.name);
  write_head(writer, message);
  writer.end_object();
}

void ItemsWriter::write_output(JsonWriter& writer, const chat::Message& message, const chat::ToolResult& result) {
  const auto& parts = result.content;
  const bool as_array = same_ && find_extra(message.extra, "~content");
  const bool one_text = parts.size() == 1 && is_plain(parts[0]);
  if (!result.json.empty() && same_) {
    writer.raw(result.json);
    return;
  }
  if (!result.json.empty() || ((parts.empty() || one_text) && !as_array)) {
    const std::string_view text = !result.json.empty() ? std::string_view(result.json)
                                  : one_text           ? std::string_view(parts[0].get<chat::Text>()->text)
                                                       : std::string_view();
    constexpr std::string_view kFailed = "Error: ";
    if (result.is_error && !text.starts_with(kFailed)) {
      writer.string(std::string(kFailed) + std::string(text));
    } else {
      writer.string(text);
    }
    return;
  }
  writer.begin_array();
  if (result.is_error) writer.begin_object().member("type", "input_text").member("text", "Error:").end_object();
  for (const chat::Part& part : parts) {
    if (const auto* media = part.get<chat::Media>(); media && media->kind == chat::Media::Kind::video) lose("video");
    write_content_part(writer, part, false, false);
  }
  writer.end_array();
}

// Only what this family signed, or what its own client sends back; the vendor refuses other proofs.
void ItemsWriter::write_thinking(JsonWriter& writer, const chat::Message& message, const chat::Thinking& thinking) {
  const bool ours = thinking.signature.origin == kFamily;
  const bool foreign = !thinking.redacted.empty() || (!thinking.signature.empty() && !ours);
  if (foreign || (!ours && !same_)) {
    losses_.add(chat::Field::thinking_history);
    return;
  }
  signed_ = signed_ || ours;
  // What OpenAI shows of its thoughts is always a summary; a client of another dialect cannot tell.
  const bool as_summary = thinking.summary || !same_;
  writer.begin_object().member("type", "reasoning");
  const chat::RawJson* summary = find_extra(message.extra, "~summary");
  if (same_ && summary) {
    writer.raw_member("summary", *summary);
  } else if (!find_extra(message.extra, "summary")) {
    writer.key("summary").begin_array();
    if (as_summary && !thinking.text.empty())
      writer.begin_object().member("type", "summary_text").member("text", thinking.text).end_object();
    writer.end_array();
  }
  if (!as_summary || (same_ && find_extra(message.extra, "~content"))) {
    writer.key("content").begin_array();
    if (!as_summary) writer.begin_object().member("type", "reasoning_text").member("text", thinking.text).end_object();
    writer.end_array();
  }
  writer.member_if("encrypted_content", thinking.signature.value);
  // The vendor checks that the id is the one it signed.
  if (!same_ && thinking.id.starts_with("rs_")) writer.member("id", thinking.id);
  write_head(writer, message);
  writer.end_object();
}

// An image that a model made is known to the vendor by its item's id; it takes no other vendor's.
void ItemsWriter::write_image(JsonWriter& writer, const chat::Message& message, const chat::Media& media) {
  if (!same_ || media.kind != chat::Media::Kind::image) return lose("media");
  writer.begin_object().member("type", "image_generation_call").member("result", media.data);
  write_head(writer, message);
  writer.end_object();
}

}  // namespace tollgate::gateway::responses
