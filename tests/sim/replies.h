// What a vendor says, in each dialect, with a bill that the simulation knows: JSON replies and event streams whose
// every piece carries the reply's id, so that bytes of two attempts can never be mixed unseen. Owner: the simulation.
// Thread rule: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/rng.h"

namespace tollgate::sim {

enum class Dialect : unsigned char { chat, messages, responses };

// Tokens that the vendor bills, in disjoint buckets.
struct Bill {
  std::int64_t input = 0, cache_read = 0, output = 0;
};

struct Reply {
  std::string id;
  Bill bill;
  bool has_usage = true;
  std::string body;                 // a plain reply
  std::vector<std::string> events;  // a stream: each a whole server-sent event
  std::size_t content_at = 0;       // index of the first event with content
  std::size_t usage_only_at = 0;    // index of the chunk that stream_options.include_usage adds, 0 = none
};

struct ReplyOrder {
  Dialect dialect = Dialect::chat;
  bool stream = false, usage_asked = true, with_usage = true;
  std::string id, model;
};
Reply make_reply(const ReplyOrder& order, Rng& rng);

// A vendor's error in the middle of a stream.
std::string error_event_of(Dialect dialect);
// An error reply's body.
std::string error_body_of(Dialect dialect, int status);

}  // namespace tollgate::sim
