// Parts of a choice of a stream: which is open, which wait. Thread rule: see openai_chat_choice.h.
#include "gateway/dialects/openai_chat_choice.h"

namespace tollgate::gateway::oai {

using chat::Event;
using chat::Events;

void JsonEnd::feed(std::string_view piece) {
  for (const char c : piece) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (static_cast<unsigned char>(c) <= ' ') continue;
    begun_ = true;
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') ++depth_;
    if ((c == '}' || c == ']') && depth_ > 0) --depth_;
  }
}

int ChoiceStream::find(Kind kind, int slot) const {
  const auto is = [&](int i) {
    const Lane& lane = lanes_[static_cast<std::size_t>(i)];
    return lane.kind == kind && lane.slot == slot && !lane.sealed;
  };
  if (open_ >= 0 && is(open_)) return open_;
  for (const int waiting : queue_)
    if (is(waiting)) return waiting;
  return -1;
}

bool ChoiceStream::unfinished(int lane) const {
  const Lane& one = lanes_[static_cast<std::size_t>(lane)];
  return one.kind == Kind::call && !one.head.get<chat::ToolCall>()->custom && !one.end.complete();
}

int ChoiceStream::lane(Kind kind, int slot, chat::Part head, Events& out) {
  const int made = static_cast<int>(lanes_.size());
  lanes_.push_back({.kind = kind, .slot = slot, .head = std::move(head)});
  if (open_ >= 0 && unfinished(open_)) {
    queue_.push_back(made);
    return made;
  }
  end_open(out);
  begin(made, out);
  return made;
}

void ChoiceStream::begin(int lane, Events& out) {
  Lane& one = lanes_[static_cast<std::size_t>(lane)];
  open_ = lane;
  Event& event = out.emplace_back(Event{.kind = Event::Kind::part_begin, .choice = index_, .part = parts_});
  event.part_head = one.head;
  for (Event& held : one.held) emit(lane, std::move(held), out);
  one.held.clear();
  if (one.kind == Kind::text)
    for (chat::Citation& citation : std::exchange(citations_, {})) {
      Event cited = event_of(Event::Delta::citation);
      cited.citation = std::move(citation);
      emit(lane, std::move(cited), out);
    }
  if (one.kind == Kind::text || one.kind == Kind::call)
    emit_signature(lane, std::exchange(signature_, {}), Event::Delta::signature, out);
  const auto* call = one.head.get<chat::ToolCall>();
  for (std::size_t i = 0; call && i < call_signatures_.size(); ++i)
    if (call_signatures_[i].call_id == call->id) {
      emit_signature(lane, call_signatures_[i].signature, Event::Delta::signature, out);
      call_signatures_.erase(call_signatures_.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
}

void ChoiceStream::end_open(Events& out) {
  if (open_ < 0) return;
  out.push_back({.kind = Event::Kind::part_end, .choice = index_, .part = parts_++});
  lanes_[static_cast<std::size_t>(open_)].sealed = true;
  open_ = -1;
}

// The open call is whole: those that waited come out, up to the next one that is not.
void ChoiceStream::advance(Events& out) {
  while (!queue_.empty() && !unfinished(open_)) {
    const int next = queue_.front();
    queue_.erase(queue_.begin());
    end_open(out);
    begin(next, out);
  }
}

Event ChoiceStream::event_of(Event::Delta delta) const {
  return {.kind = Event::Kind::delta, .delta = delta, .choice = index_};
}

void ChoiceStream::emit(int lane, Event event, Events& out) {
  if (lane == open_) {
    event.part = parts_;
    out.push_back(std::move(event));
  } else {
    lanes_[static_cast<std::size_t>(lane)].held.push_back(std::move(event));
  }
}

void ChoiceStream::emit_text(int lane, std::string_view text, Events& out) {
  if (text.empty()) return;
  if (lane == open_) {
    Event& event = out.emplace_back(event_of(Event::Delta::text));
    event.part = parts_;
    event.text = text;
  } else {
    Event event = event_of(Event::Delta::text);
    event.text = text;
    emit(lane, std::move(event), out);
  }
}

void ChoiceStream::emit_signature(int lane, const chat::Signature& signature, Event::Delta delta, Events& out) {
  if (signature.empty()) return;
  Event event = event_of(delta);
  event.signature = signature;
  emit(lane, std::move(event), out);
}

// A part that comes in one piece.
void ChoiceStream::whole(chat::Part part, Events& out) {
  std::string data;
  if (auto* media = part.get<chat::Media>()) data = std::exchange(media->data, {});
  const int made = lane(Kind::other, static_cast<int>(lanes_.size()), std::move(part), out);
  if (data.empty()) return;
  Event event = event_of(Event::Delta::data);
  event.text = std::move(data);
  emit(made, std::move(event), out);
}

void ChoiceStream::logprobs(JsonValue value, Events& out) {
  value.members([&](std::string_view key, JsonValue array) {
    if (!array.is_array()) return;
    const std::string text = array.text();
    const std::string_view elements = elements_of(text);
    if (elements.empty()) return;
    if (key == "content" && open_ >= 0) {
      Event event = event_of(Event::Delta::logprobs);
      event.text = elements;
      return emit(open_, std::move(event), out);
    }
    std::string* into = key == "content" ? &logprobs_ : nullptr;
    for (auto& [name, list] : other_logprobs_)
      if (into == nullptr && name == key) into = &list;
    if (into == nullptr) into = &other_logprobs_.emplace_back(std::string(key), "").second;
    if (!into->empty()) *into += ',';
    *into += elements;
  });
}

void ChoiceStream::cite(chat::Citation citation, Events& out) {
  const bool in_text = open_ >= 0 && lanes_[static_cast<std::size_t>(open_)].kind == Kind::text;
  if (!in_text) return citations_.push_back(std::move(citation));
  Event event = event_of(Event::Delta::citation);
  event.citation = std::move(citation);
  emit(open_, std::move(event), out);
}

void ChoiceStream::close(Events& out) {
  for (Call& call : calls_)  // one that never got a name
    if (call.lane < 0 && !call.arguments.empty()) {
      call.lane = lane(Kind::call, static_cast<int>(&call - calls_.data()),
                       {.what = chat::ToolCall{.id = call.id, .custom = call.custom}}, out);
      Event event = event_of(Event::Delta::arguments);
      event.text = std::exchange(call.arguments, {});
      emit(call.lane, std::move(event), out);
    }
  while (!queue_.empty()) {
    const int next = queue_.front();
    queue_.erase(queue_.begin());
    end_open(out);
    begin(next, out);
  }
  end_open(out);
  if (!citations_.empty()) lane(Kind::text, 0, {.what = chat::Text{}}, out);
  for (const CallSignature& one : std::exchange(call_signatures_, {}))
    emit_signature(lane(Kind::thought, detail, {.what = chat::Thinking{}}, out), one.signature, Event::Delta::signature,
                   out);
  if (!signature_.empty())
    emit_signature(lane(Kind::thought, detail, {.what = chat::Thinking{}}, out), std::exchange(signature_, {}),
                   Event::Delta::signature, out);
  end_open(out);
  if (!finished()) return;
  Event& event = out.emplace_back(Event{.kind = Event::Kind::choice_end, .choice = index_});
  chat::Choice& tail = event.choice_tail;
  tail.index = index_;
  tail.finish_raw = finish_raw_;
  tail.finish = read_finish(finish_raw_);
  if (tail.finish == chat::Finish::stop && !calls_.empty()) tail.finish = chat::Finish::tool_calls;
  if (tail.finish == chat::Finish::stop && !stop_sequence_.empty()) {
    tail.finish = chat::Finish::stop_sequence;
    tail.stop_sequence = stop_sequence_;
  }
  if (!logprobs_.empty()) tail.logprobs = "[" + logprobs_ + "]";
  tail.extra = std::move(extra_);
  for (const auto& [name, list] : other_logprobs_) tail.extra.emplace_back("logprobs." + name, "[" + list + "]");
}

}  // namespace tollgate::gateway::oai
