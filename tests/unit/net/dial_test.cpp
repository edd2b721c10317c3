// Dialing real sockets of 127.0.0.1: names, refusals, deadlines, and every way a certificate can be wrong.
#include <openssl/ssl.h>

#include <thread>

#include "core/net/tls.h"
#include "tests/unit/net/certificates.h"
#include "tests/unit/net/net_fixture.h"

namespace tollgate::net {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;

class Listener {
 public:
  explicit Listener(asio::io_context& context) : acceptor_(context, {asio::ip::make_address("127.0.0.1"), 0}) {}
  std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
  tcp::acceptor& acceptor() { return acceptor_; }

 private:
  tcp::acceptor acceptor_;
};

Origin origin_of(const std::string& host, const std::string& port, bool tls = false) {
  Origin origin;
  origin.tls = tls;
  origin.host = host;
  origin.port = port;
  return origin;
}

TEST(OriginTest, KeysAreUrls) {
  EXPECT_EQ(origin_of("a", "80").key(), "http://a:80");
  EXPECT_EQ(origin_of("::1", "443", true).key(), "https://[::1]:443");
}

class DialTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Stream>> dial(const Origin& origin, SteadyTime deadline = soon()) {
    return run(context_, dialer_->dial(origin, deadline));
  }
  asio::io_context context_{1};
  std::unique_ptr<Dialer> dialer_ = make_dialer(context_, {});
};

TEST_F(DialTest, ConnectsToAddressesAndNames) {
  Listener listener(context_);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    Result<std::unique_ptr<Stream>> stream = dial(origin_of(host, listener.port()));
    ASSERT_TRUE(stream) << stream.error().message;
    tcp::socket peer = listener.acceptor().accept();
    auto served = make_tcp_stream(context_, peer.release());
    EXPECT_TRUE(run(context_, (*stream)->write_all("hi")));
    EXPECT_EQ(read_bytes(context_, *served, 2), "hi");
  }
}

TEST_F(DialTest, ARefusedPortIsConnectFailed) {
  std::string port;
  {
    port = Listener(context_).port();
  }
  const Result<std::unique_ptr<Stream>> stream = dial(origin_of("127.0.0.1", port));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, "connect_failed");
  EXPECT_EQ(stream.error().kind, ErrorKind::retry_elsewhere);
  EXPECT_NE(stream.error().message.find(port), std::string::npos);
}

TEST_F(DialTest, BadPortsAndNamesAreConnectFailed) {
  for (const char* port : {"", "0", "65536", "http", "80x"})
    EXPECT_EQ(dial(origin_of("127.0.0.1", port)).error().code, "connect_failed") << port;
  EXPECT_EQ(dial(origin_of("no such name", "80")).error().code, "connect_failed");
}

// A listener with a full queue answers no further connection.
TEST_F(DialTest, ASilentAddressIsConnectTimeout) {
  tcp::acceptor full(context_);
  full.open(tcp::v4());
  full.bind({asio::ip::make_address("127.0.0.1"), 0});
  full.listen(0);
  std::vector<std::unique_ptr<tcp::socket>> fill;
  for (int i = 0; i < 4; ++i) {
    fill.push_back(std::make_unique<tcp::socket>(context_));
    fill.back()->async_connect(full.local_endpoint(), [](const ErrorCode&) {});
  }
  settle(context_);
  const SteadyTime start = SteadyClock::now();
  const Origin origin = origin_of("127.0.0.1", std::to_string(full.local_endpoint().port()));
  const Result<std::unique_ptr<Stream>> stream = dial(origin, start + milliseconds(200));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, "connect_timeout");
  EXPECT_LT(SteadyClock::now() - start, std::chrono::seconds(5));
}

TEST_F(DialTest, ADeadlineInThePastEndsAtOnce) {
  Listener listener(context_);
  const Origin origin = origin_of("127.0.0.1", listener.port());
  EXPECT_EQ(dial(origin, SteadyClock::now() - milliseconds(1)).error().code, "connect_timeout");
}

// --- TLS ---

Task<void> serve_one(TlsAcceptor& acceptor, std::unique_ptr<Stream> tcp, std::string& error) {
  Result<std::unique_ptr<Stream>> stream = co_await accept_tls(acceptor, std::move(tcp), soon());
  if (!stream) {
    error = stream.error().message;
    co_return;
  }
  char data[64];
  for (;;) {
    const Result<std::size_t> got = co_await (*stream)->read_some(data, sizeof data);
    if (!got) co_return;
    const Result<void> sent = co_await (*stream)->write_all(std::string_view(data, *got));
    if (!sent) co_return;
  }
}

class TlsDialTest : public testing::Test {
 protected:
  // Waiting coroutines and the channels that hold them own each other: they have to end before the context does.
  void TearDown() override {
    ErrorCode ignored;
    listener_.acceptor().close(ignored);
    settle(context_);
  }
  // Starts an echo server with that certificate on a port of its own.
  void serve(const Leaf& leaf) {
    TlsServerSettings settings;
    settings.cert_file = leaf.cert_file;
    settings.key_file = leaf.key_file;
    acceptor_ = *make_tls_acceptor(settings);
    accept();
  }
  void accept() {
    listener_.acceptor().async_accept([this](const ErrorCode& ec, tcp::socket socket) {
      if (ec) return;
      auto stream = make_tcp_stream(context_, socket.release());
      asio::co_spawn(context_, serve_one(*acceptor_, std::move(stream), server_error_), [](std::exception_ptr) {});
      accept();
    });
  }
  Result<std::unique_ptr<Stream>> dial(const std::string& host, const std::string& ca_file, bool verify = true) {
    TlsSettings settings;
    settings.ca_file = ca_file;
    settings.verify = verify;
    dialer_ = make_dialer(context_, settings);
    return run(context_, dialer_->dial(origin_of(host, listener_.port(), true), soon()));
  }
  void expect_refused(const Result<std::unique_ptr<Stream>>& stream, const char* why) {
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().code, "tls_failed");
    EXPECT_NE(stream.error().message.find(why), std::string::npos) << stream.error().message;
  }
  Authority authority_{"dial"}, stranger_{"stranger"};
  asio::io_context context_{1};
  Listener listener_{context_};
  std::shared_ptr<TlsAcceptor> acceptor_;
  std::unique_ptr<Dialer> dialer_;
  std::string server_error_;
};

TEST_F(TlsDialTest, AGoodCertificateIsAccepted) {
  serve(authority_.issue("good", "DNS:localhost", -60, 3600));
  Result<std::unique_ptr<Stream>> stream = dial("localhost", authority_.ca_file());
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_TRUE(run(context_, (*stream)->write_all("echo")));
  EXPECT_EQ(read_bytes(context_, **stream, 4), "echo");
}

TEST_F(TlsDialTest, AnAddressIsCheckedAgainstAddresses) {
  serve(authority_.issue("address", "IP:127.0.0.1", -60, 3600));
  EXPECT_TRUE(dial("127.0.0.1", authority_.ca_file()));
  serve(authority_.issue("name", "DNS:127.0.0.1", -60, 3600));
  expect_refused(dial("127.0.0.1", authority_.ca_file()), "mismatch");
}

TEST_F(TlsDialTest, AWrongHostIsRefused) {
  serve(authority_.issue("other", "DNS:example.com", -60, 3600));
  expect_refused(dial("localhost", authority_.ca_file()), "mismatch");
}

TEST_F(TlsDialTest, AnUnknownAuthorityIsRefused) {
  serve(stranger_.issue("good", "DNS:localhost", -60, 3600));
  expect_refused(dial("localhost", authority_.ca_file()), "certificate was refused");
  expect_refused(dial("localhost", ""), "certificate was refused");  // the system's store
}

TEST_F(TlsDialTest, AnExpiredOrFutureCertificateIsRefused) {
  serve(authority_.issue("old", "DNS:localhost", -7200, -3600));
  expect_refused(dial("localhost", authority_.ca_file()), "expired");
  serve(authority_.issue("future", "DNS:localhost", 3600, 7200));
  expect_refused(dial("localhost", authority_.ca_file()), "not yet valid");
}

TEST_F(TlsDialTest, ChecksCanBeSwitchedOff) {
  serve(stranger_.issue("other", "DNS:example.com", -7200, -3600));
  EXPECT_TRUE(dial("localhost", authority_.ca_file(), false));
}

TEST_F(TlsDialTest, AServerThatSpeaksNoTlsIsRefused) {
  tcp::socket peer(context_);
  listener_.acceptor().async_accept(peer, [&peer](const ErrorCode&) {
    ErrorCode ignored;
    peer.send(asio::buffer("HTTP/1.1 400 Bad Request\r\n\r\n", 28), 0, ignored);
  });
  EXPECT_EQ(dial("localhost", authority_.ca_file()).error().code, "tls_failed");
}

TEST_F(TlsDialTest, ASilentServerIsATimeout) {
  TlsSettings settings;
  settings.ca_file = authority_.ca_file();
  dialer_ = make_dialer(context_, settings);
  const Origin origin = origin_of("localhost", listener_.port(), true);
  EXPECT_EQ(run(context_, dialer_->dial(origin, soon(milliseconds(150)))).error().code, "connect_timeout");
}

TEST_F(TlsDialTest, UnreadableFilesAreConfigErrors) {
  EXPECT_EQ(dial("localhost", "/nonexistent/ca.pem").error().code, "tls_config");
  TlsServerSettings settings;
  settings.cert_file = "/nonexistent/cert.pem";
  EXPECT_EQ(make_tls_acceptor(settings).error().code, "tls_config");
  const Leaf one = authority_.issue("one", "DNS:a", -60, 60), two = authority_.issue("two", "DNS:a", -60, 60);
  settings.cert_file = one.cert_file;
  settings.key_file = two.key_file;
  EXPECT_EQ(make_tls_acceptor(settings).error().code, "tls_config");
}

// A server of plain OpenSSL, to see what the client sends.
struct Peek {
  std::string name, alpn;
  int version = 0;
  bool resumed = false;
};

Peek peek_handshake(SSL_CTX* context, int fd) {
  Peek peek;
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  if (SSL_accept(ssl) == 1) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name) peek.name = name;
    peek.version = SSL_version(ssl);
    peek.resumed = SSL_session_reused(ssl) == 1;
    char byte;
    SSL_write(ssl, "x", 1);
    SSL_read(ssl, &byte, 1);
  }
  SSL_free(ssl);
  return peek;
}

TEST_F(TlsDialTest, SendsTheNameAndResumesSessions) {
  const Leaf leaf = authority_.issue("good", "DNS:localhost", -60, 3600);
  SSL_CTX* server = SSL_CTX_new(TLS_server_method());
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(server, leaf.cert_file.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(server, leaf.key_file.c_str(), SSL_FILETYPE_PEM), 1);
  TlsSettings settings;
  settings.ca_file = authority_.ca_file();
  dialer_ = make_dialer(context_, settings);
  const Origin origin = origin_of("localhost", listener_.port(), true);
  for (int round = 0; round < 2; ++round) {
    Peek peek;
    std::thread peer([&] {
      tcp::socket socket = listener_.acceptor().accept();
      peek = peek_handshake(server, socket.native_handle());
    });
    Result<std::unique_ptr<Stream>> stream = run(context_, dialer_->dial(origin, soon()));
    if (stream) {
      EXPECT_EQ(read_bytes(context_, **stream, 1), "x");
      EXPECT_TRUE(run(context_, (*stream)->write_all("y")));
    }
    peer.join();
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(peek.name, "localhost");
    EXPECT_EQ(peek.version, TLS1_3_VERSION);
    EXPECT_EQ(peek.resumed, round == 1);
  }
  SSL_CTX_free(server);
}

TEST_F(TlsDialTest, OldProtocolsAreRefused) {
  const Leaf leaf = authority_.issue("good", "DNS:localhost", -60, 3600);
  SSL_CTX* server = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_security_level(server, 0);
  SSL_CTX_set_min_proto_version(server, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(server, TLS1_1_VERSION);
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(server, leaf.cert_file.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(server, leaf.key_file.c_str(), SSL_FILETYPE_PEM), 1);
  std::thread peer([&] {
    tcp::socket socket = listener_.acceptor().accept();
    peek_handshake(server, socket.native_handle());
  });
  const Result<std::unique_ptr<Stream>> stream = dial("localhost", authority_.ca_file());
  peer.join();
  SSL_CTX_free(server);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, "tls_failed");
}

// A cut without the closing alert must not look like the end of a body.
TEST_F(TlsDialTest, ATruncatedConnectionIsNoEof) {
  const Leaf leaf = authority_.issue("good", "DNS:localhost", -60, 3600);
  SSL_CTX* server = SSL_CTX_new(TLS_server_method());
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(server, leaf.cert_file.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(server, leaf.key_file.c_str(), SSL_FILETYPE_PEM), 1);
  std::thread peer([&] {
    tcp::socket socket = listener_.acceptor().accept();
    peek_handshake(server, socket.native_handle());
  });
  Result<std::unique_ptr<Stream>> stream = dial("localhost", authority_.ca_file());
  std::string code;
  if (stream) {
    EXPECT_EQ(read_bytes(context_, **stream, 1), "x");
    EXPECT_TRUE(run(context_, (*stream)->write_all("y")));
    char byte;
    code = run(context_, (*stream)->read_some(&byte, 1)).error().code;
  }
  peer.join();
  SSL_CTX_free(server);
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(code, "connection_broken");
}

}  // namespace
}  // namespace tollgate::net
