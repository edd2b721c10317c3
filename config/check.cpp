// Checks across sections. Thread rule: one owner.
#include "config/check.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "config/redis_url.h"
#include "config/suggest.h"
#include "config/units.h"
#include "config/vendor_words.h"

namespace tollgate::config {
namespace {

constexpr std::array<std::string_view, 4> kDimensions{"team", "feature", "environment", "user"};

bool is_dimension(std::string_view name) {
  return std::find(kDimensions.begin(), kDimensions.end(), name) != kDimensions.end();
}

bool is_hex_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Something required is absent. Silent when its key stands there with an error already told.
void missing(Reader& r, const std::string& section, const std::string& key, const std::string& message) {
  const std::string path = section + "." + key;
  if (r.written(path) && r.has_error_at(r.where(path))) return;
  r.error(r.where(path), section + ": " + message);
}

void check_addresses(const Config& c, Reader& r) {
  Address listen, admin;
  const bool listen_ok = parse_address(c.listen, listen);
  const bool admin_ok = parse_address(c.admin, admin);
  if (!listen_ok) r.error(r.where("listen"), "listen: " + quoted(c.listen) + " is not host:port");
  if (!admin_ok) r.error(r.where("admin"), "admin: " + quoted(c.admin) + " is not host:port");
  if (listen_ok && c.auth.mode == AuthMode::open && !c.auth.allow_open && !is_loopback(listen.host)) {
    r.error(r.where("auth.mode"), "auth.mode `open` on " + c.listen +
                                      ", which is not a loopback address: anyone could spend; use `keys`, or set "
                                      "auth.allow_open: true");
  }
  if (admin_ok && c.admin_token.empty() && !is_loopback(admin.host)) {
    r.error(r.where("admin"), "admin: " + c.admin + " is not a loopback address, so admin_token is needed");
  }
  if (listen_ok && admin_ok && listen.port != 0 && listen.port == admin.port && listen.host == admin.host) {
    r.error(r.where("admin"), "admin: the same address as listen");
  }
  if (c.tls.cert.empty() != c.tls.key.empty()) r.error(r.where("tls"), "tls: cert and key are needed together");
  for (const auto& [path, file] : {std::pair{"tls.cert", c.tls.cert}, std::pair{"tls.key", c.tls.key}}) {
    if (!file.empty() && ::access(file.c_str(), R_OK) != 0)
      r.error(r.where(path), std::string(path) + ": cannot read " + file);
  }
}

void check_store(const Config& c, Reader& r) {
  const auto shares = std::ranges::find_if(c.local.models, &LocalModel::share_prefixes);
  const bool unused = shares == c.local.models.end();
  if (c.store == "memory") {
    if (unused) return;
    const std::string path = "local.models." + std::to_string(shares - c.local.models.begin()) + ".share_prefixes";
    r.error(r.where(path), path + ": there is nothing to share with; set store: redis://HOST:6379/0");
  } else if (!c.store.starts_with("redis")) {
    r.error(r.where("store"), "store: expected memory or redis://HOST:6379/0" + suggestion(c.store, {"memory"}));
  } else if (const auto url = parse_redis_url(c.store); !url) {
    r.error(r.where("store"), "store: " + url.error().message);
  } else if (!url->ca_file.empty() && ::access(url->ca_file.c_str(), R_OK) != 0) {
    r.error(r.where("store"), "store: cannot read " + url->ca_file);
  } else if (unused) {
    r.warn(r.where("store"), "store: nothing uses it; local models with share_prefixes: true would");
  }
}

void check_stores(const Config& c, Reader& r) {
  const std::string& url = c.ledger.url;
  const Mark mark = r.written("ledger.url") ? r.where("ledger.url") : r.where("ledger");
  const bool sqlite = url.starts_with("sqlite:") && url.size() > 7;
  if (!sqlite && !url.starts_with("postgres://") && !url.starts_with("postgresql://")) {
    r.error(mark, "ledger: expected sqlite:FILE or postgres://user:password@host/database");
  }
  check_store(c, r);
  if (c.ledger.spool_segment_bytes > c.ledger.spool_max_bytes) {
    r.error(mark, "ledger.spool_segment_bytes is larger than spool_max_bytes");
  }
  if (c.state_dir.empty()) r.error(r.where("state_dir"), "state_dir: a folder is needed");
  if (c.retry.base_delay > c.retry.max_delay) r.error(r.where("retry"), "retry.base_delay is longer than max_delay");
}

bool value_allowed(const Attribution& rules, const std::string& dimension, const std::string& value) {
  const auto found = rules.allowed.find(dimension);
  return found == rules.allowed.end() ||
         std::find(found->second.begin(), found->second.end(), value) != found->second.end();
}

void check_keys(const Config& c, Reader& r) {
  std::map<std::string, std::string> by_digest;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < c.auth.keys.size(); ++i) {
    const Key& key = c.auth.keys[i];
    const std::string path = "auth.keys." + std::to_string(i);
    if (key.id.empty()) {
      missing(r, path, "id", "id is needed");
    } else if (!ids.insert(key.id).second) {
      r.error(r.where(path + ".id"), path + ": id " + quoted(key.id) + " stands twice");
    }
    const Mark secret = r.written(path + ".secret") ? r.where(path + ".secret") : r.where(path + ".secret_sha256");
    if (key.secret_sha256.empty()) {
      missing(r, path, "secret", "secret or secret_sha256 is needed");
    } else if (!is_hex_digest(key.secret_sha256)) {
      r.error(secret, path + ".secret_sha256: expected 64 lower-case hex digits");
    } else if (const auto [other, fresh] = by_digest.emplace(key.secret_sha256, key.id); !fresh) {
      r.error(secret, path + ": the same secret as key " + quoted(other->second));
    }
    for (const auto& [dimension, value] : key.dims) {
      if (!value_allowed(c.attribution, dimension, value)) {
        r.error(r.where(path + "." + dimension),
                path + "." + dimension + ": " + quoted(value) + " is not in attribution.allowed." + dimension);
      }
    }
  }
  if (c.auth.mode == AuthMode::keys && c.auth.keys.empty()) {
    r.warn(r.where("auth.mode"), "auth.mode is `keys` but there are no keys, so every request will be refused");
  }
}

// A free tag may have any name, but one that nearly is a dimension's is a slip.
void check_name(const std::string& name, const std::string& path, Reader& r) {
  if (is_dimension(name)) return;
  const std::string hint =
      name == "env" ? " (did you mean `environment`?)" : suggestion(name, {kDimensions.begin(), kDimensions.end()});
  if (!hint.empty() || name.empty()) r.error(r.where(path), path + ": unknown dimension " + quoted(name) + hint);
}

void check_attribution(const Config& c, Reader& r) {
  const Attribution& rules = c.attribution;
  for (std::size_t i = 0; i < rules.required.size(); ++i) {
    check_name(rules.required[i], "attribution.required." + std::to_string(i), r);
  }
  for (const auto& [name, values] : rules.allowed) {
    const std::string path = "attribution.allowed." + name;
    check_name(name, path, r);
    if (values.empty()) r.error(r.where(path), path + ": no value would be allowed");
  }
  for (const auto& [name, value] : rules.defaults) {
    const std::string path = "attribution.defaults." + name;
    check_name(name, path, r);
    if (value.empty()) r.error(r.where(path), path + ": an empty value");
    if (value.size() > rules.max_value_bytes) r.error(r.where(path), path + ": longer than max_value_bytes");
    if (value_allowed(rules, name, value)) continue;
    const std::string whose = r.written(path) ? "" : "the built-in ";
    r.error(r.where(path), path + ": " + whose + quoted(value) + " is not in attribution.allowed." + name);
  }
}

void check_provider(const Provider& p, Reader& r) {
  const std::string path = "providers." + p.name;
  if (p.name.empty() || p.name.find('/') != std::string::npos) {
    r.error(r.where(path), path + ": a provider's name must not be empty or hold `/`");
  }
  if (p.dialect.empty()) missing(r, path, "dialect", "dialect is needed (openai.chat, anthropic.messages, ...)");
  BaseUrl url;
  if (p.base_url.empty()) {
    missing(r, path, "base_url", "base_url is needed");
  } else if (!parse_base_url(p.base_url, url)) {
    r.error(r.where(path + ".base_url"), path + ".base_url: expected https://host[:port][/path] or http://...");
  } else if (url.scheme == "http" && !is_loopback(url.host)) {
    r.warn(r.where(path + ".base_url"),
           path + ".base_url: plain http to " + url.host + ": prompts and the key go unprotected");
  }
  if (!p.base_url.empty() && !p.dialect.empty() && (p.dialect == "echo") != (p.base_url == "echo:")) {
    r.error(r.where(path), path + ": dialect echo and base_url echo: belong together");
  }
  if (auth_is_fixed(p.auth) && p.api_key.empty() && p.unusable.empty()) {
    missing(r, path, "api_key", "api_key is needed (`api_key: none` to send no key)");
  }
  if (!p.load_path.empty() &&
      (p.load_path.front() != '/' || url.host.empty() || p.load_path.find_first_of(" \t\r\n#") != std::string::npos)) {
    r.error(r.where(path + ".load_path"),
            path + ".load_path: expected a path on the host of base_url, such as /metrics");
  }
  if (!p.ca_file.empty() && ::access(p.ca_file.c_str(), R_OK) != 0) {
    r.error(r.where(path + ".ca_file"), path + ".ca_file: cannot read " + p.ca_file);
  }
  if (!p.tls_verify) r.warn(r.where(path + ".tls_verify"), path + ": the vendor's certificate is not checked");
  for (const auto& [name, value] : p.headers) {
    const bool bad = name.empty() || name.find_first_of(" \t:\r\n") != std::string::npos ||
                     value.find_first_of("\r\n") != std::string::npos;
    if (bad) r.error(r.where(path + ".headers." + name), path + ".headers: " + quoted(name) + " cannot be sent");
  }
}

void check_target(const Config& c, const std::string& provider, Mark mark, const std::string& path, Reader& r) {
  if (c.find_provider(provider) != nullptr) return;
  std::vector<std::string_view> known;
  for (const Provider& p : c.providers) known.push_back(p.name);
  r.error(mark, path + ": unknown provider " + quoted(provider) + suggestion(provider, known));
}

// `prefix` chooses among replicas; which targets are some is told by their providers.
void check_strategy(const Config& c, const Model& model, Reader& r) {
  if (model.strategy != Strategy::prefix) return;
  const auto replicas = std::count_if(model.targets.begin(), model.targets.end(), [&](const Target& target) {
    const Provider* provider = c.find_provider(target.provider);
    return provider != nullptr && !provider->load_path.empty();
  });
  const std::string path = "models." + model.name + ".strategy";
  if (replicas < 2)
    r.warn(r.where(path), path + ": `prefix` chooses among targets whose provider has a load_path; here are " +
                              std::to_string(replicas));
  if (replicas > kMaxReplicas) r.error(r.where(path), path + ": at most " + std::to_string(kMaxReplicas) + " replicas");
}

void check_models(const Config& c, Reader& r) {
  std::set<std::string> reported;
  for (const Model& model : c.models) {
    const std::string path = "models." + model.name;
    if (model.targets.empty()) missing(r, path, "targets", "at least one target is needed");
    check_strategy(c, model, r);
    for (std::size_t i = 0; i < model.targets.size(); ++i) {
      const std::string at = path + ".targets." + std::to_string(i);
      const std::string& name = model.targets[i].provider;
      check_target(c, name, r.where(at), at, r);
      const Provider* provider = c.find_provider(name);
      // A provider that has an entry of its own was reported there.
      const bool told = r.written("providers." + name) || !reported.insert(name).second;
      if (provider == nullptr || provider->unusable.empty() || told) continue;
      if (provider->dialect == "local") {
        r.warn(r.where(at), at + ": " + provider->unusable);
      } else {
        r.error(r.where(at), at + ": provider `" + name + "` cannot be used: " + provider->unusable);
      }
    }
  }
}

// `auto`, `cpu`, or `cuda:` and a number, or several with commas between them.
bool is_device(std::string_view name) {
  constexpr std::string_view kCuda = "cuda:";
  if (name == "auto" || name == "cpu") return true;
  if (!name.starts_with(kCuda)) return false;
  name.remove_prefix(kCuda.size());
  for (std::size_t comma = 0; comma != std::string_view::npos; name.remove_prefix(comma + 1)) {
    comma = name.find(',');
    const std::string_view number = name.substr(0, comma);
    if (number.empty() || number.size() > 3 || number.find_first_not_of("0123456789") != std::string_view::npos)
      return false;
    if (comma == std::string_view::npos) break;
  }
  return true;
}

void check_local(const Config& c, Reader& r) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < c.local.models.size(); ++i) {
    const LocalModel& model = c.local.models[i];
    const std::string path = "local.models." + std::to_string(i);
    if (model.name.empty()) missing(r, path, "name", "every local model needs a name");
    if (!model.name.empty() && !names.insert(model.name).second)
      r.error(r.where(path + ".name"), path + ": two local models are called `" + model.name + "`");
    if (model.file.empty()) missing(r, path, "file", "every local model needs a GGUF file");
    if (!is_device(model.device))
      r.error(r.where(path + ".device"), path + ".device: " + quoted(model.device) +
                                             " is no device; write auto, cpu, cuda:0 for the first GPU, or cuda:0,1 "
                                             "for two that share the model");
    for (const auto& [key, file] : {std::pair{"file", model.file}, std::pair{"chat_template", model.chat_template},
                                    std::pair{"draft", model.draft}})
      if (!file.empty() && file != kBuiltinModel && ::access(file.c_str(), R_OK) != 0)
        r.warn(r.where(path + "." + key), path + "." + key + ": cannot read " + file + " (" + std::strerror(errno) +
                                              "): requests for this model will be refused");
  }
}

void check_batches(const Config& c, Reader& r) {
  for (const auto& [key, name, surface] :
       {std::tuple{"provider", c.batches.provider, "batches"},
        std::tuple{"message_provider", c.batches.message_provider, "message_batches"}}) {
    const std::string path = std::string("batches.") + key;
    if (!r.written(path)) continue;
    check_target(c, name, r.where(path), path, r);
    const Provider* provider = c.find_provider(name);
    if (provider == nullptr) continue;
    const auto& surfaces = provider->surfaces;
    if (std::find(surfaces.begin(), surfaces.end(), surface) == surfaces.end())
      r.error(r.where(path), path + ": provider `" + name + "` has no surface " + surface);
  }
}

void check_prices(const Config& c, Reader& r) {
  std::set<std::string> ids;
  for (const PriceRow& row : c.prices) {
    const Mark mark{row.line, row.line > 0 ? 1 : 0};
    const bool worth = row.provider == "currency";  // what a unit of money is worth, no vendor
    if (!row.provider.empty() && !worth) check_target(c, row.provider, mark, "prices", r);
    if (!row.id.empty() && !ids.insert(row.id).second) r.error(mark, "prices: id " + quoted(row.id) + " stands twice");
  }
}

}  // namespace

bool parse_address(std::string_view text, Address& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const auto number = parse_integer(port);
  if (!number || *number < 0 || *number > 65'535 || port.size() > 5) return false;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr address = {};
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) return false;
  } else if (host.find_first_of(":[]/@ ") != std::string_view::npos) {
    return false;
  }
  out = {std::string(host), static_cast<int>(*number)};
  return true;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  in_addr address = {};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

bool parse_base_url(std::string_view text, BaseUrl& out) {
  if (text == "echo:") {
    out = {"echo", "", 0};
    return true;
  }
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return false;
  out.scheme = std::string(text.substr(0, scheme));
  if (out.scheme != "http" && out.scheme != "https") return false;
  if (text.find_first_of("?# \t\"\\") != std::string_view::npos) return false;
  std::string authority(text.substr(scheme + 3, text.find('/', scheme + 3) - scheme - 3));
  if (authority.empty() || authority.find('@') != std::string::npos) return false;
  const bool bare_v6 = authority.back() == ']';
  if (bare_v6 || authority.find(':') == std::string::npos) authority += out.scheme == "https" ? ":443" : ":80";
  Address address;
  if (!parse_address(authority, address) || address.host.empty() || address.port == 0) return false;
  out.host = address.host;
  out.port = address.port;
  return true;
}

void check(const Config& config, Reader& reader) {
  check_addresses(config, reader);
  check_stores(config, reader);
  check_keys(config, reader);
  check_attribution(config, reader);
  for (const Provider& provider : config.providers) {
    if (provider.configured && provider.dialect != "local") check_provider(provider, reader);
  }
  check_models(config, reader);
  check_local(config, reader);
  check_batches(config, reader);
  check_prices(config, reader);
}

}  // namespace tollgate::config
