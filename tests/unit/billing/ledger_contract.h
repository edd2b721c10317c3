// What every ledger must do, run against both members (style: one suite, two stores). A fixture derives from
// LedgerContract and says how to get a fresh, empty store.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "billing/ledger.h"
#include "billing/ledger_rows.h"
#include "billing/report.h"
#include "ledger_samples.h"

namespace tollgate::billing {

// Makes stores; one per test.
class LedgerMaker {
 public:
  virtual ~LedgerMaker() = default;
  virtual std::unique_ptr<Ledger> open() = 0;             // the same store at each call
  virtual std::string value(const std::string& sql) = 0;  // first column of the first row, by other means
};

template <class Maker>
class LedgerContract : public testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    maker_ = Maker::make(&reason);
    if (!maker_) GTEST_SKIP() << reason;
    ledger_ = maker_->open();
    ASSERT_TRUE(ledger_);
    auto applied = ledger_->migrate();
    ASSERT_TRUE(applied) << applied.error().message;
    ASSERT_EQ(*applied, (std::vector<std::string>{"0001_cost_records", "0002_more_units"}));
  }

  void append(const std::vector<CostRecord>& records, std::size_t inserted) {
    const auto result = ledger_->append(records);
    ASSERT_EQ(result.verdict, AppendVerdict::ok) << result.message;
    EXPECT_EQ(result.inserted, inserted);
  }
  std::vector<ReportRow> report(std::vector<std::string> by, std::int64_t since = 0, std::int64_t until = INT64_MAX) {
    ReportQuery query;
    query.by = std::move(by);
    query.since_us = since;
    query.until_us = until;
    auto rows = ledger_->report(query);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? *rows : std::vector<ReportRow>{};
  }
  std::string value(const std::string& sql) { return maker_->value(sql); }

  std::unique_ptr<Maker> maker_;
  std::unique_ptr<Ledger> ledger_;
};
TYPED_TEST_SUITE_P(LedgerContract);

TYPED_TEST_P(LedgerContract, MigratesOnceAndNamesIt) {
  auto again = this->ledger_->migrate();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty());
  auto other = this->maker_->open()->migrate();
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->empty());
}

TYPED_TEST_P(LedgerContract, AppendIsIdempotentById) {
  const std::vector<CostRecord> records = {sample_record(1), sample_record(2), sample_record(3)};
  this->append(records, 3);
  this->append(records, 0);
  this->append({records[1], sample_record(4)}, 1);
  this->append({}, 0);
  const auto rows = this->report({});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].attempts, 4);
}

TYPED_TEST_P(LedgerContract, DuplicateInsideOneBatchIsOneRow) {
  const CostRecord record = sample_record();
  CostRecord crash = begun_record();
  crash.id = record.id;
  crash.started_us = record.started_us;
  crash.outcome = Outcome::error;
  this->append({record, crash, record}, 1);
  EXPECT_EQ(this->value("SELECT outcome FROM cost_records"), "ok") << "the first one stands";
}

TYPED_TEST_P(LedgerContract, ColumnsHoldWhatTheRecordSays) {
  CostRecord r = sample_record();
  this->append({r}, 1);
  const auto column = [&](const std::string& name) { return this->value("SELECT " + name + " FROM cost_records"); };
  EXPECT_EQ(column("id"), r.id.to_string());
  EXPECT_EQ(column("request_id"), r.request_id.to_string());
  EXPECT_EQ(column("attempt"), "1");
  EXPECT_EQ(column("team || '/' || feature || '/' || environment || '/' || user_id || '/' || key_id"),
            "search/rerank/prod/user-1/key_7f");
  EXPECT_EQ(column("surface || '/' || requested_model || '/' || provider || '/' || model || '/' || route"),
            "chat/smart/lab/gpt-mock-2026-08-07/smart");
  EXPECT_EQ(column("outcome || '/' || cost_source || '/' || service_tier"), "ok/computed/default");
  EXPECT_EQ(column("http_status"), "200");
  EXPECT_EQ(column("input_tokens"), "120");
  EXPECT_EQ(column("cache_read_tokens"), "1024");
  EXPECT_EQ(column("cache_write_tokens"), "12");
  EXPECT_EQ(column("output_tokens"), "77");
  EXPECT_EQ(column("reasoning_tokens"), "13");
  EXPECT_EQ(column("ttft_ms"), "210.042");
  EXPECT_EQ(column("duration_ms"), "1234.567");
  EXPECT_EQ(Money::parse(column("cost_usd"))->femto(), r.cost->femto());
  EXPECT_EQ(Money::parse(column("baseline_cost_usd"))->femto(), r.baseline_cost->femto());
  EXPECT_NE(column("price_ids").find("lab/gpt-mock@2026-08-01#cache"), std::string::npos);
  EXPECT_NE(column("usage_raw").find("cached_tokens"), std::string::npos);
  EXPECT_EQ(column("served_model || '/' || provider_request_id"), r.served_model + "/" + r.provider_request_id);
}

TYPED_TEST_P(LedgerContract, EveryBucketHasItsColumnAndItsSum) {
  CostRecord a = sample_record(1), b = sample_record(2);
  for (std::size_t i = 0; i < kBuckets; ++i) {
    a.usage.counts[i] = 1'000 + static_cast<std::int64_t>(i);
    b.usage.counts[i] = 1;
  }
  this->append({a, b}, 2);
  const auto rows = this->report({});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].input_tokens, 1'001);
  EXPECT_EQ(rows[0].reasoning_tokens, a.usage[Bucket::reasoning] + 1);
  for (const auto& column : bucket_columns()) {
    EXPECT_EQ(this->value("SELECT max(" + std::string(column.column) + ") FROM cost_records"),
              std::to_string(a.usage[column.bucket]));
  }
  for (const auto& column : further_columns())
    EXPECT_EQ(rows[0].units[column.bucket], a.usage[column.bucket] + 1) << column.column;
}

TYPED_TEST_P(LedgerContract, UnknownIsNullAndZeroIsZero) {
  CostRecord unknown = sample_record(1), free = sample_record(2), negative = sample_record(3);
  unknown.cost.reset();
  unknown.baseline_cost.reset();
  unknown.cost_source = CostSource::unpriced;
  unknown.ttft_us = -1;
  unknown.http_status = 0;
  unknown.usage.raw.clear();
  free.cost = Money{};
  negative.cost = Money::from_femto(-1'500'000'000'000'001);
  this->append({unknown, free, negative}, 3);
  EXPECT_EQ(this->value("SELECT count(*) FROM cost_records WHERE cost_usd IS NULL AND baseline_cost_usd IS NULL AND "
                        "ttft_ms IS NULL AND http_status IS NULL AND usage_raw IS NULL"),
            "1");
  const auto cost_of = [&](const CostRecord& r) {
    return *Money::parse(this->value("SELECT cost_usd FROM cost_records WHERE id = '" + r.id.to_string() + "'"));
  };
  EXPECT_TRUE(cost_of(free).is_zero());
  EXPECT_TRUE(cost_of(negative) == *negative.cost);
  const auto rows = this->report({"cost_source"});
  ASSERT_EQ(rows.size(), 2u);
  for (const auto& row : rows) EXPECT_EQ(row.unpriced_attempts, row.dims[0] == "unpriced" ? 1 : 0);
}

TYPED_TEST_P(LedgerContract, MoneySumsAreExact) {
  std::mt19937_64 rng(9);
  std::vector<CostRecord> records;
  Money::Femto sum = 0;
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    records.push_back(sample_record(i));
    const Money::Femto femto = static_cast<Money::Femto>(rng() >> (rng() % 50)) * ((rng() % 5 == 0) ? -1 : 1);
    records.back().cost = Money::from_femto(femto);
    sum += femto;
  }
  records.push_back(sample_record(3'000));
  records.back().cost =
      Money::from_femto(static_cast<Money::Femto>(1) * 9'000'000'000 * 1'000'000'000'000'000 / 10 + 7);
  sum += records.back().cost->femto();
  this->append(records, records.size());
  const auto rows = this->report({});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].cost.to_string(), Money::from_femto(sum).to_string());
}

TYPED_TEST_P(LedgerContract, ReportCountsRequestsAttemptsErrorsAndTokens) {
  CostRecord first = sample_record(1), retry = sample_record(2), other = sample_record(3), late = sample_record(4);
  retry.request_id = first.request_id;
  retry.attempt = 2;
  first.outcome = Outcome::timeout;
  first.cost_source = CostSource::estimated;
  other.team = "ads";
  other.outcome = Outcome::aborted;
  other.cost = Money::from_femto(1'000'000'000'000'000);
  late.team = "ads";
  late.outcome = Outcome::error;
  late.started_us += 86'400'000'000;
  this->append({first, retry, other, late}, 4);

  const auto rows = this->report({"team"});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].dims, std::vector<std::string>{"ads"}) << "dearest first";
  EXPECT_EQ(rows[0].requests, 2);
  EXPECT_EQ(rows[0].errors, 1) << "a client that leaves is no error";
  EXPECT_EQ(rows[1].requests, 1);
  EXPECT_EQ(rows[1].attempts, 2);
  EXPECT_EQ(rows[1].errors, 1);
  EXPECT_EQ(rows[1].estimated_attempts, 1);
  EXPECT_EQ(rows[1].input_tokens, 240);
  EXPECT_EQ(rows[1].cache_read_tokens, 2'048);
  EXPECT_EQ(rows[1].cache_write_tokens, 24);
  EXPECT_EQ(rows[1].output_tokens, 154);
  EXPECT_EQ(rows[1].reasoning_tokens, 26);
  EXPECT_EQ(rows[1].cost.femto(), 2 * Money::Femto{54'399'000'001});
}

TYPED_TEST_P(LedgerContract, ReportTimesAreHalfOpen) {
  const CostRecord a = sample_record(1), b = sample_record(2), c = sample_record(3);
  this->append({a, b, c}, 3);
  const auto rows = this->report({}, b.started_us, c.started_us);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].attempts, 1);
  EXPECT_TRUE(this->report({}, c.started_us + 1).empty());
  EXPECT_TRUE(this->report({"team"}, c.started_us + 1).empty());
}

TYPED_TEST_P(LedgerContract, EveryDimensionGroups) {
  CostRecord a = sample_record(1), b = sample_record(2);
  b.started_us = a.started_us + 3'600'000'000;
  b.tags = {{"we\"ird 'key'", "v,1"}};
  this->append({a, b}, 2);
  for (const char* name : {"team", "feature", "environment", "key", "model", "requested_model", "provider", "route",
                           "outcome", "surface", "cost_source", "day"})
    EXPECT_EQ(this->report({name}).size(), 1u) << name;
  EXPECT_EQ(this->report({"user"}).size(), 2u);
  const auto hours = this->report({"hour", "day"});
  ASSERT_EQ(hours.size(), 2u);
  EXPECT_EQ(hours[0].dims, (std::vector<std::string>{"2026-11-18T11:00Z", "2026-11-18"}));
  EXPECT_EQ(hours[1].dims[0], "2026-11-18T12:00Z");
  const auto tags = this->report({"tag:we\"ird 'key'", "tag:customer"});
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags[0].dims, (std::vector<std::string>{"", "acme \"x\" \xC3\xA9"}));
  EXPECT_EQ(tags[1].dims, (std::vector<std::string>{"v,1", ""}));
}

TYPED_TEST_P(LedgerContract, WrongDimensionsAreTheCallersFault) {
  ReportQuery query;
  query.by = {"team; DROP TABLE cost_records"};
  auto rows = this->ledger_->report(query);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().kind, ErrorKind::client_fault);
  EXPECT_NE(rows.error().message.find("tag:NAME"), std::string::npos);
  query.by.assign(9, "team");
  EXPECT_FALSE(this->ledger_->report(query));
}

TYPED_TEST_P(LedgerContract, OddTextAndTimesAreStored) {
  CostRecord odd = sample_record(1);
  odd.feature = "tab\tquote'\"backslash\\N newline\n \xE2\x82\xAC";
  odd.user_id = "bad \xff utf8";
  odd.tags = {{"k\\", "v\"\n\\u0000"}};
  odd.usage.raw = "{not json \\u0000";
  odd.price_ids = {"a,b", "c\"d\\", "{}"};
  odd.usage[Bucket::characters] = INT64_MAX;
  CostRecord ancient = sample_record(2), future = sample_record(3);
  ancient.started_us = ancient.finished_us = 0;
  future.started_us = future.finished_us = 4'102'444'800'000'000;  // 2100
  this->append({odd, ancient, future}, 3);
  this->append({odd, ancient, future}, 0);
  EXPECT_EQ(this->value("SELECT feature FROM cost_records WHERE id = '" + odd.id.to_string() + "'"), odd.feature);
  const auto rows = this->report({"tag:k\\"});
  ASSERT_EQ(rows.size(), 2u);
  const bool found = rows[0].dims[0] == odd.tags[0].second || rows[1].dims[0] == odd.tags[0].second;
  EXPECT_TRUE(found);
  EXPECT_EQ(this->report({}, 0, 1)[0].attempts, 1);
}

TYPED_TEST_P(LedgerContract, RejectedBatchLeavesNothingBehind) {
  CostRecord impossible = sample_record(2);
  impossible.cost = Money::from_femto(static_cast<Money::Femto>(INT64_MAX) * INT64_MAX);  // 8.5e22 USD
  const auto result = this->ledger_->append(std::vector<CostRecord>{sample_record(1), impossible, sample_record(3)});
  EXPECT_EQ(result.verdict, AppendVerdict::rejected) << result.message;
  EXPECT_FALSE(result.message.empty());
  EXPECT_TRUE(this->report({}).empty());
  this->append({sample_record(1)}, 1);
}

TYPED_TEST_P(LedgerContract, RetentionDropsOldRowsOnly) {
  CostRecord old = sample_record(1), recent = sample_record(2), ancient = sample_record(3);
  const std::int64_t day = 86'400'000'000, now = kSampleStart + 40 * day;
  old.started_us = now - 31 * day;
  recent.started_us = now - 29 * day;
  ancient.started_us = 1'000;
  this->append({old, recent, ancient}, 3);
  ASSERT_TRUE(this->ledger_->maintain(now, 0));
  EXPECT_EQ(this->report({})[0].attempts, 3) << "no retention, nothing goes";
  ASSERT_TRUE(this->ledger_->maintain(now, 30));
  const auto rows = this->report({});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].attempts, 1);
}

TYPED_TEST_P(LedgerContract, ViewsAgreeWithTheReport) {
  CostRecord a = sample_record(1), b = sample_record(2), c = sample_record(3);
  c.request_id = a.request_id;
  this->append({a, b, c}, 3);
  EXPECT_EQ(this->value("SELECT requests FROM cost_by_day"), "2");
  EXPECT_EQ(this->value("SELECT attempts FROM cost_by_day"), "3");
  EXPECT_EQ(this->value("SELECT day FROM cost_by_day"), "2026-11-18");
  EXPECT_EQ(this->value("SELECT count(*) FROM cost_by_request WHERE attempts = 2"), "1");
  EXPECT_EQ(this->value("SELECT round(cost_usd * 1000000000) FROM cost_by_day").substr(0, 6), "163197");
}

REGISTER_TYPED_TEST_SUITE_P(LedgerContract, MigratesOnceAndNamesIt, AppendIsIdempotentById,
                            DuplicateInsideOneBatchIsOneRow, ColumnsHoldWhatTheRecordSays,
                            EveryBucketHasItsColumnAndItsSum, UnknownIsNullAndZeroIsZero, MoneySumsAreExact,
                            ReportCountsRequestsAttemptsErrorsAndTokens, ReportTimesAreHalfOpen, EveryDimensionGroups,
                            WrongDimensionsAreTheCallersFault, OddTextAndTimesAreStored,
                            RejectedBatchLeavesNothingBehind, RetentionDropsOldRowsOnly, ViewsAgreeWithTheReport);

}  // namespace tollgate::billing
