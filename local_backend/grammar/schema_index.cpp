#include "local_backend/grammar/schema_index.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

namespace tollgate::local {
namespace {

constexpr std::string_view kDefaultBase = "schema:/";

std::size_t scheme_length(std::string_view uri) {
  const std::size_t colon = uri.find_first_of(":/?#");
  return colon != std::string_view::npos && colon > 0 && uri[colon] == ':' ? colon + 1 : 0;
}

std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool open_end = false;
  while (!path.empty()) {
    path.remove_prefix(path.front() == '/' ? 1 : 0);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(end);
    open_end = part == "." || part == "..";
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!open_end) kept.push_back(part);
  }
  std::string out;
  for (const std::string_view part : kept) out.append("/").append(part);
  return open_end || out.empty() ? out + "/" : out;
}

// RFC 3986, 5.2, for references without fragment.
std::string resolved(const std::string& base, std::string_view reference) {
  if (reference.empty()) return base;
  if (scheme_length(reference) > 0) return std::string(reference);
  const std::size_t scheme = scheme_length(base);
  std::size_t path = scheme;
  if (std::string_view(base).substr(scheme, 2) == "//") path = std::min(base.find('/', scheme + 2), base.size());
  if (reference.substr(0, 2) == "//") return base.substr(0, scheme) + std::string(reference);
  if (reference.front() == '/') return base.substr(0, path) + without_dots(reference);
  const std::size_t slash = base.find_last_of('/');
  const std::string folder = slash == std::string::npos || slash < path ? "/" : base.substr(path, slash - path + 1);
  return base.substr(0, path) + without_dots(folder + std::string(reference));
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string hex(text.substr(i + 1, 2));
    if (text[i] == '%' && hex.size() == 2 && hex.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) {
      out += static_cast<char>(std::strtol(hex.c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view text_member(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.find(name);
  return member != nullptr && member->is(JsonKind::string) ? std::string_view(member->text) : std::string_view();
}

}  // namespace

SchemaIndex::SchemaIndex(const JsonNode& root) {
  const std::string_view dialect = text_member(root, "$schema");
  for (const std::string_view old : {"draft-03", "draft-04", "draft-06", "draft-07"})
    if (dialect.find(old) != std::string_view::npos) old_draft_ = true;
  known_dialect_ = dialect.empty() || dialect.find("//json-schema.org/") != std::string_view::npos;
  places_.emplace(kDefaultBase, &root);
  bases_.emplace(&root, kDefaultBase);
  collect(root, std::string(kDefaultBase), false);
}

void SchemaIndex::collect(const JsonNode& node, const std::string& base, bool names_schemas) {
  static const std::set<std::string_view> kMaps = {"properties",  "patternProperties", "$defs",
                                                   "definitions", "dependentSchemas",  "dependencies"};
  static const std::set<std::string_view> kSchemas = {"items",
                                                      "prefixItems",
                                                      "additionalItems",
                                                      "additionalProperties",
                                                      "propertyNames",
                                                      "contains",
                                                      "allOf",
                                                      "anyOf",
                                                      "oneOf",
                                                      "not",
                                                      "if",
                                                      "then",
                                                      "else",
                                                      "contentSchema",
                                                      "unevaluatedItems",
                                                      "unevaluatedProperties"};
  std::string inner = base;
  if (node.is(JsonKind::object) && !names_schemas && !(old_draft_ && node.find("$ref") != nullptr)) {
    std::string_view id = text_member(node, "$id");
    if (id.empty()) id = text_member(node, old_draft_ ? "id" : "$id");
    const std::size_t hash = std::min(id.find('#'), id.size());
    if (hash > 0) {
      inner = resolved(base, id.substr(0, hash));
      places_.emplace(inner, &node);
      bases_[&node] = inner;
    }
    if (hash + 1 < id.size()) places_.emplace(inner + std::string(id.substr(hash)), &node);
    for (const std::string_view keyword : {"$anchor", "$dynamicAnchor"})
      if (const auto name = text_member(node, keyword); !name.empty())
        places_.emplace(inner + "#" + std::string(name), &node);
    if (const auto name = text_member(node, "$dynamicAnchor"); !name.empty()) ++dynamic_[std::string(name)];
  }
  // Only where schemas stand: the same words in data or below unknown keywords mean nothing.
  for (const JsonNode* item : node.items) {
    if (names_schemas || node.is(JsonKind::array)) {
      collect(*item, inner, false);
    } else if (kMaps.contains(item->key)) {
      collect(*item, inner, true);
    } else if (kSchemas.contains(item->key)) {
      collect(*item, inner, false);
    }
  }
}

std::string SchemaIndex::base_of(const JsonNode& node) const {
  for (const JsonNode* at = &node; at != nullptr; at = at->parent)
    if (const auto base = bases_.find(at); base != bases_.end()) return base->second;
  return std::string(kDefaultBase);
}

const JsonNode* SchemaIndex::resolve(const JsonNode& from, std::string_view reference) const {
  const std::size_t hash = std::min(reference.find('#'), reference.size());
  const std::string uri = resolved(base_of(from), reference.substr(0, hash));
  const std::string fragment = hash < reference.size() ? percent_decoded(reference.substr(hash + 1)) : std::string();
  const auto document = places_.find(uri);
  if (fragment.empty()) return document == places_.end() ? nullptr : document->second;
  if (fragment.front() == '/')
    return document == places_.end() ? nullptr : resolve_pointer(*document->second, fragment);
  const auto anchor = places_.find(uri + "#" + fragment);
  return anchor == places_.end() ? nullptr : anchor->second;
}

int SchemaIndex::dynamic_anchors(std::string_view name) const {
  const auto found = dynamic_.find(name);
  return found == dynamic_.end() ? 0 : found->second;
}

}  // namespace tollgate::local
