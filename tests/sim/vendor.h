// The scripted vendors: each dial reaches one over an in-memory pipe. They read requests as a strict server does,
// choose by seed what becomes of each, and keep a book of every request they received and of what they bill for it: the
// other side of the ledger. Owner: the simulation. Thread rule: one io_context.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "core/http.h"
#include "core/net/dial.h"
#include "tests/sim/replies.h"

namespace tollgate::sim {

enum class Act : unsigned char {
  answer,
  refuse,       // an error status
  hang_up,      // closes before the head
  cut_head,     // closes inside the head
  cut_body,     // closes inside the body, before or after content
  stall_first,  // never answers
  stall_body,   // falls silent in the body
  error_event,  // an error in the middle of the stream
  bad_framing,  // a reply that no strict reader takes
  plain_reply,  // JSON where a stream was asked for
  count_,
};
const char* act_name(Act act);

// One request that a vendor received whole.
struct Sight {
  std::string token;  // of the prompt: which client request it belongs to
  std::string provider;
  std::int64_t at_us = 0;  // wall
  bool stream = false, usage_asked = false, reused = false;
  Act act = Act::answer;
  int status = 200;
  Reply reply;
  std::size_t sent = 0;            // bytes of the answer that the pipe took
  std::size_t error_event_at = 0;  // act error_event: events before it
  std::int64_t said_at_us = 0;
  bool said_all = false;  // everything up to the end of the framing was taken by the pipe
};

struct VendorBook {
  std::deque<Sight> sights;
  std::size_t connections = 0;  // open now
  std::size_t dials = 0, dials_failed = 0, idle_closes = 0;
};

// How unfriendly a run is, in percent.
struct Weather {
  int faults = 40, dial_faults = 10, slow = 30;
};

Task<void> pause_for(Executor executor, std::chrono::milliseconds time);

// A dialer to the vendor called `provider`.
std::unique_ptr<net::Dialer> make_sim_dialer(asio::io_context& context, std::string provider, VendorBook& book,
                                             const Weather& weather, Rng rng);

}  // namespace tollgate::sim
