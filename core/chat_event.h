// A reply as it comes: the events of a stream, free of any vendor's form, and Fold, which makes the whole reply of
// them.
//
// Order, kept by every EventReader and relied on by every EventWriter:
//   start, { part_begin, delta*, part_end }*, choice_end, [usage], end          (error may come at any place, and ends
//   it)
// Parts of one choice do not overlap: a reader whose dialect lets them (parallel tool calls of some OpenAI-compatible
// vendors) ends the open one first. Choices may interleave. `part` counts parts of a choice from 0.
// Thread rule: plain values.
#pragma once

#include <string>
#include <vector>

#include "core/chat.h"
#include "core/result.h"

namespace tollgate::chat {

struct Event {
  enum class Kind : unsigned char {
    start,       // reply.id, model, created, service_tier, extra (no choices)
    part_begin,  // `part_head`: kind, ids and names of a part; texts in it are empty
    delta,       // `text` (and for Delta::citation, `citation`) belongs to the open part
    part_end,
    choice_end,  // `choice_tail`: finish, finish_raw, stop_sequence, logprobs not yet sent, extra
    usage,       // `usage` is set; may come more than once, the last one counts
    end,
    error,
    ping,
  } kind = Kind::ping;
  enum class Delta : unsigned char {
    text,        // of Text, Refusal, Thinking
    arguments,   // of ToolCall: a piece of JSON text
    signature,   // `signature` of Thinking, Text or ToolCall, whole
    redacted,    // `signature` is Thinking::redacted, whole
    citation,    // of Text
    data,        // of Media: base64, each piece decodable by itself
    transcript,  // of Media audio
    logprobs,    // `text` is the inside of an array, elements joined by commas; belongs to the choice
    opaque,      // `text` is RawJson that replaces Opaque::json
  } delta = Delta::text;
  int choice = 0;
  int part = 0;
  std::string text;
  Signature signature;
  Citation citation;
  Part part_head;
  Reply reply;
  Choice choice_tail;
  Usage usage;
  Error error;
};
using Events = std::vector<Event>;

// Collects the events of one stream into the reply they spell.
class Fold {
 public:
  void add(const Event& event);
  // Complete once `end` was added; choices in the order of their indices.
  const Reply& reply() const { return reply_; }
  bool ended() const { return ended_; }
  const Error* error() const { return failed_ ? &error_ : nullptr; }

 private:
  Choice& choice(int index);
  void apply_delta(const Event& event);

  Reply reply_;
  Error error_;
  bool ended_ = false, failed_ = false;
};

// Events that spell a whole reply: for callers who asked for a stream where the vendor sent none.
Events unfold(const Reply& reply);

}  // namespace tollgate::chat
