// A vendor's stream of Messages events into chat events. Thread rule: one owner.
#include "gateway/dialects/anthropic_wire.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Event;
using Kind = Event::Kind;
using Delta = Event::Delta;

class Reader final : public EventReader {
 public:
  void read(std::string_view event, std::string_view data, chat::Events& out) override;
  void finish(chat::Events& out) override;

 private:
  void dispatch(std::string_view type, JsonValue event, chat::Events& out);
  void message_start(JsonValue message, chat::Events& out);
  void block_start(JsonValue block, chat::Events& out);
  void block_delta(JsonValue delta, chat::Events& out);
  void block_stop(chat::Events& out);
  void message_delta(JsonValue event);
  void end_choice(chat::Events& out);
  void fail(Error error, chat::Events& out);
  void start(chat::Events& out);
  Event& begin_part(chat::Events& out, chat::Part head);
  void first_texts(chat::Part& head);
  void text(Delta kind, std::string_view text, chat::Events& out);
  void opaque_delta(std::string_view type, JsonValue delta);
  Event& push(Kind kind, chat::Events& out) {
    Event& event = out.emplace_back();
    event.kind = kind;
    event.part = part_;
    return event;
  }

  JsonReader json_;
  chat::Choice tail_;
  int part_ = -1;  // of the open block, or the last one
  bool started_ = false, open_ = false, ended_choice_ = false, over_ = false;
  // Of the open block
  bool opaque_ = false, call_ = false, thinking_ = false, got_arguments_ = false;
  std::string input_;      // a call's input as its first frame said it
  std::string pieces_;     // an opaque block's input, frame by frame
  std::string block_;      // an opaque block as it stands
  std::string signature_;  // of a thinking block
  chat::Events held_;      // what the first frame said beside the head
};

Error bad_stream(std::string message) {
  return Error{
      .kind = ErrorKind::retry_elsewhere, .status = 502, .code = "upstream_bad_stream", .message = std::move(message)};
}

// Amazon's own exceptions have a name outside and only a message inside.
int exception_status(std::string_view name) {
  if (name.find("hrottling") != std::string_view::npos) return 429;
  if (name.find("alidation") != std::string_view::npos) return 400;
  if (name.find("navailable") != std::string_view::npos) return 503;
  return name.find("imeout") != std::string_view::npos ? 504 : 500;
}

void Reader::read(std::string_view event, std::string_view data, chat::Events& out) {
  if (over_) return;
  const auto parsed = json_.parse(data);
  if (!parsed || !parsed->is_object()) {
    return fail(bad_stream("an event of the vendor's stream is no JSON object"), out);
  }
  const auto type = (*parsed)["type"].as_string();
  if (!type && event.ends_with("xception")) return fail(read_error_text(exception_status(event), data), out);
  dispatch(type.value_or(event), *parsed, out);
}

void Reader::dispatch(std::string_view type, JsonValue event, chat::Events& out) {
  if (type == "content_block_delta") {
    start(out);
    block_delta(event["delta"], out);
  } else if (type == "content_block_start") {
    start(out);
    block_start(event["content_block"], out);
  } else if (type == "content_block_stop") {
    block_stop(out);
  } else if (type == "message_start") {
    // Somebody glued two replies together: what came first can neither be taken back nor be used.
    if (started_) return fail(bad_stream("the vendor's stream began a second message"), out);
    message_start(event["message"], out);
  } else if (type == "message_delta") {
    start(out);
    message_delta(event);
  } else if (type == "message_stop") {
    start(out);
    end_choice(out);
    push(Kind::end, out);
    over_ = true;
  } else if (type == "ping") {
    push(Kind::ping, out);
  } else if (type == "error") {
    fail(read_error_object(0, event["error"]), out);
  }
}

void Reader::start(chat::Events& out) {
  if (!started_) message_start({}, out);
}

void Reader::message_start(JsonValue message, chat::Events& out) {
  started_ = true;
  chat::Reply& reply = push(Kind::start, out).reply;
  reply.dialect = kDialect;
  message.members([&](std::string_view name, JsonValue value) {
    if (name == "id") {
      reply.id = text_or_empty(value);
    } else if (name == "model") {
      reply.model = text_or_empty(value);
    } else if (name == "usage") {
      reply.service_tier = text_or_empty(value["service_tier"]);
    } else if (!read_end_member(name, value, tail_) && name != "type" && name != "role" && name != "content") {
      keep_unknown(reply.extra, name, value);
    }
  });
}

Event& Reader::begin_part(chat::Events& out, chat::Part head) {
  block_stop(out);
  ++part_;
  open_ = true;
  Event& event = push(Kind::part_begin, out);
  event.part_head = std::move(head);
  return event;
}

// A head's own texts become deltas: usually there are none.
void Reader::first_texts(chat::Part& head) {
  const auto hold = [&](Delta kind) -> Event& {
    Event& event = push(Kind::delta, held_);
    event.part = part_ + 1;
    event.delta = kind;
    return event;
  };
  if (auto* text = head.get<chat::Text>()) {
    if (!text->text.empty()) hold(Delta::text).text = std::exchange(text->text, {});
    for (chat::Citation& citation : text->citations) hold(Delta::citation).citation = std::move(citation);
    text->citations.clear();
  } else if (auto* thinking = head.get<chat::Thinking>()) {
    thinking_ = true;
    if (!thinking->text.empty()) hold(Delta::text).text = std::exchange(thinking->text, {});
    if (!thinking->redacted.empty()) hold(Delta::redacted).signature = std::exchange(thinking->redacted, {});
    signature_ = std::exchange(thinking->signature, {}).value;
  } else if (auto* call = head.get<chat::ToolCall>()) {
    call_ = true;
    input_ = std::exchange(call->arguments, {});
  } else if (auto* opaque = head.get<chat::Opaque>()) {
    opaque_ = true;
    block_ = opaque->json;
  }
}

void Reader::block_start(JsonValue block, chat::Events& out) {
  block_stop(out);
  chat::Part head;
  // A block that is not understood still counts as one.
  if (!read_block(block, {.member = "content_block"}, head)) head.what = chat::Text{};
  first_texts(head);
  begin_part(out, std::move(head));
  out.insert(out.end(), std::make_move_iterator(held_.begin()), std::make_move_iterator(held_.end()));
  held_.clear();
}

void Reader::text(Delta kind, std::string_view text, chat::Events& out) {
  if (text.empty()) return;
  Event& event = push(Kind::delta, out);
  event.delta = kind;
  event.text = text;
}

void Reader::block_delta(JsonValue delta, chat::Events& out) {
  const std::string_view type = delta["type"].as_string().value_or("");
  const auto body = [&](std::string_view name) { return delta[name].as_string().value_or(""); };
  if (!open_) {
    // Some vendors leave the first frame of a text or thought out.
    if (type == "text_delta") {
      begin_part(out, {.what = chat::Text{}});
    } else if (type == "thinking_delta") {
      begin_part(out, {.what = chat::Thinking{}});
      thinking_ = true;
    } else {
      return;
    }
  }
  if (opaque_) {
    opaque_delta(type, delta);
  } else if (type == "text_delta") {
    text(Delta::text, body("text"), out);
  } else if (type == "input_json_delta") {
    got_arguments_ = got_arguments_ || !body("partial_json").empty();
    text(Delta::arguments, body("partial_json"), out);
  } else if (type == "thinking_delta") {
    text(Delta::text, body("thinking"), out);
  } else if (type == "signature_delta") {
    if (thinking_) signature_ += body("signature");
  } else if (type == "citations_delta") {
    Event& event = push(Kind::delta, out);
    event.delta = Delta::citation;
    event.citation = read_citation(delta["citation"]);
  }
}

// Server tools stream their input; a compaction streams its members.
void Reader::opaque_delta(std::string_view type, JsonValue delta) {
  if (type == "input_json_delta") {
    pieces_ += delta["partial_json"].as_string().value_or("");
    return;
  }
  const auto parsed = piece_parser().parse(block_);
  if (!parsed || !type.ends_with("_delta")) return;
  std::string merged;
  JsonWriter writer(merged);
  writer.begin_object();
  parsed->members([&](std::string_view name, JsonValue value) {
    if (name == "type" || !delta[name].present()) writer.key(name).value(value);
  });
  delta.members([&](std::string_view name, JsonValue value) {
    if (name != "type") writer.key(name).value(value);
  });
  writer.end_object();
  block_ = std::move(merged);
}

// The block with the input that came in pieces; as it stands when they spell none.
std::string with_input(const std::string& block, const std::string& input) {
  JsonReader whole;
  const auto parsed = whole.parse(block);
  const auto read = piece_parser().parse(input);
  if (input.empty() || !parsed || !read) return block;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  parsed->members(
      [&](std::string_view name, JsonValue value) { writer.key(name).value(name == "input" ? *read : value); });
  writer.end_object();
  return out;
}

void Reader::block_stop(chat::Events& out) {
  if (!open_) return;
  open_ = false;
  if (call_ && !got_arguments_) text(Delta::arguments, input_.empty() ? "{}" : input_, out);
  if (!signature_.empty()) {
    Event& event = push(Kind::delta, out);
    event.delta = Delta::signature;
    event.signature = {.value = std::exchange(signature_, {}), .origin = std::string(kFamily)};
  }
  if (opaque_) text(Delta::opaque, with_input(block_, pieces_), out);
  push(Kind::part_end, out);
  opaque_ = call_ = thinking_ = got_arguments_ = false;
  pieces_.clear();
}

void Reader::message_delta(JsonValue event) {
  event.members([&](std::string_view name, JsonValue value) {
    if (name == "delta") {
      value.members([&](std::string_view inner, JsonValue said) {
        if (!read_end_member(inner, said, tail_)) keep_unknown(tail_.extra, inner, said);
      });
    } else if (name != "type" && name != "usage") {
      read_end_member(name, value, tail_);
    }
  });
}

void Reader::end_choice(chat::Events& out) {
  block_stop(out);
  if (std::exchange(ended_choice_, true)) return;
  push(Kind::choice_end, out).choice_tail = std::move(tail_);
}

void Reader::fail(Error error, chat::Events& out) {
  block_stop(out);
  over_ = true;
  push(Kind::error, out).error = std::move(error);
}

void Reader::finish(chat::Events& out) {
  if (std::exchange(over_, true) || !started_) return;
  end_choice(out);
}

}  // namespace

std::unique_ptr<EventReader> make_event_reader() { return std::make_unique<Reader>(); }

}  // namespace tollgate::gateway::claude
