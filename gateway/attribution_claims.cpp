// Storing claims: what a value may look like, and which of two claims holds. Thread rule: see the header.
#include "gateway/attribution_claims.h"

#include <algorithm>

#include "core/text.h"

namespace tollgate::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

enum class Bytes : unsigned char { ascii, other, control };

Bytes kind_of(std::string_view text) {
  unsigned char all = 0;
  bool control = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    all |= byte;
    control |= byte < 0x20 || byte == 0x7f;
  }
  if (control) return Bytes::control;
  return all < 0x80 ? Bytes::ascii : Bytes::other;
}

bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

Dimension dimension_of(std::string_view name) {
  switch (name.size()) {
    case 3:
      return same_word(name, "env") ? kEnvironment : kDimensions;
    case 4:
      if (same_word(name, "team")) return kTeam;
      return same_word(name, "user") ? kUser : kDimensions;
    case 7:
      if (same_word(name, "feature")) return kFeature;
      return same_word(name, "user_id") ? kUser : kDimensions;
    case 11:
      return same_word(name, "environment") ? kEnvironment : kDimensions;
    default:
      return kDimensions;
  }
}

std::string_view Claims::keep(std::string text) { return kept_.emplace_front(std::move(text)); }

void Claims::fail(std::string message) {
  if (error.empty()) error = std::move(message);
}

bool Claims::clean(std::string_view& value, std::string_view what, Rank rank) {
  value = trimmed(value);
  if (value.empty()) return false;
  const Bytes kind = kind_of(value);
  const bool broken = kind == Bytes::control || (kind == Bytes::other && find_invalid_utf8(value) != kUtf8Valid);
  const bool too_long = value.size() > max_value_bytes_;
  if (!broken && !too_long) return true;
  if (rank == Rank::own) {
    fail("the value of " + std::string(what) +
         (broken ? " holds control characters or invalid UTF-8"
                 : " is longer than " + std::to_string(max_value_bytes_) + " bytes"));
    return false;
  }
  damaged = true;
  if (broken) return false;
  value = utf8_prefix(value, max_value_bytes_);
  return true;
}

void Claims::offer_dimension(Dimension dimension, std::string_view value, Rank rank) {
  Claim& claim = dimensions[dimension];
  if (claim.rank > rank || !clean(value, kDimensionNames[dimension], rank)) return;
  // Of equal sources the first one stands; two of our own that differ are a mistake somewhere.
  if (claim.rank < rank) {
    claim = {value, rank};
  } else if (rank == Rank::own && claim.value != value) {
    fail(std::string(kDimensionNames[dimension]) + " is given twice with different values");
  }
}

void Claims::offer_tag(std::string_view name, std::string_view value, Rank rank) {
  name = trimmed(name);
  if (name.empty() || !clean(value, "a tag", rank)) return;
  const bool fits = name.size() <= kMaxTagNameBytes && kind_of(name) == Bytes::ascii;
  if (!fits && rank == Rank::own) return fail("a tag's name must be ASCII of at most 64 bytes");
  if (!fits || tags.size() == kMaxTagClaims) {
    damaged = true;
    return;
  }
  if (has_upper(name)) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    name = keep(std::move(lower));
  }
  add_tag({name, value, rank});
}

void Claims::offer(std::string_view name, std::string_view value, Rank rank) {
  const Dimension dimension = dimension_of(name);
  if (dimension != kDimensions) return offer_dimension(dimension, value, rank);
  offer_tag(name, value, rank);
}

void Claims::add_tag(const TagClaim& tag) {
  // One allocation in the common case; requests without tags need none.
  if (tags.empty()) tags.reserve(8);
  if (tags.size() < kMaxTagClaims) tags.push_back(tag);
}

void Claims::assume(std::string_view name, std::string_view value) {
  const Dimension dimension = dimension_of(name);
  if (dimension != kDimensions) {
    dimensions[dimension] = {value, Rank::key};
  } else {
    add_tag({name, value, Rank::key});
  }
}

void Claims::bind(const config::Key& key) {
  for (const auto& [name, value] : key.dims) assume(name, value);
  for (const auto& [name, value] : key.tags) add_tag({name, value, Rank::key});
}

}  // namespace tollgate::gateway
