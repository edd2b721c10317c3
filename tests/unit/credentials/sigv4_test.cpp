// Signature Version 4: the recorded suite of aws-c-auth, requests signed by OpenAI's SDKs, and vectors of our own, made
// with an independent implementation.
#include "gateway/credentials/aws_sigv4.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/base64.h"
#include "core/crypto.h"
#include "core/json_dom.h"
#include "core/percent.h"
#include "tests/unit/core/test_data.h"

namespace tollgate::gateway {
namespace {

constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

// A request of the suite: head lines, a blank line, body.
struct SuiteRequest {
  std::string method, path, query, body;
  std::vector<std::pair<std::string, std::string>> headers;
};

SuiteRequest parse_suite_request(const std::string& text) {
  SuiteRequest out;
  const std::size_t line = text.find('\n');
  const std::string first = text.substr(0, line);
  const std::size_t space = first.find(' '), version = first.rfind(" HTTP/");
  out.method = first.substr(0, space);
  const std::string target = first.substr(space + 1, version - space - 1);
  const std::size_t question = std::min(target.find('?'), target.size());
  out.path = target.substr(0, question);
  out.query = target.substr(std::min(question + 1, target.size()));
  std::size_t at = line + 1;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string one = text.substr(at, end - at);
    at = end + 1;
    if (one.empty()) break;
    if (one[0] == ' ' || one[0] == '\t') {  // folded
      out.headers.back().second += one;
      continue;
    }
    const std::size_t colon = one.find(':');
    out.headers.emplace_back(one.substr(0, colon), one.substr(colon + 1));
  }
  if (at < text.size()) out.body = text.substr(at);
  return out;
}

std::string compact_time(std::string text) {  // "2015-08-30T12:36:00.000Z" -> "20150830T123600Z"
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, 15) + "Z";
}

struct SuiteCase {
  std::filesystem::path folder;
  Json context;
  SuiteRequest request;
  std::string expected(const std::string& name) const { return read_test_file(folder / name); }
};

std::vector<SuiteCase> suite_cases() {
  std::vector<SuiteCase> cases;
  const auto root = test_data_dir("aws") / "sigv4";
  if (!std::filesystem::is_directory(root)) return cases;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const auto context = parse_json_dom(read_test_file(entry.path() / "context.json"));
    if (!context) continue;
    cases.push_back({entry.path(), *context, parse_suite_request(read_test_file(entry.path() / "request.txt"))});
  }
  return cases;
}

// Canonical request, string to sign and signature of one case, in one of its two forms.
struct Signed {
  std::string canonical, to_sign, signature, signed_headers;
};

Signed sign_case(const SuiteCase& one, std::string query, std::vector<SigningHeader> headers,
                 const std::string& payload) {
  const std::string time = compact_time(one.context["timestamp"]);
  const std::string region = one.context["region"], service = one.context["service"];
  const std::string secret = one.context["credentials"]["secret_access_key"];
  const SigningScope scope{std::string_view(time).substr(0, 8), region, service};
  Signed out;
  out.canonical = canonical_request({.method = one.request.method,
                                     .path = one.request.path,
                                     .query = query,
                                     .headers = headers,
                                     .payload_sha256 = payload,
                                     .normalize_path = one.context["normalize"]},
                                    out.signed_headers);
  out.to_sign = string_to_sign(out.canonical, time, scope);
  out.signature = signature(signing_key(secret, scope), out.to_sign);
  return out;
}

void expect_case(const SuiteCase& one, const std::string& form, const Signed& got) {
  EXPECT_EQ(got.canonical, one.expected(form + "-canonical-request.txt")) << one.folder;
  EXPECT_EQ(got.to_sign, one.expected(form + "-string-to-sign.txt")) << one.folder;
  EXPECT_EQ(got.signature, one.expected(form + "-signature.txt")) << one.folder;
}

std::string token_of(const SuiteCase& one) { return one.context["credentials"].value("token", std::string()); }

TEST(SigV4, TheSuiteWithHeaders) {
  const auto cases = suite_cases();
  if (cases.empty()) GTEST_SKIP() << "no recorded data";
  for (const SuiteCase& one : cases) {
    const std::string time = compact_time(one.context["timestamp"]), payload = sha256_hex(one.request.body);
    const std::string token = token_of(one);
    std::vector<SigningHeader> headers;
    for (const auto& [name, value] : one.request.headers) headers.push_back({name, value});
    headers.push_back({"X-Amz-Date", time});
    if (one.context["sign_body"]) headers.push_back({"x-amz-content-sha256", payload});
    if (!token.empty() && !one.context.value("omit_session_token", false))
      headers.push_back({"X-Amz-Security-Token", token});
    const Signed got = sign_case(one, one.request.query, headers, payload);
    expect_case(one, "header", got);
    const std::string authorization =
        "Authorization:AWS4-HMAC-SHA256 Credential=" + one.context["credentials"]["access_key_id"].get<std::string>() +
        "/" + time.substr(0, 8) + "/us-east-1/service/aws4_request, SignedHeaders=" + got.signed_headers +
        ", Signature=" + got.signature;
    EXPECT_NE(one.expected("header-signed-request.txt").find(authorization), std::string::npos) << one.folder;
  }
  EXPECT_GE(cases.size(), 25u);
}

// The same suite signed in the query, which only the canonical form knows here.
TEST(SigV4, TheSuiteWithQueries) {
  const auto cases = suite_cases();
  if (cases.empty()) GTEST_SKIP() << "no recorded data";
  for (const SuiteCase& one : cases) {
    const std::string time = compact_time(one.context["timestamp"]), payload = sha256_hex(one.request.body);
    const std::string token = token_of(one);
    std::vector<SigningHeader> headers;
    for (const auto& [name, value] : one.request.headers) headers.push_back({name, value});
    std::string names;
    (void)canonical_request({.headers = headers}, names);
    std::string query = one.request.query;
    const auto add = [&query](std::string_view name, std::string_view value) {
      query.append(query.empty() ? "" : "&").append(name).append("=");
      append_percent_encoded(query, value, {});
    };
    add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    add("X-Amz-Credential", "AKIDEXAMPLE/" + time.substr(0, 8) + "/us-east-1/service/aws4_request");
    add("X-Amz-Date", time);
    add("X-Amz-SignedHeaders", names);
    add("X-Amz-Expires", std::to_string(one.context["expiration_in_seconds"].get<int>()));
    if (!token.empty() && !one.context.value("omit_session_token", false)) add("X-Amz-Security-Token", token);
    expect_case(one, "query", sign_case(one, query, headers, payload));
  }
}

// What OpenAI's SDKs send to Bedrock.
TEST(SigV4, RequestsOfOpenAiSdks) {
  const auto folder = test_data_dir("aws") / "bedrock_auth";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no recorded data";
  const auto python = parse_json_dom(read_test_file(folder / "openai-python.cases.json"));
  ASSERT_TRUE(python);
  int checked = 0;
  for (const Json& one : (*python)["cases"]) {
    if (one["kind"] != "sigv4") continue;
    const Json &given = one["given"], &expected = one["expected"];
    std::string body;
    ASSERT_TRUE(base64_decode(given["request"]["body_base64"].get<std::string>(), body));
    const std::string payload = sha256_hex(body), time = compact_time(given["signing"]["timestamp"]);
    EXPECT_EQ(payload, expected["payload_sha256"].get<std::string>());
    std::vector<SigningHeader> headers;
    for (const auto& [name, value] : given["request"]["headers"].items())
      headers.push_back({name, value.get_ref<const std::string&>()});
    headers.push_back({"x-amz-content-sha256", payload});
    headers.push_back({"x-amz-date", time});
    const std::string token = given["credentials"].value("session_token", std::string());
    if (!token.empty()) headers.push_back({"x-amz-security-token", token});
    const std::string url = given["request"]["url"], region = given["signing"]["region"],
                      service = given["signing"]["service"], secret = given["credentials"]["secret_access_key"];
    std::string names;
    const std::string canonical = canonical_request({.method = "POST",
                                                     .path = std::string_view(url).substr(url.find('/', 8)),
                                                     .headers = headers,
                                                     .payload_sha256 = payload},
                                                    names);
    EXPECT_EQ(sha256_hex(canonical), expected["canonical_request_sha256"].get<std::string>()) << one["id"];
    const SigningScope scope{std::string_view(time).substr(0, 8), region, service};
    const std::string hash = signature(signing_key(secret, scope), string_to_sign(canonical, time, scope));
    const std::string authorization = expected["headers"]["authorization"];
    EXPECT_TRUE(authorization.ends_with("SignedHeaders=" + names + ", Signature=" + hash)) << one["id"];
    ++checked;
  }
  EXPECT_GE(checked, 1);
}

// A whole request by AwsSigner: which headers it covers is the same there.
TEST(SigV4, TheSignerSignsAsOpenAiForRuby) {
  const auto path = test_data_dir("aws") / "bedrock_auth" / "openai-ruby.sigv4.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no recorded data";
  const auto json = parse_json_dom(read_test_file(path));
  ASSERT_TRUE(json);
  const Json &credentials = (*json)["credentials"], &expected = (*json)["expected"];
  AwsSigner signer({credentials["accessKeyId"], credentials["secretAccessKey"], credentials["sessionToken"],
                    (*json)["region"], (*json)["service"]});
  const std::string body = (*json)["request"]["body"];
  const std::string_view parts[] = {std::string_view(body).substr(0, 5), std::string_view(body).substr(5)};
  std::string headers;
  signer.sign("POST", "bedrock-mantle.us-east-1.api.aws", "/v1/responses", "application/json", parts,
              1'735'787'045'000'000, headers);  // 2025-01-02T03:04:05Z
  EXPECT_EQ(headers, "Authorization: " + expected["authorization"].get<std::string>() +
                         "\r\nx-amz-content-sha256: " + expected["payloadHash"].get<std::string>() +
                         "\r\nx-amz-date: " + expected["date"].get<std::string>() +
                         "\r\nx-amz-security-token: " + credentials["sessionToken"].get<std::string>() + "\r\n");
}

TEST(SigV4, AModelsColonIsEscapedTwice) {
  AwsSigner signer({"AKIDEXAMPLE", kSecret, "", "eu-west-1", "bedrock"});
  const std::string_view body[] = {"{\"messages\"", ":[]}"};
  std::string headers = "Host: x\r\n";
  signer.sign("POST", "bedrock-runtime.eu-west-1.amazonaws.com",
              "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", "application/json", body,
              1'772'323'201'999'999, headers);
  EXPECT_EQ(headers,
            "Host: x\r\n"
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/eu-west-1/bedrock/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, "
            "Signature=82873e1fe088538da8459cc1a8494f613a1c809fdaef73025ae0936a3970d28b\r\n"
            "x-amz-content-sha256: 5e4ce7b36ba37b78a5d5f9fd08e6b7b54ba6879d651aa46ec9e1d6fa24ebe30a\r\n"
            "x-amz-date: 20260301T000001Z\r\n");
}

TEST(SigV4, TheKeyOfADayEndsWithTheDay) {
  AwsSigner signer({"AKIDEXAMPLE", kSecret, "tok/en==", "us-east-1", "bedrock"});
  const std::string target =
      "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/invoke?trace=1&a=b";
  const auto sign_at = [&](std::int64_t wall_micros) {
    std::string headers;
    signer.sign("POST", "h", target, "", {}, wall_micros, headers);
    return headers;
  };
  constexpr std::int64_t kLastSecond = 1'772'409'599'000'000;
  const std::string before = sign_at(kLastSecond);
  EXPECT_NE(before.find("Signature=4856558eac1f94ba731df72a8cb95c4451486a8dbd66a546f0d9f59a25d4ad8b\r\n"),
            std::string::npos)
      << before;
  EXPECT_NE(before.find("x-amz-security-token: tok/en==\r\n"), std::string::npos);
  const std::string after = sign_at(kLastSecond + 1'000'000);
  EXPECT_NE(after.find("Credential=AKIDEXAMPLE/20260302/"), std::string::npos);
  EXPECT_EQ(sign_at(kLastSecond), before);
}

std::string canonical_line(int line, std::string_view path, std::string_view query, bool normalize = true) {
  std::string names;
  std::string text =
      canonical_request({.method = "GET", .path = path, .query = query, .normalize_path = normalize}, names);
  for (; line > 0; --line) text.erase(0, text.find('\n') + 1);
  return text.substr(0, text.find('\n'));
}

TEST(SigV4, Paths) {
  EXPECT_EQ(canonical_line(1, "/a//b/./c/../d", ""), "/a/b/d");
  EXPECT_EQ(canonical_line(1, "/../..", ""), "/");
  EXPECT_EQ(canonical_line(1, "/a/b/..", ""), "/a/");
  EXPECT_EQ(canonical_line(1, "", ""), "/");
  EXPECT_EQ(canonical_line(1, "/a//b/../c/", "", false), "/a//b/../c/");
  EXPECT_EQ(canonical_line(1, "/x%2Fy z+~", ""), "/x%252Fy%20z%2B~");
}

TEST(SigV4, Queries) {
  EXPECT_EQ(canonical_line(2, "/", "b=2&a=1&b=1"), "a=1&b=1&b=2");
  EXPECT_EQ(canonical_line(2, "/", "a-b=1&a=2"), "a=2&a-b=1");
  EXPECT_EQ(canonical_line(2, "/", "flag&x=%c3%a9&y=a%2Fb&&z=a+b"), "flag=&x=%C3%A9&y=a%2Fb&z=a%2Bb");
  EXPECT_EQ(canonical_line(2, "/", "k=v=w&p=100%"), "k=v%3Dw&p=100%25");
}

}  // namespace
}  // namespace tollgate::gateway
