#include "core/utf8.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

TEST(Utf8, EveryScalarValueRoundTrips) {
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(text.size(), c < 0x80 ? 1u : c < 0x800 ? 2u : c < 0x10000 ? 3u : 4u);
    ASSERT_EQ(utf8_length(text, 0), text.size()) << c;
    text.pop_back();
    if (!text.empty()) ASSERT_EQ(utf8_length(text, 0), 0u) << c;
  }
}

TEST(Utf8, RejectsWhatNoScalarValueHas) {
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x28\xa1", "\xe2\x82\x28", "\xf0\x9f\x98x"})
    EXPECT_EQ(utf8_length(text, 0), 0u);
}

}  // namespace
}  // namespace tollgate
