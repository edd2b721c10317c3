// How requests prove themselves: each kind of auth, changes by a reload, and a token's host over real TLS.
#include "gateway/credentials/credentials.h"

#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <list>

#include "core/json_dom.h"
#include "core/spawn.h"
#include "tests/unit/credentials/test_key.h"
#include "tests/unit/credentials/token_host.h"
#include "tests/unit/net/certificates.h"
#include "tests/unit/net/net_fixture.h"

namespace tollgate::gateway {
namespace {

using std::chrono::seconds;

std::string service_account(const std::string& token_uri) {
  return dump_json(Json{{"type", "service_account"},
                        {"project_id", "proj"},
                        {"client_email", "robot@proj.example.org"},
                        {"private_key", test_rsa_key()},
                        {"token_uri", token_uri}});
}

config::Provider provider(const std::string& auth, const std::string& key = "") {
  config::Provider p;
  p.name = "x";
  p.auth = auth;
  p.api_key = key;
  return p;
}

config::Provider entra_provider() {
  config::Provider p = provider("entra");
  p.entra = {.tenant = "t",
             .client_id = "app",
             .client_secret = "secret",
             .authority = "https://login.example.org",
             .scope = "s"};
  return p;
}

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest()
      : host_(context_), credentials_(context_, [this](asio::io_context&, const net::TlsSettings& tls) {
          EXPECT_TRUE(tls.verify);
          return host_.dialer();
        }) {}
  ~CredentialsTest() override { net::settle(context_); }

  // The header lines, or an error's code.
  std::string headers_for(const config::Provider& p, std::span<const std::string_view> body = {}) {
    std::string out = "Host: h\r\n";
    const SignedRequest request{
        .method = "POST", .host = "h", .target = "/v1/x?a=1", .content_type = "application/json", .body = body};
    const auto done = net::run(context_, credentials_.authorize(p, request, net::soon(seconds(5)), out));
    return done ? out.substr(9) : done.error().code;
  }

  asio::io_context context_{1};
  TokenHost host_;
  Credentials credentials_;
};

TEST_F(CredentialsTest, KeysThatAreSentAsTheyAre) {
  const std::pair<const char*, const char*> expected[] = {{"bearer", "Authorization: Bearer k-1\r\n"},
                                                          {"x-api-key", "x-api-key: k-1\r\n"},
                                                          {"api-key", "api-key: k-1\r\n"},
                                                          {"x-goog-api-key", "x-goog-api-key: k-1\r\n"},
                                                          {"aws", "Authorization: Bearer k-1\r\n"}};
  for (const auto& [auth, line] : expected) {
    const config::Provider p = provider(auth, "k-1");
    EXPECT_EQ(fixed_auth_headers(p), line);
    EXPECT_FALSE(needs_authorize(p)) << auth;
    EXPECT_EQ(headers_for(p), line);
  }
  EXPECT_EQ(fixed_auth_headers(provider("none")), "");
  EXPECT_EQ(fixed_auth_headers(provider("bearer")), "");
  EXPECT_FALSE(needs_authorize(provider("none")));
  EXPECT_EQ(headers_for(provider("none")), "");
}

TEST_F(CredentialsTest, EachRequestToAwsIsSigned) {
  config::Provider p = provider("aws");
  p.region = "eu-west-1";
  p.aws = {.access_key_id = "AKID", .secret_access_key = "s", .service = "bedrock"};
  EXPECT_TRUE(needs_authorize(p));
  EXPECT_EQ(fixed_auth_headers(p), "");
  const std::string_view one[] = {"{}"}, other[] = {"{", "\"a\":1}"};
  const std::string first = headers_for(p, one), second = headers_for(p, other);
  EXPECT_TRUE(first.starts_with("Authorization: AWS4-HMAC-SHA256 Credential=AKID/")) << first;
  EXPECT_NE(first.find("/eu-west-1/bedrock/aws4_request, "
                       "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature="),
            std::string::npos)
      << first;
  EXPECT_TRUE(first.ends_with("\r\n"));
  EXPECT_NE(first, second);
  p.aws.session_token = "temporary";
  EXPECT_NE(headers_for(p, one).find("x-amz-security-token: temporary\r\n"), std::string::npos);
  EXPECT_TRUE(host_.origins.empty());
}

TEST_F(CredentialsTest, TokensOfGoogle) {
  config::Provider p = provider("google");
  p.credentials = service_account("https://oauth2.example.org/token");
  EXPECT_TRUE(needs_authorize(p));
  host_.replies.push_back(token_reply("ya29.one", 3600));
  EXPECT_EQ(headers_for(p), "Authorization: Bearer ya29.one\r\n");
  EXPECT_EQ(headers_for(p), "Authorization: Bearer ya29.one\r\n");
  EXPECT_EQ(host_.requests.size(), 1u);
  EXPECT_EQ(host_.origins.front(), "https://oauth2.example.org:443");
}

TEST_F(CredentialsTest, AUsersLoginNamesWhoPaysForTheQuota) {
  config::Provider p = provider("google");
  p.credentials =
      R"({"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","quota_project_id":"pays"})";
  host_.replies.push_back(token_reply("u", 3600));
  EXPECT_EQ(headers_for(p), "Authorization: Bearer u\r\nx-goog-user-project: pays\r\n");
  EXPECT_EQ(host_.origins.front(), "https://oauth2.googleapis.com:443");
}

TEST_F(CredentialsTest, BrokenCredentialsAreAnError) {
  config::Provider p = provider("google");
  p.credentials = "{}";
  EXPECT_EQ(headers_for(p), "bad_credentials");
  p.credentials = service_account("http://oauth2.example.org/token");
  EXPECT_EQ(headers_for(p), "bad_credentials");
  EXPECT_TRUE(host_.origins.empty());
}

TEST_F(CredentialsTest, AReloadThatChangesASecretAsksForAnotherToken) {
  config::Provider p = entra_provider();
  host_.replies = {token_reply("one", 3600), token_reply("two", 3600)};
  EXPECT_EQ(headers_for(p), "Authorization: Bearer one\r\n");
  p.idle_timeout = config::Millis(1);
  EXPECT_EQ(headers_for(p), "Authorization: Bearer one\r\n") << "what is no credential changes nothing";
  p.entra.client_secret = "rotated";
  EXPECT_EQ(headers_for(p), "Authorization: Bearer two\r\n");
  EXPECT_NE(host_.requests.back().find("client_secret=rotated"), std::string::npos);
}

TEST_F(CredentialsTest, ProvidersDoNotShareTokens) {
  config::Provider p = entra_provider(), q = entra_provider();
  q.name = "y";
  host_.replies = {token_reply("one", 3600), token_reply("two", 3600)};
  EXPECT_EQ(headers_for(p), "Authorization: Bearer one\r\n");
  EXPECT_EQ(headers_for(q), "Authorization: Bearer two\r\n");
}

TEST_F(CredentialsTest, AFailureSaysWhoseItIs) {
  host_.replies.push_back(json_reply(401, R"({"error":"invalid_client","error_description":"AADSTS7000215"})"));
  std::string out;
  const config::Provider p = entra_provider();
  const auto done = net::run(context_, credentials_.authorize(p, {}, net::soon(seconds(5)), out));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message,
            "provider 'x' has no access token: the token's host refuses the credentials: status 401, invalid_client: "
            "AADSTS7000215");
  EXPECT_EQ(done.error().kind, ErrorKind::auth);
  EXPECT_EQ(out, "");
}

// One TLS connection at a time, each answered with a token.
class TlsTokenHost {
 public:
  TlsTokenHost(asio::io_context& context, const net::Leaf& leaf)
      : context_(context), acceptor_(context, {asio::ip::make_address("127.0.0.1"), 0}) {
    auto tls = net::make_tls_acceptor({.cert_file = leaf.cert_file, .key_file = leaf.key_file});
    EXPECT_TRUE(tls);
    tls_ = *tls;
    spawn(context.get_executor(), serve(), "tls token host", [this] { ended_ = true; });
  }
  ~TlsTokenHost() {
    acceptor_.close();
    net::run_until(context_, [this] { return ended_; });
  }
  std::string token_uri() {
    return "https://localhost:" + std::to_string(acceptor_.local_endpoint().port()) + "/token";
  }

 private:
  Task<void> serve() {
    for (;;) {
      auto [ec, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_task));
      if (ec) co_return;
      auto stream = co_await net::accept_tls(*tls_, net::make_tcp_stream(context_, socket.release()), net::soon());
      if (!stream) continue;
      char part[4096];
      (void)co_await (*stream)->read_some(part, sizeof part);
      (void)co_await (*stream)->write_all(token_reply("over-tls", 3600));
    }
  }
  asio::io_context& context_;
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor_;
  std::shared_ptr<net::TlsAcceptor> tls_;
  bool ended_ = false;
};

TEST(CredentialsTls, TheTokensHostIsVerified) {
  asio::io_context context{1};
  net::Authority authority("tokens");
  TlsTokenHost host(context, authority.issue("host", "DNS:localhost", -60, 3600));
  Credentials credentials(context);
  const auto ask = [&](const config::Provider& p) {
    std::string out;
    const auto done = net::run(context, credentials.authorize(p, {}, net::soon(), out));
    return done ? out : done.error().code;
  };
  config::Provider p = provider("google");
  p.credentials = service_account(host.token_uri());
  EXPECT_EQ(ask(p), "tls_failed") << "an authority that nobody trusts";
  p.tls_verify = false;
  p.name = "unverified";
  EXPECT_EQ(ask(p), "tls_failed") << "tls_verify is about the vendor's own host";
  p.ca_file = authority.ca_file();
  EXPECT_EQ(ask(p), "Authorization: Bearer over-tls\r\n");
}

TEST(CredentialsTls, ACertificateOfAnotherNameIsRefused) {
  asio::io_context context{1};
  net::Authority authority("tokens");
  TlsTokenHost host(context, authority.issue("host", "DNS:evil.example", -60, 3600));
  Credentials credentials(context);
  config::Provider p = provider("google");
  p.credentials = service_account(host.token_uri());
  p.ca_file = authority.ca_file();
  std::string out;
  const auto done = net::run(context, credentials.authorize(p, {}, net::soon(), out));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "tls_failed") << done.error().message;
}

}  // namespace
}  // namespace tollgate::gateway
