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

ObjectClause with_some(TextSet names, Literals literals) {
  // Values that may be anything say no more than the name does.
  std::erase_if(literals, [](const Literal& literal) {
    return !literal.value && literal.at->is(JsonKind::boolean) && literal.at->truth != literal.negated;
  });
  ObjectClause out;
  out.some.emplace_back(std::move(names), std::move(literals));
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
    TextSet others = every_text();
    for (const auto& [name, literals] : group->properties)
      others = intersect(others, complement(text_list({&name, 1})));
    for (const auto& [texts, literals] : group->patterns) {
      if (texts == nullptr || others == nullptr) return why_ = "names too large", std::nullopt;
      others = intersect(others, complement(texts));
      for (const Literals& denial : denials(literals)) out = unite(out, only_object(with_some(texts, denial)));
    }
    if (others == nullptr) return why_ = "names too large", std::nullopt;
    for (const Literals& denial : denials(group->others)) out = unite(out, only_object(with_some(others, denial)));
  }
  if (clause.names != nullptr) {
    const TextSet names = complement(clause.names);
    if (names == nullptr) return why_ = "names too large", std::nullopt;
    out = unite(out, only_object(with_some(names, {})));
  }
  for (const auto& [names, literals] : clause.some) {
    // No member with such a name has such a value.
    const std::vector<Literals> none = denials(literals);
    if (none.size() > 1) return why_ = "members that must not be there", std::nullopt;
    auto group = std::make_shared<ObjectGroup>();
    group->patterns.emplace_back(names, none.empty() ? nothing() : none[0]);
    ObjectClause never;
    never.groups.push_back(std::move(group));
    out = unite(out, only_object(never));
  }
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
      if (!group->prefix.empty()) return why_ = "items behind others", std::nullopt;
      for (const Literals& denial : denials(group->items)) {
        ArrayClause broken;
        broken.some.push_back(denial);
        out = unite(out, only_array(broken));
      }
    }
  }
  for (const Literals& some : clause.some) {
    const std::vector<Literals> none = denials(some);
    if (none.size() > 1) return why_ = "elements that must not be there", std::nullopt;
    auto group = std::make_shared<ArrayGroup>();
    group->items = none.empty() ? nothing() : none[0];
    ArrayClause never;
    never.groups.push_back(std::move(group));
    out = unite(out, only_array(never));
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
