#include "core/usage.h"

#include <gtest/gtest.h>

#include <set>

namespace tollgate {
namespace {

TEST(Usage, EveryBucketHasOneName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto bucket = static_cast<Bucket>(i);
    Bucket back = Bucket::count_;
    EXPECT_FALSE(bucket_name(bucket).empty());
    ASSERT_TRUE(bucket_from_name(bucket_name(bucket), back));
    EXPECT_EQ(back, bucket);
    names.insert(bucket_name(bucket));
  }
  EXPECT_EQ(names.size(), kBuckets);
  EXPECT_EQ(bucket_name(Bucket::cache_write_1h), "cache_write_1h");
  EXPECT_EQ(bucket_name(Bucket::audio_milliseconds), "audio_milliseconds");
  EXPECT_EQ(bucket_name(Bucket::characters), "characters");
  EXPECT_EQ(bucket_name(Bucket::count_), "");
  Bucket unused = Bucket::input;
  EXPECT_FALSE(bucket_from_name("tokens", unused));
  EXPECT_FALSE(bucket_from_name("", unused));
}

TEST(Usage, InputSideIsEveryTokenThatWentIn) {
  Usage usage;
  std::int64_t value = 1;
  for (auto& count : usage.counts) {
    count = value;
    value *= 10;
  }
  // input, cache_read, both cache writes; audio input and its cached part; image input.
  EXPECT_EQ(usage.input_side(), 1 + 10 + 100 + 1'000 + 1'000'000 + 100'000'000 + 1'000'000'000);
}

}  // namespace
}  // namespace tollgate
