#include "config/settle_providers.h"

#include <algorithm>
#include <map>

#include "config/aws_account.h"
#include "config/check.h"
#include "config/google_account.h"
#include "config/secrets.h"
#include "config/template.h"
#include "config/vendor_words.h"
#include "core/log.h"

namespace tollgate::config {
namespace {

constexpr const char* kEntraAuthority = "https://login.microsoftonline.com";
constexpr const char* kAzureScope = "https://cognitiveservices.azure.com/.default";

// Why values that a shipped row refers to are not there, by key.
using Missing = std::map<std::string, std::string>;

struct Slot {
  const char* key;
  std::string* value;
  bool secret = false;
};

std::vector<Slot> slots(Provider& p) {
  return {{"api_key", &p.api_key, true},
          {"credentials", &p.credentials, true},
          {"region", &p.region},
          {"project", &p.project},
          {"resource", &p.resource},
          {"api_version", &p.api_version},
          {"entra.tenant", &p.entra.tenant},
          {"entra.client_id", &p.entra.client_id},
          {"entra.client_secret", &p.entra.client_secret, true}};
}

// Shipped rows keep their values as references until here, because an unset variable matters only where the row is
// used. What the user's file says was resolved when it was read.
Missing resolve_shipped(Provider& p, const Reader& reader, const std::string& base_dir) {
  constexpr std::string_view kFile = "file:";
  Missing missing;
  for (const Slot& slot : slots(p)) {
    const bool own = reader.written("providers." + p.name + "." + slot.key);
    if (own || slot.value->find("${") == std::string::npos) continue;
    Result<std::string> value = expand_variables(*slot.value);
    if (value && slot.secret && value->starts_with(kFile))
      value = read_secret_file(value->substr(kFile.size()), base_dir);
    if (value) {
      *slot.value = *std::move(value);
      if (slot.secret) redact_secret(*slot.value);
    } else {
      slot.value->clear();
      missing[slot.key] = value.error().message;
    }
  }
  return missing;
}

// "set providers.vertex.project (environment variable GOOGLE_CLOUD_PROJECT is not set)"
std::string how_to_set(const Provider& p, const std::string& key, const Missing& missing) {
  const auto why = missing.find(key);
  return "set providers." + p.name + "." + key + (why == missing.end() ? "" : " (" + why->second + ")");
}

std::string shown(const std::string& text) { return "`" + text.substr(0, 60) + "`"; }

// What fills a placeholder becomes part of a host's name or of a path.
std::string bad_place(const Provider& p) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";  // `domain.com:project` is a project
  for (const auto& [key, value] :
       {std::pair{"region", &p.region}, std::pair{"project", &p.project}, std::pair{"resource", &p.resource},
        std::pair{"api_version", &p.api_version}, std::pair{"entra.tenant", &p.entra.tenant}}) {
    if (value->find_first_not_of(kPlain) == std::string::npos) continue;
    return std::string(key) + " " + shown(*value) + " is not a plain name";
  }
  return {};
}

// What goes into a header as it is must not end it.
std::string unsendable(const Provider& p) {
  for (const auto& [key, value] :
       {std::pair{"api_key", &p.api_key}, std::pair{"aws.access_key_id", &p.aws.access_key_id},
        std::pair{"aws.session_token", &p.aws.session_token}}) {
    const auto sendable = [](char c) { return c >= 0x20 && c != 0x7f; };
    if (!std::all_of(value->begin(), value->end(), sendable))
      return std::string(key) + " holds characters that cannot be sent";
  }
  return {};
}

std::string fill(std::string& text, const Provider& p, bool keep_model, const Missing& missing) {
  constexpr std::string_view kMissing = "missing_";
  Result<std::string> filled = fill_template(text, p, keep_model);
  if (!filled) {
    const Error& error = filled.error();
    if (!error.code.starts_with(kMissing)) return error.message;
    return how_to_set(p, error.code.substr(kMissing.size()), missing);
  }
  text = *std::move(filled);
  return {};
}

std::string settle_addresses(Provider& p, const Missing& missing) {
  std::string problem = fill(p.base_url, p, false, missing);
  // Surfaces append "/chat/completions" and the like.
  while (p.base_url.ends_with('/')) p.base_url.pop_back();
  for (auto& [name, path] : p.paths)
    if (problem.empty()) problem = fill(path, p, true, missing);
  return problem;
}

std::string settle_entra(Provider& p, const Missing& missing) {
  if (p.entra.authority.empty()) p.entra.authority = kEntraAuthority;
  if (p.entra.scope.empty()) p.entra.scope = kAzureScope;
  while (p.entra.authority.ends_with('/')) p.entra.authority.pop_back();
  if (p.entra.tenant.empty()) return how_to_set(p, "entra.tenant", missing);
  if (p.entra.client_id.empty()) return how_to_set(p, "entra.client_id", missing);
  if (p.entra.client_secret.empty()) return how_to_set(p, "entra.client_secret", missing);
  BaseUrl url;
  const bool good = parse_base_url(p.entra.authority, url) && (url.scheme == "https" || is_loopback(url.host));
  return good ? "" : "entra.authority " + shown(p.entra.authority) + " is not https://host";
}

// Why the provider has no credentials; empty if it has.
std::string settle_credentials(Provider& p, Reader& reader, const Missing& missing) {
  const bool own_key = reader.written("providers." + p.name + ".api_key");
  if (auth_is_fixed(p.auth)) {
    const auto why = missing.find("api_key");
    return why == missing.end() ? "" : why->second;
  }
  if (p.auth == "aws") {
    if (auto found = find_aws_account(p, own_key); !found) return found.error().message;
    if (p.api_key.empty() && p.region.empty()) return "set providers." + p.name + ".region, or AWS_REGION";
    return {};
  }
  if (own_key && p.auth != "none")
    reader.warn(reader.where("providers." + p.name + ".api_key"),
                "providers." + p.name + ".api_key has no effect with auth: " + p.auth);
  p.api_key.clear();
  if (p.auth == "entra") return settle_entra(p, missing);
  if (p.auth != "google") return {};
  const Result<void> found = find_google_account(p);
  return found ? std::string() : found.error().message;
}

void settle(Provider& p, Reader& reader, const std::string& base_dir) {
  // `api_key: none` is another way to say that no key is sent.
  if (p.api_key == "none") p.auth = "none";
  p.ca_file = resolve_path(p.ca_file, base_dir);
  const Missing missing = resolve_shipped(p, reader, base_dir);
  // Variables of other programs hold a URL where a host is wanted.
  if (p.resource.starts_with("https://")) p.resource.erase(0, 8);
  while (p.resource.ends_with('/')) p.resource.pop_back();
  p.unusable = settle_credentials(p, reader, missing);
  if (p.unusable.empty()) p.unusable = unsendable(p);
  if (p.unusable.empty()) p.unusable = bad_place(p);
  if (const std::string problem = settle_addresses(p, missing); p.unusable.empty()) p.unusable = problem;
  const std::string path = "providers." + p.name;
  if (!p.unusable.empty() && reader.written(path)) reader.error(reader.where(path), path + ": " + p.unusable);
}

}  // namespace

void settle_providers(Config& config, Reader& reader, const std::string& base_dir) {
  for (Provider& provider : config.providers)
    if (provider.dialect != "local") settle(provider, reader, base_dir);
}

}  // namespace tollgate::config
