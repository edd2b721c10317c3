#include "local_backend/text/unicode.h"

#include <gtest/gtest.h>

#include "local_backend/text/utf8.h"

namespace tollgate::local {
namespace {

TEST(CharClassTest, SamplesOfEveryClass) {
  const std::pair<char32_t, CharClass> samples[] = {
      {'A', CharClass::upper},         {'z', CharClass::lower},      {U'ǅ', CharClass::title},
      {U'ʰ', CharClass::modifier},     {U'中', CharClass::letter},   {0x301, CharClass::accent},
      {0x903, CharClass::mark},        {0x20DD, CharClass::mark},    {'7', CharClass::number},
      {U'Ⅷ', CharClass::number},       {U'½', CharClass::number},    {'_', CharClass::punctuation},
      {U'。', CharClass::punctuation}, {'$', CharClass::symbol},     {0x1F680, CharClass::symbol},
      {0xFFFD, CharClass::symbol},     {0x10400, CharClass::upper},  {0x2A6DF, CharClass::letter},
      {0, CharClass::other},           {0x200B, CharClass::other},   {0xE000, CharClass::other},
      {0x10FFFF, CharClass::other},    {0x110000, CharClass::other}, {0x378, CharClass::other},
  };
  for (const auto& [code, expected] : samples) EXPECT_EQ(char_class(code), expected) << std::hex << unsigned{code};
}

TEST(CharClassTest, SpacesAreThoseOfWhiteSpace) {
  std::u32string spaces;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (char_class(code) == CharClass::space) spaces += code;
  }
  EXPECT_EQ(spaces,
            U"\t\n\v\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A"
            U"\u2028\u2029\u202F\u205F\u3000");
}

TEST(LowerCaseTest, SingleMappingsOnly) {
  const std::pair<char32_t, char32_t> samples[] = {{'A', 'a'},         {'[', '['},   {U'É', U'é'},   {U'Ā', U'ā'},
                                                   {U'ā', U'ā'},       {U'Σ', U'σ'}, {U'Я', U'я'},   {0x130, 0x130},
                                                   {0x10400, 0x10428}, {U'ß', U'ß'}, {0x1E9E, U'ß'}, {U'Ǆ', U'ǆ'}};
  for (const auto& [code, expected] : samples) EXPECT_EQ(to_lower(code), expected) << std::hex << unsigned{code};
}

TEST(BaseTest, TakesAccentsOff) {
  const std::pair<char32_t, std::u32string> samples[] = {{'e', U"e"},
                                                         {U'é', U"e"},
                                                         {U'ǖ', U"u"},
                                                         {0x301, U""},
                                                         {U'ß', U"ß"},
                                                         {0x212B, U"A"},
                                                         {0x37E, U";"},
                                                         {U'각', U"\u1100\u1161\u11A8"},
                                                         {U'가', U"\u1100\u1161"},
                                                         {0xF900, U"\u8C48"},
                                                         {0x1B06, U"\u1B05\u1B35"}};
  for (const auto& [code, expected] : samples) {
    std::u32string base;
    append_base(code, base);
    EXPECT_EQ(base, expected) << std::hex << unsigned{code};
  }
}

TEST(Utf8Test, EveryCodePointComesBack) {
  for (char32_t code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 13) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(code, text);
    const Utf8Char found = utf8_at(text, 0);
    ASSERT_TRUE(found.valid);
    ASSERT_EQ(found.code, code);
    ASSERT_EQ(found.size, text.size());
    for (std::size_t size = 1; size < text.size(); ++size) {
      const Utf8Char part = utf8_at(std::string_view(text).substr(0, size), 0);
      ASSERT_TRUE(part.cut && !part.valid && part.size == size);
    }
  }
}

TEST(Utf8Test, BrokenBytesEndWhereTheyStopBeingAPrefix) {
  const struct {
    std::string_view bytes;
    std::uint8_t size;
  } samples[] = {{"\x80", 1},         {"\xC0\xAF", 1},     {"\xC1\xBF", 1},     {"\xE0\x80\x80", 1},
                 {"\xED\xA0\x80", 1}, {"\xF0\x80\x80", 1}, {"\xF4\x90\x80", 1}, {"\xF5\x80\x80\x80", 1},
                 {"\xFF", 1},         {"\xC3(", 1},        {"\xE2\x82(", 2},    {"\xF0\x9F\x98(", 3}};
  for (const auto& sample : samples) {
    const Utf8Char found = utf8_at(sample.bytes, 0);
    EXPECT_FALSE(found.valid);
    EXPECT_FALSE(found.cut);
    EXPECT_EQ(found.code, kReplacement);
    EXPECT_EQ(found.size, sample.size) << testing::PrintToString(sample.bytes);
  }
}

}  // namespace
}  // namespace tollgate::local
