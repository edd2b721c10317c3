#include "core/percent.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

std::string all_bytes() {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  return all;
}

TEST(Percent, EveryByteComesBack) {
  std::string encoded, decoded;
  append_percent_encoded(encoded, all_bytes(), {});
  ASSERT_TRUE(percent_decode(encoded, decoded));
  EXPECT_EQ(decoded, all_bytes());
  EXPECT_EQ(percent_decoded(encoded), all_bytes());
}

TEST(Percent, ReservedBytesMayStayPlain) {
  std::string out = "x=";
  append_percent_encoded(out, "a/b c~?", "/");
  EXPECT_EQ(out, "x=a/b%20c~%3F");
}

TEST(Percent, StrictReadingRefusesWhatIsBroken) {
  std::string out;
  for (const char* text : {"%", "a%4", "%4g", "%g4", "%%41", "%00", "ok%00"})
    EXPECT_FALSE(percent_decode(text, out)) << text;
  ASSERT_TRUE(percent_decode("%41%6d%6D", out));
  EXPECT_EQ(out, "Amm");
  ASSERT_TRUE(percent_decode("", out));
  EXPECT_EQ(out, "");
}

TEST(Percent, LenientReadingKeepsWhatIsBroken) {
  EXPECT_EQ(percent_decoded("%4g%4%%41%"), "%4g%4%A%");
  EXPECT_EQ(percent_decoded("a%00b"), std::string("a\0b", 3));
}

}  // namespace
}  // namespace tollgate
