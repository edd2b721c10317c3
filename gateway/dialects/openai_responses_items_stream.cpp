// Items of a Responses stream and their parts: begun, filled, finished, one after the other.
#include <algorithm>
#include <utility>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_events_read.h"
#include "gateway/dialects/openai_responses_reply.h"

namespace tollgate::gateway::responses {
namespace {

using Event = chat::Event;

// An item says "in_progress" when it begins; what its reader is told is how it ends.
void settle_status(chat::Extra& extra) {
  for (auto& [name, value] : extra)
    if (name == "~status") value = "\"completed\"";
}

// Errors of items are not told: what is broken is passed over.
constexpr Place kNoPlace{"output"};

}  // namespace

ResponsesReader::Open* ResponsesReader::find(std::int64_t index) {
  if (index < 0) return open_.empty() ? nullptr : &open_.front();
  const auto at = std::find_if(open_.begin(), open_.end(), [&](const Open& one) { return one.index == index; });
  return at == open_.end() ? nullptr : &*at;
}

// The item that an event is for; begun now where the vendor did not say that it begins.
ResponsesReader::Open& ResponsesReader::item_of(const Wire& wire, Kind kind) {
  if (Open* open = find(wire.output_index); open && open->kind == kind) return *open;
  start({});
  Open& open = open_.emplace_back();
  open.index = wire.output_index;
  open.kind = kind;
  if (kind == Kind::reasoning) open.head.what = chat::Thinking{};
  return open;
}

ResponsesReader::Open& ResponsesReader::add_item(std::int64_t index, JsonValue value) {
  start({});
  Open& open = open_.emplace_back();
  open.index = index;
  Item item;
  if (!read_item(value, kNoPlace, item)) {
    item = {};
    item.message = true;
  }
  settle_status(item.extra);
  if (item.message) {
    item.parts.assign(1, {.what = chat::Text{}});
    std::erase_if(item.extra, [](const auto& member) { return member.first == "~content"; });
  }
  name_parts(item);
  if (item.parts.empty()) item.parts.push_back({.what = chat::Thinking{}});
  open.head = std::move(item.parts.front());
  if (item.message) return open;
  if (auto* call = open.head.get<chat::ToolCall>()) {
    open.kind = Kind::call;
    calls_ = true;
    call->arguments.clear();
    begin(open, open.head);
  } else if (auto* thinking = open.head.get<chat::Thinking>()) {
    // Whether it is a summary shows with its first text.
    open.kind = Kind::reasoning;
    *thinking = chat::Thinking{.id = thinking->id};
  } else if (open.head.get<chat::Media>()) {
    open.kind = Kind::image;
  } else {
    open.kind = value["type"].as_string() == "image_generation_call" ? Kind::image : Kind::opaque;
    if (open.kind == Kind::opaque) begin(open, open.head);
  }
  return open;
}

void ResponsesReader::item_done(std::int64_t index, JsonValue value) {
  Open* open = find(index);
  if (!open) {
    if (std::find(done_.begin(), done_.end(), index) != done_.end()) return;
    open = &add_item(index, value);
  }
  if (open->done) return;
  finish_item(*open, value);
  close(*open);
}

void ResponsesReader::finish_item(Open& open, JsonValue value) {
  if (open.kind == Kind::message) return finish_message(open, value);
  if (open.kind == Kind::opaque) {
    Event& event = emit(open, Event::Kind::delta);
    event.delta = Event::Delta::opaque;
    event.text = value.text();
    return release(event);
  }
  Item item;
  if (!read_item(value, kNoPlace, item)) return;
  name_parts(item);
  if (open.kind == Kind::reasoning) return finish_reasoning(open, item);
  if (item.parts.empty()) return;
  chat::Part& part = item.parts.front();
  if (open.kind == Kind::call) {
    const auto* call = part.get<chat::ToolCall>();
    if (call && call->arguments.size() > open.sent)
      arguments(open, std::string_view(call->arguments).substr(open.sent));
  } else if (auto* media = part.get<chat::Media>()) {
    const std::string data = std::exchange(media->data, {});
    begin(open, std::move(part));
    Event& event = emit(open, Event::Kind::delta);
    event.delta = Event::Delta::data;
    event.text = data;
    release(event);
  } else if (part.get<chat::Opaque>()) {
    begin(open, std::move(part));  // an image that was not made
  }
}

void ResponsesReader::finish_message(Open& open, JsonValue value) {
  int at = 0;
  value["content"].elements([&](JsonValue part) {
    const auto kind = part["type"].as_string();
    if (kind != "output_text" && kind != "refusal") return;
    const int place = at++;
    if (place + 1 < open.contents || (place + 1 == open.contents && !open.in_part)) return;
    if (place >= open.contents) begin_content(open, place, kind == "refusal");
    finish_content(open, part);
  });
}

void ResponsesReader::finish_reasoning(Open& open, Item& item) {
  auto* whole = item.parts.empty() ? nullptr : item.parts.front().get<chat::Thinking>();
  if (!open.in_part) {
    // The finished item knows more than the one that began it.
    if (whole) open.head.extra = item.parts.front().extra;
    settle_status(open.head.extra);
    begin_thinking(open, !whole || whole->summary);
  }
  if (!whole) return;
  rest(open, whole->text);
  const auto sign = [&](Event::Delta delta, chat::Signature& signature) {
    if (signature.empty()) return;
    Event& event = emit(open, Event::Kind::delta);
    event.delta = delta;
    event.signature = std::move(signature);
    release(event);
  };
  sign(Event::Delta::signature, whole->signature);
  sign(Event::Delta::redacted, whole->redacted);
}

// Ends the item. When it was the first of the open ones, what waited for it comes now.
void ResponsesReader::close(Open& open) {
  if (open.kind == Kind::reasoning && !open.in_part && !open.done) begin_thinking(open, true);
  if (open.in_part) end_part(open);
  open.done = true;
  while (!open_.empty() && open_.front().done) {
    done_.push_back(open_.front().index);
    open_.erase(open_.begin());
    if (open_.empty()) break;
    chat::Events held = std::exchange(open_.front().held, {});
    for (Event& event : held) {
      event.part = 0;
      out_->push_back(std::move(event));
      release(out_->back());
    }
  }
}

void ResponsesReader::begin_content(Open& open, std::int64_t content, bool refusal) {
  // A part that is over stays so: some vendors repeat its text after its end.
  if (open.contents > 0 && open.content == content && open.refusal == refusal) return;
  if (open.in_part) end_part(open);
  open.content = content;
  open.refusal = refusal;
  refused_ = refused_ || refusal;
  chat::Part head = open.head;
  if (refusal) head.what = chat::Refusal{};
  begin(open, std::move(head));
  // The item's own members stand on its first part only, but each part says whose it is.
  if (open.contents++ == 0)
    std::erase_if(open.head.extra, [](const auto& member) { return member.first != "item.id"; });
}

void ResponsesReader::begin_thinking(Open& open, bool summary) {
  if (open.in_part) return;
  chat::Part head = open.head;
  if (auto* thinking = head.get<chat::Thinking>()) thinking->summary = summary;
  begin(open, std::move(head));
}

void ResponsesReader::finish_content(Open& open, JsonValue part) {
  if (!open.in_part || !part.is_object()) return;
  rest(open, part[open.refusal ? "refusal" : "text"].as_string().value_or(""));
  if (!open.logprobs_sent) logprobs(open, part["logprobs"]);
  std::size_t index = 0;
  const std::size_t known = open.citations;
  part["annotations"].elements([&](JsonValue one) {
    if (index++ >= known) citation(open, one);
  });
  end_part(open);
}

void ResponsesReader::text(Open& open, std::string_view text) {
  if (text.empty() || !open.in_part) return;
  open.sent += text.size();
  Event& event = emit(open, Event::Kind::delta);
  event.text = text;
  release(event);
}

void ResponsesReader::rest(Open& open, std::string_view whole) {
  if (whole.size() > open.sent) text(open, whole.substr(open.sent));
}

void ResponsesReader::arguments(Open& open, std::string_view piece) {
  if (piece.empty() || open.kind != Kind::call) return;
  open.sent += piece.size();
  Event& event = emit(open, Event::Kind::delta);
  event.delta = Event::Delta::arguments;
  event.text = piece;
  release(event);
}

// Several parts of a summary are one text, an empty line between them.
void ResponsesReader::thought(const Wire& wire, bool summary, bool whole) {
  Open& open = item_of(wire, Kind::reasoning);
  begin_thinking(open, summary);
  const std::int64_t index = summary ? wire.summary_index : wire.content_index;
  if (whole && open.summary == index) return;
  if (open.summary != index && open.sent > 0) text(open, "\n\n");
  open.summary = index;
  text(open, whole ? wire.text : wire.delta);
}

void ResponsesReader::logprobs(Open& open, JsonValue logprobs) {
  if (logprobs.size() == 0) return;
  open.logprobs_sent = true;
  std::string elements = logprobs.text();
  Event& event = emit(open, Event::Kind::delta);
  event.delta = Event::Delta::logprobs;
  event.text = std::string_view(elements).substr(1, elements.size() - 2);
  release(event);
}

void ResponsesReader::citation(Open& open, JsonValue annotation) {
  if (!annotation.is_object() || !open.in_part) return;
  ++open.citations;
  Event& event = emit(open, Event::Kind::delta);
  event.delta = Event::Delta::citation;
  event.citation = read_citation(annotation);
  release(event);
}

void ResponsesReader::begin(Open& open, chat::Part head) {
  open.in_part = true;
  open.sent = open.citations = 0;
  open.logprobs_sent = false;
  Event& event = emit(open, Event::Kind::part_begin);
  event.part_head = std::move(head);
  release(event);
}

void ResponsesReader::end_part(Open& open) {
  open.in_part = false;
  release(emit(open, Event::Kind::part_end));
}

// A new event of the item: outgoing when it is the first open one, else held. release() follows once it is filled.
Event& ResponsesReader::emit(Open& open, Event::Kind kind) {
  const bool first = &open == &open_.front();
  chat::Events& to = first ? *out_ : open.held;
  Event& event = to.emplace_back();
  event.kind = kind;
  event.part = first ? 0 : -1;
  return event;
}

// Numbers an event that goes out; held ones (-1) are numbered when they are let go.
void ResponsesReader::release(Event& event) {
  if (event.part < 0) return;
  if (event.kind == Event::Kind::part_begin) ++parts_;
  event.part = parts_ - 1;
}

}  // namespace tollgate::gateway::responses
