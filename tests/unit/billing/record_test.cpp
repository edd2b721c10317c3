// The binary form of records: nothing lost, damage refused, limits kept.
#include <gtest/gtest.h>

#include "billing/record_wire.h"
#include "billing/spool.h"
#include "ledger_samples.h"

namespace tollgate::billing {
namespace {

void expect_every_field(const CostRecord& a, const CostRecord& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.request_id, b.request_id);
  EXPECT_EQ(a.attempt, b.attempt);
  EXPECT_EQ(a.started_us, b.started_us);
  EXPECT_EQ(a.finished_us, b.finished_us);
  EXPECT_EQ(std::tie(a.team, a.feature, a.environment, a.user_id, a.key_id, a.surface, a.requested_model),
            std::tie(b.team, b.feature, b.environment, b.user_id, b.key_id, b.surface, b.requested_model));
  EXPECT_EQ(std::tie(a.provider, a.model, a.served_model, a.provider_request_id, a.route, a.error_code),
            std::tie(b.provider, b.model, b.served_model, b.provider_request_id, b.route, b.error_code));
  EXPECT_EQ(a.tags, b.tags);
  EXPECT_EQ(a.stream, b.stream);
  EXPECT_EQ(a.quarantined, b.quarantined);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.http_status, b.http_status);
  EXPECT_EQ(a.usage.counts, b.usage.counts);
  EXPECT_EQ(a.usage.reported, b.usage.reported);
  EXPECT_EQ(a.usage.identity_ok, b.usage.identity_ok);
  EXPECT_EQ(std::tie(a.usage.served_tier, a.usage.geo, a.usage.speed, a.usage.reported_cost, a.usage.raw),
            std::tie(b.usage.served_tier, b.usage.geo, b.usage.speed, b.usage.reported_cost, b.usage.raw));
  EXPECT_EQ(a.ttft_us, b.ttft_us);
  EXPECT_EQ(a.duration_us, b.duration_us);
  EXPECT_TRUE(a.cost == b.cost);
  EXPECT_EQ(a.cost_source, b.cost_source);
  EXPECT_TRUE(a.baseline_cost == b.baseline_cost);
  EXPECT_EQ(a.price_ids, b.price_ids);
}

TEST(RecordTest, RoundTripKeepsEveryField) {
  std::mt19937_64 rng(11);
  for (int i = 0; i < 2'000; ++i) {
    const CostRecord in = random_record(rng);
    std::string bytes;
    encode(in, bytes);
    CostRecord out;
    ASSERT_TRUE(decode(bytes, out));
    expect_every_field(in, out);
  }
}

TEST(RecordTest, UnknownCostStaysUnknownAndZeroStaysZero) {
  CostRecord in = sample_record(), out;
  in.cost.reset();
  in.cost_source = CostSource::unpriced;
  in.baseline_cost = Money{};
  std::string bytes;
  encode(in, bytes);
  ASSERT_TRUE(decode(bytes, out));
  EXPECT_FALSE(out.cost.has_value());
  EXPECT_EQ(out.cost_source, CostSource::unpriced);
  ASSERT_TRUE(out.baseline_cost.has_value());
  EXPECT_TRUE(out.baseline_cost->is_zero());
}

// A bucket's number is in frames that wait on disk, so it never changes; buckets of later versions are passed over.
TEST(RecordTest, FramesOfOtherVersionsAreRead) {
  std::string bytes(
      "\x01\xc0"
      "0123456789abcdef",
      18);
  const auto field = [&](int number, int value) { bytes += {static_cast<char>(number), static_cast<char>(value * 2)}; };
  const std::pair<int, Bucket> known[] = {
      {64, Bucket::input},      {65, Bucket::cache_read},   {68, Bucket::output},
      {69, Bucket::reasoning},  {75, Bucket::web_search},   {79, Bucket::audio_milliseconds},
      {80, Bucket::characters}, {81, Bucket::video_input},  {82, Bucket::image_cache_read},
      {83, Bucket::citation},   {84, Bucket::search_units}, {85, Bucket::images},
      {86, Bucket::pages}};
  for (const auto& [number, bucket] : known) field(number, number - 60);
  field(120, 9);
  CostRecord out;
  ASSERT_TRUE(decode(bytes, out));
  for (const auto& [number, bucket] : known) EXPECT_EQ(out.usage[bucket], number - 60) << bucket_name(bucket);
}

TEST(RecordTest, EveryTruncationIsRefusedOrIsAShorterRecord) {
  std::string bytes;
  encode(sample_record(), bytes);
  CostRecord out;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    if (!decode(bytes.substr(0, n), out)) continue;
    std::string again;  // a cut at a field's border: still the same prefix
    encode(out, again);
    EXPECT_EQ(out.id, out.id);
    EXPECT_LE(again.size(), bytes.size());
  }
  EXPECT_FALSE(decode("", out));
  EXPECT_FALSE(decode("\x02" + bytes.substr(1), out)) << "another version";
  EXPECT_FALSE(decode(bytes + std::string(1, '\0'), out)) << "field 0";
}

TEST(RecordTest, FieldsOfALaterVersionAreSkipped) {
  const CostRecord in = sample_record();
  std::string bytes;
  encode(in, bytes);
  bytes += std::string("\x7e\x05", 2) + std::string("\xbe\x03zzz", 5) + "\xcf" + std::string(16, 'q');
  CostRecord out;
  ASSERT_TRUE(decode(bytes, out));
  expect_every_field(in, out);
}

TEST(RecordTest, OutOfRangeValuesAreRefused) {
  std::string bytes;
  encode(sample_record(), bytes);
  CostRecord out;
  EXPECT_FALSE(decode(bytes + "\x07\x0a", out)) << "outcome 5";
  EXPECT_FALSE(decode(bytes + "\x08\x0e", out)) << "cost source 6";
  EXPECT_FALSE(decode(bytes + "\x06\x01", out)) << "status -1";
  EXPECT_FALSE(decode(bytes + "\x01" + std::string(10, '\xff'), out)) << "varint too long";
}

TEST(RecordTest, StrictCutKeepsAnyRecordWithinItsClaim) {
  std::mt19937_64 rng(3);
  for (int i = 0; i < 300; ++i) {
    CostRecord r = random_record(rng);
    for (auto* s : {&r.team, &r.feature, &r.environment, &r.user_id, &r.key_id, &r.surface, &r.requested_model,
                    &r.provider, &r.model, &r.served_model, &r.provider_request_id, &r.route, &r.error_code,
                    &r.usage.geo, &r.usage.speed, &r.usage.served_tier, &r.usage.reported_cost, &r.usage.raw})
      s->assign(5'000, 'x');
    r.tags.assign(50, {std::string(500, 'k'), std::string(500, 'v')});
    r.price_ids.assign(50, std::string(500, 'p'));
    r.usage.counts.fill(INT64_MIN);
    r.cost = Money::from_femto(-1);
    const CutLimits& strict = kCutLevels[std::size(kCutLevels) - 1];
    std::string buffer(encoded_bound(r, strict), '\0');
    const auto whole = encode_record(r, RecordForm::whole, strict, buffer.data()) - buffer.data();
    EXPECT_LE(static_cast<std::size_t>(whole), kStrictWholeBytes);
    CostRecord out;
    EXPECT_TRUE(decode(std::string_view(buffer.data(), static_cast<std::size_t>(whole)), out));
    EXPECT_EQ(out.usage.counts, r.usage.counts) << "numbers are never cut";
    const auto begun = encode_record(r, RecordForm::begun, strict, buffer.data()) - buffer.data();
    EXPECT_LE(static_cast<std::size_t>(begun), kStrictBegunBytes);
  }
}

TEST(RecordTest, BoundIsNeverTooSmall) {
  std::mt19937_64 rng(5);
  for (int i = 0; i < 500; ++i) {
    const CostRecord r = random_record(rng);
    for (const auto& level : kCutLevels) {
      std::string buffer(encoded_bound(r, level) + 1, '\x55');
      const char* end = encode_record(r, RecordForm::whole, level, buffer.data());
      EXPECT_LT(end, buffer.data() + buffer.size());
      EXPECT_EQ(buffer.back(), '\x55');
    }
  }
}

TEST(RecordTest, CutsEndAtCharacterBorders) {
  CostRecord r = sample_record();
  r.team.clear();
  for (int i = 0; i < 40; ++i) r.team += "\xE2\x82\xAC";  // 3 bytes each
  const CutLimits& strict = kCutLevels[std::size(kCutLevels) - 1];
  std::string buffer(encoded_bound(r, strict), '\0');
  const char* end = encode_record(r, RecordForm::whole, strict, buffer.data());
  CostRecord out;
  ASSERT_TRUE(decode(std::string_view(buffer.data(), static_cast<std::size_t>(end - buffer.data())), out));
  EXPECT_EQ(out.team.size() % 3, 0u);
  EXPECT_EQ(out.team, r.team.substr(0, out.team.size()));
}

}  // namespace
}  // namespace tollgate::billing
