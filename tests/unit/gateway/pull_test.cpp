#include <gtest/gtest.h>

#include "gateway/pull/address.h"
#include "gateway/pull/answer.h"

namespace tollgate::gateway::pull {
namespace {

std::string whole(const Result<Address>& address) {
  return address ? address->origin.key() + address->target : address.error().code;
}

TEST(PullAddress, Parts) {
  EXPECT_EQ(whole(parse_address("https://h.example/a/b.gguf?x=1&y=%2f#part")),
            "https://h.example:443/a/b.gguf?x=1&y=%2f");
  EXPECT_EQ(whole(parse_address("http://[::1]:81")), "http://[::1]:81/");
  EXPECT_EQ(whole(parse_address("http://h?x")), "http://h:80/?x");
  EXPECT_EQ(whole(parse_address("http://h/a b\r\nX: y\xc3\xa4")), "http://h:80/a%20b%0D%0AX:%20y%C3%A4");
  for (const char* bad :
       {"", "h/x", "ftp://h/x", "https://", "https://user:word@h/x", "https://h:0/x", "https://h:99999/x"})
    EXPECT_EQ(whole(parse_address(bad)), "bad_address") << bad;
  EXPECT_EQ(parse_address("https://h:444/x")->authority(), "h:444");
  EXPECT_EQ(parse_address("https://[::1]:443/x?secret")->without_query(), "https://[::1]/x");
}

TEST(PullAddress, Hub) {
  const std::string hub = "https://hub.example/";
  EXPECT_EQ(whole(hub_address("hf:o/r/f.gguf", hub)), "https://hub.example:443/o/r/resolve/main/f.gguf");
  EXPECT_EQ(whole(hub_address("hf:o/r@v 1/d/f.gguf", hub)), "https://hub.example:443/o/r/resolve/v%201/d/f.gguf");
  for (const char* bad : {"hf:", "hf:o", "hf:o/r", "hf:o/r/", "hf:/r/f", "hf:o//f", "o/r/f"})
    EXPECT_EQ(whole(hub_address(bad, hub)), "bad_address") << bad;
}

TEST(PullAddress, Redirects) {
  const Address base = *parse_address("https://h/a/b?q");
  EXPECT_EQ(whole(follow(base, "https://c.example/x?s#f")), "https://c.example:443/x?s");
  EXPECT_EQ(whole(follow(base, "//c.example/x")), "https://c.example:443/x");
  EXPECT_EQ(whole(follow(base, "/x?to=http://e.example")), "https://h:443/x?to=http://e.example");
  EXPECT_EQ(whole(follow(base, "x")), "https://h:443/a/x");
  EXPECT_EQ(whole(follow(base, "?z")), "https://h:443/a/b?z");
  EXPECT_EQ(whole(follow(base, "http://h/a/b")), "bad_address");
  EXPECT_EQ(whole(follow(base, "")), "bad_address");
  EXPECT_EQ(whole(follow(*parse_address("http://h/"), "https://h/")), "https://h:443/");
}

TEST(PullAddress, FileNames) {
  EXPECT_EQ(file_name(*parse_address("https://h/a/b%20c.gguf?x=/y")), "b c.gguf");
  for (const char* none : {"https://h", "https://h/a/", "https://h/..", "https://h/a/..%2fb", "https://h/%00"})
    EXPECT_EQ(file_name(*parse_address(none)), "") << none;
}

class PullAnswer : public testing::Test {
 protected:
  // The answer to a request for everything from `had` on.
  std::string read(const std::string& text, std::uint64_t had, Linked linked = {}) {
    buffer_ = "HTTP/1.1 " + text + "\r\n\r\n";
    http::Head head;
    if (auto parsed = http::parse_response(buffer_, false, http::Limits{}, head); !parsed || !*parsed) return "no head";
    auto bytes = read_answer(head, linked, *parse_address("https://h/f"), had, false);
    if (!bytes) return bytes.error().code;
    return std::to_string(bytes->first) + "/" + std::to_string(bytes->remote.total) + " " + bytes->remote.validator +
           (bytes->none ? " none" : "");
  }
  std::string buffer_;
};

TEST_F(PullAnswer, WholeAndRest) {
  EXPECT_EQ(read("200 OK\r\nContent-Length: 9\r\nETag: \"a\"", 0), "0/9 \"a\"");
  EXPECT_EQ(read("200 OK\r\nContent-Length: 9\r\nETag: W/\"a\"\r\nLast-Modified: then", 5), "0/9 then");
  EXPECT_EQ(read("206 P\r\nContent-Length: 4\r\nContent-Range: bytes 5-8/9", 5), "5/9 ");
  EXPECT_EQ(read("416 R\r\nContent-Length: 0\r\nContent-Range: bytes */9", 9), "9/9  none");
  EXPECT_EQ(read("416 R\r\nContent-Length: 0\r\nContent-Range: bytes */8", 9), "0/8 ");
}

TEST_F(PullAnswer, WhatIsNotTrusted) {
  EXPECT_EQ(read("206 P\r\nContent-Length: 4\r\nContent-Range: bytes 5-8/9", 0), "upstream_failed");
  EXPECT_EQ(read("206 P\r\nContent-Length: 4\r\nContent-Range: bytes 4-8/9", 5), "bad_range");
  EXPECT_EQ(read("206 P\r\nContent-Length: 3\r\nContent-Range: bytes 5-7/9", 5), "bad_range");
  EXPECT_EQ(read("206 P\r\nContent-Length: 4", 5), "bad_range");
  EXPECT_EQ(read("200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip", 0), "upstream_failed");
  EXPECT_EQ(read("200 OK\r\nContent-Length: 9", 0, Linked{"", 10}), "wrong_length");
  EXPECT_EQ(read("401 U\r\nContent-Length: 0", 0), "address_refused");
  EXPECT_EQ(read("404 N\r\nContent-Length: 0", 0), "not_found");
}

TEST(PullChecksum, Forms) {
  const std::string digits(64, 'a');
  EXPECT_EQ(as_sha256(digits), digits);
  EXPECT_EQ(as_sha256("\"" + std::string(64, 'A') + "\""), digits);
  EXPECT_EQ(as_sha256("W/\"" + digits + "\""), "");
  EXPECT_EQ(as_sha256(digits.substr(1)), "");
  EXPECT_EQ(as_sha256(std::string(64, 'g')), "");
}

}  // namespace
}  // namespace tollgate::gateway::pull
