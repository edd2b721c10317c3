// Output: builds the `output` items of a Response from the events of a reply and, for a stream, the frames that an SDK
// follows their making by. Both whole replies and streams are written by it, so that they cannot differ.
//
// An item, and a message's part, is closed when the next one begins or the choice ends: only then is known whether a
// limit cut it off.
// Thread rule: one owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat_event.h"
#include "core/json_write.h"
#include "gateway/dialects/openai_responses_content.h"
#include "gateway/dialects/openai_responses_internal.h"

namespace tollgate::gateway::responses {

// Server-sent events with their sequence numbers; nothing when not framed.
class Frames {
 public:
  explicit Frames(bool framed) : framed_(framed) {}
  // Frames go to `out` until the next call.
  void into(std::string* out) { out_ = out; }
  template <class F>
  void send(std::string_view type, F&& fill) {
    if (!framed_) return;
    out_->append("event: ").append(type).append("\ndata: ");
    JsonWriter writer(*out_);
    writer.begin_object().member("type", type).member("sequence_number", sequence_++);
    fill(writer);
    writer.end_object();
    out_->append("\n\n");
  }
  void comment() {
    if (framed_) out_->append(": keepalive\n\n");
  }

 private:
  bool framed_;
  std::string* out_ = nullptr;
  std::int64_t sequence_ = 0;
};

class Output {
 public:
  Output(Frames& frames, const chat::Request* request) : frames_(frames), request_(request) {}

  // `own`: the reply was read in this dialect, its extras are ours. `base`: made ids end in it.
  void start(bool own, std::string base) {
    own_ = own;
    base_ = std::move(base);
  }
  void begin_part(const chat::Part& head);
  void delta(const chat::Event& event);
  void end_part();
  // No more parts. `cut`: a limit ended the reply.
  void finish(bool cut) { close_item(cut ? "incomplete" : "completed"); }
  // The items so far, as the elements of an array.
  const std::string& items() const { return items_; }

 private:
  enum class Kind : unsigned char { none, message, call, reasoning, image, opaque };
  enum class Content : unsigned char { none, text, refusal };

  void begin_content(const chat::Part& head, Content content);
  void begin_call(const chat::Part& head, const chat::ToolCall& call);
  void begin_reasoning(const chat::Part& head, const chat::Thinking& thinking);
  void begin_image(const chat::Part& head);
  void begin_opaque(const chat::Opaque& opaque);
  void open_item(Kind kind, std::string_view prefix, const chat::RawJson* known_id);
  void close_item(std::string_view status);
  void take_extra(const chat::Part& head);
  void send_added();
  void write_item(JsonWriter& writer, std::string_view status, bool whole) const;
  void write_reasoning(JsonWriter& writer, bool whole) const;
  void write_status(JsonWriter& writer, std::string_view status) const;

  void add_text(std::string_view text);
  void send_text(std::string_view text);
  void send_thought(std::string_view text);
  void begin_thought();
  void add_arguments(std::string_view piece);
  void send_arguments(std::string_view piece);
  void end_content();
  void write_content(JsonWriter& writer) const;
  void end_call();
  void end_thought();
  void send_citation(const chat::Citation& citation, std::int64_t length);
  void send_progress(bool ended);
  void close_signature();

  bool joins(const chat::Part& head) const;
  bool is_custom(const chat::ToolCall& call) const;
  bool shows_summaries() const { return request_ && !request_->reasoning.summary.empty(); }
  std::string made_id(std::string_view prefix) const;
  void place(JsonWriter& writer) const;

  Frames& frames_;
  const chat::Request* request_;
  bool own_ = false;
  std::string base_;
  std::string items_;       // finished, joined by commas
  std::int64_t index_ = 0;  // of the open item, or the next one

  // The open item.
  Kind kind_ = Kind::none;
  std::string id_;        // JSON string
  chat::Extra extra_;     // members of the item
  std::string contents_;  // finished parts of a message, joined by commas
  std::int64_t content_index_ = 0;
  std::string call_id_, name_, encrypted_;
  bool custom_ = false, wrapped_ = false, summary_ = false, thought_begun_ = false, sealed_ = false;
  chat::Signature signature_;  // of a call or text, for the item behind it
  Signed signs_ = Signed::call;
  std::string opaque_, opaque_type_;

  // The open part.
  Content content_ = Content::none;
  bool ignored_ = true;  // no place for it
  bool transcript_ = false;
  std::string text_, annotations_, logprobs_, new_logprobs_;
  std::int64_t annotation_count_ = 0;
  chat::Extra content_extra_;
  std::vector<chat::Citation> citations_;  // that wait for the length of the text
};

}  // namespace tollgate::gateway::responses
