// LedgerWriter with a store that can be told to fail.
#include "billing/ledger_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <thread>

#include "core/json.h"
#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

// What the test sees of the store after it was handed over.
struct FakeState {
  std::atomic<bool> available{true};
  std::atomic<bool> migrates{true};
  std::string poison_feature = "poison";
  bool refuse_raw = false;
  std::map<Id, CostRecord> rows;
  int appends = 0, maintained = 0;
  std::size_t largest = 0;
};

class FakeLedger final : public Ledger {
 public:
  explicit FakeLedger(FakeState& state) : state_(state) {}
  Result<std::vector<std::string>> migrate() override {
    if (!state_.migrates) return Error{ErrorKind::retry_same, 503, "ledger_unavailable", "no schema yet"};
    return std::vector<std::string>{};
  }
  AppendResult append(std::span<const CostRecord> records) override {
    ++state_.appends;
    state_.largest = std::max(state_.largest, records.size());
    if (!state_.available) return {AppendVerdict::unavailable, 0, "store is away"};
    for (const auto& r : records)
      if (r.feature == state_.poison_feature || (state_.refuse_raw && !r.usage.raw.empty()))
        return {AppendVerdict::rejected, 0, "refused \"row\""};
    std::size_t inserted = 0;
    for (const auto& r : records) inserted += state_.rows.emplace(r.id, r).second;
    return {AppendVerdict::ok, inserted, {}};
  }
  Result<std::vector<ReportRow>> report(const ReportQuery&) override { return std::vector<ReportRow>{}; }
  Result<void> maintain(std::int64_t, int) override { return ++state_.maintained, Result<void>{}; }

 private:
  FakeState& state_;
};

class LedgerWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    spool_ = must_open(small_spool(dir_ / "spool"));
    producer_ = spool_->make_writer();
    make_writer();
  }
  void make_writer() {
    WriterOptions options;
    options.batch_rows = 64;
    options.flush_interval_ms = 5;
    options.poison_file = dir_ / "poison.jsonl";
    writer_ = std::make_unique<LedgerWriter>(*spool_, std::make_unique<FakeLedger>(state_), options, metrics_);
  }
  void write(std::size_t count, const std::string& feature = "rerank") {
    for (std::size_t i = 0; i < count; ++i) {
      auto record = sample_record(i);
      record.feature = feature;
      write_attempt(*producer_, record);
    }
  }
  std::uint64_t counter(const char* name) { return metrics_.counter(name, "").value(); }
  std::int64_t gauge(const char* name) { return metrics_.gauge(name, "").value(); }
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 1'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  TempDir dir_;
  FakeState state_;
  MetricsRegistry metrics_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<SpoolWriter> producer_;
  std::unique_ptr<LedgerWriter> writer_;
};

TEST_F(LedgerWriterTest, DrainMovesEverythingInBatches) {
  write(300);
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 300u);
  EXPECT_EQ(state_.largest, 64u);
  EXPECT_EQ(counter("tollgate_ledger_rows_total"), 300u);
  EXPECT_EQ(gauge("tollgate_spool_pending_records"), 0);
  EXPECT_EQ(gauge("tollgate_ledger_up"), 1);
}

TEST_F(LedgerWriterTest, DrainSaysWhyItCannot) {
  write(10);
  state_.available = false;
  std::string message;
  EXPECT_FALSE(writer_->drain_once(&message));
  EXPECT_EQ(message, "store is away");
  EXPECT_FALSE(writer_->store_up());
  EXPECT_EQ(gauge("tollgate_ledger_up"), 0);
  EXPECT_EQ(counter("tollgate_ledger_errors_total"), 1u);
  state_.available = true;
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 10u);
}

TEST_F(LedgerWriterTest, NothingIsReadBeforeTheSchemaIsThere) {
  write(10);
  state_.migrates = false;
  EXPECT_FALSE(writer_->drain_once());
  EXPECT_EQ(state_.appends, 0);
  state_.migrates = true;
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 10u);
}

TEST_F(LedgerWriterTest, PoisonIsIsolatedAndTheRestArrives) {
  write(100);
  write(1, "poison");
  write(100);
  write(1, "poison");
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 200u);
  EXPECT_EQ(counter("tollgate_ledger_poison_total"), 2u);
  std::ifstream in(dir_ / "poison.jsonl");
  std::string line;
  int lines = 0;
  JsonReader reader;
  for (; std::getline(in, line); ++lines) {
    auto value = reader.parse(line);
    ASSERT_TRUE(value) << line;
    EXPECT_EQ((*value)["store_message"].as_string(), "refused \"row\"");
    EXPECT_EQ((*value)["record"]["feature"].as_string(), "poison");
    EXPECT_EQ((*value)["record"]["cost_usd"].as_string(), "0.000054399000001");
    EXPECT_EQ((*value)["record"]["input_tokens"].as_int(), 120);
    EXPECT_EQ((*value)["record"]["tags"]["run"].as_string(), "0");
    EXPECT_TRUE((*value)["record"]["usage_raw"].as_string()->starts_with("{\"prompt_tokens\""));
  }
  EXPECT_EQ(lines, 2);
}

TEST_F(LedgerWriterTest, RowWithRefusedRawUsageIsStoredWithoutIt) {
  write(5);
  state_.refuse_raw = true;
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 5u);
  for (const auto& [id, record] : state_.rows) EXPECT_TRUE(record.usage.raw.empty());
  EXPECT_EQ(counter("tollgate_ledger_poison_total"), 0u);
}

TEST_F(LedgerWriterTest, PoisonThatCannotBePutAsideStaysInTheSpool) {
  write(1, "poison");
  std::filesystem::create_directory(dir_ / "poison.jsonl");
  EXPECT_FALSE(writer_->drain_once());
  std::filesystem::remove(dir_ / "poison.jsonl");
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_TRUE(std::filesystem::is_regular_file(dir_ / "poison.jsonl"));
}

TEST_F(LedgerWriterTest, ThreadFollowsTheSpoolAndSurvivesAnOutage) {
  writer_->start();
  write(50);
  ASSERT_TRUE(eventually([&] { return counter("tollgate_ledger_rows_total") == 50; }));
  state_.available = false;
  write(500);
  ASSERT_TRUE(eventually([&] { return !writer_->store_up(); }));
  state_.available = true;
  ASSERT_TRUE(eventually([&] { return counter("tollgate_ledger_rows_total") == 550; }));
  EXPECT_TRUE(writer_->store_up());
  writer_->stop(std::chrono::seconds(1));
  EXPECT_EQ(state_.rows.size(), 550u);
  EXPECT_GE(state_.maintained, 1);
}

TEST_F(LedgerWriterTest, StopHandsOverWhatIsSpooled) {
  writer_->start();
  ASSERT_TRUE(eventually([&] { return writer_->store_up(); }));
  write(1'000);
  writer_->stop(std::chrono::seconds(10));
  EXPECT_EQ(state_.rows.size(), 1'000u);
}

TEST_F(LedgerWriterTest, StopDoesNotWaitForAStoreThatIsAway) {
  state_.available = false;
  write(10);
  writer_->start();
  ASSERT_TRUE(eventually([&] { return counter("tollgate_ledger_errors_total") >= 1; }));
  const auto begun = std::chrono::steady_clock::now();
  writer_->stop(std::chrono::seconds(30));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  state_.available = true;
  make_writer();
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 10u);
}

TEST_F(LedgerWriterTest, RedeliveryIsCountedAsDuplicate) {
  write(20);
  EXPECT_TRUE(writer_->drain_once());
  writer_.reset();
  producer_.reset();
  spool_.reset();
  std::filesystem::remove(dir_ / "spool/cursor");
  SetUp();
  EXPECT_TRUE(writer_->drain_once());
  EXPECT_EQ(state_.rows.size(), 20u);
  EXPECT_EQ(counter("tollgate_ledger_duplicates_total"), 20u);
}

}  // namespace
}  // namespace tollgate::billing
