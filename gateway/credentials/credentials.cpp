#include "gateway/credentials/credentials.h"

#include <optional>
#include <utility>

#include "config/google_account.h"
#include "config/vendor_words.h"
#include "core/clock.h"
#include "gateway/credentials/aws_sigv4.h"

namespace tollgate::gateway {
namespace {

bool sends_bearer(const config::Provider& p) { return p.auth == "bearer" || (p.auth == "aws" && !p.api_key.empty()); }

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(value).append("\r\n");
}

void append_fixed(std::string& out, const config::Provider& p) {
  if (p.api_key.empty()) return;
  if (sends_bearer(p)) {
    append_header(out, "Authorization: Bearer ", p.api_key);
  } else if (config::auth_is_fixed(p.auth)) {
    append_header(out, p.auth + ": ", p.api_key);
  }
}

// Everything in a row that decides over its credentials: a reload that changes some of it makes a new entry.
std::string fingerprint(const config::Provider& p) {
  std::string out(p.auth);
  for (const std::string* part :
       {&p.region, &p.aws.access_key_id, &p.aws.secret_access_key, &p.aws.session_token, &p.aws.service, &p.credentials,
        &p.entra.tenant, &p.entra.client_id, &p.entra.client_secret, &p.entra.authority, &p.entra.scope, &p.ca_file})
    out.append(1, '\0').append(*part);
  return out;
}

}  // namespace

std::string fixed_auth_headers(const config::Provider& provider) {
  std::string out;
  append_fixed(out, provider);
  return out;
}

bool needs_authorize(const config::Provider& provider) {
  return provider.auth == "google" || provider.auth == "entra" || (provider.auth == "aws" && provider.api_key.empty());
}

struct Credentials::Entry {
  std::string made_from;
  std::optional<AwsSigner> signer;
  std::unique_ptr<TokenSource> tokens;
  std::string more_headers;  // that go with a token
};

Credentials::Credentials(asio::io_context& context, DialerFactory dialers, TokenOptions options)
    : context_(context), make_dialer_(std::move(dialers)), options_(options) {}

Credentials::~Credentials() = default;

Result<Credentials::Entry*> Credentials::entry_of(const config::Provider& provider) {
  std::unique_ptr<Entry>& slot = entries_[provider.name];
  std::string made_from = fingerprint(provider);
  if (slot && slot->made_from == made_from) return slot.get();
  auto entry = std::make_unique<Entry>();
  entry->made_from = std::move(made_from);
  if (provider.auth == "aws") {
    entry->signer.emplace(AwsSigner::Account{.access_key_id = provider.aws.access_key_id,
                                             .secret_access_key = provider.aws.secret_access_key,
                                             .session_token = provider.aws.session_token,
                                             .region = provider.region,
                                             .service = provider.aws.service});
  } else {
    std::optional<Result<TokenGrant>> grant;
    if (provider.auth == "google") {
      const Result<config::GoogleAccount> account = config::parse_google_account(provider.credentials);
      if (!account) return account.error();
      if (!account->service_account && !account->project.empty())
        append_header(entry->more_headers, "x-goog-user-project: ", account->project);
      grant.emplace(TokenGrant::google(*account));
    } else {
      grant.emplace(TokenGrant::entra(provider.entra));
    }
    if (!*grant) return std::move(*grant).error();
    // Whoever can read a token can use it, so its host is checked whatever tls_verify says.
    auto dialer = make_dialer_(context_, {.ca_file = provider.ca_file, .verify = true});
    entry->tokens =
        std::make_unique<TokenSource>(context_, provider.name, **std::move(grant), std::move(dialer), options_);
  }
  slot = std::move(entry);
  return slot.get();
}

Task<Result<void>> Credentials::authorize(const config::Provider& provider, SignedRequest request, SteadyTime deadline,
                                          std::string& headers_out) {
  if (!needs_authorize(provider)) {
    append_fixed(headers_out, provider);
    co_return Result<void>{};
  }
  const Result<Entry*> entry = entry_of(provider);
  if (!entry) co_return entry.error();
  if ((*entry)->signer) {
    (*entry)->signer->sign(request.method, request.host, request.target, request.content_type, request.body,
                           wall_micros(), headers_out);
    co_return Result<void>{};
  }
  // A reload may replace the entry while the token is awaited.
  const std::string more_headers = (*entry)->more_headers;
  const Result<std::string> token = co_await (*entry)->tokens->token(deadline);
  if (!token) co_return token.error();
  append_header(headers_out, "Authorization: Bearer ", *token);
  headers_out += more_headers;
  co_return Result<void>{};
}

void Credentials::refused(const config::Provider& provider) {
  const auto found = entries_.find(provider.name);
  if (found != entries_.end() && found->second->tokens) found->second->tokens->refused();
}

}  // namespace tollgate::gateway
