// kill -9 at random moments: every attempt whose settle() returned ok is delivered, exactly once per run of the reader,
// and every attempt whose open() returned ok is at least a crash row.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

struct Note {
  char what;  // 'o' opened, 's' settled
  Id id;
};

// Works until killed: keeps a few attempts open at a time, tells the parent what was acknowledged.
[[noreturn]] void child_main(const SpoolOptions& options, int pipe_fd, unsigned seed) {
  auto spool = Spool::open(options);
  if (!spool) ::_exit(3);
  auto writer = (*spool)->make_writer();
  std::mt19937_64 rng(seed);
  std::vector<CostRecord> open;
  std::vector<CostRecord> out;
  const auto tell = [&](char what, const Id& id) {
    const Note note{what, id};
    if (::write(pipe_fd, &note, sizeof note) != sizeof note) ::_exit(4);
  };
  for (std::uint64_t step = 0;; ++step) {
    if (open.size() < 8 && rng() % 2 && writer->admit()) {
      open.push_back(begun_record(step));
      if (!writer->open(open.back())) ::_exit(5);
      tell('o', open.back().id);
    } else if (!open.empty()) {
      const std::size_t at = rng() % open.size();
      if (!writer->settle(done_record(open[at]))) ::_exit(6);
      tell('s', open[at].id);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    // The reading half runs too, so that kills hit removals, carries and cursor writes. What it commits is "in the
    // store".
    if (step % 512 == 511) {
      out.clear();
      (*spool)->read(out, 200);
      for (const auto& record : out) tell('c', record.id);
      (*spool)->commit();
    }
  }
}

struct Heard {
  std::set<Id> opened, settled;
  std::set<Id> stored;  // handed to the store and committed, or about to be
};

void listen(int fd, Heard& heard) {
  Note note;
  while (::read(fd, &note, sizeof note) == sizeof note) {
    if (note.what == 'o') heard.opened.insert(note.id);
    if (note.what == 's') heard.settled.insert(note.id);
    if (note.what == 'c') heard.stored.insert(note.id);
  }
}

TEST(SpoolCrashTest, KillAtRandomMomentsLosesNothingAcknowledged) {
  TempDir dir;
  const auto options = small_spool(dir / "spool");
  std::mt19937_64 rng(41);
  Heard heard;
  for (unsigned round = 0; round < 25; ++round) {
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(fds[0]);
      child_main(options, fds[1], round);
    }
    ::close(fds[1]);
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(5'000 + rng() % 60'000));
      ::kill(child, SIGKILL);
    });
    listen(fds[0], heard);
    killer.join();
    ::close(fds[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "child gave up by itself: " << WEXITSTATUS(status);
  }
  auto spool = must_open(options);
  std::map<Id, int> rows;
  for (const auto& record : read_all(*spool)) {
    ++rows[record.id];
    if (heard.settled.contains(record.id) && !heard.stored.contains(record.id)) {
      EXPECT_EQ(record.outcome, Outcome::ok) << "a settled attempt came out as a crash";
    }
  }
  ASSERT_GT(heard.settled.size(), 1'000u);
  for (const Id& id : heard.settled) EXPECT_TRUE(rows.contains(id) || heard.stored.contains(id)) << id.to_string();
  for (const Id& id : heard.opened) EXPECT_TRUE(rows.contains(id) || heard.stored.contains(id)) << id.to_string();
  for (const auto& [id, count] : rows) EXPECT_EQ(count, 1) << id.to_string();
  EXPECT_EQ(spool->stats().damaged_frames, 0u) << "a torn frame would be one that the kernel cut in a single write";
  spool->commit();
  EXPECT_EQ(spool->stats().segments, 0u);
}

}  // namespace
}  // namespace tollgate::billing
