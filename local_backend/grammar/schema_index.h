// Finds what "$ref" names inside one schema document: pointers, anchors, embedded "$id"s. Nothing is ever fetched.
// Thread rule: immutable once made.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "local_backend/grammar/schema_json.h"

namespace tollgate::local {

class SchemaIndex {
 public:
  explicit SchemaIndex(const JsonNode& root);
  // Null where nothing of this document is meant.
  const JsonNode* resolve(const JsonNode& from, std::string_view reference) const;
  // Drafts up to 7: members beside "$ref" count for nothing.
  bool ref_stands_alone() const { return old_draft_; }
  // False where "$schema" names a dialect that JSON Schema does not define: its keywords may mean anything.
  bool knows_dialect() const { return known_dialect_; }
  // How many places bear this "$dynamicAnchor".
  int dynamic_anchors(std::string_view name) const;

 private:
  void collect(const JsonNode& node, const std::string& base, bool names_schemas);
  std::string base_of(const JsonNode& node) const;

  bool old_draft_ = false, known_dialect_ = true;
  std::map<std::string, const JsonNode*, std::less<>> places_;  // URI, with "#anchor" where it is one
  std::map<const JsonNode*, std::string> bases_;                // of the nodes that have an identifier
  std::map<std::string, int, std::less<>> dynamic_;
};

}  // namespace tollgate::local
