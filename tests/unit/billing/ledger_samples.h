// Sample records and folders for the tests of spool and ledger.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "billing/record.h"
#include "billing/spool.h"

namespace tollgate::billing {

// A folder that goes away with the test.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "tollgate-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline constexpr std::int64_t kSampleStart = 1'795'000'000'000'000;  // 2026-11-18

// What is known when the attempt begins.
inline CostRecord begun_record(std::uint64_t n = 1) {
  CostRecord r;
  r.id = Id::next();
  r.request_id = Id::next();
  r.started_us = kSampleStart + static_cast<std::int64_t>(n) * 1'000;
  r.team = "search";
  r.feature = "rerank";
  r.environment = "prod";
  r.user_id = "user-" + std::to_string(n);
  r.key_id = "key_7f";
  r.tags = {{"customer", "acme \"x\" \xC3\xA9"}, {"run", std::to_string(n % 3)}};
  r.surface = "chat";
  r.requested_model = "smart";
  r.provider = "lab";
  r.model = "gpt-mock-2026-08-07";
  r.route = "smart";
  r.stream = n % 2 == 0;
  return r;
}

inline CostRecord done_record(CostRecord r) {
  r.finished_us = r.started_us + 1'234'567;
  r.served_model = "gpt-mock-2026-08-07";
  r.provider_request_id = "chatcmpl-CqZtB6YyGh0bXy7hqk2Qd0Vw1sM3n";
  r.http_status = 200;
  r.usage.reported = true;
  r.usage[Bucket::input] = 120;
  r.usage[Bucket::cache_read] = 1'024;
  r.usage[Bucket::cache_write_5m] = 7;
  r.usage[Bucket::cache_write_1h] = 5;
  r.usage[Bucket::output] = 77;
  r.usage[Bucket::reasoning] = 13;
  r.usage.served_tier = "default";
  r.usage.raw = R"({"prompt_tokens":1144,"completion_tokens":90,"prompt_tokens_details":{"cached_tokens":1024}})";
  r.ttft_us = 210'042;
  r.duration_us = 1'234'567;
  r.cost = Money::from_femto(54'399'000'001);
  r.cost_source = CostSource::computed;
  r.baseline_cost = Money::from_femto(60'000'000'000);
  r.price_ids = {"lab/gpt-mock@2026-08-01", "lab/gpt-mock@2026-08-01#cache"};
  return r;
}

inline CostRecord sample_record(std::uint64_t n = 1) { return done_record(begun_record(n)); }

// Every field set to something odd.
inline CostRecord random_record(std::mt19937_64& rng) {
  const auto text = [&](std::size_t longest) {
    std::string s(rng() % (longest + 1), '\0');
    for (auto& c : s) c = static_cast<char>(rng());
    return s;
  };
  CostRecord r = sample_record();
  for (auto* s : {&r.team, &r.feature, &r.environment, &r.user_id, &r.key_id, &r.surface, &r.requested_model,
                  &r.provider, &r.model, &r.served_model, &r.provider_request_id, &r.route, &r.error_code, &r.usage.raw,
                  &r.usage.geo, &r.usage.speed, &r.usage.served_tier, &r.usage.reported_cost})
    *s = text(rng() % 4 == 0 ? 300 : 12);
  r.tags.clear();
  for (std::uint64_t i = rng() % 5; i > 0; --i) r.tags.emplace_back(text(20), text(40));
  r.price_ids.assign(rng() % 4, "p" + text(30));  // empty ids do not exist
  r.attempt = static_cast<std::uint32_t>(rng() % UINT32_MAX + 1);
  r.started_us = static_cast<std::int64_t>(rng());
  r.finished_us = static_cast<std::int64_t>(rng());
  r.duration_us = static_cast<std::int64_t>(rng());
  r.ttft_us = static_cast<std::int64_t>(rng() >> 1) - 1;
  r.http_status = static_cast<int>(rng() % 1000);
  r.outcome = static_cast<Outcome>(rng() % 5);
  r.cost_source = static_cast<CostSource>(rng() % 6);
  for (auto& count : r.usage.counts) count = static_cast<std::int64_t>(rng() % 3 ? rng() : 0);
  r.stream = rng() & 1;
  r.quarantined = rng() & 1;
  r.usage.reported = rng() & 1;
  r.usage.identity_ok = rng() & 1;
  r.cost.reset();
  if (rng() & 1) r.cost = Money::from_femto(static_cast<Money::Femto>(rng()) * static_cast<std::int64_t>(rng()));
  r.baseline_cost = Money::from_femto(-static_cast<Money::Femto>(rng()));
  return r;
}

inline SpoolOptions small_spool(const std::string& directory) {
  SpoolOptions options;
  options.directory = directory;
  options.segment_bytes = 64u << 10;
  options.max_bytes = 16u << 20;
  return options;
}

inline std::unique_ptr<Spool> must_open(const SpoolOptions& options) {
  auto spool = Spool::open(options);
  EXPECT_TRUE(spool) << (spool ? "" : spool.error().message);
  return spool ? std::move(*spool) : nullptr;
}

// One whole attempt.
inline void write_attempt(SpoolWriter& writer, const CostRecord& record) {
  ASSERT_TRUE(writer.admit());
  ASSERT_TRUE(writer.open(record));
  ASSERT_TRUE(writer.settle(record));
}

// Everything the spool hands out now.
inline std::vector<CostRecord> read_all(Spool& spool, std::size_t batch = 100) {
  std::vector<CostRecord> all;
  while (spool.read(all, batch) > 0) {
  }
  return all;
}

inline void expect_same(const CostRecord& a, const CostRecord& b) {
  std::string x, y;
  encode(a, x);
  encode(b, y);
  EXPECT_EQ(x, y);
}

}  // namespace tollgate::billing
