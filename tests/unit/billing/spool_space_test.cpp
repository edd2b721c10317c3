// The spool short of space: what was admitted always settles, the rest is refused, and it recovers.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

// As large as a caller can make it.
CostRecord huge_record(std::uint64_t n) {
  CostRecord r = sample_record(n);
  r.user_id.assign(3'000, 'u');
  r.tags.clear();
  for (int i = 0; i < 64; ++i) r.tags.emplace_back("key" + std::to_string(i), std::string(400, 'v'));
  r.usage.raw = "{\"x\":\"" + std::string(4'000, 'r') + "\"}";
  return r;
}

std::vector<CostRecord> admit_until_refused(SpoolWriter& writer, bool huge) {
  std::vector<CostRecord> admitted;
  while (writer.admit()) {
    admitted.push_back(huge ? huge_record(admitted.size()) : sample_record(admitted.size()));
    if (admitted.size() > 100'000) break;
  }
  return admitted;
}

void expect_all_delivered(Spool& spool, const std::vector<CostRecord>& records) {
  const auto out = read_all(spool);
  ASSERT_EQ(out.size(), records.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_EQ(out[i].id, records[i].id);
    EXPECT_EQ(out[i].usage.counts, records[i].usage.counts);
    EXPECT_TRUE(out[i].cost == records[i].cost);
  }
}

class SpoolBoundTest : public testing::TestWithParam<bool> {};

TEST_P(SpoolBoundTest, WhateverWasAdmittedSettlesAtTheBound) {
  TempDir dir;
  auto options = small_spool(dir / "spool");
  options.max_bytes = 5 * options.segment_bytes;
  auto spool = must_open(options);
  auto writer = spool->make_writer();
  const auto admitted = admit_until_refused(*writer, GetParam());
  ASSERT_GE(admitted.size(), 40u);
  EXPECT_TRUE(spool->full());
  EXPECT_GE(spool->stats().refused, 1u);
  for (const auto& record : admitted) ASSERT_TRUE(writer->open(record));
  for (const auto& record : admitted) ASSERT_TRUE(writer->settle(record));
  EXPECT_LE(spool->stats().bytes, options.max_bytes);
  expect_all_delivered(*spool, admitted);
}

// Open and settle mixed at random, always at the edge of the space.
TEST_P(SpoolBoundTest, RandomInterleavingNeverFailsAnAdmittedAttempt) {
  TempDir dir;
  auto options = small_spool(dir / "spool");
  options.max_bytes = 4 * options.segment_bytes;
  auto spool = must_open(options);
  auto writer = spool->make_writer();
  std::mt19937_64 rng(17);
  std::vector<CostRecord> admitted, opened;
  std::size_t refused = 0, settled = 0, delivered = 0;
  for (int step = 0; step < 40'000; ++step) {
    const auto dice = rng() % 10;
    if (dice < 4) {
      if (!writer->admit()) {
        ++refused;
      } else {
        admitted.push_back(GetParam() ? huge_record(rng() % 9) : sample_record(rng() % 9));
      }
    } else if (dice < 6 && !admitted.empty()) {
      ASSERT_TRUE(writer->open(admitted.back()));
      opened.push_back(admitted.back());
      admitted.pop_back();
    } else if (dice == 6 && !admitted.empty()) {
      writer->release();
      admitted.pop_back();
    } else if (dice == 7 && !admitted.empty()) {  // a cached reply: settle without open
      ASSERT_TRUE(writer->settle(admitted.back()));
      admitted.pop_back();
      ++settled;
    } else if (!opened.empty()) {
      const std::size_t at = rng() % opened.size();
      ASSERT_TRUE(writer->settle(opened[at]));
      opened.erase(opened.begin() + static_cast<std::ptrdiff_t>(at));
      ++settled;
    }
    if (step % 2'000 == 0) {
      delivered += read_all(*spool).size();
      spool->commit();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(delivered + read_all(*spool).size(), settled);
  EXPECT_EQ(spool->stats().damaged_frames, 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SpoolBoundTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "huge" : "usual"; });

TEST(SpoolSpaceTest, LargeRecordIsKeptWholeWhereThereIsRoomAndCutWhereNot) {
  TempDir dir;
  auto options = small_spool(dir / "spool");
  auto spool = must_open(options);
  auto writer = spool->make_writer();
  CostRecord large = sample_record();
  large.usage.raw = "{\"x\":\"" + std::string(3'900, 'r') + "\"}";
  large.user_id.assign(2'000, 'u');
  write_attempt(*writer, large);
  CostRecord monster = sample_record();
  monster.user_id.assign(200'000, 'u');
  write_attempt(*writer, monster);
  const auto out = read_all(*spool);
  ASSERT_EQ(out.size(), 2u);
  expect_same(out[0], large);
  EXPECT_EQ(out[1].user_id.size(), 1'024u);
  EXPECT_EQ(out[1].usage.raw, monster.usage.raw);
}

TEST(SpoolSpaceTest, RefusalSaysWhyAndSpaceComesBack) {
  TempDir dir;
  auto options = small_spool(dir / "spool");
  options.max_bytes = 2 * options.segment_bytes;
  auto spool = must_open(options);
  auto writer = spool->make_writer();
  Result<void> refused;
  std::uint64_t written = 0;
  for (; refused && written < 10'000; ++written) {
    refused = writer->admit();
    if (!refused) break;
    const auto record = sample_record(written);
    ASSERT_TRUE(writer->open(record));
    ASSERT_TRUE(writer->settle(record));
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 503);
  EXPECT_EQ(refused.error().code, "spool_full");
  EXPECT_EQ(refused.error().kind, ErrorKind::limited);
  EXPECT_EQ(read_all(*spool).size(), written);
  spool->commit();
  EXPECT_FALSE(writer->admit()) << "it does not ask the disk again at once";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(writer->admit());
  writer->release();
}

// A file system of one megabyte that really is full.
TEST(SpoolSpaceTest, FullDiskRefusesAdmissionAndRecovers) {
  TempDir dir;
  const std::string mount_point = dir / "disk";
  std::filesystem::create_directory(mount_point);
  if (::mount("none", mount_point.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "cannot mount a small tmpfs here: " << std::strerror(errno);
  {
    auto options = small_spool(mount_point + "/spool");
    auto spool = must_open(options);
    auto writer = spool->make_writer();
    std::ofstream(mount_point + "/ballast") << std::string(400'000, 'b');
    const auto admitted = admit_until_refused(*writer, false);
    EXPECT_GT(admitted.size(), 40u);
    EXPECT_LT(admitted.size(), 400u);
    EXPECT_TRUE(spool->full());
    for (const auto& record : admitted) {
      EXPECT_TRUE(writer->open(record));
      EXPECT_TRUE(writer->settle(record));
    }
    expect_all_delivered(*spool, admitted);
    std::filesystem::remove(mount_point + "/ballast");
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_TRUE(writer->admit());
    writer->release();
  }
  EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

TEST(SpoolSpaceTest, FileSizeLimitIsARefusalToo) {
  TempDir dir;
  auto spool = must_open(small_spool(dir / "spool"));
  auto writer = spool->make_writer();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tiny{10'000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tiny), 0);
  const auto refused = writer->admit();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "spool_full");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  write_attempt(*writer, sample_record());
  EXPECT_EQ(read_all(*spool).size(), 1u);
}

TEST(SpoolSpaceTest, VanishedDirectoryRefusesNewSegments) {
  TempDir dir;
  auto spool = must_open(small_spool(dir / "spool"));
  auto writer = spool->make_writer();
  std::filesystem::remove_all(dir / "spool");
  const auto refused = writer->admit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "spool_io");
}

}  // namespace
}  // namespace tollgate::billing
