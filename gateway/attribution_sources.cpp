// Where claims come from: our headers, the headers of other gateways (so that apps move without an edit) and the body.
// Thread rule: any thread; parsers are thread-local.
#include <algorithm>
#include <string>

#include "gateway/attribution_claims.h"

namespace tollgate::gateway {
namespace {

bool starts_with(std::string_view name, std::string_view lower_prefix) {
  return name.size() > lower_prefix.size() && same_word(name.substr(0, lower_prefix.size()), lower_prefix);
}

// Calls f for every non-empty element of a comma list.
template <class F>
void each_listed(std::string_view list, F f) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view part = list.substr(0, comma);
    if (part.find_first_not_of(" \t") != std::string_view::npos) f(part);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// x-tollgate-tags: k=v,k=v
void claim_own_tags(std::string_view list, Claims& claims) {
  each_listed(list, [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return claims.fail("x-tollgate-tags must be a list such as project=apollo,run=42");
    }
    claims.offer(part.substr(0, equals), part.substr(equals + 1), Rank::own);
  });
}

// `rest` is what follows "x-tollgate-". Names that are no tags of ours (x-tollgate-echo) claim nothing.
void claim_own(std::string_view rest, std::string_view value, Claims& claims) {
  const Dimension dimension = dimension_of(rest);
  if (dimension != kDimensions) return claims.offer_dimension(dimension, value, Rank::own);
  if (same_word(rest, "tags")) claim_own_tags(value, claims);
}

void claim_litellm(std::string_view rest, std::string_view value, Claims& claims) {
  if (same_word(rest, "tags")) {
    each_listed(value, [&](std::string_view part) { claim_listed_tag(part, Rank::peer, claims); });
  } else if (same_word(rest, "spend-logs-metadata")) {
    claim_object(value, Rank::peer, claims);
  } else if (same_word(rest, "customer-id") || same_word(rest, "end-user-id")) {
    claims.offer_dimension(kUser, value, Rank::peer);
  }
}

void claim_helicone(std::string_view rest, std::string_view value, Claims& claims) {
  constexpr std::string_view kProperty = "property-";
  if (starts_with(rest, kProperty)) {
    claims.offer(rest.substr(kProperty.size()), value, Rank::peer);
  } else if (same_word(rest, "user-id")) {
    claims.offer_dimension(kUser, value, Rank::peer);
  } else if (same_word(rest, "session-id")) {
    claims.offer_tag("session", value, Rank::peer);
  }
}

void claim_x(std::string_view name, std::string_view value, Claims& claims) {
  constexpr std::string_view kOwn = "x-tollgate-", kLitellm = "x-litellm-", kBifrost = "x-bf-lh-";
  switch (name[2] | 0x20) {
    case 't':
      if (starts_with(name, kOwn)) return claim_own(name.substr(kOwn.size()), value, claims);
      if (same_word(name, "x-title")) claims.offer_tag("app", value, Rank::peer);
      return;
    case 'l':
      if (starts_with(name, kLitellm)) claim_litellm(name.substr(kLitellm.size()), value, claims);
      return;
    case 'p':
      if (same_word(name, "x-portkey-metadata")) claim_object(value, Rank::peer, claims);
      return;
    case 'b':
      if (starts_with(name, kBifrost)) claims.offer(name.substr(kBifrost.size()), value, Rank::peer);
      return;
    case 'o':
      if (same_word(name, "x-openrouter-title")) claims.offer_tag("app", value, Rank::peer);
      return;
    default:
      return;
  }
}

void claim_h(std::string_view name, std::string_view value, Claims& claims) {
  constexpr std::string_view kHelicone = "helicone-";
  if (starts_with(name, kHelicone)) return claim_helicone(name.substr(kHelicone.size()), value, claims);
  if (same_word(name, "http-referer")) claims.offer_tag("referer", value, Rank::peer);
}

// Text of a scalar, kept by the claims (the parser's own text dies with the next parse); empty for anything else.
std::string_view scalar_text(JsonValue value, Claims& claims) {
  if (const auto text = value.as_string()) return claims.keep(std::string(*text));
  if (const auto flag = value.as_bool()) return *flag ? "true" : "false";
  if (value.is_number()) return claims.keep(value.number_text());
  return {};
}

struct Walk {
  Claims* claims;
  Rank rank;
  bool nested;  // inside spend_logs_metadata
};

bool claim_element(void* context, JsonValue value) {
  const Walk& walk = *static_cast<Walk*>(context);
  if (const auto text = value.as_string())
    claim_listed_tag(walk.claims->keep(std::string(*text)), walk.rank, *walk.claims);
  return true;
}

// Claude Code packs session and account into Anthropic's user_id, as JSON text or as
// user_<hash>_account_<id>_session_<id>. Kept whole it would make every session a user of its own.
void claim_user_id(std::string_view value, Rank rank, Claims& claims) {
  constexpr std::string_view kSession = "_session_";
  if (value.starts_with('{')) {
    static thread_local JsonReader reader;
    const auto parsed = reader.parse(value);
    if (parsed && parsed->is_object()) {
      std::string_view user = scalar_text((*parsed)["account_uuid"], claims);
      if (user.empty()) user = scalar_text((*parsed)["device_id"], claims);
      claims.offer_dimension(kUser, user, rank);
      return claims.offer_tag("session", scalar_text((*parsed)["session_id"], claims), rank);
    }
  }
  const std::size_t session = value.find(kSession);
  if (value.starts_with("user_") && session != std::string_view::npos) {
    claims.offer_tag("session", value.substr(session + kSession.size()), rank);
    value = value.substr(0, session);
  }
  claims.offer_dimension(kUser, value, rank);
}

bool claim_member(void* context, std::string_view name, JsonValue value) {
  Walk& walk = *static_cast<Walk*>(context);
  if (name == "tags" && value.is_array()) {
    value.each_element(&claim_element, context);
  } else if (name == "spend_logs_metadata" && value.is_object() && !walk.nested) {
    Walk inner{walk.claims, walk.rank, true};
    value.each_member(&claim_member, &inner);
  } else {
    const std::string_view text = scalar_text(value, *walk.claims);
    // Portkey writes reserved names with an underscore: _user.
    const bool reserved = name.starts_with('_') && dimension_of(name.substr(1)) != kDimensions;
    const std::string_view plain = walk.claims->keep(std::string(reserved ? name.substr(1) : name));
    if (plain == "user_id") {
      claim_user_id(text, walk.rank, *walk.claims);
    } else {
      walk.claims->offer(plain, text, walk.rank);
    }
  }
  return true;
}

// A thread-local parser for metadata, so that its memory is reused. Null when the text is too long or no JSON.
JsonValue parse_metadata(std::string_view json, Claims& claims) {
  static thread_local JsonReader reader;
  if (json.size() <= kMaxMetadataBytes) {
    if (const auto value = reader.parse(json)) return *value;
  }
  claims.damaged = true;
  return {};
}

std::string_view part(std::string_view body, ByteRange range) {
  return body.substr(range.begin, range.end - range.begin);
}

}  // namespace

void claim_listed_tag(std::string_view text, Rank rank, Claims& claims) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::size_t split = text.find_first_of(":=");
  if (split == std::string_view::npos || split == 0) return claims.offer_tag(text, "true", rank);
  claims.offer(text.substr(0, split), text.substr(split + 1), rank);
}

void claim_object(std::string_view json, Rank rank, Claims& claims) {
  const JsonValue object = parse_metadata(json, claims);
  if (!object.is_object()) {
    claims.damaged = claims.damaged || (object.present() && !object.is_null());
    return;
  }
  Walk walk{&claims, rank, false};
  object.each_member(&claim_member, &walk);
}

void claim_headers(const std::vector<http::Header>& headers, Claims& claims) {
  for (const http::Header& header : headers) {
    if (header.name.size() < 7) continue;
    switch (header.name[0] | 0x20) {
      case 'x':
        if (header.name[1] == '-') claim_x(header.name, header.value, claims);
        break;
      case 'h':
        claim_h(header.name, header.value, claims);
        break;
      case 'c':
        if (same_word(header.name, "cf-aig-metadata")) claim_object(header.value, Rank::peer, claims);
        break;
      default:
        break;
    }
  }
}

void claim_body(const RequestScan& scan, std::string_view body, Claims& claims) {
  if (!scan.user.empty()) claims.offer_dimension(kUser, scan.user, Rank::body);
  if (!scan.metadata.empty()) claim_object(part(body, scan.metadata), Rank::body, claims);
  if (scan.tags.empty()) return;
  const JsonValue list = parse_metadata(part(body, scan.tags), claims);
  Walk walk{&claims, Rank::body, false};
  list.each_element(&claim_element, &walk);
}

}  // namespace tollgate::gateway
