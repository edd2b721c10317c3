// Python's methods of list and dict.
#include <algorithm>
#include <utility>

#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

Value append(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("append", arguments);
  const Value item = parameters.require("");
  parameters.done();
  arena.charge(1);
  self.as_list().items.push_back(item);
  return Value::none();
}

Value extend(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("extend", arguments);
  const std::vector<Value> more = all_items(arena, parameters.require(""));
  parameters.done();
  auto& items = self.as_list().items;
  items.insert(items.end(), more.begin(), more.end());
  return Value::none();
}

Value list_pop(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("pop", arguments);
  const std::int64_t index = parameters.integer("", -1);
  parameters.done();
  auto& items = self.as_list().items;
  const Value* found = list_at(self.as_list(), index);
  if (!found) fail(items.empty() ? "IndexError: pop from empty list" : "IndexError: pop index out of range");
  Value out = *found;
  arena.charge(items.size() / 16);
  items.erase(items.begin() + (found - items.data()));
  return out;
}

Value insert(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("insert", arguments);
  std::int64_t index = parameters.integer("", 0);
  const Value item = parameters.require("");
  parameters.done();
  auto& items = self.as_list().items;
  arena.charge(1 + items.size() / 16);
  const auto size = static_cast<std::int64_t>(items.size());
  if (index < 0) index = std::max<std::int64_t>(0, index + size);
  items.insert(items.begin() + std::min(index, size), item);
  return Value::none();
}

// The position of an equal item, or -1.
std::int64_t position(Arena& arena, const Value& self, const Value& wanted) {
  const auto& items = self.as_list().items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (equal(arena, items[i], wanted)) return static_cast<std::int64_t>(i);
  }
  return -1;
}

Value index(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("index", arguments);
  const std::int64_t found = position(arena, self, parameters.require(""));
  parameters.done();
  if (found < 0) fail("ValueError: the item is not in the list");
  return Value::integer(found);
}

Value remove(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("remove", arguments);
  const std::int64_t found = position(arena, self, parameters.require(""));
  parameters.done();
  if (found < 0) fail("ValueError: list.remove(x): x not in list");
  self.as_list().items.erase(self.as_list().items.begin() + found);
  return Value::none();
}

Value count(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("count", arguments);
  const Value wanted = parameters.require("");
  parameters.done();
  const auto& items = self.as_list().items;
  return Value::integer(
      std::count_if(items.begin(), items.end(), [&](const Value& item) { return equal(arena, item, wanted); }));
}

Value list_copy(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters("copy", arguments).done();
  return arena.list(self.as_list().items);
}

Value list_clear(Arena&, const Value& self, Arguments& arguments) {
  Parameters("clear", arguments).done();
  self.as_list().items.clear();
  return Value::none();
}

Value list_reverse(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters("reverse", arguments).done();
  auto& items = self.as_list().items;
  arena.charge(items.size() / 16);
  std::reverse(items.begin(), items.end());
  return Value::none();
}

Value dict_get(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("get", arguments);
  const Value& key = parameters.require("");
  const Value* otherwise = parameters.take("");
  parameters.done();
  if (key.is(Kind::text)) arena.charge(key.bytes().size() / 64);
  if (const Value* found = self.as_dict().find(key)) return *found;
  return otherwise ? *otherwise : Value::none();
}

template <Sequence kView>
Value view(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters("view", arguments).done();
  std::vector<Value> out;
  for (const auto& [key, value] : self.as_dict().entries) {
    if (kView == Sequence::keys) out.push_back(key);
    if (kView == Sequence::values) out.push_back(value);
    if (kView == Sequence::items) out.push_back(arena.list({key, value}, Sequence::tuple));
  }
  return arena.list(std::move(out), kView);
}

Value dict_copy(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters("copy", arguments).done();
  DictObject& out = arena.dict();
  for (const auto& [key, value] : self.as_dict().entries) {
    arena.charge(2);
    out.set(key, value);
  }
  return Value::of(&out);
}

Value update(Arena& arena, const Value& self, Arguments& arguments) {
  if (arguments.positional.size() > 1) fail("TypeError: update expected at most 1 argument");
  DictObject& dict = self.as_dict();
  if (!arguments.positional.empty()) {
    const Value& other = arguments.positional[0];
    if (!other.is(Kind::dict)) fail("TypeError: update wants a mapping");
    const auto entries = other.as_dict().entries;
    for (const auto& [key, value] : entries) {
      arena.charge(2);
      dict.set(key, value);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    arena.charge(2);
    dict.set(Value::text(name), value);
  }
  return Value::none();
}

Value dict_pop(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("pop", arguments);
  const Value key = parameters.require("");
  const Value* otherwise = parameters.take("");
  parameters.done();
  DictObject& dict = self.as_dict();
  const Value* found = dict.find(key);
  if (!found && !otherwise) fail("KeyError: " + repr(arena, key));
  Value out = found ? *found : *otherwise;
  arena.charge(dict.entries.size());
  if (found) dict.erase(key);
  return out;
}

Value setdefault(Arena& arena, const Value& self, Arguments& arguments) {
  Parameters parameters("setdefault", arguments);
  const Value key = parameters.require("");
  const Value* otherwise = parameters.take("");
  parameters.done();
  if (const Value* found = self.as_dict().find(key)) return *found;
  arena.charge(2);
  Value out = otherwise ? *otherwise : Value::none();
  self.as_dict().set(key, out);
  return out;
}

Value dict_clear(Arena&, const Value& self, Arguments& arguments) {
  Parameters("clear", arguments).done();
  self.as_dict().clear();
  return Value::none();
}

using Entry = std::pair<std::string_view, Method>;
constexpr Entry kListMethods[] = {
    {"append", append}, {"clear", list_clear}, {"copy", list_copy}, {"count", count},   {"extend", extend},
    {"index", index},   {"insert", insert},    {"pop", list_pop},   {"remove", remove}, {"reverse", list_reverse},
};
constexpr Entry kDictMethods[] = {
    {"clear", dict_clear},
    {"copy", dict_copy},
    {"get", dict_get},
    {"items", view<Sequence::items>},
    {"keys", view<Sequence::keys>},
    {"pop", dict_pop},
    {"setdefault", setdefault},
    {"update", update},
    {"values", view<Sequence::values>},
};

template <std::size_t Size>
Method look_up(const Entry (&table)[Size], std::string_view name) {
  const auto* found = std::find_if(std::begin(table), std::end(table), [&](const Entry& e) { return e.first == name; });
  return found == std::end(table) ? nullptr : found->second;
}

}  // namespace

Method list_method(std::string_view name) { return look_up(kListMethods, name); }
Method dict_method(std::string_view name) { return look_up(kDictMethods, name); }

}  // namespace tollgate::local::jinja
