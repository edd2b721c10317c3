// What the sources of one request claim about it, before the rules decide. A claim is a view into the request or the
// key; values made by parsing are kept here. Internal to attribution. Thread rule: one owner, one request.
#pragma once

#include <array>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "core/http.h"
#include "core/json.h"

namespace tollgate::gateway {

enum Dimension : unsigned char { kTeam, kFeature, kEnvironment, kUser, kDimensions };
inline constexpr std::array<std::string_view, kDimensions> kDimensionNames{"team", "feature", "environment", "user"};
inline constexpr std::array<std::string_view, kDimensions> kDimensionHeaders{"x-tollgate-team", "x-tollgate-feature",
                                                                             "x-tollgate-env", "x-tollgate-user"};

// Compares without regard to the case of ASCII letters. `lower` holds no capitals. Inline: it runs for most headers.
inline bool same_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

// The dimension that a name means ("env", "User_ID"), or kDimensions for a free tag.
Dimension dimension_of(std::string_view name);

// Strength of a source, ascending.
enum class Rank : unsigned char { none, body, peer, own, key };

struct Claim {
  std::string_view value;
  Rank rank = Rank::none;
};
struct TagClaim {
  std::string_view name, value;
  Rank rank = Rank::none;
};

inline constexpr std::size_t kMaxTagClaims = 64;  // of all sources together
inline constexpr std::size_t kMaxTagNameBytes = 64;
inline constexpr std::size_t kMaxMetadataBytes = 64u << 10;

class Claims {
 public:
  explicit Claims(std::size_t max_value_bytes) : max_value_bytes_(max_value_bytes) {}

  // `name` is a dimension's or a free tag's. Empty values claim nothing. Values that cannot be stored as they are: an
  // error of our own headers, cut or left out when they come from elsewhere (`damaged`).
  void offer(std::string_view name, std::string_view value, Rank rank);
  void offer_dimension(Dimension dimension, std::string_view value, Rank rank);
  void offer_tag(std::string_view name, std::string_view value, Rank rank);
  // A configured default or its like, which needs no checks.
  void assume(std::string_view name, std::string_view value);
  // What the key binds; checked when the configuration was loaded.
  void bind(const config::Key& key);
  // Keeps a text alive as long as the claims.
  std::string_view keep(std::string text);
  void fail(std::string message);

  std::array<Claim, kDimensions> dimensions;
  std::vector<TagClaim> tags;  // at most kMaxTagClaims
  bool damaged = false;        // something was cut, left out or did not parse
  std::string error;           // first error of our own headers; empty = none

 private:
  bool clean(std::string_view& value, std::string_view what, Rank rank);
  void add_tag(const TagClaim& tag);

  std::size_t max_value_bytes_;
  std::forward_list<std::string> kept_;
};

// Claims of all headers: x-tollgate-* and those of other gateways.
void claim_headers(const std::vector<http::Header>& headers, Claims& claims);
// Claims of the body: user, metadata, tags.
void claim_body(const RequestScan& scan, std::string_view body, Claims& claims);
// A flat JSON object: names and texts or numbers; one level of "spend_logs_metadata", and "tags" as a list of texts.
void claim_object(std::string_view json, Rank rank, Claims& claims);
// One element of a tag list of LiteLLM's form: "name:value", "name=value" or "name" alone (value "true").
void claim_listed_tag(std::string_view text, Rank rank, Claims& claims);

}  // namespace tollgate::gateway
