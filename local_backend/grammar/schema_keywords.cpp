// The keywords that speak of one type: numbers, strings, arrays, objects, exact values.
#include <algorithm>
#include <cmath>

#include "local_backend/grammar/formats.h"
#include "local_backend/grammar/pattern.h"
#include "local_backend/grammar/schema_reader.h"

namespace tollgate::local {
namespace {

ValueSet but_numbers(NumberSet numbers) {
  ValueSet out = ValueSet::all();
  out.numbers = std::move(numbers);
  return out;
}

ValueSet with_type(std::string_view type) {
  ValueSet out;
  if (type == "null") out.null = true;
  if (type == "boolean") out.yes = out.no = true;
  if (type == "integer") out.numbers = integers();
  if (type == "number") out.numbers = every_number();
  if (type == "string") out.strings = {};
  if (type == "array") out.arrays.push_back({});
  if (type == "object") out.objects.push_back({});
  return out;
}

bool is_true(const JsonNode* node) { return node != nullptr && node->is(JsonKind::boolean) && node->truth; }

}  // namespace

ValueSet SchemaReader::types(const JsonNode& type) {
  const bool list = type.is(JsonKind::array);
  ValueSet out = ValueSet::none();
  const auto add = [&](const JsonNode& name) {
    const ValueSet one = with_type(name.is(JsonKind::string) ? std::string_view(name.text) : std::string_view());
    if (surely_empty(one, 0)) wrong(name, "no type of JSON");
    out = unite(out, one);
  };
  if (!list) add(type);
  for (const JsonNode* item : type.items)
    if (list) add(*item);
  return out;
}

ValueSet SchemaReader::read_exactly(const JsonNode& value) {
  ValueSet out;
  switch (value.kind) {
    case JsonKind::null:
      out.null = true;
      break;
    case JsonKind::boolean:
      (value.truth ? out.yes : out.no) = true;
      break;
    case JsonKind::string: {
      const TextSet texts = text_list({&value.text, 1});
      out.strings = {texts == nullptr ? no_text() : texts};
      break;
    }
    case JsonKind::number: {
      const auto decimal = parse_decimal(value.text);
      if (!decimal) return fail(value, "a number too large or too long");
      out.numbers = compared(*decimal, false, true, false);
      break;
    }
    case JsonKind::array: {
      auto group = std::make_shared<ArrayGroup>();
      for (const JsonNode* item : value.items) group->prefix.push_back({Literal{item, true}});
      group->items = nothing();
      ArrayClause clause;
      clause.least = clause.most = value.items.size();
      clause.groups.push_back(std::move(group));
      out.arrays.push_back(std::move(clause));
      break;
    }
    case JsonKind::object: {
      auto group = std::make_shared<ObjectGroup>();
      ObjectClause clause;
      for (const JsonNode* item : value.items) {
        group->properties.emplace_back(item->key, Literals{Literal{item, true}});
        clause.required.push_back(item->key);
      }
      group->others = nothing();
      clause.groups.push_back(std::move(group));
      out.objects.push_back(std::move(clause));
      break;
    }
  }
  return out;
}

ValueSet SchemaReader::listed(const JsonNode& list) {
  if (!list.is(JsonKind::array)) return wrong(list, "enum must be an array");
  ValueSet out = ValueSet::none();
  std::vector<std::string> texts;
  for (const JsonNode* item : list.items) {
    if (item->is(JsonKind::string)) {
      texts.push_back(item->text);
    } else {
      out = unite(out, read_exactly(*item));
      if (error_ || too_large(out)) return fail(list, "too many alternatives");
    }
  }
  TextSet all = text_list(texts);
  if (all == nullptr) return fail(list, "the texts are too long together");
  out.strings = {remark(all, [](std::uint32_t) { return 1u; })};
  return out;
}

ValueSet SchemaReader::numbers(const JsonNode& node) {
  NumberSet set = every_number();
  for (const JsonNode* member : node.items) {
    const std::string& key = member->key;
    const bool lower = key == "minimum" || key == "exclusiveMinimum";
    const bool upper = key == "maximum" || key == "exclusiveMaximum";
    const bool divisor = key == "multipleOf";
    if (!lower && !upper && !divisor) continue;
    if (member->is(JsonKind::boolean) && key.starts_with("exclusive")) continue;  // draft 4: read beside the bound
    const auto value = member->is(JsonKind::number) ? parse_decimal(member->text) : std::nullopt;
    if (!member->is(JsonKind::number)) return wrong(*member, "must be a number");
    if (!value) return fail(*member, "a number too large or too long");
    if (divisor) {
      const auto allowed = multiples(*value);
      if (!allowed) return fail(*member, "a divisor with more than 5 digits, or not above 0");
      set = intersect(set, *allowed);
    } else {
      const bool bare = key == "minimum" || key == "maximum";
      const bool open = !bare || is_true(node.find(lower ? "exclusiveMinimum" : "exclusiveMaximum"));
      set = intersect(set, compared(*value, upper, !open, lower));
    }
    if (set.plain == nullptr) return fail(*member, "the numbers are too large");
  }
  return but_numbers(std::move(set));
}

ValueSet SchemaReader::strings(const JsonNode& node) {
  StringSet set;
  set.least = count(node, "minLength", 0);
  set.most = count(node, "maxLength", kNoLimit);
  if (set.least > set.most) set = StringSet{no_text()};
  const auto meet = [&](const JsonNode& where, const TextSet& texts) {
    set = intersect(set, StringSet{texts});
    if (set.texts == nullptr) fail(where, "the texts are too large together");
  };
  if (const JsonNode* pattern = node.find("pattern"); pattern != nullptr) {
    if (!pattern->is(JsonKind::string)) return wrong(*pattern, "a pattern must be a string");
    const auto texts = pattern_texts(pattern->text);
    if (!texts) return fail(*pattern, texts.error().message);
    meet(*pattern, *texts);
  }
  if (const JsonNode* format = node.find("format"); format != nullptr && format->is(JsonKind::string) && !error_) {
    const auto texts = format_texts(format->text);
    if (!texts) return fail(*format, texts.error().message);
    if (*texts) meet(*format, **texts);
  }
  const JsonNode* encoding = node.find("contentEncoding");
  if (encoding != nullptr && encoding->text == "base64" && index_.ref_stands_alone() && !error_)
    meet(*encoding, base64_texts());
  ValueSet out = ValueSet::all();
  out.strings = std::move(set);
  return out;
}

ValueSet SchemaReader::arrays(const JsonNode& node) {
  auto group = std::make_shared<ArrayGroup>();
  const JsonNode *items = node.find("items"), *prefix = node.find("prefixItems");
  const JsonNode* rest = items;
  if (prefix == nullptr && items != nullptr && items->is(JsonKind::array)) {
    prefix = items;
    rest = node.find("additionalItems");
  }
  if (prefix != nullptr)
    for (const JsonNode* part : prefix->items) group->prefix.push_back({Literal{part}});
  if (rest != nullptr) group->items = {Literal{rest}};
  ArrayClause clause;
  clause.least = count(node, "minItems", 0);
  clause.most = count(node, "maxItems", kNoLimit);
  if (const JsonNode* contains = node.find("contains"); contains != nullptr) {
    const std::uint64_t least = count(node, "minContains", 1);
    if (least > 1) return fail(*node.find("minContains"), "more than one element that meets contains");
    if (least == 1) clause.some.push_back({Literal{contains}});
  }
  if (prefix != nullptr || rest != nullptr) clause.groups.push_back(std::move(group));
  ValueSet out = ValueSet::all();
  out.arrays = {std::move(clause)};
  if (out.arrays[0].least > out.arrays[0].most) out.arrays.clear();
  return out;
}

std::shared_ptr<const ObjectGroup> SchemaReader::members(const JsonNode& node) {
  const JsonNode *properties = node.find("properties"), *patterns = node.find("patternProperties");
  const JsonNode* others = node.find("additionalProperties");
  if (properties == nullptr && patterns == nullptr && others == nullptr) return nullptr;
  auto group = std::make_shared<ObjectGroup>();
  if (properties != nullptr && !properties->is(JsonKind::object)) wrong(*properties, "must be an object");
  if (properties != nullptr)
    for (const JsonNode* member : properties->items) group->properties.emplace_back(member->key, Literals{{member}});
  if (patterns != nullptr) {
    for (const JsonNode* member : patterns->items) {
      const auto texts = pattern_texts(member->key);
      if (!texts) fail(*member, texts.error().message);
      if (texts) group->patterns.emplace_back(*texts, Literals{{member}});
    }
  }
  if (others != nullptr) group->others = {Literal{others}};
  return group;
}

ValueSet SchemaReader::objects(const JsonNode& node) {
  ObjectClause clause;
  if (auto group = members(node); group != nullptr) clause.groups.push_back(std::move(group));
  if (const JsonNode* required = node.find("required"); required != nullptr) clause.required = names(*required);
  clause.least = count(node, "minProperties", 0);
  clause.most = count(node, "maxProperties", kNoLimit);
  if (const JsonNode* allowed = node.find("propertyNames"); allowed != nullptr && !error_) {
    clause.names = texts_of(single({allowed})->strings);
    if (clause.names == nullptr) return fail(*allowed, "the names are too large");
    if (is_every(*clause.names)) clause.names = nullptr;
  }
  ValueSet out = ValueSet::all();
  out.objects = {std::move(clause)};
  if (out.objects[0].least > out.objects[0].most) out.objects.clear();
  dependents(node, out);
  return out;
}

void SchemaReader::dependents(const JsonNode& node, ValueSet& set) {
  for (const char* keyword : {"dependentRequired", "dependentSchemas", "dependencies"}) {
    const JsonNode* rules = node.find(keyword);
    for (std::size_t i = 0; rules != nullptr && i < rules->items.size() && !error_; ++i) {
      const JsonNode& rule = *rules->items[i];
      ValueSet then = ValueSet::all();
      if (rule.is(JsonKind::array)) {
        then.objects[0].required = names(rule);
      } else {
        then = *single({&rule});
      }
      depend(rule.key, then, set);
      if (too_large(set)) fail(rule, "too many alternatives");
    }
  }
}

// Objects that have the member `name` must be in `then`.
void SchemaReader::depend(const std::string& name, const ValueSet& then, ValueSet& set) {
  ValueSet without = ValueSet::all(), with = ValueSet::all();
  auto group = std::make_shared<ObjectGroup>();
  group->properties.emplace_back(name, nothing());
  without.objects[0].groups.push_back(std::move(group));
  with.objects[0].required.push_back(name);
  with.objects = intersect(with, then).objects;
  set = intersect(set, unite(without, with));
}

std::vector<std::string> SchemaReader::names(const JsonNode& list) {
  std::vector<std::string> out;
  if (!list.is(JsonKind::array)) wrong(list, "must be a list of names");
  for (const JsonNode* item : list.items) {
    if (!item->is(JsonKind::string)) wrong(*item, "must be a string");
    if (std::find(out.begin(), out.end(), item->text) == out.end()) out.push_back(item->text);
  }
  return out;
}

std::uint64_t SchemaReader::count(const JsonNode& node, const char* keyword, std::uint64_t missing) {
  const JsonNode* member = node.find(keyword);
  if (member == nullptr) return missing;
  const auto value = member->is(JsonKind::number) ? parse_decimal(member->text) : std::nullopt;
  if (!value || value->negative || !value->fraction.empty() || value->whole.size() > 18) {
    wrong(*member, "must be a count");
    return missing;
  }
  return std::stoull(value->whole);
}

}  // namespace tollgate::local
