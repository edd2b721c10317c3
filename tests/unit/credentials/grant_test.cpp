// What is asked for a token, and what is made of the answer.
#include "gateway/credentials/token_grant.h"

#include <gtest/gtest.h>

#include <map>

#include "core/base64.h"
#include "core/json_dom.h"
#include "core/percent.h"
#include "tests/unit/credentials/test_key.h"

namespace tollgate::gateway {
namespace {

std::map<std::string, std::string> fields_of(std::string_view form) {
  std::map<std::string, std::string> out;
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view one = form.substr(0, end);
    const std::size_t equals = one.find('=');
    out[std::string(one.substr(0, equals))] = percent_decoded(one.substr(equals + 1));
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return out;
}

config::GoogleAccount service_account() {
  config::GoogleAccount account;
  account.service_account = true;
  account.token_uri = "https://oauth2.example.org/token";
  account.client_email = "robot@proj.example.org";
  account.private_key = test_rsa_key();
  account.private_key_id = "key-7";
  return account;
}

std::string decoded(std::string_view text) {
  std::string out;
  EXPECT_TRUE(base64_decode(text, out, Base64::url)) << text;
  return out;
}

TEST(Grant, AServiceAccountSignsAboutItself) {
  const auto grant = TokenGrant::google(service_account());
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->endpoint().origin.key(), "https://oauth2.example.org:443");
  EXPECT_EQ(grant->endpoint().authority, "oauth2.example.org");
  EXPECT_EQ(grant->endpoint().path, "/token");
  const auto form = grant->form(1'800'000'000'500'000);
  ASSERT_TRUE(form);
  auto fields = fields_of(*form);
  EXPECT_EQ(fields["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const std::string jwt = fields["assertion"];
  const std::size_t first = jwt.find('.'), second = jwt.find('.', first + 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_EQ(*parse_json_dom(decoded(jwt.substr(0, first))), Json({{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "key-7"}}));
  EXPECT_EQ(*parse_json_dom(decoded(jwt.substr(first + 1, second - first - 1))),
            Json({{"iss", "robot@proj.example.org"},
                  {"scope", "https://www.googleapis.com/auth/cloud-platform"},
                  {"aud", "https://oauth2.example.org/token"},
                  {"iat", 1'800'000'000},
                  {"exp", 1'800'003'600}}));
  EXPECT_TRUE(signed_by_test_key(jwt.substr(0, second), decoded(jwt.substr(second + 1))));
}

TEST(Grant, AKeyThatCannotSignIsAnError) {
  auto account = service_account();
  account.private_key = "no key";
  const auto grant = TokenGrant::google(account);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->form(0).error().code, "bad_private_key");
}

TEST(Grant, AUsersLoginIsRefreshed) {
  config::GoogleAccount account;
  account.token_uri = "https://oauth2.example.org/token";
  account.client_id = "id.apps";
  account.client_secret = "s&cret=";
  account.refresh_token = "1//r";
  const auto form = TokenGrant::google(account)->form(0);
  ASSERT_TRUE(form);
  const std::map<std::string, std::string> expected{{"grant_type", "refresh_token"},
                                                    {"client_id", "id.apps"},
                                                    {"client_secret", "s&cret="},
                                                    {"refresh_token", "1//r"}};
  EXPECT_EQ(fields_of(*form), expected);
}

TEST(Grant, EntraClientCredentials) {
  const auto grant = TokenGrant::entra({.tenant = "contoso.example",
                                        .client_id = "app",
                                        .client_secret = "~s ~",
                                        .authority = "https://login.example.org",
                                        .scope = "https://cognitiveservices.azure.com/.default"});
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->endpoint().path, "/contoso.example/oauth2/v2.0/token");
  const std::map<std::string, std::string> expected{{"grant_type", "client_credentials"},
                                                    {"client_id", "app"},
                                                    {"client_secret", "~s ~"},
                                                    {"scope", "https://cognitiveservices.azure.com/.default"}};
  EXPECT_EQ(fields_of(*grant->form(0)), expected);
}

TEST(Grant, TokenHostsNeedTlsBeyondThisMachine) {
  EXPECT_TRUE(parse_token_url("https://h/t"));
  EXPECT_TRUE(parse_token_url("http://127.0.0.1:90/t"));
  EXPECT_TRUE(parse_token_url("http://localhost:90/t"));
  EXPECT_EQ(parse_token_url("https://[::1]:8443")->origin.key(), "https://[::1]:8443");
  EXPECT_EQ(parse_token_url("https://[::1]:8443")->path, "/");
  for (const char* bad : {"http://oauth2.example.org/token", "", "oauth2.example.org", "echo:", "https://u:p@h/t"})
    EXPECT_FALSE(parse_token_url(bad)) << bad;
}

TEST(Grant, Replies) {
  const auto good = read_token_reply(200, R"({"access_token":"ya29.abc","expires_in":3599,"token_type":"Bearer"})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->value, "ya29.abc");
  EXPECT_EQ(good->lifetime.count(), 3599);
  EXPECT_EQ(read_token_reply(200, R"({"access_token":"a","expires_in":"60"})")->lifetime.count(), 60);
  EXPECT_EQ(read_token_reply(200, R"({"access_token":"a"})")->lifetime.count(), 300);
  EXPECT_EQ(read_token_reply(200, R"({"access_token":"a","expires_in":99999999})")->lifetime.count(), 86'400);
  for (const char* bad : {"", "<html>", "[]", "{}", R"({"access_token":""})", R"({"access_token":7})",
                          R"({"access_token":"a b"})", R"({"access_token":"a\r\nX-Evil: 1"})",
                          R"({"access_token":"a","expires_in":0})", R"({"access_token":"a","expires_in":-5})"}) {
    EXPECT_EQ(read_token_reply(200, bad).error().code, "token_unavailable") << bad;
  }
}

TEST(Grant, Refusals) {
  const Error refused =
      read_token_reply(400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature.\r\nTrace: x"})")
          .error();
  EXPECT_EQ(refused.code, "credentials_refused");
  EXPECT_EQ(refused.kind, ErrorKind::auth);
  EXPECT_EQ(refused.message,
            "the token's host refuses the credentials: status 400, invalid_grant: Invalid JWT Signature.");
  EXPECT_EQ(read_token_reply(401, "x").error().code, "credentials_refused");
  EXPECT_EQ(read_token_reply(503, "x").error().message, "the token's host answered with status 503");
  EXPECT_EQ(read_token_reply(302, "").error().code, "token_unavailable");
  const std::string endless = R"({"error":")" + std::string(5'000, 'x') + R"("})";
  EXPECT_LT(read_token_reply(500, endless).error().message.size(), 300u);
}

}  // namespace
}  // namespace tollgate::gateway
