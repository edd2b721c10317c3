// Messages of the meaning as `instructions` and `input` of a Responses request. Thread rule: one owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/json_write.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::responses {

class ItemsWriter {
 public:
  // All must outlive the writer.
  ItemsWriter(const chat::Request& request, const WriteContext& context, chat::Losses& losses)
      : request_(request), context_(context), losses_(losses), same_(context.same_dialect) {}

  void write(JsonWriter& writer);
  // True when a reasoning item with this family's signature was written.
  bool signed_history() const { return signed_; }

 private:
  std::size_t write_instructions(JsonWriter& writer);
  bool plain_system(const chat::Message& message) const;
  void write_message_parts(JsonWriter& writer, const chat::Message& message);
  // The content of one message item: parts [begin, end).
  void write_message_item(JsonWriter& writer, const chat::Message& message, std::size_t begin, std::size_t end);
  void write_content(JsonWriter& writer, const chat::Message& message, std::size_t begin, std::size_t end);
  void write_content_part(JsonWriter& writer, const chat::Part& part, bool assistant, bool full);
  void write_item(JsonWriter& writer, const chat::Message& message, const chat::Part& part);
  void write_call(JsonWriter& writer, const chat::Message& message, const chat::ToolCall& call);
  void write_result(JsonWriter& writer, const chat::Message& message, const chat::ToolResult& result);
  void write_output(JsonWriter& writer, const chat::Message& message, const chat::ToolResult& result);
  void write_thinking(JsonWriter& writer, const chat::Message& message, const chat::Thinking& thinking);
  void write_image(JsonWriter& writer, const chat::Message& message, const chat::Media& media);
  // Members that every item may have: id, status, and what the meaning has no place for.
  void write_head(JsonWriter& writer, const chat::Message& message);
  bool answers_custom(const chat::ToolResult& result) const;
  std::string_view call_id(const std::string& id, bool is_result);
  // "messages[2].<what>" of the message being written.
  void lose(std::string_view what);

  const chat::Request& request_;
  const WriteContext& context_;
  chat::Losses& losses_;
  bool same_, signed_ = false;
  std::string made_id_;
  std::size_t index_ = 0;                                  // of the message being written
  std::size_t nameless_calls_ = 0, nameless_results_ = 0;  // so far, of those without an id
};

}  // namespace tollgate::gateway::responses
