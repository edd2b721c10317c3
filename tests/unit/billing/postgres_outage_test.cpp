// Postgres that stops, freezes and comes back, under the whole path spool -> writer -> ledger; and a gateway that is
// killed again and again while its rows are on the way.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <set>
#include <sstream>
#include <thread>

#include "billing/ledger_writer.h"
#include "core/log.h"
#include "ledger_samples.h"
#include "tests/support/private_postgres.h"

namespace tollgate::billing {
namespace {

using test::PrivatePostgres;
using Clock = std::chrono::steady_clock;

class PostgresOutageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    postgres_ = PrivatePostgres::start(&reason);
    if (!postgres_) GTEST_SKIP() << reason;
    url_ = postgres_->url("outage");
  }
  std::unique_ptr<Ledger> open() {
    auto ledger = open_ledger(url_, "");
    EXPECT_TRUE(ledger);
    return std::move(*ledger);
  }
  std::string count() { return postgres_->query("outage", "SELECT count(*) FROM cost_records"); }

  TempDir dir_;
  std::unique_ptr<PrivatePostgres> postgres_;
  std::string url_;
};

TEST_F(PostgresOutageTest, AppendIsUnavailableWhileStoppedAndRecovers) {
  auto ledger = open();
  ASSERT_TRUE(ledger->migrate());
  const CostRecord a = sample_record(1), b = sample_record(2);
  EXPECT_EQ(ledger->append({&a, 1}).verdict, AppendVerdict::ok);
  postgres_->stop();
  for (int i = 0; i < 3; ++i) {
    const auto begun = Clock::now();
    const auto result = ledger->append({&b, 1});
    EXPECT_EQ(result.verdict, AppendVerdict::unavailable);
    EXPECT_FALSE(result.message.empty());
    EXPECT_EQ(result.message.find(postgres_->password()), std::string::npos);
    EXPECT_LT(Clock::now() - begun, std::chrono::seconds(2));
  }
  ASSERT_TRUE(postgres_->restart());
  EXPECT_EQ(ledger->append({&b, 1}).verdict, AppendVerdict::ok);
  EXPECT_EQ(count(), "2");
}

TEST_F(PostgresOutageTest, FrozenServerBlocksForSecondsOnly) {
  auto ledger = open();
  ASSERT_TRUE(ledger->migrate());
  const CostRecord a = sample_record(1);
  EXPECT_EQ(ledger->append({&a, 1}).verdict, AppendVerdict::ok);
  postgres_->freeze();
  const CostRecord b = sample_record(2);
  auto begun = Clock::now();
  EXPECT_EQ(ledger->append({&b, 1}).verdict, AppendVerdict::unavailable) << "an open connection without an answer";
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(12));
  begun = Clock::now();
  EXPECT_EQ(ledger->append({&b, 1}).verdict, AppendVerdict::unavailable) << "a new connection without an answer";
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(12));
  postgres_->thaw();
  EXPECT_EQ(ledger->append({&b, 1}).verdict, AppendVerdict::ok);
  EXPECT_EQ(count(), "2");
}

TEST_F(PostgresOutageTest, WriterKeepsEverythingThroughAnOutage) {
  auto spool = must_open(small_spool(dir_ / "spool"));
  auto producer = spool->make_writer();
  MetricsRegistry metrics;
  WriterOptions options;
  options.flush_interval_ms = 10;
  LedgerWriter writer(*spool, open(), options, metrics);
  writer.start();
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    if (i == 1'000) postgres_->stop();
    if (i == 2'000) ASSERT_TRUE(postgres_->restart());
    write_attempt(*producer, sample_record(i));
    if (i % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (int i = 0; i < 1'500 && spool->stats().pending_records > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  writer.stop(std::chrono::seconds(5));
  EXPECT_EQ(count(), "3000");
  EXPECT_EQ(postgres_->query("outage", "SELECT sum(cost_usd) FROM cost_records"), "0.163197000003000000");
}

TEST_F(PostgresOutageTest, SeveralGatewaysMigrateAndWriteAtOnce) {
  std::vector<std::thread> threads;
  std::vector<CostRecord> shared;
  for (std::uint64_t i = 0; i < 200; ++i) shared.push_back(sample_record(i));
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      auto ledger = open();
      auto applied = ledger->migrate();
      EXPECT_TRUE(applied) << applied.error().message;
      EXPECT_TRUE(ledger->maintain(kSampleStart, 0));
      for (int round = 0; round < 10; ++round) {
        auto result = ledger->append(shared);
        for (int i = 0; i < 20 && result.verdict == AppendVerdict::unavailable; ++i) result = ledger->append(shared);
        EXPECT_EQ(result.verdict, AppendVerdict::ok) << result.message;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count(), "200");
}

// Writes attempts and moves them to the store until killed; says what settle() acknowledged.
[[noreturn]] void gateway_main(const SpoolOptions& options, const std::string& url, int pipe_fd) {
  set_log_level(LogLevel::error);
  auto spool = Spool::open(options);
  auto ledger = open_ledger(url, "");
  if (!spool || !ledger) ::_exit(3);
  MetricsRegistry metrics;
  WriterOptions writer_options;
  writer_options.flush_interval_ms = 3;
  writer_options.batch_rows = 100;
  LedgerWriter writer(**spool, std::move(*ledger), writer_options, metrics);
  writer.start();
  auto producer = (*spool)->make_writer();
  for (std::uint64_t i = 0;; ++i) {
    const auto record = sample_record(i);
    while (!producer->admit()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the store is slow today
    if (!producer->open(record) || !producer->settle(record)) ::_exit(5);
    if (::write(pipe_fd, record.id.bytes.data(), 16) != 16) ::_exit(6);
    if (i % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_F(PostgresOutageTest, KilledGatewayLosesNoAcknowledgedRecordAndDoublesNone) {
  const auto options = small_spool(dir_ / "spool");
  std::mt19937_64 rng(5);
  std::set<Id> acknowledged;
  for (int round = 0; round < 12; ++round) {
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    const pid_t child = ::fork();
    if (child == 0) gateway_main(options, url_, fds[1]);
    ::close(fds[1]);
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(60 + rng() % 200));
      ::kill(child, SIGKILL);
    });
    Id id;
    while (::read(fds[0], id.bytes.data(), 16) == 16) acknowledged.insert(id);
    killer.join();
    ::close(fds[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  }
  auto spool = must_open(options);
  MetricsRegistry metrics;
  LedgerWriter writer(*spool, open(), {}, metrics);
  std::string message;
  ASSERT_TRUE(writer.drain_once(&message)) << message;
  ASSERT_GT(acknowledged.size(), 1'000u);
  EXPECT_EQ(postgres_->query("outage", "SELECT count(*) - count(DISTINCT id) FROM cost_records"), "0");
  // A child that died between settle() and telling makes one row more, in each round at most.
  const auto rows = std::stoul(postgres_->query("outage", "SELECT count(*) FROM cost_records WHERE outcome = 'ok'"));
  EXPECT_LE(rows, acknowledged.size() + 12);
  std::set<Id> stored;
  std::istringstream ids(postgres_->query("outage", "SELECT id FROM cost_records WHERE outcome = 'ok'"));
  for (std::string line; std::getline(ids, line);) stored.insert(*Id::parse(line));
  EXPECT_EQ(stored.size(), rows);
  for (const Id& id : acknowledged) EXPECT_TRUE(stored.contains(id)) << id.to_string();
}

}  // namespace
}  // namespace tollgate::billing
