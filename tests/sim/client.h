// The simulated apps: connections that send requests in every allowed way, read slowly or fast, leave at random
// moments, and write down what they saw. Owner: the simulation. Thread rule: one io_context.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/net/stream.h"
#include "tests/sim/replies.h"

namespace tollgate::sim {

// One request and what its sender saw of the answer.
struct Ask {
  std::string token;
  Dialect dialect = Dialect::chat;
  bool stream = false, usage_asked = false, known_model = true;
  int minor = 1;
  std::string model;
  bool leaves_unseen = false;  // it sent more, or its end of sending before: only a write can tell that it has left
  bool polite = true;          // its sender waits for the answer and reads all of it
  bool sent = false;           // written whole
  SteadyTime sent_at{}, ended_at{};
  std::int64_t ended_us = 0;  // wall
  int status = 0;             // 0 = no head came
  bool event_stream = false;
  bool complete = false;  // the framing says that nothing is missing
  bool ended = false;     // its sender waits no longer
  std::string request_id, body;
};

struct ClientPlan {
  std::vector<Ask*> asks;
  bool pipelined = false, half_close = false, slow = false;
  std::chrono::milliseconds start{0};
  std::chrono::milliseconds leaves{-1};  // after the start; negative = never
};

// A new request, registered in `asks`.
Ask& make_ask(std::deque<Ask>& asks, std::uint64_t seed, Rng& rng);
std::string request_text(const Ask& ask, bool last, Rng& rng);

// Runs one connection to its end and closes the stream.
Task<void> run_client(std::shared_ptr<net::Stream> stream, ClientPlan plan, Rng rng);

}  // namespace tollgate::sim
