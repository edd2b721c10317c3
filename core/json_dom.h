// A mutable JSON tree for cold paths: configuration, translation between dialects, reports. The only header that
// includes nlohmann/json.hpp (3 s of compile time): include it in .cpp files that need a tree, never in a header.
// Thread rule: plain values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate {

using Json = nlohmann::ordered_json;  // members keep their order

// Limits of parse_json_dom(): nesting, and members of one object (looking a key up is linear).
inline constexpr std::size_t kJsonDomMaxDepth = 256;
inline constexpr std::size_t kJsonDomMaxMembers = 4096;

// Fails with status 400; the message names the byte offset. The last of repeated keys wins.
Result<Json> parse_json_dom(std::string_view text);

// One line without spaces. Invalid UTF-8 becomes U+FFFD. Never throws.
std::string dump_json(const Json& value);

}  // namespace tollgate
