// What a delta of a stream adds to its choice. Thread rule: see openai_chat_choice.h.
#include <algorithm>

#include "gateway/dialects/openai_chat_choice.h"

namespace tollgate::gateway::oai {

using chat::Event;
using chat::Events;

void ChoiceStream::delta(const Members& members, std::string_view seed, Events& out) {
  thoughts(members.thoughts, out);
  if (const auto piece = members.content.as_string()) {
    text(*piece, out);
  } else if (members.content.is_array()) {
    content_parts(members.content, out);
  }
  if (const auto refusal = members.refusal.as_string(); refusal && !refusal->empty()) {
    const int known = find(Kind::refusal, 0);
    emit_text(known >= 0 ? known : lane(Kind::refusal, 0, {.what = chat::Refusal{}}, out), *refusal, out);
  }
  members.images.elements([&](JsonValue image) {
    chat::Part part;
    part.what = read_image(image["image_url"], part.extra);
    whole(std::move(part), out);
  });
  if (members.audio.is_object()) audio(members.audio, out);
  members.annotations.elements([&](JsonValue annotation) { cite(read_annotation(annotation), out); });
  members.tool_calls.elements([&](JsonValue value) { call(value, seed, out); });
  if (members.function_call.is_object()) legacy_call(members.function_call, seed, out);
  sign(read_google_signature(members.extra_content), out);
}

void ChoiceStream::text(std::string_view piece, Events& out) {
  if (piece.empty()) return;
  const int known = find(Kind::text, 0);
  emit_text(known >= 0 ? known : lane(Kind::text, 0, {.what = chat::Text{}}, out), piece, out);
}

// Mistral sends lists of parts.
void ChoiceStream::content_parts(JsonValue parts, Events& out) {
  parts.elements([&](JsonValue value) {
    Trouble ignored;
    chat::Part part = read_part(value, ignored);
    if (const auto* said = part.get<chat::Text>()) {
      text(said->text, out);
    } else if (const auto* thinking = part.get<chat::Thinking>()) {
      plain_thought_piece(thinking->text, content, out);
      if (!thinking->signature.empty()) seal_thought(thinking->signature, Event::Delta::signature, out);
    } else {
      whole(std::move(part), out);
    }
  });
}

// ---- thoughts

void ChoiceStream::thoughts(const ThoughtMembers& members, Events& out) {
  const std::string_view plain_text = plain_thought(members);
  if (members.details.size() == 0) return plain_thought_piece(plain_text, plain, out);
  std::vector<Detail> details;
  members.details.elements([&](JsonValue item) { details.push_back(read_detail(item)); });
  const bool told = std::any_of(details.begin(), details.end(), [](const Detail& one) { return !one.text.empty(); });
  if (!told) plain_thought_piece(plain_text, plain, out);
  for (const Detail& one : details) thought_detail(one, out);
}

void ChoiceStream::plain_thought_piece(std::string_view piece, int slot, Events& out) {
  if (piece.empty()) return;
  int known = find(Kind::thought, slot);
  if (known < 0) known = lane(Kind::thought, slot, {.what = chat::Thinking{}}, out);
  lanes_[static_cast<std::size_t>(known)].said += piece;
  emit_text(known, piece, out);
}

void ChoiceStream::thought_detail(const Detail& piece, Events& out) {
  if (piece.kind == Detail::Kind::other) return;
  if (piece.kind == Detail::Kind::encrypted) return encrypted_detail(piece, out);
  const bool sums_up = piece.kind == Detail::Kind::summary;
  const int told = told_before(piece.text);
  if (!piece.text.empty() && told < 0) {
    const int slot = sums_up ? summary : detail;
    int known = find(Kind::thought, slot);
    if (known < 0) {
      chat::Thinking head{.summary = sums_up, .id = std::string(piece.id)};
      head.signature.origin = piece.signature.origin;
      known = lane(Kind::thought, slot, {.what = std::move(head)}, out);
    }
    emit_text(known, piece.text, out);
  }
  if (!piece.signature.empty()) {
    const bool over = told >= 0 && lanes_[static_cast<std::size_t>(told)].sealed;
    if (over) lane(Kind::thought, detail, {.what = chat::Thinking{}}, out);  // its part is closed
    seal_thought(piece.signature, Event::Delta::signature, out);
  } else if (told >= 0) {
    Lane& lane = lanes_[static_cast<std::size_t>(told)];
    if (!sums_up) lane.sealed = true;
    if (lane.sealed) return;
    lane.slot = summary;  // what is encrypted may follow
    auto& head = *lane.head.get<chat::Thinking>();
    head.id = piece.id;
    head.signature.origin = piece.signature.origin;
  }
}

// What came as plain text bit by bit may be told again, whole and signed. The lane of that text, or -1.
int ChoiceStream::told_before(std::string_view text) {
  if (text.empty()) return -1;
  const auto at = std::find_if(lanes_.begin(), lanes_.end(), [&](const Lane& lane) {
    return lane.kind == Kind::thought && lane.slot == plain && lane.said == text;
  });
  if (at == lanes_.end()) return -1;
  at->said.clear();
  return static_cast<int>(at - lanes_.begin());
}

void ChoiceStream::encrypted_detail(const Detail& piece, Events& out) {
  if (piece.signature.empty()) return;
  if (!piece.id.empty() && !has_item_ids(piece.signature.origin))
    return sign_call({std::string(piece.id), piece.signature}, out);
  if (!piece.redacted) {
    const int summed = find(Kind::thought, summary);
    const auto* head = summed >= 0 ? lanes_[static_cast<std::size_t>(summed)].head.get<chat::Thinking>() : nullptr;
    if (head && head->id == piece.id && head->signature.origin == piece.signature.origin)
      return seal_thought(piece.signature, Event::Delta::signature, out);
    const int streamed = find(Kind::thought, plain);
    if (streamed >= 0 && piece.id.empty() && piece.signature.origin != "google")
      return seal_thought(piece.signature, Event::Delta::signature, out);
  }
  const int made = lane(Kind::thought, detail, {.what = chat::Thinking{.id = std::string(piece.id)}}, out);
  const auto delta = piece.redacted ? Event::Delta::redacted : Event::Delta::signature;
  emit_signature(made, piece.signature, delta, out);
  lanes_[static_cast<std::size_t>(made)].sealed = true;
}

// Signs the thought that is under way, or makes one of the signature alone.
void ChoiceStream::seal_thought(chat::Signature signature, Event::Delta delta, Events& out) {
  int known = -1;
  for (const int slot : {detail, summary, content, plain})
    if (known < 0) known = find(Kind::thought, slot);
  if (known < 0) known = lane(Kind::thought, detail, {.what = chat::Thinking{}}, out);
  emit_signature(known, signature, delta, out);
  lanes_[static_cast<std::size_t>(known)].sealed = true;
}

// ---- audio

void ChoiceStream::audio(JsonValue value, Events& out) {
  int known = find(Kind::audio, 0);
  if (known < 0) {
    chat::Media head{.kind = chat::Media::Kind::audio, .id = text_or_empty(value["id"])};
    const bool says =
        !head.id.empty() || value["data"].size() > 0 || value["data"].is_string() || value["transcript"].is_string();
    if (!says) return;
    known = lane(Kind::audio, 0, {.what = std::move(head)}, out);
  }
  const auto piece = [&](JsonValue text, Event::Delta delta) {
    if (text.as_string().value_or("").empty()) return;
    Event event = event_of(delta);
    event.text = *text.as_string();
    emit(known, std::move(event), out);
  };
  piece(value["data"], Event::Delta::data);
  piece(value["transcript"], Event::Delta::transcript);
}

// ---- calls

// Vendors number calls, or give each an id, or send each whole; some give every call the same number.
ChoiceStream::Call& ChoiceStream::match_call(std::int64_t index, std::string_view id, std::string_view name) {
  const auto new_one = [&](const Call& known) {
    return !id.empty() && !known.id.empty() && known.id != id && !name.empty();
  };
  const auto fresh = [&]() -> Call& { return calls_.emplace_back(Call{.index = index}); };
  for (auto at = calls_.rbegin(); at != calls_.rend(); ++at) {
    if (index >= 0 ? at->index == index : !id.empty() && at->id == id) {
      if (new_one(*at)) return fresh();
      return *at;
    }
  }
  if (calls_.empty() || index >= 0 || !name.empty()) return fresh();
  return calls_.back();
}

void ChoiceStream::call(JsonValue value, std::string_view seed, Events& out) {
  std::string_view id, name;
  std::int64_t index = -1;
  JsonValue function, custom, extra_content;
  value.members([&](std::string_view key, JsonValue inner) {
    if (key == "id") {
      id = inner.as_string().value_or("");
    } else if (key == "index") {
      index = inner.as_int().value_or(-1);
    } else if (key == "function") {
      function = inner;
    } else if (key == "custom") {
      custom = inner;
    } else if (key == "extra_content") {
      extra_content = inner;
    }
  });
  const bool is_custom = !function.is_object() && custom.is_object();
  const JsonValue payload = is_custom ? custom : function;
  name = payload["name"].as_string().value_or("");
  Call& one = match_call(index, id, name);
  if (one.id.empty()) one.id = id;
  if (one.name.empty()) one.name = name;
  if (is_custom) one.custom = true;
  const JsonValue arguments = payload[is_custom ? "input" : "arguments"];
  if (const auto piece = arguments.as_string()) {
    one.arguments += *piece;
  } else if (arguments.is_object()) {
    one.arguments += arguments.text();
  }
  if (auto signature = read_google_signature(extra_content); !signature.empty()) one.signature = std::move(signature);
  grow_call(one, seed, out);
}

void ChoiceStream::legacy_call(JsonValue value, std::string_view seed, Events& out) {
  const auto name = value["name"].as_string().value_or("");
  if (calls_.empty() && name.empty()) return;
  Call& one = calls_.empty() ? calls_.emplace_back() : calls_.back();
  if (one.name.empty()) one.name = name;
  one.arguments += value["arguments"].as_string().value_or("");
  grow_call(one, seed, out);
}

// Tells what came for the call, once its name is known.
void ChoiceStream::grow_call(Call& call, std::string_view seed, Events& out) {
  if (call.name.empty()) return;
  const int slot = static_cast<int>(&call - calls_.data());
  if (call.lane < 0) {
    if (call.id.empty())
      call.id = make_call_id(std::string(seed) + "/" + std::to_string(index_), static_cast<std::size_t>(slot));
    const chat::ToolCall head{.id = call.id, .name = call.name, .custom = call.custom};
    call.lane = lane(Kind::call, slot, {.what = head}, out);
  }
  Lane& lane = lanes_[static_cast<std::size_t>(call.lane)];
  std::string piece = std::exchange(call.arguments, {});
  if (lane.sealed || piece.empty()) piece.clear();
  lane.end.feed(piece);
  if (!lane.sealed) emit_signature(call.lane, std::exchange(call.signature, {}), Event::Delta::signature, out);
  if (!piece.empty()) {
    Event event = event_of(Event::Delta::arguments);
    event.text = std::move(piece);
    emit(call.lane, std::move(event), out);
  }
  if (call.lane == open_) advance(out);
}

// Google signs the text or call at hand; a signature that comes alone waits for the next one.
void ChoiceStream::sign(const chat::Signature& signature, Events& out) {
  if (signature.empty()) return;
  const auto* open = open_ >= 0 ? &lanes_[static_cast<std::size_t>(open_)] : nullptr;
  if (open && (open->kind == Kind::text || open->kind == Kind::call))
    return emit_signature(open_, signature, Event::Delta::signature, out);
  signature_ = signature;
}

void ChoiceStream::sign_call(CallSignature signature, Events& out) {
  for (const Call& call : calls_)
    if (call.lane >= 0 && call.id == signature.call_id && !lanes_[static_cast<std::size_t>(call.lane)].sealed)
      return emit_signature(call.lane, signature.signature, Event::Delta::signature, out);
  call_signatures_.push_back(std::move(signature));
}

}  // namespace tollgate::gateway::oai
