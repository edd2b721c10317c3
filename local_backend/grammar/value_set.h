// A schema as the set of values that it allows, taken apart by JSON type: a conjunction of schemas is worked out type
// by type, a union needs alternatives for arrays and objects only. What stands inside arrays and objects stays a list
// of schemas ("literals") that all must hold, so that recursive schemas end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "local_backend/grammar/number_set.h"
#include "local_backend/grammar/schema_json.h"
#include "local_backend/grammar/text_set.h"

namespace tollgate::local {

inline constexpr std::uint64_t kNoLimit = UINT64_MAX;

// A schema, or a value that must be met exactly ("const"); or its opposite.
struct Literal {
  const JsonNode* at = nullptr;
  bool value = false;
  bool negated = false;
  auto operator<=>(const Literal&) const = default;
};
using Literals = std::vector<Literal>;  // sorted, all must hold; empty: anything

struct StringSet {
  TextSet texts = every_text();
  std::uint64_t least = 0, most = kNoLimit;  // code points
};

// What one schema says about an object's members.
struct ObjectGroup {
  std::vector<std::pair<std::string, Literals>> properties;
  std::vector<std::pair<TextSet, Literals>> patterns;
  Literals others;  // members that neither of these names
};
struct ObjectClause {
  std::vector<std::shared_ptr<const ObjectGroup>> groups;  // all hold; shared with the reader's memo
  std::vector<std::string> required;                       // in order of appearance, each once
  TextSet names;                                           // null: any
  std::uint64_t least = 0, most = kNoLimit;
  std::vector<std::pair<TextSet, Literals>> some;  // for each: a member with such a name and value must be there
  bool operator==(const ObjectClause&) const = default;
};

struct ArrayGroup {
  std::vector<Literals> prefix;
  Literals items;  // behind the prefix
};
struct ArrayClause {
  std::vector<std::shared_ptr<const ArrayGroup>> groups;
  std::uint64_t least = 0, most = kNoLimit;
  std::vector<Literals> some;  // for each: an element that meets it must be there
  bool operator==(const ArrayClause&) const = default;
};

struct ValueSet {
  bool null = false, yes = false, no = false;
  NumberSet numbers = no_number();
  StringSet strings{no_text()};
  std::vector<ArrayClause> arrays;
  std::vector<ObjectClause> objects;

  static ValueSet none() { return {}; }
  static ValueSet all();
};

// Where a text automaton grew too large its pointer is null afterwards; see too_large.
ValueSet intersect(const ValueSet& a, const ValueSet& b);
ValueSet unite(const ValueSet& a, const ValueSet& b);
bool too_large(const ValueSet& set);

TextSet texts_of(const StringSet& set);  // with the lengths worked in; null: too large
StringSet intersect(const StringSet& a, const StringSet& b);
Literals join(const Literals& a, const Literals& b);
// What must hold for the member `name`, for the element at `index`.
Literals member_literals(const ObjectClause& clause, const std::string& name);
Literals element_literals(const ArrayClause& clause, std::uint64_t index);
std::size_t longest_prefix(const ArrayClause& clause);

}  // namespace tollgate::local
