// Addresses of files on the web: what `tollgate model pull` takes and where redirects lead. Pure. Thread rule:
// anywhere.
#pragma once

#include <string>
#include <string_view>

#include "core/net/dial.h"
#include "core/result.h"

namespace tollgate::gateway::pull {

struct Address {
  net::Origin origin;
  std::string target;  // "/path?query", ready for a request line
  bool operator==(const Address& other) const { return origin.key() == other.origin.key() && target == other.target; }
  std::string authority() const;      // for the Host header: without the scheme's usual port
  std::string without_query() const;  // for people: queries of redirects hold signatures
};

// "http://host[:port]/path[?query]" or https; the fragment is dropped, blanks and bytes that no URL may hold are
// escaped. Errors: code bad_address, the message says what is wrong.
Result<Address> parse_address(std::string_view text);

// "hf:OWNER/REPO/FILE" or "hf:OWNER/REPO@REVISION/FILE" as the hub's address under `hub` ("https://huggingface.co").
Result<Address> hub_address(std::string_view text, std::string_view hub);

// Where the Location header `location` of a reply to `base` leads (RFC 9110 section 10.2.2). Error: bad_address, also
// for a way from https to http.
Result<Address> follow(const Address& base, std::string_view location);

// The last part of the path with its escapes undone, as a file's name; empty if it would be none ("", ".", "..", with a
// slash or a zero byte).
std::string file_name(const Address& address);

}  // namespace tollgate::gateway::pull
