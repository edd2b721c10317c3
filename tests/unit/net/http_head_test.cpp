// Heads: the cases of tests/fixtures/http, limits, and what a good head yields.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/net/http_text.h"

namespace tollgate::http {
namespace {

struct Case {
  std::string expected, name, bytes;
};

std::vector<Case> load_cases(const char* file) {
  std::istringstream lines(read_file(source_folder() / "tests" / "fixtures" / "http" / file));
  std::vector<Case> cases;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t first = line.find(" | "), second = line.find(" | ", first + 3);
    cases.push_back(
        {line.substr(0, first), line.substr(first + 3, second - first - 3), unescape(line.substr(second + 3))});
  }
  return cases;
}

std::string verdict(const Message& message, bool request, std::size_t size) {
  if (message.refused) return std::to_string(message.refused) + (message.body_refused ? "b" : "");
  if (!request && message.framing == Framing::until_close) return "u200";
  if (!message.complete) return "0";
  if (message.used != size) return "left over";
  return !request && !message.keep_alive ? "n200" : "200";
}

TEST(HttpFixtures, RequestsAreJudgedAsListedHoweverTheyArrive) {
  const std::vector<Case> cases = load_cases("requests.txt");
  ASSERT_GT(cases.size(), 80u);
  for (const Case& c : cases) {
    EXPECT_EQ(verdict(read_message(c.bytes, true), true, c.bytes.size()), c.expected) << c.name;
    for (std::size_t step : {1u, 2u, 3u, 7u})
      EXPECT_EQ(verdict(read_message(c.bytes, true, {}, step), true, c.bytes.size()), c.expected)
          << c.name << " by " << step;
  }
}

TEST(HttpFixtures, ResponsesAreJudgedAsListedHoweverTheyArrive) {
  const std::vector<Case> cases = load_cases("responses.txt");
  ASSERT_GT(cases.size(), 25u);
  for (const Case& c : cases) {
    EXPECT_EQ(verdict(read_message(c.bytes, false), false, c.bytes.size()), c.expected) << c.name;
    for (std::size_t step : {1u, 5u})
      EXPECT_EQ(verdict(read_message(c.bytes, false, {}, step), false, c.bytes.size()), c.expected)
          << c.name << " by " << step;
  }
}

TEST(HttpHead, YieldsViewsOfTheRequest) {
  const std::string text =
      "POST /v1/chat?x=1 HTTP/1.1\r\nHost: h:1\r\nAuthorization:  Bearer k \r\nExpect: 100-Continue\r\nContent-Length: "
      "3\r\n\r\nabc";
  Head head;
  const Result<bool> parsed = parse_request(text, {}, head);
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/chat?x=1");
  EXPECT_EQ(head.authority, "h:1");
  EXPECT_EQ(head.find("AUTHORIZATION"), "Bearer k");
  EXPECT_FALSE(head.find("authorizatio"));
  EXPECT_EQ(head.headers.size(), 4u);
  EXPECT_EQ(head.content_length, 3u);
  EXPECT_EQ(head.framing, Framing::length);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.bytes, text.size() - 3);
}

TEST(HttpHead, IsResetWhenReused) {
  Head head;
  ASSERT_TRUE(
      parse_request("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", {}, head));
  ASSERT_TRUE(parse_request("GET /b HTTP/1.0\r\n\r\n", {}, head));
  EXPECT_EQ(head.target, "/b");
  EXPECT_EQ(head.authority, "");
  EXPECT_TRUE(head.headers.empty());
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_FALSE(head.keep_alive);
}

TEST(HttpHead, AnAbsoluteTargetBecomesItsOriginForm) {
  Head head;
  ASSERT_TRUE(parse_request("GET HTTPS://Example.com:443/a?b HTTP/1.1\r\nHost: other\r\n\r\n", {}, head));
  EXPECT_EQ(head.target, "/a?b");
  EXPECT_EQ(head.authority, "Example.com:443");
  ASSERT_TRUE(parse_request("GET http://example.com HTTP/1.1\r\nHost: other\r\n\r\n", {}, head));
  EXPECT_EQ(head.target, "/");
}

TEST(HttpHead, KeepsConnectionsByVersionAndHeader) {
  const auto keeps = [](const char* version, const char* connection) {
    Head head;
    const std::string text =
        std::string("GET / HTTP/") + version + "\r\nHost: a\r\nConnection: " + connection + "\r\n\r\n";
    const Result<bool> parsed = parse_request(text, {}, head);
    EXPECT_TRUE(parsed && *parsed) << text;
    return head.keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", "keep-alive"));
  EXPECT_TRUE(keeps("1.1", "upgrade"));
  EXPECT_FALSE(keeps("1.1", "Close"));
  EXPECT_FALSE(keeps("1.1", "te, close"));
  EXPECT_FALSE(keeps("1.0", "te"));
  EXPECT_TRUE(keeps("1.0", "Keep-Alive"));
  EXPECT_FALSE(keeps("1.0", "keep-alive, close"));
}

TEST(HttpHead, TooLargeAndTooManyAreRefusedWith431) {
  Limits limits;
  limits.max_head_bytes = 200;
  limits.max_headers = 4;
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  Head head;
  EXPECT_EQ(parse_request(start + std::string(300, 'x'), limits, head).error().status, 431);
  EXPECT_EQ(parse_request(start + "X: " + std::string(300, 'x') + "\r\n\r\n", limits, head).error().status, 431);
  EXPECT_EQ(parse_request(start + "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", limits, head).error().status, 431);
  const Result<bool> fits = parse_request(start + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits, head);
  EXPECT_TRUE(fits && *fits);
  // The limit is about the head alone.
  const Result<bool> big_body =
      parse_request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + std::string(500, 'x'), limits, head);
  EXPECT_TRUE(big_body && *big_body);
}

TEST(HttpHead, PipelinedRequestsAreTakenOneByOne) {
  const std::string text = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  Head head;
  ASSERT_TRUE(*parse_request(text, {}, head));
  EXPECT_EQ(head.target, "/1");
  ASSERT_TRUE(*parse_request(std::string_view(text).substr(head.bytes), {}, head));
  EXPECT_EQ(head.target, "/2");
}

TEST(HttpHead, AnswersToHeadHaveNoBody) {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  Head head;
  ASSERT_TRUE(*parse_response(text, true, {}, head));
  EXPECT_EQ(head.framing, Framing::none);
  EXPECT_EQ(head.content_length, 10u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(HttpHead, ErrorsSayWhoIsAtFault) {
  Head head;
  const Result<bool> request = parse_request("GET / HTTP/1.1\r\n\r\n", {}, head);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().kind, ErrorKind::client_fault);
  EXPECT_NE(request.error().message.find("Host"), std::string::npos);
  const Result<bool> response = parse_response("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, {}, head);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::retry_elsewhere);
  EXPECT_EQ(response.error().status, 502);
}

}  // namespace
}  // namespace tollgate::http
