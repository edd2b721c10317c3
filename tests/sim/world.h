// World: one seeded run of the gateway's pipeline: real sessions, pools and spool; scripted vendors and apps; virtual
// time. The disk is copied at random moments: such a copy is what a process that died right then would have left.
// Owner: the simulation. Thread rule: one thread, one World at a time (virtual clock).
#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "billing/spool.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "tests/sim/client.h"
#include "tests/sim/vendor.h"

namespace tollgate::sim {

// What the books said at the moment of a crash, and what the disk held.
struct Crash {
  std::size_t sights = 0;              // that many requests had reached vendors
  std::vector<std::string> completed;  // tokens of the answers that apps had seen whole, with status 200
  std::vector<billing::CostRecord> records;
};

struct Outcome {
  std::string problem;  // a hang or a leak; empty = the run ended in order
  std::deque<Ask> asks;
  VendorBook book;
  std::vector<billing::CostRecord> records;
  std::vector<Crash> crashes;
  std::set<std::string> drainers;  // vendors whose answers are read to the end although the app has left
  bool drained = false;            // the gateway was told to stop while it worked
  std::chrono::nanoseconds virtual_time{0};
};

// Longest that a request may take, all deadlines of the configuration together.
inline constexpr std::chrono::seconds kLongestRequest{30};

struct Prices {  // USD per million tokens, by provider
  std::int64_t input, cache_read, output;
};
Prices prices_of(std::string_view provider);

Outcome run_world(std::uint64_t seed);

}  // namespace tollgate::sim
