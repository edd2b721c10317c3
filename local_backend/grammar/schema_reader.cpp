#include "local_backend/grammar/schema_reader.h"

#include <algorithm>

#include "local_backend/grammar/work_meter.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kMaxReads = 200'000;

// Keywords that limit values and are not supported, with why where it is not plain.
constexpr std::pair<std::string_view, std::string_view> kRefused[] = {
    {"maxContains", ""},      {"unevaluatedProperties", ""},
    {"unevaluatedItems", ""}, {"$recursiveRef", ""},
    {"disallow", ""},         {"extends", ""},
    {"divisibleBy", ""},
};

}  // namespace

SchemaReader::SchemaReader(const JsonTree& tree, int max_depth)
    : index_(tree.root()), root_(tree.root()), max_depth_(max_depth) {
  never_.kind = JsonKind::boolean;
  if (!index_.knows_dialect())
    fail(*root_.find("$schema"), "an unknown dialect, whose keywords may mean something else");
}

ValueSet SchemaReader::fail(const JsonNode& where, std::string why) {
  if (!error_) error_ = unsupported_schema(where, std::move(why));
  return ValueSet::all();
}

ValueSet SchemaReader::wrong(const JsonNode& where, std::string why) {
  if (!error_) error_ = bad_schema(json_pointer(where) + ": " + std::move(why));
  return ValueSet::all();
}

bool SchemaReader::is_nothing(const Literals& literals) const {
  return std::any_of(literals.begin(), literals.end(), [](const Literal& literal) {
    return !literal.value && literal.at->is(JsonKind::boolean) && literal.at->truth == literal.negated;
  });
}

bool SchemaReader::is_anything(const Literals& literals) const {
  return std::all_of(literals.begin(), literals.end(), [](const Literal& literal) {
    if (literal.value) return false;
    if (literal.at->is(JsonKind::boolean)) return literal.at->truth != literal.negated;
    return !literal.negated && (literal.at->is(JsonKind::object) && literal.at->items.empty());
  });
}

ValueSet SchemaReader::read(const Literals& literals) {
  ValueSet out = ValueSet::all();
  for (const Literal& literal : literals) {
    if (error_) return out;
    const Shared set = single(literal);
    out = literals.size() == 1 ? *set : intersect(out, *set);
    if (too_large(out)) return fail(*literal.at, "the combination of schemas is too large");
  }
  return out;
}

SchemaReader::Shared SchemaReader::single(const Literal& literal) {
  if (const auto known = memo_.find(literal); known != memo_.end()) return known->second;
  const auto all = std::make_shared<const ValueSet>(ValueSet::all());
  if (error_) return all;
  if (!open_.insert(literal).second) return wrong(*literal.at, "the schema refers to itself without end"), all;
  if (++depth_ > max_depth_) fail(*literal.at, "references and combinations nested too deep");
  spend_work(64);
  if (!work_left()) fail(*literal.at, "the schema needs too much work");
  if (++reads_ > kMaxReads) fail(*literal.at, "the schema is too large");
  ValueSet set;
  const JsonNode* twice = literal.negated && literal.at->items.size() == 1 ? literal.at->find("not") : nullptr;
  if (twice != nullptr && !literal.value) {
    set = *single({twice});
  } else if (literal.negated) {
    const Shared positive = single({literal.at, literal.value, false});
    const auto negative = error_ ? std::nullopt : opposite(*positive);
    set = negative ? *negative : fail(*literal.at, "the opposite of this schema (" + why_ + ")");
  } else {
    set = literal.value ? read_exactly(*literal.at) : read_schema(*literal.at);
  }
  if (too_large(set)) fail(*literal.at, "the set of values is too large");
  --depth_;
  open_.erase(literal);
  const auto shared = std::make_shared<const ValueSet>(std::move(set));
  if (!error_) memo_.emplace(literal, shared);
  return shared;
}

ValueSet SchemaReader::read_schema(const JsonNode& node) {
  if (node.is(JsonKind::boolean)) return node.truth ? ValueSet::all() : ValueSet::none();
  if (!node.is(JsonKind::object)) return wrong(node, "a schema must be an object or a boolean");
  const JsonNode* ref = node.find("$ref");
  if (ref != nullptr && index_.ref_stands_alone()) return reference(node, *ref);
  refuse_others(node);
  ValueSet set = plain_keywords(node);
  if (ref != nullptr) set = intersect(set, reference(node, *ref));
  if (const JsonNode* dynamic = node.find("$dynamicRef"); dynamic != nullptr) {
    const std::size_t hash = dynamic->text.find('#');
    const int places = hash == std::string::npos ? 0 : index_.dynamic_anchors(dynamic->text.substr(hash + 1));
    if (places > 1) return fail(node, "$dynamicRef with more than one place to go");
    set = intersect(set, reference(node, *dynamic));
  }
  if (error_ || too_large(set)) return set;
  return intersect(set, combined(node));
}

ValueSet SchemaReader::reference(const JsonNode& node, const JsonNode& ref) {
  if (!ref.is(JsonKind::string)) return wrong(ref, "a reference must be a string");
  const JsonNode* target = index_.resolve(node, ref.text);
  if (target == nullptr) return fail(ref, "a reference to something outside of this schema");
  return *single({target});
}

void SchemaReader::refuse_others(const JsonNode& node) {
  for (const JsonNode* member : node.items) {
    for (const auto& [keyword, why] : kRefused) {
      if (member->key != keyword) continue;
      // Free forms limit nothing.
      const bool unevaluated = keyword.substr(0, 11) == "unevaluated";
      if (unevaluated && (is_anything({Literal{member}}))) continue;
      if (keyword == "maxContains" && node.find("contains") == nullptr) continue;
      fail(*member, "the keyword is not supported");
    }
  }
  // What later drafts define as annotations (2020-12 validation, 8) draft 7 lets implementations assert.
  if (const JsonNode* media = node.find("contentMediaType"); media != nullptr && index_.ref_stands_alone())
    if (media->text == "application/json") fail(*media, "JSON inside of strings, before draft 2019-09");
  if (const JsonNode* unique = node.find("uniqueItems"); unique != nullptr && unique->truth)
    if (count(node, "maxItems", kNoLimit) > 1) fail(*unique, "the keyword is not supported");
}

ValueSet SchemaReader::plain_keywords(const JsonNode& node) {
  ValueSet set = ValueSet::all();
  if (const JsonNode* type = node.find("type"); type != nullptr) set = types(*type);
  if (const JsonNode* list = node.find("enum"); list != nullptr) set = intersect(set, listed(*list));
  if (const JsonNode* value = node.find("const"); value != nullptr) set = intersect(set, read_exactly(*value));
  if (error_ || too_large(set)) return set;
  // A type that is not allowed needs no reading of its keywords, so that they cannot be refused either.
  if (!set.numbers.empty()) set = intersect(set, numbers(node));
  if (!is_empty(*set.strings.texts)) set = intersect(set, strings(node));
  if (!set.arrays.empty()) set = intersect(set, arrays(node));
  if (!set.objects.empty()) set = intersect(set, objects(node));
  return set;
}

ValueSet SchemaReader::combined(const JsonNode& node) {
  ValueSet set = ValueSet::all();
  const auto meet = [&](const ValueSet& other) {
    if (!error_ && !too_large(set)) set = intersect(set, other);
  };
  if (const JsonNode* list = node.find("allOf"); list != nullptr)
    for (const JsonNode* part : list->items)
      if (!error_) meet(*single({part}));
  if (const JsonNode* list = node.find("anyOf"); list != nullptr) meet(any_of(*list));
  if (const JsonNode* list = node.find("oneOf"); list != nullptr) meet(one_of(*list));
  if (const JsonNode* part = node.find("not"); part != nullptr) meet(*single({part, false, true}));
  if (node.find("if") != nullptr) meet(conditional(node));
  return set;
}

ValueSet SchemaReader::any_of(const JsonNode& list) {
  ValueSet set = ValueSet::none();
  for (const JsonNode* part : list.items) {
    if (error_) break;
    set = unite(set, *single({part}));
    if (too_large(set)) return fail(list, "too many alternatives");
  }
  return set;
}

ValueSet SchemaReader::one_of(const JsonNode& list) {
  // Exactly one: each alternative without those that overlap with it.
  std::vector<Shared> parts;
  for (const JsonNode* part : list.items) parts.push_back(single({part}));
  ValueSet set = ValueSet::none();
  for (std::size_t i = 0; i < parts.size() && !error_; ++i) {
    ValueSet alone = *parts[i];
    for (std::size_t j = 0; j < parts.size() && !error_; ++j) {
      if (i == j || surely_empty(intersect(alone, *parts[j]), 3)) continue;
      const auto others = opposite(*parts[j]);
      if (!others) return fail(list, "alternatives that may overlap (" + why_ + ")");
      alone = intersect(alone, *others);
      if (too_large(alone)) return fail(list, "too many alternatives");
    }
    set = unite(set, alone);
    if (too_large(set)) return fail(list, "too many alternatives");
  }
  return set;
}

ValueSet SchemaReader::conditional(const JsonNode& node) {
  const JsonNode *condition = node.find("if"), *then = node.find("then"), *otherwise = node.find("else");
  if (then == nullptr && otherwise == nullptr) return ValueSet::all();
  const Shared holds = single({condition});
  if (error_) return *holds;
  const auto fails = opposite(*holds);
  if (!fails) return fail(*condition, "a condition without an exact opposite (" + why_ + ")");
  const ValueSet yes = then == nullptr ? *holds : intersect(*holds, *single({then}));
  const ValueSet no = otherwise == nullptr ? *fails : intersect(*fails, *single({otherwise}));
  return unite(yes, no);
}

bool SchemaReader::surely_empty(const ValueSet& set, int depth) {
  if (set.null || set.yes || set.no || !set.numbers.empty()) return false;
  if (const TextSet texts = texts_of(set.strings); texts == nullptr || !is_empty(*texts)) return false;
  const auto hopeless = [&](const Literals& literals) {
    if (is_nothing(literals)) return true;
    if (depth == 0 || error_) return false;
    const bool empty = surely_empty(read(literals), depth - 1) && !error_;
    error_.reset();  // a look ahead only: what is wrong there shows when it is read in earnest
    return empty;
  };
  for (const ArrayClause& clause : set.arrays) {
    bool empty = false;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(clause.least, longest_prefix(clause) + 1) && !empty; ++i)
      empty = hopeless(element_literals(clause, i));
    if (!empty) return false;
  }
  for (const ObjectClause& clause : set.objects) {
    const bool empty = std::any_of(clause.required.begin(), clause.required.end(), [&](const std::string& name) {
      return (clause.names != nullptr && clause.names->run(name) == 0) || hopeless(member_literals(clause, name));
    });
    if (!empty && clause.required.size() <= clause.most) return false;
  }
  return true;
}

}  // namespace tollgate::local
