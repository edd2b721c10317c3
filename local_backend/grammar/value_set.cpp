#include "local_backend/grammar/value_set.h"

#include <algorithm>

#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMaxAlternatives = 256;
constexpr std::uint64_t kPairSteps = 16;  // of comparing two alternatives

StringSet unite(const StringSet& a, const StringSet& b) {
  if (a.texts == b.texts && a.least == b.least && a.most == b.most) return a;
  if (a.texts != nullptr && is_empty(*a.texts)) return b;
  if (b.texts != nullptr && is_empty(*b.texts)) return a;
  const bool plain = a.texts != nullptr && b.texts != nullptr && is_every(*a.texts) && is_every(*b.texts);
  const bool touching = a.least <= b.most && b.least <= a.most;
  if (plain && touching) return {every_text(), std::min(a.least, b.least), std::max(a.most, b.most)};
  return {unite(texts_of(a), texts_of(b)), 0, kNoLimit};
}

ObjectClause meet(const ObjectClause& a, const ObjectClause& b) {
  ObjectClause out = a;
  for (const auto& group : b.groups)
    if (std::find(out.groups.begin(), out.groups.end(), group) == out.groups.end()) out.groups.push_back(group);
  for (const std::string& name : b.required)
    if (std::find(out.required.begin(), out.required.end(), name) == out.required.end()) out.required.push_back(name);
  if (b.names != nullptr && b.names != a.names) out.names = a.names == nullptr ? b.names : intersect(a.names, b.names);
  if (out.names == nullptr && (a.names != nullptr || b.names != nullptr)) out.names = no_text();
  for (const auto& some : b.some)
    if (std::find(out.some.begin(), out.some.end(), some) == out.some.end()) out.some.push_back(some);
  out.least = std::max(a.least, b.least);
  out.most = std::min(a.most, b.most);
  return out;
}

ArrayClause meet(const ArrayClause& a, const ArrayClause& b) {
  ArrayClause out = a;
  for (const auto& group : b.groups)
    if (std::find(out.groups.begin(), out.groups.end(), group) == out.groups.end()) out.groups.push_back(group);
  for (const Literals& some : b.some)
    if (std::find(out.some.begin(), out.some.end(), some) == out.some.end()) out.some.push_back(some);
  out.least = std::max(a.least, b.least);
  out.most = std::min(a.most, b.most);
  return out;
}

template <class Clause>
void add_clause(std::vector<Clause>& list, Clause clause) {
  if (clause.least > clause.most) return;
  if (std::find(list.begin(), list.end(), clause) == list.end()) list.push_back(std::move(clause));
}

template <class Clause>
std::vector<Clause> meet_all(const std::vector<Clause>& a, const std::vector<Clause>& b) {
  std::vector<Clause> out;
  for (const Clause& x : a)
    for (const Clause& y : b)
      if (spend_work(kPairSteps * (out.size() + 4)); out.size() <= kMaxAlternatives) add_clause(out, meet(x, y));
  return out;
}

template <class Clause>
std::vector<Clause> either(const std::vector<Clause>& a, const std::vector<Clause>& b) {
  const auto free = std::find(b.begin(), b.end(), Clause{});
  if (free != b.end()) return {Clause{}};
  if (std::find(a.begin(), a.end(), Clause{}) != a.end()) return {Clause{}};
  std::vector<Clause> out = a;
  for (const Clause& clause : b)
    if (spend_work(kPairSteps * (out.size() + 4)); out.size() <= kMaxAlternatives) add_clause(out, clause);
  return out;
}

}  // namespace

ValueSet ValueSet::all() { return {true, true, true, every_number(), StringSet{}, {ArrayClause{}}, {ObjectClause{}}}; }

TextSet texts_of(const StringSet& set) {
  if (set.texts == nullptr) return nullptr;
  const bool counted = set.least > 0 || set.most != kNoLimit;
  return counted ? intersect(set.texts, text_lengths(set.least, set.most)) : set.texts;
}

StringSet intersect(const StringSet& a, const StringSet& b) {
  StringSet out{a.texts, std::max(a.least, b.least), std::min(a.most, b.most)};
  if (a.texts != b.texts && (a.texts == nullptr || !is_every(*a.texts))) {
    const bool free = b.texts != nullptr && is_every(*b.texts);
    if (!free) out.texts = intersect(a.texts, b.texts);
  } else {
    out.texts = b.texts;
  }
  if (out.least > out.most) out = StringSet{no_text()};
  return out;
}

ValueSet intersect(const ValueSet& a, const ValueSet& b) {
  ValueSet out;
  out.null = a.null && b.null;
  out.yes = a.yes && b.yes;
  out.no = a.no && b.no;
  out.numbers = intersect(a.numbers, b.numbers);
  out.strings = intersect(a.strings, b.strings);
  out.arrays = meet_all(a.arrays, b.arrays);
  out.objects = meet_all(a.objects, b.objects);
  return out;
}

ValueSet unite(const ValueSet& a, const ValueSet& b) {
  ValueSet out;
  out.null = a.null || b.null;
  out.yes = a.yes || b.yes;
  out.no = a.no || b.no;
  out.numbers = unite(a.numbers, b.numbers);
  out.strings = unite(a.strings, b.strings);
  out.arrays = either(a.arrays, b.arrays);
  out.objects = either(a.objects, b.objects);
  return out;
}

bool too_large(const ValueSet& set) {
  return set.numbers.plain == nullptr || set.strings.texts == nullptr || set.arrays.size() > kMaxAlternatives ||
         set.objects.size() > kMaxAlternatives;
}

Literals join(const Literals& a, const Literals& b) {
  Literals out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

Literals member_literals(const ObjectClause& clause, const std::string& name) {
  Literals out;
  for (const auto& group : clause.groups) {
    bool named = false;
    for (const auto& [property, literals] : group->properties) {
      if (property != name) continue;
      named = true;
      out = join(out, literals);
    }
    for (const auto& [texts, literals] : group->patterns) {
      if (texts->run(name) == 0) continue;
      named = true;
      out = join(out, literals);
    }
    if (!named) out = join(out, group->others);
  }
  return out;
}

Literals element_literals(const ArrayClause& clause, std::uint64_t index) {
  Literals out;
  for (const auto& group : clause.groups)
    out = join(out, index < group->prefix.size() ? group->prefix[index] : group->items);
  return out;
}

std::size_t longest_prefix(const ArrayClause& clause) {
  std::size_t out = 0;
  for (const auto& group : clause.groups) out = std::max(out, group->prefix.size());
  return out;
}

}  // namespace tollgate::local
