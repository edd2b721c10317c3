#include "gateway/snapshot.h"

#include <algorithm>

#include "core/clock.h"
#include "gateway/credentials/credentials.h"

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
  vendor.host = authority;
  vendor.fixed_headers = "Host: " + vendor.host + "\r\n";
  if (vendor.origin.host.front() == '[')
    vendor.origin.host = vendor.origin.host.substr(1, vendor.origin.host.size() - 2);
  return {};
}

Result<Vendor> make_vendor(const config::Provider& provider) {
  Vendor vendor;
  vendor.config = &provider;
  vendor.usage_flags = billing::usage_flags_from(provider.usage_flags);
  vendor.quirks = quirks_from(provider.request_flags);
  vendor.rewrites_body = vendor.quirks.bedrock_body || vendor.quirks.vertex_body;
  const auto add_surface = [&vendor](std::string_view name) {
    if (const Surface* surface = surface_named(name)) vendor.surfaces.push_back(surface);
  };
  if (provider.surfaces.empty()) {
    for (const std::string_view name : default_surfaces(provider.dialect)) add_surface(name);
  } else {
    for (const std::string& name : provider.surfaces) add_surface(name);
  }
  vendor.unusable = provider.unusable;
  if (vendor.unusable.empty() && provider.auth != "none" && !needs_authorize(provider) && provider.api_key.empty())
    vendor.unusable = "provider '" + provider.name + "' has no API key: set providers: " + provider.name + ": api_key";
  vendor.pool_key =
      provider.name + '|' + provider.base_url + '|' + provider.ca_file + (provider.tls_verify ? "|v" : "|n");
  if (!provider.unusable.empty()) return vendor;
  if (provider.dialect == "echo" || provider.dialect == "local") {
    vendor.echo = provider.dialect == "echo";
    vendor.local = !vendor.echo;
    vendor.origin = {.tls = false, .host = provider.dialect, .port = "0"};
    vendor.fixed_headers = "Host: " + provider.dialect + "\r\n";
    return vendor;
  }
  if (auto split = split_base_url(provider, vendor); !split) return std::move(split).error();
  vendor.fixed_headers += fixed_auth_headers(provider);
  vendor.signs_requests = needs_authorize(provider);
  return vendor;
}

}  // namespace

const Surface* Vendor::surface_for(const Surface& surface) const {
  const Surface* other = nullptr;
  for (const Surface* one : surfaces) {
    if (one->id == surface.id) return one;
    if (!other && one->operation == surface.operation && !one->form.empty() && !surface.form.empty()) other = one;
  }
  return other;
}

Result<std::shared_ptr<const Snapshot>> make_snapshot(config::Config config) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = std::move(config);
  const config::Config& settings = snapshot->config;
  auto book = billing::PriceBook::build(config::prices_in_use(settings));
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
