#include "cache/redis_codec.h"

#include <gtest/gtest.h>

#include <array>

namespace tollgate::cache {
namespace {

using Kind = RedisReply::Kind;

TEST(RedisCodec, CommandsAreLengthsAndBytes) {
  const std::string_view binary("a\r\n\0b", 5);
  const std::array<std::string_view, 3> words{"SET", "", binary};
  EXPECT_EQ(redis_command(words), std::string("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n", 30));
}

TEST(RedisCodec, RepliesAreTheSameHoweverTheyAreCut) {
  const struct {
    std::string bytes;
    Kind kind;
    std::string text;
    std::int64_t integer;
  } cases[] = {{"+OK\r\n", Kind::status, "OK", 0},
               {"-ERR no\r\n", Kind::error, "ERR no", 0},
               {":-42\r\n", Kind::integer, "", -42},
               {"$-1\r\n", Kind::nothing, "", 0},
               {"$0\r\n\r\n", Kind::value, "", 0},
               {std::string("$6\r\na\r\n\0b\n\r\n", 12), Kind::value, std::string("a\r\n\0b\n", 6), 0}};
  for (const auto& one : cases)
    for (std::size_t cut = 0; cut <= one.bytes.size(); ++cut) {
      RedisReader reader(1'000);
      auto first = reader.push(std::string_view(one.bytes).substr(0, cut));
      ASSERT_TRUE(first) << one.bytes << cut;
      if (cut < one.bytes.size()) {
        ASSERT_FALSE(first->has_value()) << one.bytes << cut;
        first = reader.push(std::string_view(one.bytes).substr(cut));
      }
      ASSERT_TRUE(first && first->has_value()) << one.bytes << cut;
      EXPECT_EQ((*first)->kind, one.kind);
      EXPECT_EQ((*first)->text, one.text);
      EXPECT_EQ((*first)->integer, one.integer);
    }
}

TEST(RedisCodec, WhatIsNoReplyOfOursIsRefused) {
  for (const std::string_view bytes : {"*1000000000\r\n", "%1\r\n", "HTTP/1.1 400 Bad Request\r\n", "\r\n", "$x\r\n",
                                       "$-5\r\n", "+a\r\n+b\r\n", "$2\r\nab\r\n$2\r\ncd\r\n", ":1x\r\n"}) {
    RedisReader reader(1'000);
    const auto read = reader.push(bytes);
    EXPECT_FALSE(read) << bytes;
    if (!read) EXPECT_EQ(read.error().code, "bad_reply");
  }
}

TEST(RedisCodec, LongRepliesEndAtTheBound) {
  RedisReader reader(1'000);
  std::size_t taken = 0;
  ASSERT_TRUE(reader.push("$100000000\r\n"));
  while (taken < 100'000 && reader.push("0123456789")) taken += 10;
  EXPECT_LT(taken, 1'100u);
  EXPECT_GT(taken, 900u);
}

}  // namespace
}  // namespace tollgate::cache
