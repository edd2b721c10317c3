// Chat events as the caller's stream of Messages events. Thread rule: one owner.
#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Event;
using Kind = Event::Kind;
using Delta = Event::Delta;

// Blocks are opened when their first content comes: only then is it known whether a thought is redacted, whether a
// signature goes before its call, and whether there is a text at all (the API refuses empty ones in the next turn).
class Writer final : public EventWriter {
 public:
  explicit Writer(const StreamOptions& options) : model_(options.model), id_(options.id) {}
  void write(const Event& event, std::string& out) override;

 private:
  enum class Block : unsigned char { none, text, thinking, call, opaque };

  void start(const chat::Reply& reply, std::string& out);
  void part_begin(const chat::Part& head, int part, std::string& out);
  void delta(const Event& event, std::string& out);
  void text_delta(const std::string& text, std::string& out);
  void signature(const chat::Signature& signature, std::string& out);
  void redacted(const chat::Signature& signature, std::string& out);
  void citation(const chat::Citation& citation, std::string& out);
  void open(std::string& out);
  void opaque(std::string& out);
  void block(std::string& out, std::string_view json);
  void close(std::string& out);
  void part_end(std::string& out);
  void end(std::string& out);
  void ending(JsonWriter& writer);
  void error(const Error& error, std::string& out);
  // Begins the frame of an event inside the open block; the caller adds members and ends it.
  JsonWriter frame(std::string& out, std::string_view name) {
    out.append("event: ").append(name).append("\ndata: ");
    JsonWriter writer(out);
    writer.begin_object().member("type", name);
    return writer;
  }
  static void end_frame(JsonWriter& writer, std::string& out) {
    writer.end_object();
    out += "\n\n";
  }

  std::string model_, id_;
  chat::Part head_;  // of the part that has begun
  Block kind_ = Block::none;
  bool open_ = false;        // the block of the part was opened
  bool had_text_ = false;    // the part said something
  std::string opaque_;       // an opaque part's block
  chat::Signature pending_;  // of a call or text, not yet written
  chat::Signature signed_;   // what the part's head brought along
  std::int64_t index_ = 0;   // of the open block, or the next one
  chat::Choice tail_;
  Usage usage_;
  bool started_ = false, calls_ = false, over_ = false, same_dialect_ = false;
};

void Writer::write(const Event& event, std::string& out) {
  if (over_ || event.choice != 0) return;
  switch (event.kind) {
    case Kind::start:
      return start(event.reply, out);
    case Kind::part_begin:
      part_end(out);
      start({}, out);
      return part_begin(event.part_head, event.part, out);
    case Kind::delta:
      return delta(event, out);
    case Kind::part_end:
      return part_end(out);
    case Kind::choice_end:
      part_end(out);
      tail_ = event.choice_tail;
      return;
    case Kind::usage:
      usage_ = event.usage;
      return;
    case Kind::end:
      return end(out);
    case Kind::error:
      return error(event.error, out);
    case Kind::ping: {
      JsonWriter writer = frame(out, "ping");
      return end_frame(writer, out);
    }
  }
}

void Writer::start(const chat::Reply& reply, std::string& out) {
  if (std::exchange(started_, true)) return;
  same_dialect_ = reply.dialect == kDialect;
  JsonWriter writer = frame(out, "message_start");
  writer.key("message")
      .begin_object()
      .member("id", message_id(reply.id, id_))
      .member("type", "message")
      .member("role", "assistant")
      .member("model", model_.empty() ? reply.model : model_)
      .raw_member("content", "[]")
      .raw_member("stop_reason", "null")
      .raw_member("stop_sequence", "null")
      .key("usage");
  write_usage(writer, reply.usage, reply.service_tier);
  if (same_dialect_) write_plain(writer, reply.extra);
  writer.end_object();
  end_frame(writer, out);
}

void Writer::part_begin(const chat::Part& head, int part, std::string& out) {
  head_ = head;
  open_ = had_text_ = false;
  kind_ = Block::none;
  signed_ = {};
  if (auto* text = head_.get<chat::Text>()) {
    kind_ = Block::text;
    signed_ = text->signature;
    text_delta(text->text, out);
  } else if (auto* call = head_.get<chat::ToolCall>()) {
    kind_ = Block::call;
    calls_ = true;
    call->id = call_id_in(id_, call->id, static_cast<std::size_t>(part));
    signature(call->signature, out);
    text_delta(call->arguments, out);
  } else if (auto* thinking = head_.get<chat::Thinking>()) {
    kind_ = Block::thinking;
    signed_ = thinking->signature;
    text_delta(thinking->text, out);
    redacted(thinking->redacted, out);
  } else if (const auto* opaque = head_.get<chat::Opaque>()) {
    if (opaque->dialect != kDialect) return;
    kind_ = Block::opaque;
    opaque_ = opaque->json;
  } else {
    kind_ = Block::text;  // a refusal, or the transcript of a sound
  }
}

void Writer::block(std::string& out, std::string_view json) {
  JsonWriter writer = frame(out, "content_block_start");
  writer.member("index", index_).raw_member("content_block", json);
  end_frame(writer, out);
}

void Writer::open(std::string& out) {
  if (std::exchange(open_, true)) return;
  JsonWriter writer = frame(out, "content_block_start");
  writer.member("index", index_).key("content_block").begin_object();
  if (kind_ == Block::text) writer.member("type", "text").member("text", "");
  if (kind_ == Block::thinking) writer.member("type", "thinking").member("thinking", "").member("signature", "");
  if (const auto* call = head_.get<chat::ToolCall>())
    writer.member("type", "tool_use").member("id", call->id).member("name", call->name).raw_member("input", "{}");
  if (same_dialect_) write_plain(writer, head_.extra);
  writer.end_object();
  end_frame(writer, out);
}

void Writer::close(std::string& out) {
  if (!std::exchange(open_, false)) return;
  JsonWriter writer = frame(out, "content_block_stop");
  writer.member("index", index_++);
  end_frame(writer, out);
}

void Writer::text_delta(const std::string& text, std::string& out) {
  if (text.empty()) return;
  open(out);
  had_text_ = true;
  JsonWriter writer = frame(out, "content_block_delta");
  writer.member("index", index_).key("delta").begin_object();
  if (kind_ == Block::text) writer.member("type", "text_delta").member("text", text);
  if (kind_ == Block::thinking) writer.member("type", "thinking_delta").member("thinking", text);
  if (kind_ == Block::call) writer.member("type", "input_json_delta").member("partial_json", text);
  writer.end_object();
  end_frame(writer, out);
}

void Writer::delta(const Event& event, std::string& out) {
  if (kind_ == Block::none) return;
  switch (event.delta) {
    case Delta::text:
      if (kind_ == Block::text || kind_ == Block::thinking) text_delta(event.text, out);
      return;
    case Delta::arguments:
      if (kind_ == Block::call) text_delta(event.text, out);
      return;
    case Delta::transcript:
      if (kind_ == Block::text) text_delta(event.text, out);
      return;
    case Delta::signature:
      return signature(event.signature, out);
    case Delta::redacted:
      return redacted(event.signature, out);
    case Delta::citation:
      return citation(event.citation, out);
    case Delta::opaque:
      if (kind_ == Block::opaque) opaque_ = event.text;
      return;
    case Delta::data:
    case Delta::logprobs:
      return;
  }
}

void Writer::signature(const chat::Signature& signature, std::string& out) {
  if (signature.empty() || kind_ == Block::opaque) return;
  signed_ = {};
  if (kind_ == Block::thinking) {
    open(out);
    chat::Thinking thinking = *head_.get<chat::Thinking>();
    thinking.signature = signature;
    JsonWriter writer = frame(out, "content_block_delta");
    writer.member("index", index_).key("delta").begin_object();
    writer.member("type", "signature_delta").member("signature", signature_slot(thinking)).end_object();
    return end_frame(writer, out);
  }
  pending_ = signature;
  // Before its call where that has not begun; else, and for texts, behind.
  if (kind_ == Block::call && !open_) redacted({}, out);
}

// A block of its own: a redacted thought, or a signature in hiding.
void Writer::redacted(const chat::Signature& signature, std::string& out) {
  std::string data;
  if (!pending_.empty()) {
    const auto* call = head_.get<chat::ToolCall>();
    data = call ? write_marker({.kind = Marker::Kind::call, .id = call->id, .signature = pending_})
                : text_marker(pending_, !had_text_);
    pending_ = {};
  } else if (kind_ == Block::thinking && !signature.empty()) {
    chat::Thinking thinking = *head_.get<chat::Thinking>();
    thinking.redacted = signature;
    data = redacted_slot(thinking);
  } else {
    return;
  }
  close(out);
  std::string json;
  JsonWriter(json).begin_object().member("type", "redacted_thinking").member("data", data).end_object();
  block(out, json);
  open_ = true;
  close(out);
}

void Writer::citation(const chat::Citation& citation, std::string& out) {
  if (kind_ != Block::text || !can_cite(citation)) return;
  open(out);
  JsonWriter writer = frame(out, "content_block_delta");
  writer.member("index", index_).key("delta").begin_object().member("type", "citations_delta").key("citation");
  write_citation(writer, citation);
  writer.end_object();
  end_frame(writer, out);
}

// Tools that the vendor runs get their input as the vendor sends it: an empty one first, then a delta.
void Writer::opaque(std::string& out) {
  const auto parsed = piece_parser().parse(opaque_);
  if (!parsed || !parsed->is_object()) return;
  const JsonValue input = (*parsed)["input"];
  const bool streams =
      input.is_object() && input.size() > 0 && (*parsed)["type"].as_string().value_or("").ends_with("tool_use");
  open_ = true;
  if (!streams) return block(out, opaque_);
  std::string json;
  JsonWriter head(json);
  head.begin_object();
  parsed->members([&](std::string_view name, JsonValue value) {
    head.key(name);
    name == "input" ? head.raw("{}") : head.value(value);
  });
  head.end_object();
  block(out, json);
  JsonWriter writer = frame(out, "content_block_delta");
  writer.member("index", index_).key("delta").begin_object();
  writer.member("type", "input_json_delta").member("partial_json", input.text()).end_object();
  end_frame(writer, out);
}

void Writer::part_end(std::string& out) {
  if (kind_ == Block::none) return;
  if (kind_ == Block::opaque) opaque(out);
  if (kind_ == Block::call) open(out);
  if (!signed_.empty()) signature(std::exchange(signed_, {}), out);
  close(out);
  redacted({}, out);
  kind_ = Block::none;
}

void Writer::end(std::string& out) {
  over_ = true;
  part_end(out);
  start({}, out);
  {
    JsonWriter writer = frame(out, "message_delta");
    ending(writer);
    end_frame(writer, out);
  }
  JsonWriter writer = frame(out, "message_stop");
  end_frame(writer, out);
}

void Writer::ending(JsonWriter& writer) {
  writer.key("delta").begin_object().member("stop_reason", stop_reason_of(tail_, calls_ && !same_dialect_));
  writer.key("stop_sequence");
  tail_.stop_sequence.empty() ? writer.null() : writer.string(tail_.stop_sequence);
  const auto* edits = find_extra(tail_.extra, "context_management");
  if (same_dialect_)
    for (const auto& [name, value] : tail_.extra)
      if (name != "context_management") writer.raw_member(name, value);
  writer.end_object().key("usage");
  write_delta_usage(writer, usage_);
  if (same_dialect_ && edits) writer.raw_member("context_management", *edits);
}

void Writer::error(const Error& error, std::string& out) {
  over_ = true;
  out += "event: error\ndata: ";
  out += error_text(error);
  out += "\n\n";
}

}  // namespace

std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options) {
  return std::make_unique<Writer>(options);
}

}  // namespace tollgate::gateway::claude
