#include "config/google_account.h"

#include <cstdlib>

#include "config/check.h"
#include "config/secrets.h"
#include "core/json.h"
#include "core/log.h"

namespace tollgate::config {
namespace {

constexpr const char* kTokenUri = "https://oauth2.googleapis.com/token";

Error problem(std::string message) { return Error{ErrorKind::fatal, 500, "bad_credentials", std::move(message), {}}; }

std::string text_of(JsonValue object, std::string_view key) {
  return std::string(object[key].as_string().value_or(std::string_view()));
}

Result<void> need(const std::string& value, const char* name) {
  if (!value.empty()) return {};
  return problem(std::string("credentials: `") + name + "` is missing");
}

std::string default_file() {
  const char* named = std::getenv("GOOGLE_APPLICATION_CREDENTIALS");
  if (named != nullptr && *named != '\0') return named;
  const char* home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home) + "/.config/gcloud/application_default_credentials.json";
}

}  // namespace

Result<GoogleAccount> parse_google_account(std::string_view json) {
  JsonReader reader;
  const Result<JsonValue> root = reader.parse(json);
  if (!root || !root->is_object()) return problem("credentials: not a JSON object");
  const std::string type = text_of(*root, "type");
  GoogleAccount account;
  account.service_account = type == "service_account";
  if (!account.service_account && type != "authorized_user")
    return problem("credentials: type `" + type.substr(0, 40) +
                   "` is not supported (service_account, authorized_user)");
  account.token_uri = text_of(*root, "token_uri");
  if (account.token_uri.empty()) account.token_uri = kTokenUri;
  account.project = text_of(*root, account.service_account ? "project_id" : "quota_project_id");
  account.client_email = text_of(*root, "client_email");
  account.private_key = text_of(*root, "private_key");
  account.private_key_id = text_of(*root, "private_key_id");
  account.client_id = text_of(*root, "client_id");
  account.client_secret = text_of(*root, "client_secret");
  account.refresh_token = text_of(*root, "refresh_token");
  BaseUrl url;
  if (!parse_base_url(account.token_uri, url) || url.host.empty())
    return problem("credentials: token_uri is not a URL");
  if (url.scheme != "https" && !is_loopback(url.host)) return problem("credentials: token_uri is not https");
  if (account.service_account) {
    if (auto email = need(account.client_email, "client_email"); !email) return email.error();
    if (auto key = need(account.private_key, "private_key"); !key) return key.error();
    return account;
  }
  if (auto id = need(account.client_id, "client_id"); !id) return id.error();
  if (auto secret = need(account.client_secret, "client_secret"); !secret) return secret.error();
  if (auto token = need(account.refresh_token, "refresh_token"); !token) return token.error();
  return account;
}

Result<void> find_google_account(Provider& p) {
  if (p.credentials.empty()) {
    const std::string path = default_file();
    Result<std::string> text = read_secret_file(path, {});
    if (!text) {
      return problem(
          "no Google credentials: set credentials (file:PATH) or GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth "
          "application-default login` (" +
          text.error().message + ")");
    }
    p.credentials = *std::move(text);
  }
  const Result<GoogleAccount> account = parse_google_account(p.credentials);
  if (!account) return account.error();
  for (const std::string* secret : {&account->private_key, &account->client_secret, &account->refresh_token})
    if (!secret->empty()) redact_secret(*secret);
  if (p.project.empty()) p.project = account->project;
  return {};
}

}  // namespace tollgate::config
