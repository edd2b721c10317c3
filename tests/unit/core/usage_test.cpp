#include "core/usage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
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
  using enum Bucket;
  constexpr Bucket kInput[] = {input,          cache_read,       cache_write_5m,
                               cache_write_1h, audio_input,      audio_cache_read,
                               image_input,    image_cache_read, video_input};
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const Bucket bucket = static_cast<Bucket>(i);
    Usage usage;
    usage[bucket] = 7;
    const bool in = std::find(std::begin(kInput), std::end(kInput), bucket) != std::end(kInput);
    EXPECT_EQ(usage.input_side(), in ? 7 : 0) << bucket_name(bucket);
    if (in) {
      EXPECT_TRUE(is_token(bucket)) << bucket_name(bucket);
    }
  }
  for (const Bucket piece : {web_search, code_execution, audio_milliseconds, characters, search_units, images, pages})
    EXPECT_FALSE(is_token(piece)) << bucket_name(piece);
  for (const Bucket token : {output, reasoning, audio_output, image_output, citation})
    EXPECT_TRUE(is_token(token)) << bucket_name(token);
}

}  // namespace
}  // namespace tollgate
