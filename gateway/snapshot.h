// Snapshot: everything a configuration file determines, ready to use, immutable: a request keeps the one it began with
// while a reload puts a new one in place. Thread rule: built on the main thread, shared read-only (the second owners
// are the requests in flight).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "billing/price_book.h"
#include "config/load.h"
#include "config/schema.h"
#include "core/net/dial.h"
#include "gateway/dialects/quirks.h"
#include "gateway/surface.h"
#include "router/table.h"

namespace tollgate::gateway {

// A providers: row made ready for the request path.
struct Vendor {
  const config::Provider* config = nullptr;
  net::Origin origin;
  std::string host;           // as in the Host header
  std::string path_prefix;    // path of base_url, no trailing slash
  std::string fixed_headers;  // Host, credentials and the row's own headers, CRLF ended
  std::string pool_key;       // vendors with equal keys may share connections
  billing::UsageFlags usage_flags;
  Quirks quirks;
  bool rewrites_body = false;  // bodies are not the client's bytes even in the client's own form (Claude on clouds)
  std::vector<const Surface*> surfaces;  // what it serves natively, the preferred ones first
  bool echo = false;                     // the built-in echo vendor
  bool local = false;                    // the local engine
  bool signs_requests = false;           // each request needs Credentials::authorize()
  std::string unusable;                  // why it cannot be called (no key, ...), in words for a caller; empty = usable
  // What to ask for a client of `surface`: the same surface, else one of the same operation that a translation leads
  // to; nullptr if there is none.
  const Surface* surface_for(const Surface& surface) const;
};

struct Snapshot {
  config::Config config;
  std::shared_ptr<const billing::PriceBook> prices;
  std::vector<Vendor> vendors;  // parallel to config.providers
  std::optional<router::ModelTable> models;
  std::unordered_map<std::string, const config::Key*> keys_by_digest;  // hex SHA-256 of the secret
  std::int64_t loaded_at_us = 0;
};

// Errors: status 500 with the first problem; the loader has already checked the configuration.
Result<std::shared_ptr<const Snapshot>> make_snapshot(config::Config config);

}  // namespace tollgate::gateway
