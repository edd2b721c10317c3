// The SQLite ledger: the contract, and what is its own.
#include <sqlite3.h>

#include <cstdio>
#include <fstream>

#include "ledger_contract.h"

namespace tollgate::billing {
namespace {

class SqliteMaker final : public LedgerMaker {
 public:
  static std::unique_ptr<SqliteMaker> make(std::string*) { return std::make_unique<SqliteMaker>(); }

  std::unique_ptr<Ledger> open() override {
    auto ledger = open_ledger("sqlite:data/ledger.db", dir_.path());
    EXPECT_TRUE(ledger) << ledger.error().message;
    return ledger ? std::move(*ledger) : nullptr;
  }
  std::string value(const std::string& sql) override {
    sqlite3* db = nullptr;
    sqlite3_open_v2((dir_ / "data/ledger.db").c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
    sqlite3_stmt* statement = nullptr;
    std::string text = "(none)";
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      text = sqlite3_errmsg(db);
    } else if (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* column = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      text = column ? column : "(null)";
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
  }

 private:
  TempDir dir_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, LedgerContract, SqliteMaker);

TEST(SqliteLedgerTest, ReadableCostTextIsExact) {
  SqliteMaker maker;
  auto ledger = maker.open();
  ASSERT_TRUE(ledger->migrate());
  for (const char* text : {"0", "12", "0.000000000000001", "-0.5", "10.01", "100", "9000000000.123456789012345",
                           "-0.000000999999999", "1.000000000000001"}) {
    CostRecord r = sample_record();
    r.cost = *Money::parse(text);
    ASSERT_EQ(ledger->append({&r, 1}).verdict, AppendVerdict::ok);
    EXPECT_EQ(maker.value("SELECT cost_usd FROM cost_records WHERE id = '" + r.id.to_string() + "'"), text);
  }
}

TEST(SqliteLedgerTest, AbsolutePathAndUnwritablePlace) {
  TempDir dir;
  auto good = open_ledger("sqlite:" + (dir / "a.db"), "/nonexistent");
  ASSERT_TRUE(good);
  auto bad = open_ledger("sqlite:/proc/nowhere/a.db", "");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, "ledger_unavailable");
}

TEST(SqliteLedgerTest, BusyDatabaseIsUnavailableNotRejected) {
  TempDir dir;
  auto ledger = open_ledger("sqlite:a.db", dir.path());
  ASSERT_TRUE((*ledger)->migrate());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((dir / "a.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  const CostRecord r = sample_record();
  EXPECT_EQ((*ledger)->append({&r, 1}).verdict, AppendVerdict::unavailable);
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_EQ((*ledger)->append({&r, 1}).verdict, AppendVerdict::ok);
}

TEST(SqliteLedgerTest, RowsOfTheFirstSchemaStayAndCountNothingNew) {
  TempDir dir;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((dir / "a.db").c_str(), &db), SQLITE_OK);
  const std::string first(sqlite_migrations()[0].sql);
  const std::string old = first + R"(
    CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT DEFAULT '');
    INSERT INTO schema_migrations(version, name) VALUES(1, '0001_cost_records');
    INSERT INTO cost_records VALUES('a','r',1,1,2,'t','','','','','{}','chat','m','p','m','','','',0,'ok',200,'',
      10,0,0,0,0,5,0,0,0,0,0,0,0,0,0,0,0,0,1,1,'',1.5,2.5,'0.25','computed','0.5','[]',0,NULL);)";
  char* problem = nullptr;
  ASSERT_EQ(sqlite3_exec(db, old.c_str(), nullptr, nullptr, &problem), SQLITE_OK) << problem;
  sqlite3_close(db);
  auto ledger = open_ledger("sqlite:a.db", dir.path());
  ASSERT_TRUE(ledger);
  const auto applied = (*ledger)->migrate();
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(*applied, std::vector<std::string>{"0002_more_units"});
  CostRecord r = sample_record();
  r.usage[Bucket::search_units] = 3;
  ASSERT_EQ((*ledger)->append({&r, 1}).verdict, AppendVerdict::ok);
  const auto rows = (*ledger)->report({});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->at(0).attempts, 2);
  EXPECT_EQ(rows->at(0).units[Bucket::search_units], 3);
  EXPECT_EQ(rows->at(0).output_tokens, 82);
}

TEST(SqliteLedgerTest, FileThatIsNoDatabaseIsAnError) {
  TempDir dir;
  std::ofstream(dir / "a.db") << std::string(8'192, 'x');
  EXPECT_FALSE(open_ledger("sqlite:a.db", dir.path()));
}

TEST(LedgerUrlTest, UnknownKindsAreRefusedWithoutRepeatingThem) {
  for (const std::string url : {"", "mysql://root:hunter22@h/db", "sqlite:", "ledger.db"}) {
    auto ledger = open_ledger(url, "/tmp");
    ASSERT_FALSE(ledger);
    EXPECT_EQ(ledger.error().kind, ErrorKind::client_fault);
    EXPECT_EQ(ledger.error().message.find("hunter22"), std::string::npos);
  }
}

}  // namespace
}  // namespace tollgate::billing
