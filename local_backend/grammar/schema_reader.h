// From schemas to value sets: every keyword of draft 2020-12 and 7 (and what 4 and 6 write differently) that can be
// kept exactly; the others are refused with their place. The first refusal stays; results after it mean nothing.
// Thread rule: one owner, used while one grammar is compiled.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "local_backend/grammar/schema_index.h"
#include "local_backend/grammar/value_set.h"

namespace tollgate::local {

class SchemaReader {
 public:
  SchemaReader(const JsonTree& tree, int max_depth);
  // The values that all of `literals` allow.
  ValueSet read(const Literals& literals);
  Literals whole() const { return {Literal{&root_}}; }
  // The schema that nothing meets.
  Literals nothing() const { return {Literal{&never_}}; }
  bool is_nothing(const Literals& literals) const;
  // Sure that no value is in it; false may mean "not known". Looks `depth` levels into arrays and objects.
  bool surely_empty(const ValueSet& set, int depth);
  const std::optional<Error>& error() const { return error_; }

 private:
  using Shared = std::shared_ptr<const ValueSet>;
  ValueSet fail(const JsonNode& where, std::string why);
  ValueSet wrong(const JsonNode& where, std::string why);
  Shared single(const Literal& literal);
  ValueSet read_schema(const JsonNode& node);
  ValueSet read_exactly(const JsonNode& value);
  ValueSet reference(const JsonNode& node, const JsonNode& ref);
  ValueSet plain_keywords(const JsonNode& node);
  ValueSet combined(const JsonNode& node);
  void refuse_others(const JsonNode& node);

  ValueSet types(const JsonNode& type);
  ValueSet listed(const JsonNode& list);
  ValueSet numbers(const JsonNode& node);
  ValueSet strings(const JsonNode& node);
  ValueSet arrays(const JsonNode& node);
  ValueSet objects(const JsonNode& node);
  std::shared_ptr<const ObjectGroup> members(const JsonNode& node);
  void dependents(const JsonNode& node, ValueSet& set);
  void depend(const std::string& name, const ValueSet& then, ValueSet& set);
  std::vector<std::string> names(const JsonNode& list);
  std::uint64_t count(const JsonNode& node, const char* keyword, std::uint64_t missing);

  ValueSet any_of(const JsonNode& list);
  ValueSet one_of(const JsonNode& list);
  ValueSet conditional(const JsonNode& node);
  // None where the opposite cannot be said exactly; `why_` then tells what stood in the way.
  std::optional<ValueSet> opposite(const ValueSet& set);
  std::optional<ValueSet> opposite(const ObjectClause& clause);
  std::optional<ValueSet> opposite(const ArrayClause& clause);
  std::vector<Literals> denials(const Literals& literals) const;
  bool is_anything(const Literals& literals) const;

  SchemaIndex index_;
  const JsonNode& root_;
  JsonNode never_;
  int max_depth_, depth_ = 0;
  std::size_t reads_ = 0;
  std::string why_;
  std::optional<Error> error_;
  std::map<Literal, Shared> memo_;
  std::set<Literal> open_;  // being read: a schema that comes to itself without a level of nesting between
};

}  // namespace tollgate::local
