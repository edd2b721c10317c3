// Opposites of value sets, for "not", "oneOf" and "if".
#include <algorithm>

#include "local_backend/grammar/schema_reader.h"

namespace tollgate::local {
namespace {

ValueSet only_object(ObjectClause clause) {
  ValueSet out;
  out.objects.push_back(std::move(clause));
  return out;
}

ValueSet only_array(ArrayClause clause) {
  ValueSet out;
  out.arrays.push_back(std::move(clause));
  return out;
}

ObjectClause with_member(const std::string& name, Literals literals, bool required) {
  auto group = std::make_shared<ObjectGroup>();
  group->properties.emplace_back(name, std::move(literals));
  ObjectClause out;
  out.groups.push_back(std::move(group));
  if (required) out.required.push_back(name);
  return out;
}

}  // namespace

// Each of the lists denies one of `literals`; a value that denies any of them breaks their conjunction.
std::vector<Literals> SchemaReader::denials(const Literals& literals) const {
  std::vector<Literals> out;
  for (const Literal& literal : literals)
    if (!is_anything({literal})) out.push_back({Literal{literal.at, literal.value, !literal.negated}});
  return out;
}

std::optional<ValueSet> SchemaReader::opposite(const ObjectClause& clause) {
  ValueSet out = ValueSet::none();
  for (const std::string& name : clause.required) out = unite(out, only_object(with_member(name, nothing(), false)));
  for (const auto& group : clause.groups) {
    for (const auto& [name, literals] : group->properties)
      for (const Literals& denial : denials(literals)) out = unite(out, only_object(with_member(name, denial, true)));
    const bool free = std::all_of(group->patterns.begin(), group->patterns.end(),
                                  [&](const auto& pattern) { return is_anything(pattern.second); });
    if (!free || !is_anything(group->others)) return why_ = "members by pattern or without a name", std::nullopt;
  }
  if (clause.names != nullptr) return why_ = "propertyNames", std::nullopt;
  ObjectClause count;
  if (clause.least > 0) count.most = clause.least - 1, out = unite(out, only_object(count));
  count = {};
  if (clause.most != kNoLimit) count.least = clause.most + 1, out = unite(out, only_object(count));
  return out;
}

std::optional<ValueSet> SchemaReader::opposite(const ArrayClause& clause) {
  ValueSet out = ValueSet::none();
  ArrayClause count;
  if (clause.least > 0) count.most = clause.least - 1, out = unite(out, only_array(count));
  count = {};
  if (clause.most != kNoLimit) count.least = clause.most + 1, out = unite(out, only_array(count));
  for (const auto& group : clause.groups) {
    for (std::size_t i = 0; i < group->prefix.size(); ++i) {
      for (const Literals& denial : denials(group->prefix[i])) {
        auto broken = std::make_shared<ArrayGroup>();
        broken->prefix.assign(i, {});
        broken->prefix.push_back(denial);
        ArrayClause one;
        one.groups.push_back(std::move(broken));
        one.least = i + 1;
        out = unite(out, only_array(one));
      }
    }
    if (is_nothing(group->items)) {
      ArrayClause longer;
      longer.least = group->prefix.size() + 1;
      out = unite(out, only_array(longer));
    } else if (!is_anything(group->items)) {
      return why_ = "items", std::nullopt;
    }
  }
  return out;
}

std::optional<ValueSet> SchemaReader::opposite(const ValueSet& set) {
  ValueSet out;
  out.null = !set.null;
  out.yes = !set.yes;
  out.no = !set.no;
  out.numbers = complement(set.numbers);
  out.strings = {complement(texts_of(set.strings))};
  if (set.strings.texts == every_text() && set.strings.most == kNoLimit)
    out.strings = set.strings.least == 0 ? StringSet{no_text()} : StringSet{every_text(), 0, set.strings.least - 1};
  if (out.strings.texts == nullptr || out.numbers.plain == nullptr) return why_ = "too large", std::nullopt;
  ValueSet rest;
  rest.arrays.push_back({});
  rest.objects.push_back({});
  for (const ArrayClause& clause : set.arrays) {
    auto other = opposite(clause);
    if (!other) return std::nullopt;
    other->objects.push_back({});
    rest = intersect(rest, *other);
  }
  for (const ObjectClause& clause : set.objects) {
    auto other = opposite(clause);
    if (!other) return std::nullopt;
    other->arrays.push_back({});
    rest = intersect(rest, *other);
  }
  out.arrays = std::move(rest.arrays);
  out.objects = std::move(rest.objects);
  if (too_large(out)) return why_ = "too many alternatives", std::nullopt;
  return out;
}

}  // namespace tollgate::local
