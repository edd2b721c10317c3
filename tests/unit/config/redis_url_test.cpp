#include "config/redis_url.h"

#include <gtest/gtest.h>

namespace tollgate::config {
namespace {

TEST(RedisUrl, Parts) {
  const auto plain = parse_redis_url("redis://cache.example.org");
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, (RedisUrl{.host = "cache.example.org"}));
  EXPECT_EQ(plain->place(), "cache.example.org:6379");
  const auto full = parse_redis_url("rediss://app:p%40ss%3A%25@[::1]:7000/3?ca=/etc/ca.pem");
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(*full, (RedisUrl{.tls = true,
                             .host = "::1",
                             .port = "7000",
                             .user = "app",
                             .password = "p@ss:%",
                             .database = 3,
                             .ca_file = "/etc/ca.pem"}));
  EXPECT_EQ(full->place(), "[::1]:7000");
  const auto alone = parse_redis_url("redis://:secret@h:1/");
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->user, "");
  EXPECT_EQ(alone->password, "secret");
  EXPECT_EQ(alone->database, 0);
}

TEST(RedisUrl, WhatIsWrongIsSaidWithoutTheSecret) {
  for (const char* bad : {"",
                          "redis",
                          "http://h",
                          "redis://",
                          "redis://:6379",
                          "redis://h:0",
                          "redis://h:65536",
                          "redis://h:x",
                          "redis://h/x",
                          "redis://h/-1",
                          "redis://h/1/2",
                          "redis://s3cret@h",
                          "redis://:@h",
                          "redis://a:s3cret%2@h",
                          "redis://a:s3cret%zz@h",
                          "redis://a:s3cret@",
                          "redis://h?ca=/x",
                          "rediss://h?ca=x",
                          "rediss://h?verify=no",
                          "redis://a:s3cret x@h",
                          "redis+cluster://:s3cret@a,b"}) {
    const auto url = parse_redis_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_FALSE(url.error().message.empty());
    EXPECT_EQ(url.error().message.find("s3cret"), std::string::npos) << url.error().message;
  }
}

}  // namespace
}  // namespace tollgate::config
