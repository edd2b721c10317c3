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
  for (const TagClaim& tag : claims.tags) {
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
  for (TagClaim& tag : claims.tags) {
    if (tag.name == name) tag.rank = Rank::none;
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

// By name, within a name the strongest first. Insertion keeps the order of equal ones, and there are few.
void sort_tags(std::vector<TagClaim>& tags) {
  for (std::size_t i = 1; i < tags.size(); ++i) {
    for (std::size_t at = i; at > 0; --at) {
      TagClaim& left = tags[at - 1];
      const bool before = tags[at].name < left.name || (tags[at].name == left.name && tags[at].rank > left.rank);
      if (!before) break;
      std::swap(tags[at], left);
    }
  }
}

// Takes `surplus` tags away, those of weaker sources first, the last names first. Key-bound ones stay.
void drop_weakest(std::vector<TagClaim>& tags, std::size_t surplus) {
  for (const Rank weakest : {Rank::body, Rank::peer, Rank::own}) {
    for (std::size_t i = tags.size(); i > 0 && surplus > 0; --i) {
      if (tags[i - 1].rank != weakest) continue;
      tags.erase(tags.begin() + static_cast<std::ptrdiff_t>(i) - 1);
      --surplus;
    }
  }
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

Result<void> Resolution::check_required() {
  for (const std::string& name : rules_.required) {
    if (claimed(claims_, name).rank != Rank::none) continue;
    if (rules_.missing == MissingTags::reject) {
      return refused("missing_attribution", name + " is missing; " + how_to_send(name) + allowed_text(rules_, name));
    }
    out_.quarantined = out_.quarantined || rules_.missing == MissingTags::quarantine;
    if (!rules_.defaults.contains(name)) claims_.assume(name, kUnassigned);
  }
  return {};
}

void Resolution::add_defaults() {
  for (const auto& [name, value] : rules_.defaults) {
    if (claimed(claims_, name).rank == Rank::none) claims_.assume(name, value);
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
  std::vector<TagClaim>& tags = claims_.tags;
  if (tags.empty()) return {};
  std::erase_if(tags, [](const TagClaim& tag) { return tag.rank == Rank::none; });
  for (TagClaim& tag : tags) {
    if (tag.rank != Rank::key) tag.name = guard_.admit("tag", tag.name);
  }
  sort_tags(tags);
  const auto same = [](const TagClaim& a, const TagClaim& b) { return a.name == b.name; };
  tags.erase(std::unique(tags.begin(), tags.end(), same), tags.end());
  const auto bound = static_cast<std::size_t>(
      std::count_if(tags.begin(), tags.end(), [](const TagClaim& tag) { return tag.rank == Rank::key; }));
  const std::size_t room = std::max(rules_.max_tags, bound);
  if (tags.size() > room) {
    if (rules_.missing == MissingTags::reject) {
      return refused("bad_attribution", "more than " + std::to_string(rules_.max_tags) + " tags");
    }
    out_.quarantined = out_.quarantined || rules_.missing == MissingTags::quarantine;
    drop_weakest(tags, tags.size() - room);
  }
  out_.tags.reserve(tags.size());
  for (const TagClaim& tag : tags) out_.tags.emplace_back(tag.name, tag.value);
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
