// Checks across sections, after every value has been read: addresses, authentication, references between providers,
// models and prices. Thread rule: one owner.
#pragma once

#include <string>
#include <string_view>

#include "config/reader.h"
#include "config/schema.h"

namespace tollgate::config {

// Reports to `reader`, with the places that it remembers.
void check(const Config& config, Reader& reader);

struct Address {
  std::string host;  // without brackets; empty = all interfaces
  int port = 0;
};
// "host:port", ":port" or "[v6]:port".
bool parse_address(std::string_view text, Address& out);
// 127.0.0.0/8, ::1 or localhost.
bool is_loopback(std::string_view host);

struct BaseUrl {
  std::string scheme, host;
  int port = 0;
};
// "http://host[:port][/path]", "https://..." or "echo:"; nothing else. False also for a user part, query or fragment.
bool parse_base_url(std::string_view text, BaseUrl& out);

}  // namespace tollgate::config
