// The spool in good times: order, restart, carrying, removal, several writers.
#include "billing/spool.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>

#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

std::size_t files_with(const std::string& directory, const std::string& ending) {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) n += entry.path().string().ends_with(ending);
  return n;
}

TEST(SpoolTest, HandsOutWhatWasSettledInOrder) {
  TempDir dir;
  auto spool = must_open(small_spool(dir / "spool"));
  auto writer = spool->make_writer();
  std::vector<CostRecord> in;
  for (int i = 0; i < 1'000; ++i) {
    in.push_back(sample_record(static_cast<std::uint64_t>(i)));
    write_attempt(*writer, in.back());
  }
  EXPECT_EQ(spool->stats().pending_records, 1'000u);
  const auto out = read_all(*spool, 7);
  ASSERT_EQ(out.size(), in.size());
  for (std::size_t i = 0; i < in.size(); ++i) expect_same(in[i], out[i]);
  spool->commit();
  EXPECT_EQ(spool->stats().pending_records, 0u);
  EXPECT_EQ(spool->stats().segments, 1u) << "only the segment being written remains";
}

TEST(SpoolTest, RewindHandsOutAgainWhatWasNotCommitted) {
  TempDir dir;
  auto spool = must_open(small_spool(dir / "spool"));
  auto writer = spool->make_writer();
  for (std::uint64_t i = 0; i < 400; ++i) write_attempt(*writer, sample_record(i));
  std::vector<CostRecord> first, second, third;
  ASSERT_EQ(spool->read(first, 150), 150u);
  spool->commit();
  ASSERT_EQ(spool->read(second, 100), 100u);
  spool->rewind();
  third = read_all(*spool);
  ASSERT_EQ(third.size(), 250u);
  for (std::size_t i = 0; i < second.size(); ++i) expect_same(second[i], third[i]);
}

TEST(SpoolTest, RestartDeliversTheRestAndKeepsUnsettledOpensAsCrashes) {
  TempDir dir;
  const CostRecord lost = begun_record(7);
  {
    auto spool = must_open(small_spool(dir / "spool"));
    auto writer = spool->make_writer();
    ASSERT_TRUE(writer->admit());
    ASSERT_TRUE(writer->open(lost));
    for (std::uint64_t i = 0; i < 10; ++i) write_attempt(*writer, sample_record(i));
  }
  auto spool = must_open(small_spool(dir / "spool"));
  const auto out = read_all(*spool, 3);
  ASSERT_EQ(out.size(), 11u);
  const CostRecord& crashed = out.back();
  EXPECT_EQ(crashed.id, lost.id);
  EXPECT_EQ(crashed.outcome, Outcome::error);
  EXPECT_EQ(crashed.error_code, "gateway_crash");
  EXPECT_EQ(crashed.cost_source, CostSource::unpriced);
  EXPECT_FALSE(crashed.cost.has_value());
  EXPECT_EQ(crashed.team, lost.team);
  EXPECT_EQ(crashed.tags, lost.tags);
  EXPECT_EQ(crashed.started_us, lost.started_us);
  spool->commit();
  EXPECT_EQ(spool->stats().segments, 0u);
}

TEST(SpoolTest, CrashRowsComeAgainAfterRewind) {
  TempDir dir;
  {
    auto spool = must_open(small_spool(dir / "spool"));
    auto writer = spool->make_writer();
    for (std::uint64_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(writer->admit());
      ASSERT_TRUE(writer->open(begun_record(i)));
    }
  }
  auto spool = must_open(small_spool(dir / "spool"));
  std::vector<CostRecord> out;
  ASSERT_EQ(spool->read(out, 2), 2u);
  spool->commit();
  ASSERT_EQ(spool->read(out, 2), 2u);
  spool->rewind();
  EXPECT_EQ(read_all(*spool).size(), 3u);
  spool->commit();
  EXPECT_EQ(read_all(*spool).size(), 0u);
  EXPECT_EQ(spool->stats().segments, 0u);
}

TEST(SpoolTest, CursorSparesTheRestartMostOfTheReplay) {
  TempDir dir;
  {
    auto spool = must_open(small_spool(dir / "spool"));
    auto writer = spool->make_writer();
    for (std::uint64_t i = 0; i < 30; ++i) write_attempt(*writer, sample_record(i));
    ASSERT_EQ(read_all(*spool).size(), 30u);
    spool->commit();
    write_attempt(*writer, sample_record(31));
  }
  {
    auto spool = must_open(small_spool(dir / "spool"));
    EXPECT_EQ(read_all(*spool).size(), 1u);
  }
  std::filesystem::remove(dir / "spool/cursor");
  auto spool = must_open(small_spool(dir / "spool"));
  EXPECT_EQ(read_all(*spool).size(), 31u) << "without a cursor everything comes again, nothing is lost";
}

TEST(SpoolTest, DamagedCursorIsIgnored) {
  TempDir dir;
  {
    auto spool = must_open(small_spool(dir / "spool"));
    auto writer = spool->make_writer();
    for (std::uint64_t i = 0; i < 30; ++i) write_attempt(*writer, sample_record(i));
    read_all(*spool);
    spool->commit();
  }
  std::fstream(dir / "spool/cursor", std::ios::in | std::ios::out).put('z');
  auto spool = must_open(small_spool(dir / "spool"));
  EXPECT_EQ(read_all(*spool).size(), 30u);
}

// A stream that outlives many segments: they go, its open does not.
TEST(SpoolTest, LongOpenAttemptIsCarriedOutOfRemovedSegments) {
  TempDir dir;
  const CostRecord slow = begun_record(99);
  auto spool = must_open(small_spool(dir / "spool"));
  auto writer = spool->make_writer();
  ASSERT_TRUE(writer->admit());
  ASSERT_TRUE(writer->open(slow));
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    write_attempt(*writer, sample_record(i));
    if (i % 100 == 0) read_all(*spool), spool->commit();
  }
  read_all(*spool);
  spool->commit();
  EXPECT_EQ(files_with(dir / "spool", ".carry"), 1u);
  EXPECT_LE(files_with(dir / "spool", ".seg"), 3u);
  std::filesystem::copy(dir / "spool", dir / "after-crash");  // what a kill at this moment would leave
  {
    auto again = must_open(small_spool(dir / "after-crash"));
    const auto out = read_all(*again);
    ASSERT_FALSE(out.empty());
    EXPECT_EQ(out.back().id, slow.id);
    EXPECT_EQ(out.back().error_code, "gateway_crash");
  }
  ASSERT_TRUE(writer->settle(done_record(slow)));
  const auto out = read_all(*spool);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].id, slow.id);
  spool->commit();
  EXPECT_EQ(files_with(dir / "spool", ".carry"), 0u);
}

// The settle was seen and stored, the open is still on disk: the restart must not make a second row of it that differs.
TEST(SpoolTest, CarriedOpenWhoseSettleIsStillSpooledIsNoCrash) {
  TempDir dir;
  const CostRecord slow = begun_record(99);
  {
    auto spool = must_open(small_spool(dir / "spool"));
    auto writer = spool->make_writer();
    ASSERT_TRUE(writer->admit());
    ASSERT_TRUE(writer->open(slow));
    for (std::uint64_t i = 0; i < 500; ++i) write_attempt(*writer, sample_record(i));
    read_all(*spool);
    spool->commit();
    ASSERT_EQ(files_with(dir / "spool", ".carry"), 1u);
    ASSERT_TRUE(writer->settle(done_record(slow)));
  }
  auto spool = must_open(small_spool(dir / "spool"));
  int rows = 0;
  for (const auto& record : read_all(*spool)) {
    if (record.id != slow.id) continue;
    ++rows;
    EXPECT_EQ(record.outcome, Outcome::ok);
  }
  EXPECT_EQ(rows, 1);
}

TEST(SpoolTest, ManyCarriedOpensFoldIntoFewFiles) {
  TempDir dir;
  auto spool = must_open(small_spool(dir / "spool"));
  auto writer = spool->make_writer();
  std::vector<CostRecord> slow;
  for (std::uint64_t i = 0; i < 6'000; ++i) {
    if (i % 60 == 0) {
      slow.push_back(begun_record(i));
      ASSERT_TRUE(writer->admit());
      ASSERT_TRUE(writer->open(slow.back()));
    }
    write_attempt(*writer, sample_record(i));
    if (i % 50 == 0) read_all(*spool), spool->commit();
  }
  EXPECT_LE(files_with(dir / "spool", ".carry"), 18u);
  for (const auto& record : slow) ASSERT_TRUE(writer->settle(done_record(record)));
  EXPECT_EQ(read_all(*spool).size(), slow.size() + 49);
  spool->commit();
  EXPECT_EQ(files_with(dir / "spool", ".carry"), 0u);
}

TEST(SpoolTest, SeveralWritersAndAReaderAtOnce) {
  TempDir dir;
  constexpr int kThreads = 3, kEach = 3'000;
  auto spool = must_open(small_spool(dir / "spool"));
  std::vector<std::thread> threads;
  std::atomic<int> running{kThreads};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&spool, &running] {
      auto writer = spool->make_writer();
      for (std::uint64_t i = 0; i < kEach; ++i) {
        const auto record = sample_record(i);
        while (!writer->admit()) std::this_thread::yield();
        EXPECT_TRUE(writer->open(record));
        EXPECT_TRUE(writer->settle(record));
      }
      --running;
    });
  }
  std::set<Id> seen;
  std::vector<CostRecord> out;
  bool last_round = false;
  while (true) {
    out.clear();
    if (spool->read(out, 500) == 0 && last_round) break;
    last_round = running == 0;
    for (const auto& record : out) EXPECT_TRUE(seen.insert(record.id).second);
    spool->commit();
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), std::size_t{kThreads * kEach});
  read_all(*spool);
  spool->commit();
  EXPECT_EQ(spool->stats().segments, 0u) << "writers are gone, so are their segments";
}

TEST(SpoolTest, OneProcessAtATime) {
  TempDir dir;
  auto first = must_open(small_spool(dir / "spool"));
  auto second = Spool::open(small_spool(dir / "spool"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "spool_locked");
  first.reset();
  EXPECT_TRUE(Spool::open(small_spool(dir / "spool")));
}

TEST(SpoolTest, DirectoryIsPrivate) {
  TempDir dir;
  auto spool = must_open(small_spool(dir / "deep/er/spool"));
  const auto mode = std::filesystem::status(dir / "deep/er/spool").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_all);
}

TEST(SpoolTest, UnwritableDirectoryIsAnErrorWithItsName) {
  auto spool = Spool::open(small_spool("/proc/tollgate-spool"));
  ASSERT_FALSE(spool);
  EXPECT_EQ(spool.error().code, "spool_io");
  EXPECT_NE(spool.error().message.find("/proc/tollgate-spool"), std::string::npos);
}

TEST(SpoolTest, FsyncAfterEveryRecordWhenAsked) {
  TempDir dir;
  auto options = small_spool(dir / "spool");
  options.fsync_interval_ms = 0;
  auto spool = must_open(options);
  auto writer = spool->make_writer();
  for (std::uint64_t i = 0; i < 20; ++i) write_attempt(*writer, sample_record(i));
  EXPECT_EQ(read_all(*spool).size(), 20u);
}

}  // namespace
}  // namespace tollgate::billing
