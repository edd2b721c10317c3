// Streams of ConverseStream, read. A block of text or thought begins with its first delta; only calls, results and
// pictures have a start of their own. Thread rule: one owner.
#include <utility>

#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Event;
using chat::Part;

class Reader final : public EventReader {
 public:
  void read(std::string_view event, std::string_view data, chat::Events& out) override;
  void finish(chat::Events& out) override;
  // The counts come behind the last word, and may be missing.
  bool may_end() const override { return stopped_ && !failed_; }

 private:
  enum class Open : unsigned char { none, part, opaque };
  void start(chat::Events& out);
  void begin(Part part, std::int64_t index, chat::Events& out);
  void end_part(chat::Events& out);
  std::string whole_opaque();
  void block_start(JsonValue event, chat::Events& out);
  void block_delta(JsonValue event, chat::Events& out);
  void call_delta(JsonValue input, std::int64_t index, chat::Events& out);
  void thinking_delta(JsonValue value, std::int64_t index, chat::Events& out);
  void image_delta(JsonValue value, std::int64_t index, chat::Events& out);
  void result_delta(JsonValue value);
  void stop(JsonValue event, chat::Events& out);
  void end(chat::Events& out);
  void fail(Error error, chat::Events& out);
  Event& delta(Event::Delta kind, chat::Events& out);
  // Makes a part of this kind the open one, if it is not.
  template <class T>
  void need(std::int64_t index, chat::Events& out) {
    if (open_ == Open::part && index == index_ && head_.get<T>()) return;
    begin({.what = T{}}, index, out);
  }

  JsonReader json_;
  Open open_ = Open::none;
  std::int64_t index_ = -1;  // the service's number of the open block
  int parts_ = 0;            // begun so far
  Part head_;                // of the open part
  std::string block_;        // an opaque block's head
  std::string inside_;       // and the pieces of its input or content
  bool opaque_call_ = false;
  bool started_ = false, stopped_ = false, counted_ = false, ended_ = false, failed_ = false;
};

void Reader::start(chat::Events& out) {
  if (std::exchange(started_, true)) return;
  Event& event = out.emplace_back();
  event.kind = Event::Kind::start;
  event.reply.dialect = kDialect;
}

Event& Reader::delta(Event::Delta kind, chat::Events& out) {
  Event& event = out.emplace_back();
  event.kind = Event::Kind::delta;
  event.delta = kind;
  event.part = parts_ - 1;
  return event;
}

void Reader::begin(Part part, std::int64_t index, chat::Events& out) {
  start(out);
  end_part(out);
  index_ = index;
  open_ = Open::part;
  Event& event = out.emplace_back();
  event.kind = Event::Kind::part_begin;
  event.part = parts_++;
  event.part_head = part;
  head_ = std::move(part);
}

void Reader::end_part(chat::Events& out) {
  if (open_ == Open::none) return;
  if (open_ == Open::opaque) {
    delta(Event::Delta::opaque, out).text = whole_opaque();
  }
  open_ = Open::none;
  Event& event = out.emplace_back();
  event.kind = Event::Kind::part_end;
  event.part = parts_ - 1;
}

// As a whole reply would have it: {"toolUse":{"toolUseId":"x","name":"y","type":"server_tool_use","input":{...}}}
std::string Reader::whole_opaque() {
  std::string whole = std::exchange(block_, {});
  const std::string inside = std::exchange(inside_, {});
  if (!opaque_call_) return whole + "\"content\":[" + inside + "]}}";
  JsonReader reader;
  whole += "\"input\":";
  if (const auto input = reader.parse(inside)) {
    input->append_to(whole);
  } else if (inside.empty()) {
    whole += "{}";
  } else {
    JsonWriter(whole).string(inside);
  }
  return whole + "}}";
}

void Reader::block_start(JsonValue event, chat::Events& out) {
  const std::int64_t index = event["contentBlockIndex"].as_int().value_or(parts_);
  const JsonValue start = event["start"], call = start["toolUse"], result = start["toolResult"];
  const JsonValue served = result.is_object() ? result : call;
  const auto type = served["type"].as_string().value_or("");
  if (result.is_object() || type == "server_tool_use") {
    begin({.what = chat::Opaque{.dialect = std::string(kDialect), .type = std::string(type)}}, index, out);
    open_ = Open::opaque;
    opaque_call_ = !result.is_object();
    block_ = opaque_call_ ? R"({"toolUse":)" : R"({"toolResult":)";
    served.append_to(block_);
    block_.pop_back();
    if (!block_.ends_with('{')) block_ += ',';
  } else if (call.is_object()) {
    std::vector<Part> parts;
    read_block(start, parts);
    if (auto* made = parts.back().get<chat::ToolCall>()) made->arguments.clear();
    begin(std::move(parts.back()), index, out);
  } else if (const JsonValue image = start["image"]; image.is_object()) {
    Part part;
    read_media(chat::Media::Kind::image, image, part);
    begin(std::move(part), index, out);
  }
}

void Reader::call_delta(JsonValue input, std::int64_t index, chat::Events& out) {
  const auto text = input.as_string().value_or("");
  if (open_ == Open::opaque && index == index_) {
    inside_ += text;
    return;
  }
  need<chat::ToolCall>(index, out);
  if (!text.empty()) delta(Event::Delta::arguments, out).text = text;
}

void Reader::thinking_delta(JsonValue value, std::int64_t index, chat::Events& out) {
  value.members([&](std::string_view key, JsonValue member) {
    const auto text = member.as_string();
    if (!text) return;
    if (key == "text") {
      need<chat::Thinking>(index, out);
      if (!text->empty()) delta(Event::Delta::text, out).text = *text;
    } else if (key == "signature") {
      need<chat::Thinking>(index, out);
      delta(Event::Delta::signature, out).signature = chat::unwrap_signature(*text, kFamily);
    } else if (key == "redactedContent") {
      need<chat::Thinking>(index, out);
      delta(Event::Delta::redacted, out).signature = read_redacted(*text);
    }
  });
}

void Reader::image_delta(JsonValue value, std::int64_t index, chat::Events& out) {
  const auto bytes = value["source"]["bytes"].as_string();
  if (!bytes) return;
  need<chat::Media>(index, out);
  delta(Event::Delta::data, out).text = *bytes;
}

void Reader::result_delta(JsonValue value) {
  if (open_ != Open::opaque || opaque_call_) return;
  value.elements([&](JsonValue piece) {
    if (!inside_.empty()) inside_ += ',';
    piece.append_to(inside_);
  });
}

void Reader::block_delta(JsonValue event, chat::Events& out) {
  JsonValue said, where;
  event.members([&](std::string_view key, JsonValue value) {
    if (key == "delta") said = value;
    if (key == "contentBlockIndex") where = value;
  });
  const std::int64_t index = where.as_int().value_or(index_);
  said.members([&](std::string_view key, JsonValue value) {
    if (key == "text") {
      need<chat::Text>(index, out);
      if (const auto text = value.as_string(); text && !text->empty()) delta(Event::Delta::text, out).text = *text;
    } else if (key == "toolUse") {
      call_delta(value["input"], index, out);
    } else if (key == "reasoningContent") {
      thinking_delta(value, index, out);
    } else if (key == "citation") {
      need<chat::Text>(index, out);
      delta(Event::Delta::citation, out).citation = read_citation(value);
    } else if (key == "toolResult") {
      result_delta(value);
    } else if (key == "image") {
      image_delta(value, index, out);
    }
  });
}

void Reader::stop(JsonValue event, chat::Events& out) {
  if (std::exchange(stopped_, true)) return;
  start(out);
  end_part(out);
  Event& tail = out.emplace_back();
  tail.kind = Event::Kind::choice_end;
  tail.choice_tail.finish_raw = text_or_empty(event["stopReason"]);
  tail.choice_tail.finish = finish_of(tail.choice_tail.finish_raw);
  if (tail.choice_tail.finish == chat::Finish::unset) tail.choice_tail.finish = chat::Finish::other;
  const JsonValue fields = event["additionalModelResponseFields"];
  tail.choice_tail.stop_sequence = stop_sequence_in(fields);
  if (fields.is_object()) keep_extra(tail.choice_tail.extra, "additionalModelResponseFields", fields);
  if (counted_) end(out);
}

void Reader::end(chat::Events& out) {
  if (std::exchange(ended_, true)) return;
  out.emplace_back().kind = Event::Kind::end;
}

void Reader::fail(Error error, chat::Events& out) {
  failed_ = true;
  end_part(out);
  Event& event = out.emplace_back();
  event.kind = Event::Kind::error;
  event.error = std::move(error);
}

void Reader::read(std::string_view event, std::string_view data, chat::Events& out) {
  if (failed_ || ended_) return;
  if (is_exception(event)) return fail(stream_error(event, data), out);
  const auto root = json_.parse(data);
  if (!root || !root->is_object())
    return fail({.kind = ErrorKind::retry_same,
                 .status = 502,
                 .code = "upstream_bad_stream",
                 .message = "Bedrock sent an event that is no JSON object"},
                out);
  if (stopped_ && event != "metadata") return;
  if (event == "contentBlockDelta") {
    block_delta(*root, out);
  } else if (event == "contentBlockStart") {
    block_start(*root, out);
  } else if (event == "contentBlockStop") {
    end_part(out);
  } else if (event == "messageStart") {
    start(out);
  } else if (event == "messageStop") {
    stop(*root, out);
  } else if (event == "metadata") {  // the counts, which billing reads
    counted_ = true;
    if (stopped_) end(out);
  }
}

void Reader::finish(chat::Events& out) {
  if (failed_) return;
  end_part(out);
  if (stopped_) end(out);
}

}  // namespace

std::unique_ptr<EventReader> make_event_reader() { return std::make_unique<Reader>(); }

}  // namespace tollgate::gateway::bedrock
