// Many small worlds, one per seed. TOLLGATE_SIM_SEEDS and TOLLGATE_SIM_FIRST choose how many and from where.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/log.h"
#include "tests/sim/verdict.h"

namespace tollgate::sim {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// The story of one run, for whoever looks into a failing seed.
void tell(const Outcome& outcome) {
  for (const Sight& s : outcome.book.sights)
    fmt::print("{} {} {} got {}: {}{}{}, {} bytes, {}\n", s.at_us, s.token, s.provider, s.reply.id, act_name(s.act),
               s.stream ? " stream" : "", s.reused ? " reused" : "", s.sent, s.said_all ? "whole" : "cut");
  for (const billing::CostRecord& r : outcome.records)
    fmt::print("{}-{} {} row {} {}: {} {} {} id {}\n", r.started_us, r.finished_us, r.user_id, r.attempt, r.provider,
               billing::outcome_name(r.outcome), r.http_status, r.error_code, r.provider_request_id);
  for (const Ask& a : outcome.asks)
    fmt::print("{} {} 1.{} {}{}: {} {}{} until {}\n", a.token, a.model, a.minor, a.stream ? "stream" : "plain",
               a.polite ? "" : " impolite", a.status, a.complete ? "complete" : "cut", a.sent ? "" : " unsent",
               a.ended_us);
}

TEST(Simulation, BooksAgreeUnderFaults) {
  set_log_level(LogLevel::error);
  const std::uint64_t first = number_from("TOLLGATE_SIM_FIRST", 1), seeds = number_from("TOLLGATE_SIM_SEEDS", 300);
  Tally tally;
  std::size_t failed = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failed < 5; ++seed) {
    const Outcome outcome = run_world(seed);
    count(outcome, tally);
    const std::vector<std::string> problems = judge(outcome);
    for (const std::string& problem : problems) ADD_FAILURE() << "seed " << seed << ": " << problem;
    if (!problems.empty()) {
      if (seeds == 1) tell(outcome);
      ++failed;
      fmt::print("run it again: TOLLGATE_SIM_FIRST={} TOLLGATE_SIM_SEEDS=1 sim_test\n", seed);
    }
    ASSERT_TRUE(outcome.problem.empty()) << "seed " << seed << ": nothing can run after this";
  }
  if (std::getenv("TOLLGATE_SIM_TALLY"))
    for (const auto& [what, times] : tally) fmt::print("{:>8} {}\n", times, what);
  if (seeds < 200) return;
  // Without these the rest would prove nothing.
  for (const char* what :
       {"row ok", "row error", "row aborted", "row timeout", "cost computed", "cost estimated",
        "aborted, usage complete", "error upstream_timeout", "error upstream_closed", "error connect_timeout",
        "app with heartbeat", "app cut", "crash copies", "runs drained", "vendor silent on a reused connection"})
    EXPECT_GT(tally[what], 0u) << what;
}

TEST(Simulation, SameSeedSameRun) {
  set_log_level(LogLevel::error);
  const std::uint64_t seed = number_from("TOLLGATE_SIM_FIRST", 1);
  const Outcome a = run_world(seed), b = run_world(seed);
  ASSERT_EQ(a.records.size(), b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    EXPECT_EQ(a.records[i].id, b.records[i].id);
    EXPECT_EQ(a.records[i].duration_us, b.records[i].duration_us);
    EXPECT_EQ(a.records[i].cost, b.records[i].cost);
  }
}

}  // namespace
}  // namespace tollgate::sim
