// Streams of ConverseStream, written as AWS messages. Thread rule: one owner.
#include <utility>

#include "core/aws_event_stream.h"
#include "gateway/dialects/bedrock_blocks.h"
#include "gateway/dialects/bedrock_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::bedrock {
namespace {

using chat::Event;
using chat::Part;

class Writer final : public EventWriter {
 public:
  void write(const Event& event, std::string& out) override;

 private:
  void begin(const Event& event, std::string& out);
  void block_start(std::string& out);
  void delta(const Event& event, std::string& out);
  void opaque(const std::string& json, std::string& out);
  void opaque_inside(JsonValue block, std::string& out);
  void end_part(std::string& out);
  void stop(const chat::Choice& tail, std::string& out);
  void metadata(std::string& out);
  // One contentBlockDelta; `say` writes the member of `delta`.
  template <class Say>
  void block_delta(std::string& out, Say&& say) {
    said_ = true;
    payload_.clear();
    JsonWriter writer(payload_);
    writer.begin_object().member("contentBlockIndex", index_).key("delta").begin_object();
    say(writer);
    writer.end_object().end_object();
    write_aws_event(out, "contentBlockDelta", payload_);
  }
  void send(std::string& out, std::string_view event) { write_aws_event(out, event, payload_); }

  bool own_ = false;
  int index_ = -1;  // of the open block
  Part head_;       // of the open part
  bool open_ = false, said_ = false, ended_ = false;
  Usage usage_;
  std::string payload_;
};

void Writer::begin(const Event& event, std::string& out) {
  ++index_;
  head_ = event.part_head;
  open_ = true;
  said_ = false;
  const bool started = head_.get<chat::ToolCall>() || head_.get<chat::Media>();
  if (started) block_start(out);
  if (const auto* whole = head_.get<chat::Opaque>(); whole && !whole->json.empty()) opaque(whole->json, out);
}

void Writer::block_start(std::string& out) {
  payload_.clear();
  JsonWriter writer(payload_);
  writer.begin_object().member("contentBlockIndex", index_).key("start").begin_object();
  if (const auto* call = head_.get<chat::ToolCall>()) {
    writer.key("toolUse").begin_object();
    writer.member("toolUseId", own_ ? call->id : fitting_call_id(call->id, Vendor::unknown)).member("name", call->name);
    if (own_) write_extra_under(writer, head_.extra, "~toolUse.");
    writer.end_object();
  } else if (const auto* media = head_.get<chat::Media>()) {
    const std::string_view format = format_of(*media);
    writer.key("image").begin_object().member("format", format.empty() ? "png" : format).end_object();
  }
  writer.end_object().end_object();
  send(out, "contentBlockStart");
}

void Writer::delta(const Event& event, std::string& out) {
  using Delta = Event::Delta;
  const auto thought = [&](std::string_view member, std::string_view value) {
    block_delta(out, [&](JsonWriter& writer) {
      writer.key("reasoningContent").begin_object().member(member, value).end_object();
    });
  };
  switch (event.delta) {
    case Delta::text:
      if (head_.get<chat::Thinking>()) return thought("text", event.text);
      return block_delta(out, [&](JsonWriter& writer) { writer.member("text", event.text); });
    case Delta::arguments:
      return block_delta(out, [&](JsonWriter& writer) {
        writer.key("toolUse").begin_object().member("input", event.text).end_object();
      });
    case Delta::signature:
      if (head_.get<chat::Thinking>()) thought("signature", chat::wrap_signature(event.signature, kFamily));
      return;
    case Delta::redacted:
      return thought("redactedContent", redacted_bytes(event.signature, true));
    case Delta::citation:
      return block_delta(out, [&](JsonWriter& writer) {
        writer.key("citation");
        write_citation(writer, event.citation);
      });
    case Delta::data:
      return block_delta(out, [&](JsonWriter& writer) {
        writer.key("image").begin_object().key("source").begin_object().member("bytes", event.text);
        writer.end_object().end_object();
      });
    case Delta::opaque:
      return opaque(event.text, out);
    case Delta::transcript:
    case Delta::logprobs:
      return;  // no place
  }
}

// A block of the service's own tools is taken apart into the events that spell it.
void Writer::opaque(const std::string& json, std::string& out) {
  JsonReader reader;
  const auto root = reader.parse(json);
  const auto* head = head_.get<chat::Opaque>();
  if (!root || !head || head->dialect != kDialect) return;
  const bool call = (*root)["toolUse"].is_object();
  const JsonValue block = (*root)[call ? "toolUse" : "toolResult"];
  if (!block.is_object()) return;
  payload_.clear();
  JsonWriter writer(payload_);
  writer.begin_object().member("contentBlockIndex", index_).key("start").begin_object();
  writer.key(call ? "toolUse" : "toolResult").begin_object();
  block.members([&](std::string_view key, JsonValue value) {
    if (key != "input" && key != "content") writer.key(key).value(value);
  });
  writer.end_object().end_object().end_object();
  send(out, "contentBlockStart");
  opaque_inside(block, out);
}

void Writer::opaque_inside(JsonValue block, std::string& out) {
  if (const JsonValue input = block["input"]; input.present())
    block_delta(out, [&](JsonWriter& writer) {
      writer.key("toolUse").begin_object().member("input", input.text()).end_object();
    });
  if (const JsonValue content = block["content"]; content.is_array())
    block_delta(out, [&](JsonWriter& writer) { writer.key("toolResult").value(content); });
}

void Writer::end_part(std::string& out) {
  if (!std::exchange(open_, false)) return;
  const auto* opaque = head_.get<chat::Opaque>();
  if (opaque && !said_) {  // of another dialect: there was no such block
    --index_;
    return;
  }
  if (!said_ && head_.get<chat::Thinking>()) {
    block_delta(
        out, [](JsonWriter& writer) { writer.key("reasoningContent").begin_object().member("text", "").end_object(); });
  } else if (!said_ && !head_.get<chat::ToolCall>() && !head_.get<chat::Media>()) {
    block_delta(out, [](JsonWriter& writer) { writer.member("text", ""); });
  }
  payload_.clear();
  JsonWriter(payload_).begin_object().member("contentBlockIndex", index_).end_object();
  send(out, "contentBlockStop");
}

void Writer::stop(const chat::Choice& tail, std::string& out) {
  end_part(out);
  payload_.clear();
  JsonWriter writer(payload_);
  writer.begin_object().member("stopReason", stop_reason_of(tail.finish, tail.finish_raw));
  const std::string_view fields = extra_value(tail.extra, "additionalModelResponseFields");
  if (own_ && !fields.empty()) {
    writer.raw_member("additionalModelResponseFields", fields);
  } else if (!tail.stop_sequence.empty()) {
    writer.key("additionalModelResponseFields").begin_object();
    writer.key("delta").begin_object().member("stop_sequence", tail.stop_sequence).end_object().end_object();
  }
  writer.end_object();
  send(out, "messageStop");
}

void Writer::metadata(std::string& out) {
  payload_.clear();
  JsonWriter writer(payload_);
  writer.begin_object();
  if (usage_.reported) {
    writer.key("usage");
    write_usage(writer, usage_);
  }
  writer.key("metrics").begin_object().member("latencyMs", 0).end_object();
  if (!usage_.served_tier.empty())
    writer.key("serviceTier").begin_object().member("type", usage_.served_tier).end_object();
  writer.end_object();
  send(out, "metadata");
}

void Writer::write(const Event& event, std::string& out) {
  if (ended_ || event.choice != 0) return;
  switch (event.kind) {
    case Event::Kind::start:
      own_ = event.reply.dialect == kDialect;
      return write_aws_event(out, "messageStart", R"({"role":"assistant"})");
    case Event::Kind::part_begin:
      return begin(event, out);
    case Event::Kind::delta:
      return delta(event, out);
    case Event::Kind::part_end:
      return end_part(out);
    case Event::Kind::choice_end:
      return stop(event.choice_tail, out);
    case Event::Kind::usage:
      usage_ = event.usage;
      return;
    case Event::Kind::end:
      ended_ = true;
      return metadata(out);
    case Event::Kind::error:
      ended_ = true;
      return write_aws_exception(out, exception_of(event.error.kind), write_error(event.error));
    case Event::Kind::ping:
      return;
  }
}

}  // namespace

std::unique_ptr<EventWriter> make_event_writer(const StreamOptions&) { return std::make_unique<Writer>(); }

}  // namespace tollgate::gateway::bedrock
