// From claims to the attribution of a request: allowed values, what is missing, defaults, bounds.
// Thread rule: see the header.
#include "gateway/attribution.h"

#include <algorithm>

#include "gateway/attribution_claims.h"

namespace tollgate::gateway {
namespace {

using config::MissingTags;

constexpr std::string_view kUnassigned = "unassigned";

Error refused(const char* code, std::string message) {
  return Error{ErrorKind::client_fault, 400, code, std::move(message)};
}

// The strongest claim on a free tag, of equal ones the first.
const TagClaim* find_tag(const Claims& claims, std::string_view name) {
  const TagClaim* found = nullptr;
  for (std::size_t i = 0; i < claims.tag_count; ++i) {
    const TagClaim& tag = claims.tags[i];
    if (tag.name == name && (found == nullptr || tag.rank > found->rank)) found = &tag;
  }
  return found;
}

Claim claimed(const Claims& claims, std::string_view name) {
  const Dimension dimension = dimension_of(name);
  if (dimension != kDimensions) return claims.dimensions[dimension];
  const TagClaim* tag = find_tag(claims, name);
  return tag == nullptr ? Claim{} : Claim{tag->value, tag->rank};
}

void withdraw(Claims& claims, std::string_view name) {
  const Dimension dimension = dimension_of(name);
  if (dimension != kDimensions) {
    claims.dimensions[dimension] = {};
    return;
  }
  for (std::size_t i = 0; i < claims.tag_count; ++i) {
    if (claims.tags[i].name == name) claims.tags[i].rank = Rank::none;
  }
}

std::string how_to_send(std::string_view name) {
  const Dimension dimension = dimension_of(name);
  if (dimension != kDimensions) return "send the header " + std::string(kDimensionHeaders[dimension]);
  return "send the header x-tollgate-tags: " + std::string(name) + "=...";
}

std::string allowed_text(const config::Attribution& rules, const std::string& name) {
  const auto found = rules.allowed.find(name);
  if (found == rules.allowed.end()) return "";
  std::string text = " with one of: ";
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < found->second.size() && i < kShown; ++i) text += (i > 0 ? ", " : "") + found->second[i];
  return text + (found->second.size() > kShown ? ", ..." : "");
}

// One request's way through the rules.
class Resolution {
 public:
  Resolution(const config::Attribution& rules, Claims& claims, CardinalityGuard& guard)
      : rules_(rules), claims_(claims), guard_(guard) {}
  Result<Attribution> run() {
    if (!claims_.error.empty()) return refused("bad_attribution", std::move(claims_.error));
    const bool quarantine = rules_.missing == MissingTags::quarantine;
    if (claims_.damaged && rules_.missing == MissingTags::reject) {
      return refused("bad_attribution", "metadata or a tag is too long, not readable, or there are too many tags");
    }
    out_.quarantined = quarantine && claims_.damaged;
    if (auto checked = check_allowed(); !checked) return std::move(checked).error();
    if (auto checked = check_required(); !checked) return std::move(checked).error();
    add_defaults();
    fill_dimensions();
    if (auto filled = fill_tags(); !filled) return std::move(filled).error();
    return std::move(out_);
  }

 private:
  Result<void> check_allowed();
  Result<void> check_required();
  void add_defaults();
  void fill_dimensions();
  Result<void> fill_tags();
  void assume(std::string_view name, std::string_view value);

  const config::Attribution& rules_;
  Claims& claims_;
  CardinalityGuard& guard_;
  Attribution out_;
  unsigned bounded_ = 0;  // dimensions whose value is one of a configured list
};

Result<void> Resolution::check_allowed() {
  for (const auto& [name, values] : rules_.allowed) {
    const Claim claim = claimed(claims_, name);
    // Key-bound values were checked when the configuration was loaded.
    if (claim.rank == Rank::none || claim.rank == Rank::key) continue;
    if (std::find(values.begin(), values.end(), claim.value) != values.end()) {
      bounded_ |= 1u << dimension_of(name);
      continue;
    }
    if (rules_.missing == MissingTags::reject) {
      return refused("bad_attribution", name + " `" + std::string(claim.value) + "` is not allowed; " +
                                            how_to_send(name) + allowed_text(rules_, name));
    }
    if (rules_.missing == MissingTags::quarantine) {
      out_.quarantined = true;
    } else {
      withdraw(claims_, name);
    }
  }
  return {};
}

// A value that nobody claimed. Configured, so it needs no bounds.
void Resolution::assume(std::string_view name, std::string_view value) {
  const Dimension dimension = dimension_of(name);
  if (dimension != kDimensions) {
    claims_.dimensions[dimension] = {value, Rank::key};
  } else if (claims_.tag_count < claims_.tags.size()) {
    claims_.tags[claims_.tag_count++] = {name, value, Rank::key};
  }
}

Result<void> Resolution::check_required() {
  for (const std::string& name : rules_.required) {
    if (claimed(claims_, name).rank != Rank::none) continue;
    if (rules_.missing == MissingTags::reject) {
      return refused("missing_attribution", name + " is missing; " + how_to_send(name) + allowed_text(rules_, name));
    }
    out_.quarantined = out_.quarantined || rules_.missing == MissingTags::quarantine;
    if (!rules_.defaults.contains(name)) assume(name, kUnassigned);
  }
  return {};
}

void Resolution::add_defaults() {
  for (const auto& [name, value] : rules_.defaults) {
    if (claimed(claims_, name).rank == Rank::none) assume(name, value);
  }
}

void Resolution::fill_dimensions() {
  const std::array<std::string*, kDimensions> fields{&out_.team, &out_.feature, &out_.environment, &out_.user_id};
  for (unsigned i = 0; i < kDimensions; ++i) {
    const Claim& claim = claims_.dimensions[i];
    if (claim.rank == Rank::none) continue;
    const bool configured = claim.rank == Rank::key || (bounded_ >> i & 1) != 0;
    *fields[i] = configured ? claim.value : guard_.admit(kDimensionNames[i], claim.value);
  }
}

Result<void> Resolution::fill_tags() {
  TagClaim* const begin = claims_.tags.data();
  TagClaim* end =
      std::remove_if(begin, begin + claims_.tag_count, [](const TagClaim& t) { return t.rank == Rank::none; });
  for (TagClaim* tag = begin; tag != end; ++tag) {
    if (tag->rank != Rank::key) tag->name = guard_.admit("tag", tag->name);
  }
  // Strongest first within a name; insertion keeps the order of equal ones, and there are few.
  for (TagClaim* tag = begin; tag != end; ++tag) {
    for (TagClaim* left = tag; left != begin; --left) {
      const bool before = left->name < left[-1].name || (left->name == left[-1].name && left->rank > left[-1].rank);
      if (!before) break;
      std::swap(*left, left[-1]);
    }
  }
  end = std::unique(begin, end, [](const TagClaim& a, const TagClaim& b) { return a.name == b.name; });
  const auto count = static_cast<std::size_t>(end - begin);
  const auto bound =
      static_cast<std::size_t>(std::count_if(begin, end, [](const TagClaim& t) { return t.rank == Rank::key; }));
  std::size_t surplus = count - std::min(count, std::max(rules_.max_tags, bound));
  if (surplus > 0 && rules_.missing == MissingTags::reject) {
    return refused("bad_attribution", "more than " + std::to_string(rules_.max_tags) + " tags");
  }
  out_.quarantined = out_.quarantined || (surplus > 0 && rules_.missing == MissingTags::quarantine);
  // Weaker sources lose their tags first.
  for (Rank weakest = Rank::body; surplus > 0; weakest = static_cast<Rank>(static_cast<int>(weakest) + 1)) {
    for (TagClaim* tag = end; tag != begin && surplus > 0;) {
      if ((--tag)->rank == weakest) tag->rank = Rank::none, --surplus;
    }
  }
  out_.tags.reserve(count);
  for (const TagClaim* tag = begin; tag != end; ++tag) {
    if (tag->rank != Rank::none) out_.tags.emplace_back(tag->name, tag->value);
  }
  return {};
}

}  // namespace

Result<Attribution> resolve_attribution(const config::Attribution& rules, const config::Key* key,
                                        const std::vector<http::Header>& headers, const RequestScan& scan,
                                        std::string_view body, CardinalityGuard& guard) {
  Claims claims(rules.max_value_bytes);
  if (key != nullptr) claims.bind(*key);
  claim_headers(headers, claims);
  claim_body(scan, body, claims);
  return Resolution(rules, claims, guard).run();
}

}  // namespace tollgate::gateway
