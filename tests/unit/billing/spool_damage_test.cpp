// Segments that a crash or a bad disk left damaged: what is good comes out, what is not is kept aside and counted.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>

#include "billing/spool_frame.h"
#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

std::vector<std::string> files(const std::string& directory, const std::string& ending) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().string().ends_with(ending)) found.push_back(entry.path().string());
  return found;
}

std::string load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void save(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// One segment file with `count` attempts in it, as a dead process leaves it.
class SpoolDamageTest : public testing::Test {
 protected:
  void fill(std::size_t count) {
    auto spool = must_open(options_);
    auto writer = spool->make_writer();
    for (std::size_t i = 0; i < count; ++i) {
      records_.push_back(sample_record(i));
      write_attempt(*writer, records_.back());
    }
    spool.reset();
    writer.reset();
    path_ = files(options_.directory, ".seg").at(0);
    bytes_ = load(path_);
  }

  std::set<Id> recover() {
    save(path_, bytes_);
    auto spool = must_open(options_);
    std::set<Id> ids;
    for (const auto& record : read_all(*spool)) {
      EXPECT_TRUE(ids.insert(record.id).second);
      if (record.error_code != "gateway_crash") {
        EXPECT_EQ(record.provider_request_id, records_[0].provider_request_id);
      }
    }
    damaged_ = spool->stats().damaged_frames;
    spool->commit();
    EXPECT_EQ(spool->stats().segments, 0u);
    return ids;
  }

  std::size_t frame_at(std::size_t index) const {  // offset of the index-th frame
    std::size_t at = 32;
    for (; index > 0; --index) {
      std::uint32_t length;
      std::memcpy(&length, bytes_.data() + at, 4);
      at += kFrameHeaderBytes + length;
    }
    return at;
  }

  TempDir dir_;
  SpoolOptions options_ = small_spool(dir_ / "spool");
  std::vector<CostRecord> records_;
  std::string path_, bytes_;
  std::uint64_t damaged_ = 0;
};

TEST_F(SpoolDamageTest, EveryTornTailLosesOnlyTheTornFrame) {
  fill(4);
  const std::string whole = bytes_;
  const std::size_t open_begin = frame_at(6), open_end = frame_at(7);
  for (std::size_t cut = open_begin; cut < whole.size(); cut += 13) {
    const bool opened = cut >= open_end;  // without its settle it comes back as a crash
    bytes_ = whole.substr(0, cut) + std::string(500, '\0');
    const auto ids = recover();
    EXPECT_EQ(ids.size(), opened ? 4u : 3u) << cut;
  }
}

TEST_F(SpoolDamageTest, ZerosAtTheEndAreNoDamage) {
  fill(5);
  bytes_ += std::string(30'000, '\0');
  EXPECT_EQ(recover().size(), 5u);
  EXPECT_EQ(damaged_, 0u);
  EXPECT_TRUE(files(options_.directory, ".bad").empty());
}

TEST_F(SpoolDamageTest, LostPageInTheMiddleIsSkipped) {
  fill(40);
  bytes_.replace(4'096, 4'096, 4'096, '\0');
  const auto ids = recover();
  EXPECT_GE(ids.size(), 30u);
  EXPECT_LT(ids.size(), 40u);
  EXPECT_EQ(damaged_, 1u);
}

TEST_F(SpoolDamageTest, GarbageIsIsolatedAtItsOffset) {
  fill(20);
  const std::size_t begin = frame_at(11), end = frame_at(12);  // one settle
  for (std::size_t i = begin; i < end; ++i) bytes_[i] = static_cast<char>(bytes_[i] ^ 0x5a);
  const auto ids = recover();
  EXPECT_EQ(ids.size(), 20u) << "its open stands for it, as a crash";
  EXPECT_EQ(damaged_, 1u);
  const auto bad = files(options_.directory, ".bad");
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(load(bad[0]).substr(begin), bytes_.substr(begin, end - begin));
}

TEST_F(SpoolDamageTest, EverySingleFlippedBitCostsAtMostItsFrame) {
  fill(6);
  const std::string whole = bytes_;
  std::mt19937_64 rng(23);
  for (int round = 0; round < 300; ++round) {
    bytes_ = whole;
    const std::size_t at = rng() % bytes_.size();
    bytes_[at] = static_cast<char>(bytes_[at] ^ (1 << (rng() % 8)));
    const auto ids = recover();
    EXPECT_EQ(ids.size(), 6u) << "a lost settle is a crash row, a lost open leaves its settle; byte " << at;
    EXPECT_EQ(damaged_, at < 32 ? 0u : 1u) << at;
  }
}

TEST_F(SpoolDamageTest, LengthThatPointsFarAwayDoesNotSwallowTheRest) {
  fill(20);
  const std::uint32_t length = 30'000;
  std::memcpy(bytes_.data() + frame_at(3), &length, 4);
  EXPECT_EQ(recover().size(), 20u);
  EXPECT_EQ(damaged_, 1u);
}

// A caller cannot plant a record: without the segment's salt its CRC is wrong.
TEST_F(SpoolDamageTest, FrameInsideATagIsNoFrame) {
  CostRecord planted = sample_record(1);
  planted.cost = Money::from_femto(1);
  std::string frame(kFrameHeaderBytes, '\0');
  encode(planted, frame);
  seal_frame(frame.data(), frame.size() - kFrameHeaderBytes, FrameKind::settle, 0);
  fill(3);
  auto carrier = sample_record(2);
  carrier.tags = {{"note", frame}};
  {
    auto spool = must_open(options_);
    auto writer = spool->make_writer();
    ASSERT_TRUE(writer->admit());
    ASSERT_TRUE(writer->settle(carrier));
  }
  for (const auto& path : files(options_.directory, ".seg")) {
    std::string bytes = load(path);
    bytes[40] = static_cast<char>(bytes[40] + 1);  // the kind of the first frame
    save(path, bytes);
  }
  auto spool = must_open(options_);
  for (const auto& record : read_all(*spool)) EXPECT_NE(record.id, planted.id);
}

TEST_F(SpoolDamageTest, EmptyAndForeignFilesDoNoHarm) {
  fill(3);
  save(options_.directory + "/0000000000000001-00000000.seg", "");
  save(options_.directory + "/0000000000000002-00000000.seg", "short");
  save(options_.directory + "/notes.txt", "hello");
  save(options_.directory + "/zzzzzzzzzzzzzzzz-00000000.seg", "not ours");
  EXPECT_EQ(recover().size(), 3u);
  EXPECT_TRUE(std::filesystem::exists(options_.directory + "/notes.txt"));
}

TEST(SpoolFrameTest, JudgesPrefixes) {
  std::string frame(kFrameHeaderBytes, '\0');
  encode(sample_record(), frame);
  seal_frame(frame.data(), frame.size() - kFrameHeaderBytes, FrameKind::settle, 77);
  for (std::size_t n = 0; n < frame.size(); ++n)
    EXPECT_EQ(read_frame(std::string_view(frame).substr(0, n), 77).state, FrameView::State::incomplete) << n;
  const auto view = read_frame(frame, 77);
  EXPECT_EQ(view.state, FrameView::State::whole);
  EXPECT_EQ(view.kind, FrameKind::settle);
  EXPECT_EQ(view.bytes, frame.size());
  EXPECT_EQ(read_frame(frame, 78).state, FrameView::State::bad);
}

}  // namespace
}  // namespace tollgate::billing
