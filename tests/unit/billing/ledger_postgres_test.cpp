// The Postgres ledger: the contract, and what is its own.
#include <chrono>

#include "billing/postgres_row.h"
#include "core/clock.h"
#include "ledger_contract.h"
#include "tests/support/private_postgres.h"

namespace tollgate::billing {
namespace {

using test::PrivatePostgres;

// One server for all tests of this process, a database for each.
PrivatePostgres* server(std::string* reason) {
  static std::string why;
  static const std::unique_ptr<PrivatePostgres> kServer = PrivatePostgres::start(&why);
  *reason = why;
  return kServer.get();
}

class PostgresMaker final : public LedgerMaker {
 public:
  static std::unique_ptr<PostgresMaker> make(std::string* reason) {
    if (!server(reason)) return nullptr;
    static int count = 0;
    auto maker = std::make_unique<PostgresMaker>();
    maker->server_ = server(reason);
    maker->database_ = "contract_" + std::to_string(++count);
    maker->url_ = maker->server_->url(maker->database_);
    return maker;
  }
  std::unique_ptr<Ledger> open() override {
    auto ledger = open_ledger(url_, "/nonexistent");
    EXPECT_TRUE(ledger);
    return ledger ? std::move(*ledger) : nullptr;
  }
  std::string value(const std::string& sql) override { return server_->query(database_, sql); }
  PrivatePostgres& postgres() { return *server_; }
  const std::string& database() const { return database_; }

 private:
  PrivatePostgres* server_ = nullptr;
  std::string database_, url_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, LedgerContract, PostgresMaker);

class PostgresLedgerTest : public LedgerContract<PostgresMaker> {};

TEST_F(PostgresLedgerTest, PartitionsAheadAndForTheBatch) {
  const std::int64_t day = 86'400'000'000, now = wall_micros();
  ASSERT_TRUE(ledger_->maintain(now, 0));
  const std::string count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'cost_records'::regclass";
  EXPECT_EQ(value(count), "5") << "today, three ahead, default";
  CostRecord past = sample_record(1);
  past.started_us = now - 20 * day;
  append({past}, 1);
  EXPECT_EQ(value(count), "6");
  EXPECT_EQ(value("SELECT count(*) FROM cost_records_default"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM cost_records_p" +
                  [&] {
                    std::string date = postgres_time(past.started_us).substr(0, 10);
                    std::erase(date, '-');
                    return date;
                  }()),
            "1");
}

TEST_F(PostgresLedgerTest, RowsOfTheDefaultPartitionMoveIntoTheirDay) {
  const std::int64_t day = 86'400'000'000, now = 4'102'444'800'000'000;  // far ahead: no partition of its own yet
  CostRecord r = sample_record(1);
  r.started_us = now + day;
  append({r}, 1);
  EXPECT_EQ(value("SELECT count(*) FROM cost_records_default"), "1");
  ASSERT_TRUE(ledger_->maintain(now, 0));
  EXPECT_EQ(value("SELECT count(*) FROM cost_records_default"), "0");
  EXPECT_EQ(value("SELECT cost_usd FROM cost_records_p21000102"), "0.000054399000001000");
  append({r}, 0);
}

TEST_F(PostgresLedgerTest, TypesAreThoseOfTheContract) {
  append({sample_record(1)}, 1);
  EXPECT_EQ(value("SELECT tags->>'run' FROM cost_records"), "1");
  EXPECT_EQ(value("SELECT usage_raw->>'prompt_tokens' FROM cost_records"), "1144");
  EXPECT_EQ(value("SELECT price_ids[2] FROM cost_records"), "lab/gpt-mock@2026-08-01#cache");
  EXPECT_EQ(value("SELECT numeric_precision || ',' || numeric_scale FROM information_schema.columns "
                  "WHERE table_name = 'cost_records' AND column_name = 'cost_usd'"),
            "38,18");
  EXPECT_EQ(value("SELECT count(*) FROM pg_indexes WHERE tablename = 'cost_records' AND indexdef LIKE '%brin%'"), "1");
}

TEST_F(PostgresLedgerTest, RowsOfTheFirstSchemaStayAndCountNothingNew) {
  append({sample_record(1)}, 1);
  // Back to the schema of before, as an older gateway left it.
  std::string undo = "DELETE FROM schema_migrations WHERE version = 2; ALTER TABLE cost_records ";
  for (const char* column :
       {"video_input_tokens", "image_cache_read_tokens", "citation_tokens", "search_units", "images"})
    undo.append("DROP COLUMN ").append(column).append(", ");
  ASSERT_TRUE(maker_->postgres().sql(maker_->database(), undo + "DROP COLUMN pages"));
  auto ledger = maker_->open();
  const auto applied = ledger->migrate();
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(*applied, std::vector<std::string>{"0002_more_units"});
  CostRecord r = sample_record(2);
  r.usage[Bucket::images] = 3;
  ASSERT_EQ(ledger->append({&r, 1}).verdict, AppendVerdict::ok);
  EXPECT_EQ(value("SELECT sum(images) || ' of ' || count(*) FROM cost_records"), "3 of 2");
}

TEST_F(PostgresLedgerTest, InvalidRawUsageIsKeptAsText) {
  CostRecord broken = sample_record(1);
  broken.usage.raw = "{\"a\": tru";
  append({broken}, 1);
  EXPECT_EQ(value("SELECT jsonb_typeof(usage_raw) || ' ' || (usage_raw #>> '{}') FROM cost_records"),
            "string {\"a\": tru");
}

TEST_F(PostgresLedgerTest, ConstraintIsARejection) {
  ASSERT_TRUE(maker_->postgres().sql(maker_->database(), "ALTER TABLE cost_records ADD CHECK (feature <> 'poison')"));
  CostRecord bad = sample_record(1);
  bad.feature = "poison";
  const auto result = ledger_->append({&bad, 1});
  EXPECT_EQ(result.verdict, AppendVerdict::rejected);
  EXPECT_NE(result.message.find("check constraint"), std::string::npos);
  append({sample_record(2)}, 1);
}

TEST_F(PostgresLedgerTest, MissingTableIsTroubleOfTheStore) {
  ASSERT_TRUE(maker_->postgres().sql(maker_->database(), "ALTER TABLE cost_records RENAME TO elsewhere"));
  const CostRecord r = sample_record(1);
  EXPECT_EQ(ledger_->append({&r, 1}).verdict, AppendVerdict::unavailable);
  ASSERT_TRUE(maker_->postgres().sql(maker_->database(), "ALTER TABLE elsewhere RENAME TO cost_records"));
  EXPECT_EQ(ledger_->append({&r, 1}).verdict, AppendVerdict::ok);
}

TEST(PostgresUrlTest, PasswordStaysOutOfMessages) {
  auto ledger = open_ledger("postgres://u:top%2Fsecret@127.0.0.1:1/db?connect_timeout=1", "");
  ASSERT_TRUE(ledger) << "it does not connect yet";
  const auto failed = (*ledger)->migrate();
  ASSERT_FALSE(failed);
  EXPECT_FALSE(failed.error().message.empty());
  auto wrong = open_ledger("postgres://u:hunter22x@127.0.0.1:port/db", "");
  std::string message = wrong ? "" : wrong.error().message;
  if (wrong) {
    const auto outcome = (*wrong)->migrate();
    ASSERT_FALSE(outcome);
    message = outcome.error().message;
  }
  EXPECT_EQ(message.find("hunter22x"), std::string::npos) << message;
}

TEST(PostgresRowTest, TimesAndDays) {
  EXPECT_EQ(postgres_time(0), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(postgres_time(-1), "1969-12-31 23:59:59.999999+00");
  EXPECT_EQ(postgres_time(1'795'000'000'123'456), "2026-11-18 11:06:40.123456+00");
  EXPECT_EQ(postgres_time(INT64_MAX), "9999-12-31 23:59:59.999999+00");
  EXPECT_EQ(postgres_time(INT64_MIN), "0001-01-01 00:00:00.000000+00");
  EXPECT_EQ(day_of(-1), -1);
  EXPECT_EQ(day_of(86'400'000'000), 1);
}

}  // namespace
}  // namespace tollgate::billing
