#include "gateway/credentials/token_grant.h"

#include <algorithm>

#include "config/check.h"
#include "config/units.h"
#include "core/base64.h"
#include "core/crypto.h"
#include "core/json.h"
#include "core/json_write.h"
#include "core/log.h"
#include "core/percent.h"
#include "core/text.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kGoogleScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::int64_t kJwtSeconds = 3600;  // the most that Google takes
constexpr std::size_t kMaxToken = 16u << 10;
// Used where the reply does not say; short, so that a wrong guess costs little.
constexpr std::chrono::seconds kUnknownLifetime{300};
constexpr std::chrono::seconds kMaxLifetime{86'400};

Error bad_setting(std::string message) {
  return Error{ErrorKind::fatal, 500, "bad_credentials", std::move(message), {}};
}

Error unavailable(std::string message) {
  return Error{ErrorKind::retry_elsewhere, 502, "token_unavailable", std::move(message), {}};
}

void append_field(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form.append(name).append("=");
  append_percent_encoded(form, value, {});
}

// What the host says is wrong, as far as it may be shown: "invalid_grant: Invalid JWT Signature."
std::string reason_of(JsonValue body) {
  constexpr std::size_t kMaxShown = 200;
  std::string text(body["error"].as_string().value_or(std::string_view()));
  if (const auto more = body["error_description"].as_string()) text.append(text.empty() ? "" : ": ").append(*more);
  text.resize(std::min(text.size(), text.find_first_of("\r\n")));
  return redacted(utf8_prefix(text, kMaxShown));
}

bool fits_header(std::string_view token) {
  return !token.empty() && token.size() <= kMaxToken &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

Result<TokenEndpoint> parse_token_url(std::string_view url) {
  config::BaseUrl parsed;
  if (!config::parse_base_url(url, parsed) || parsed.host.empty()) return bad_setting("the token's URL is not one");
  TokenEndpoint out;
  out.origin.tls = parsed.scheme == "https";
  if (!out.origin.tls && !config::is_loopback(parsed.host)) return bad_setting("the token's URL is not https");
  out.origin.host = parsed.host;
  out.origin.port = std::to_string(parsed.port);
  const std::size_t begin = url.find("://") + 3;
  const std::size_t slash = std::min(url.find('/', begin), url.size());
  out.authority = url.substr(begin, slash - begin);
  out.path = slash == url.size() ? std::string_view("/") : url.substr(slash);
  return out;
}

Result<TokenGrant> TokenGrant::google(const config::GoogleAccount& account) {
  Result<TokenEndpoint> endpoint = parse_token_url(account.token_uri);
  if (!endpoint) return std::move(endpoint).error();
  TokenGrant grant(*std::move(endpoint));
  if (account.service_account) {
    grant.account_ = account;
    grant.audience_ = account.token_uri;
    return grant;
  }
  append_field(grant.fixed_form_, "grant_type", "refresh_token");
  append_field(grant.fixed_form_, "client_id", account.client_id);
  append_field(grant.fixed_form_, "client_secret", account.client_secret);
  append_field(grant.fixed_form_, "refresh_token", account.refresh_token);
  return grant;
}

Result<TokenGrant> TokenGrant::entra(const config::EntraApp& app) {
  Result<TokenEndpoint> endpoint = parse_token_url(app.authority + "/" + app.tenant + "/oauth2/v2.0/token");
  if (!endpoint) return std::move(endpoint).error();
  TokenGrant grant(*std::move(endpoint));
  append_field(grant.fixed_form_, "grant_type", "client_credentials");
  append_field(grant.fixed_form_, "client_id", app.client_id);
  append_field(grant.fixed_form_, "client_secret", app.client_secret);
  append_field(grant.fixed_form_, "scope", app.scope);
  return grant;
}

Result<std::string> TokenGrant::form(std::int64_t wall_micros) const {
  if (!fixed_form_.empty()) return fixed_form_;
  return jwt_form(wall_micros);
}

// RFC 7523: an assertion about ourselves, signed with our own key.
Result<std::string> TokenGrant::jwt_form(std::int64_t wall_micros) const {
  const std::int64_t now = wall_micros / 1'000'000;
  std::string header, claims;
  JsonWriter(header)
      .begin_object()
      .member("alg", "RS256")
      .member("typ", "JWT")
      .member_if("kid", account_.private_key_id)
      .end_object();
  JsonWriter(claims)
      .begin_object()
      .member("iss", account_.client_email)
      .member("scope", kGoogleScope)
      .member("aud", audience_)
      .member("iat", now)
      .member("exp", now + kJwtSeconds)
      .end_object();
  std::string assertion = base64_encode(header, Base64::url) + "." + base64_encode(claims, Base64::url);
  const Result<std::string> signature = rsa_sha256_sign(account_.private_key, assertion);
  if (!signature) return signature.error();
  assertion.append(".").append(base64_encode(*signature, Base64::url));
  std::string form;
  append_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
  append_field(form, "assertion", assertion);
  return form;
}

Result<AccessToken> read_token_reply(int status, std::string_view body) {
  JsonReader reader;
  const Result<JsonValue> parsed = reader.parse(body);
  const JsonValue root = parsed ? *parsed : JsonValue();
  if (status != 200) {
    std::string said = "status " + std::to_string(status);
    if (const std::string reason = reason_of(root); !reason.empty()) said.append(", ").append(reason);
    if (status != 400 && status != 401 && status != 403) return unavailable("the token's host answered with " + said);
    return Error{ErrorKind::auth, 502, "credentials_refused", "the token's host refuses the credentials: " + said, {}};
  }
  const auto token = root["access_token"].as_string();
  if (!token || !fits_header(*token)) return unavailable("the token's host answered without a usable access_token");
  AccessToken out{std::string(*token), kUnknownLifetime};
  // Some hosts write the number as a text.
  auto seconds = root["expires_in"].as_int();
  if (const auto text = root["expires_in"].as_string(); text && !seconds) seconds = config::parse_integer(*text);
  if (seconds) out.lifetime = std::chrono::seconds(std::max<std::int64_t>(*seconds, 0));
  out.lifetime = std::min(out.lifetime, kMaxLifetime);
  if (out.lifetime.count() == 0) return unavailable("the token's host answered with an expired access_token");
  return out;
}

}  // namespace tollgate::gateway
