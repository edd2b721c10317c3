#include "gateway/snapshot.h"

#include <algorithm>

#include "core/clock.h"

namespace tollgate::gateway {
namespace {

Error bad_url(const config::Provider& provider) {
  return Error{.kind = ErrorKind::fatal,
               .status = 500,
               .code = "bad_base_url",
               .message = "providers: " + provider.name + ": base_url '" + provider.base_url +
                          "' is not http(s)://host[:port][/path]"};
}

// Splits scheme://host[:port][/path]; IPv6 hosts stand in brackets.
Result<void> split_base_url(const config::Provider& provider, Vendor& vendor) {
  std::string_view url = provider.base_url;
  if (url.starts_with("https://")) {
    vendor.origin.tls = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return bad_url(provider);
  }
  const std::size_t slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  if (slash != std::string_view::npos) vendor.path_prefix = url.substr(slash);
  while (vendor.path_prefix.ends_with('/')) vendor.path_prefix.pop_back();
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  vendor.origin.host = authority.substr(0, has_port ? colon : authority.size());
  vendor.origin.port = has_port ? std::string(authority.substr(colon + 1)) : (vendor.origin.tls ? "443" : "80");
  if (vendor.origin.host.empty() || vendor.origin.port.empty()) return bad_url(provider);
  vendor.fixed_headers = "Host: " + std::string(authority) + "\r\n";
  if (vendor.origin.host.front() == '[')
    vendor.origin.host = vendor.origin.host.substr(1, vendor.origin.host.size() - 2);
  return {};
}

Result<Vendor> make_vendor(const config::Provider& provider) {
  Vendor vendor;
  vendor.config = &provider;
  vendor.usage_flags = billing::usage_flags_from(provider.usage_flags);
  vendor.unusable = provider.unusable;
  if (vendor.unusable.empty() && provider.auth != "none" && provider.api_key.empty())
    vendor.unusable = "provider '" + provider.name + "' has no API key: set providers: " + provider.name + ": api_key";
  vendor.pool_key =
      provider.name + '|' + provider.base_url + '|' + provider.ca_file + (provider.tls_verify ? "|v" : "|n");
  if (!provider.unusable.empty()) return vendor;
  if (provider.dialect == "echo") {
    vendor.echo = true;
    vendor.origin = {.tls = false, .host = "echo", .port = "0"};
    vendor.fixed_headers = "Host: echo\r\n";
    return vendor;
  }
  if (auto split = split_base_url(provider, vendor); !split) return std::move(split).error();
  if (provider.auth == "bearer" && !provider.api_key.empty()) {
    vendor.fixed_headers += "Authorization: Bearer " + provider.api_key + "\r\n";
  } else if (provider.auth == "x-api-key" && !provider.api_key.empty()) {
    vendor.fixed_headers += "x-api-key: " + provider.api_key + "\r\n";
  }
  return vendor;
}

}  // namespace

bool Vendor::speaks(const Surface& surface) const {
  if (echo) return surface.id != SurfaceId::count_tokens;
  if (config->dialect != surface.dialect) return false;
  const auto& names = config->surfaces;
  return names.empty() || std::find(names.begin(), names.end(), surface.name) != names.end();
}

Result<std::shared_ptr<const Snapshot>> make_snapshot(config::Config config) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = std::move(config);
  const config::Config& settings = snapshot->config;
  std::vector<config::PriceRow> rows = settings.prices;
  if (settings.shipped_prices)
    rows.insert(rows.end(), config::shipped_prices().begin(), config::shipped_prices().end());
  auto book = billing::PriceBook::build(std::move(rows));
  if (!book) return std::move(book).error();
  snapshot->prices = *book;
  for (const config::Provider& provider : settings.providers) {
    auto vendor = make_vendor(provider);
    if (!vendor) return std::move(vendor).error();
    snapshot->vendors.push_back(std::move(*vendor));
  }
  snapshot->models.emplace(settings);
  for (const config::Key& key : settings.auth.keys) snapshot->keys_by_digest.emplace(key.secret_sha256, &key);
  snapshot->loaded_at_us = wall_micros();
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

}  // namespace tollgate::gateway
