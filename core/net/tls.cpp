// TLS contexts: what is trusted, what is offered, and sessions for resumption. Owner: net. Thread rule: a TlsClient
// belongs to one io thread; a TlsAcceptor may be shared, OpenSSL guards its context.
#include "core/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/net/tls_stream.h"

namespace tollgate::net {
namespace {

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, ContextFree>;

struct SessionFree {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, SessionFree>;

constexpr std::size_t kMaxSessions = 256;
constexpr unsigned char kAlpn[] = "\x08http/1.1";
constexpr unsigned kAlpnSize = sizeof kAlpn - 1;

// Index of the pointer that an SSL carries for the session callback.
int session_home_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

Error config_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  std::string message = what;
  if (reason) message.append(": ").append(reason);
  return Error{ErrorKind::fatal, 500, "tls_config", std::move(message), {}};
}

ContextPtr make_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpn, kAlpnSize, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

class TlsClient {
 public:
  TlsClient(ContextPtr context, bool verify) : context_(std::move(context)), verify_(verify) {}

  // An SSL ready to greet `origin`; nullptr when OpenSSL has no memory or the host cannot be checked.
  SslPtr make_ssl(const Origin& origin, const std::string& key);
  void keep_session(const std::string& key, SessionPtr session);

 private:
  ContextPtr context_;
  bool verify_;
  std::unordered_map<std::string, SessionPtr> sessions_;
};

namespace {

// What the session callback of one connection needs. Kept alive by the connection.
struct SessionHome {
  std::shared_ptr<TlsClient> client;  // second owner: connections outlive their dialer
  std::string key;
};

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* home = static_cast<SessionHome*>(SSL_get_ex_data(ssl, session_home_index()));
  if (!home) return 0;
  home->client->keep_session(home->key, SessionPtr(session));
  return 1;  // the reference is ours now
}

}  // namespace

SslPtr TlsClient::make_ssl(const Origin& origin, const std::string& key) {
  SslPtr ssl(SSL_new(context_.get()));
  if (!ssl) return nullptr;
  ErrorCode not_literal;
  asio::ip::make_address(origin.host, not_literal);
  // Names in a URL may carry the root's dot, certificates and SNI never do (RFC 6066 section 3).
  std::string host = origin.host;
  if (not_literal && host.ends_with('.')) host.pop_back();
  if (not_literal && SSL_set_tlsext_host_name(ssl.get(), host.c_str()) != 1) return nullptr;
  if (verify_) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = not_literal ? X509_VERIFY_PARAM_set1_host(param, host.data(), host.size())
                                : X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str());
    if (set != 1) return nullptr;
    SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
  }
  // Sessions are kept per origin, so one is only resumed with the host that its certificate was checked for.
  const auto session = sessions_.find(key);
  if (session != sessions_.end()) SSL_set_session(ssl.get(), session->second.get());
  SSL_set_connect_state(ssl.get());
  return ssl;
}

void TlsClient::keep_session(const std::string& key, SessionPtr session) {
  if (sessions_.size() >= kMaxSessions && sessions_.find(key) == sessions_.end()) sessions_.erase(sessions_.begin());
  sessions_[key] = std::move(session);
}

Result<std::shared_ptr<TlsClient>> make_tls_client(const TlsSettings& settings) {
  ContextPtr context = make_context(TLS_client_method());
  if (!context) return config_error("TLS is not available");
  const int trusted = settings.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context.get())
                          : SSL_CTX_load_verify_locations(context.get(), settings.ca_file.c_str(), nullptr);
  if (trusted != 1) return config_error("cannot read the certificates of " + settings.ca_file);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, kAlpnSize);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), on_new_session);
  return std::make_shared<TlsClient>(std::move(context), settings.verify);
}

Task<Result<std::unique_ptr<Stream>>> connect_tls(std::shared_ptr<TlsClient> client, std::unique_ptr<Stream> tcp,
                                                  Origin origin, SteadyTime deadline) {
  auto home = std::make_shared<SessionHome>();
  home->key = origin.key();
  SslPtr ssl = client->make_ssl(origin, home->key);
  if (!ssl) co_return config_error("cannot prepare TLS for " + home->key);
  home->client = std::move(client);
  SSL_set_ex_data(ssl.get(), session_home_index(), home.get());
  Result<std::unique_ptr<Stream>> stream = co_await start_tls(std::move(ssl), std::move(tcp), deadline, home);
  if (!stream) stream.error().message.insert(0, home->key + ": ");
  co_return std::move(stream);
}

class TlsAcceptor {
 public:
  explicit TlsAcceptor(ContextPtr context) : context_(std::move(context)) {}
  SSL_CTX* context() const { return context_.get(); }

 private:
  ContextPtr context_;
};

Result<std::shared_ptr<TlsAcceptor>> make_tls_acceptor(const TlsServerSettings& settings) {
  ContextPtr context = make_context(TLS_server_method());
  if (!context) return config_error("TLS is not available");
  if (SSL_CTX_use_certificate_chain_file(context.get(), settings.cert_file.c_str()) != 1)
    return config_error("cannot read the certificate " + settings.cert_file);
  if (SSL_CTX_use_PrivateKey_file(context.get(), settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return config_error("cannot read the private key " + settings.key_file);
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return config_error("the private key does not belong to the certificate " + settings.cert_file);
  constexpr unsigned char kName[] = "tollgate";
  SSL_CTX_set_session_id_context(context.get(), kName, sizeof kName - 1);
  SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, nullptr);
  return std::make_shared<TlsAcceptor>(std::move(context));
}

Task<Result<std::unique_ptr<Stream>>> accept_tls(TlsAcceptor& acceptor, std::unique_ptr<Stream> tcp,
                                                 SteadyTime deadline) {
  SslPtr ssl(SSL_new(acceptor.context()));
  if (!ssl) co_return config_error("cannot prepare TLS for a client");
  SSL_set_accept_state(ssl.get());
  co_return co_await start_tls(std::move(ssl), std::move(tcp), deadline, nullptr);
}

}  // namespace tollgate::net
