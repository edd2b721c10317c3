// Fold, and its opposite. Thread rule: see chat_event.h.
#include <algorithm>

#include "core/chat_event.h"

namespace tollgate::chat {
namespace {

void append_text(Part& part, const std::string& text) {
  if (auto* plain = part.get<Text>()) {
    plain->text += text;
  } else if (auto* refusal = part.get<Refusal>()) {
    refusal->text += text;
  } else if (auto* thinking = part.get<Thinking>()) {
    thinking->text += text;
  }
}

void set_signature(Part& part, const Signature& signature) {
  if (auto* plain = part.get<Text>()) {
    plain->signature = signature;
  } else if (auto* call = part.get<ToolCall>()) {
    call->signature = signature;
  } else if (auto* thinking = part.get<Thinking>()) {
    thinking->signature = signature;
  }
}

// The logprobs array grows by elements; its text keeps its brackets.
void append_elements(RawJson& array, const std::string& elements) {
  if (elements.empty()) return;
  if (array.size() <= 2) {
    array = "[" + elements + "]";
  } else {
    array.insert(array.size() - 1, "," + elements);
  }
}

}  // namespace

Choice& Fold::choice(int index) {
  auto at = std::lower_bound(reply_.choices.begin(), reply_.choices.end(), index,
                             [](const Choice& one, int wanted) { return one.index < wanted; });
  if (at == reply_.choices.end() || at->index != index) at = reply_.choices.insert(at, Choice{.index = index});
  return *at;
}

void Fold::apply_delta(const Event& event) {
  Choice& into = choice(event.choice);
  if (event.delta == Event::Delta::logprobs) return append_elements(into.logprobs, event.text);
  if (event.part < 0 || static_cast<std::size_t>(event.part) >= into.parts.size()) return;
  Part& part = into.parts[static_cast<std::size_t>(event.part)];
  switch (event.delta) {
    case Event::Delta::text:
      append_text(part, event.text);
      break;
    case Event::Delta::arguments:
      if (auto* call = part.get<ToolCall>()) call->arguments += event.text;
      break;
    case Event::Delta::signature:
      set_signature(part, event.signature);
      break;
    case Event::Delta::redacted:
      if (auto* thinking = part.get<Thinking>()) thinking->redacted = event.signature;
      break;
    case Event::Delta::citation:
      if (auto* text = part.get<Text>()) text->citations.push_back(event.citation);
      break;
    case Event::Delta::data:
      if (auto* media = part.get<Media>()) media->data += event.text;
      break;
    case Event::Delta::transcript:
      if (auto* media = part.get<Media>()) media->transcript += event.text;
      break;
    case Event::Delta::opaque:
      if (auto* opaque = part.get<Opaque>()) opaque->json = event.text;
      break;
    case Event::Delta::logprobs:
      break;
  }
}

void Fold::add(const Event& event) {
  switch (event.kind) {
    case Event::Kind::start:
      reply_ = event.reply;
      break;
    case Event::Kind::part_begin:
      choice(event.choice).parts.push_back(event.part_head);
      break;
    case Event::Kind::delta:
      apply_delta(event);
      break;
    case Event::Kind::choice_end: {
      Choice& into = choice(event.choice);
      into.finish = event.choice_tail.finish;
      into.finish_raw = event.choice_tail.finish_raw;
      into.stop_sequence = event.choice_tail.stop_sequence;
      into.extra = event.choice_tail.extra;
      if (const auto& logprobs = event.choice_tail.logprobs; logprobs.size() > 2)
        append_elements(into.logprobs, logprobs.substr(1, logprobs.size() - 2));
      break;
    }
    case Event::Kind::usage:
      reply_.usage = event.usage;
      break;
    case Event::Kind::end:
      ended_ = true;
      break;
    case Event::Kind::error:
      failed_ = true;
      error_ = event.error;
      break;
    case Event::Kind::part_end:
    case Event::Kind::ping:
      break;
  }
}

namespace {

// Texts of the part taken out, as deltas after its beginning.
void unfold_part(const Part& part, int choice, int index, Events& out) {
  Event begin{.kind = Event::Kind::part_begin, .choice = choice, .part = index};
  begin.part_head = part;
  Events deltas;
  const auto delta = [&](Event::Delta kind, std::string text) {
    if (text.empty()) return;
    deltas.push_back(
        {.kind = Event::Kind::delta, .delta = kind, .choice = choice, .part = index, .text = std::move(text)});
  };
  const auto signed_delta = [&](Event::Delta kind, Signature& signature) {
    if (signature.empty()) return;
    deltas.push_back({.kind = Event::Kind::delta, .delta = kind, .choice = choice, .part = index});
    deltas.back().signature = std::exchange(signature, {});
  };
  if (auto* text = begin.part_head.get<Text>()) {
    delta(Event::Delta::text, std::exchange(text->text, {}));
    for (Citation& citation : text->citations) {
      deltas.push_back({.kind = Event::Kind::delta, .delta = Event::Delta::citation, .choice = choice, .part = index});
      deltas.back().citation = std::move(citation);
    }
    text->citations.clear();
    signed_delta(Event::Delta::signature, text->signature);
  } else if (auto* refusal = begin.part_head.get<Refusal>()) {
    delta(Event::Delta::text, std::exchange(refusal->text, {}));
  } else if (auto* call = begin.part_head.get<ToolCall>()) {
    delta(Event::Delta::arguments, std::exchange(call->arguments, {}));
    signed_delta(Event::Delta::signature, call->signature);
  } else if (auto* thinking = begin.part_head.get<Thinking>()) {
    delta(Event::Delta::text, std::exchange(thinking->text, {}));
    signed_delta(Event::Delta::signature, thinking->signature);
    signed_delta(Event::Delta::redacted, thinking->redacted);
  } else if (auto* media = begin.part_head.get<Media>()) {
    delta(Event::Delta::data, std::exchange(media->data, {}));
    delta(Event::Delta::transcript, std::exchange(media->transcript, {}));
  }
  out.push_back(std::move(begin));
  out.insert(out.end(), std::make_move_iterator(deltas.begin()), std::make_move_iterator(deltas.end()));
  out.push_back({.kind = Event::Kind::part_end, .choice = choice, .part = index});
}

}  // namespace

Events unfold(const Reply& reply) {
  Events out;
  out.push_back({.kind = Event::Kind::start});
  out.back().reply = reply;
  out.back().reply.choices.clear();
  out.back().reply.usage = {};
  for (const Choice& choice : reply.choices) {
    int index = 0;
    for (const Part& part : choice.parts) unfold_part(part, choice.index, index++, out);
    Event end{.kind = Event::Kind::choice_end, .choice = choice.index};
    end.choice_tail = choice;
    end.choice_tail.parts.clear();
    out.push_back(std::move(end));
  }
  out.push_back({.kind = Event::Kind::usage});
  out.back().usage = reply.usage;
  out.push_back({.kind = Event::Kind::end});
  return out;
}

}  // namespace tollgate::chat
