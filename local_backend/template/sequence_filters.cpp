// Filters over sequences and mappings.
#include <algorithm>
#include <memory>
#include <utility>

#include "local_backend/template/filters.h"
#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

Value ignore_case(Arena& arena, Value value) {
  return value.is(Kind::text) ? arena.text(lower_case(value.bytes())) : value;
}

// What a sequence is sorted, grouped or compared by.
class Key {
 public:
  Key(const Value* attribute, bool case_sensitive) : case_sensitive_(case_sensitive) {
    if (attribute) attribute_ = *attribute;
  }
  Value of(Arena& arena, const Value& item, const Value* otherwise = nullptr) const {
    Value key = attribute_path(arena, item, attribute_, otherwise);
    return case_sensitive_ ? key : ignore_case(arena, std::move(key));
  }
  // Several attributes, split by commas.
  Value all_of(Arena& arena, const Value& item) const {
    if (!attribute_.is(Kind::text)) return arena.list({of(arena, item)});
    std::vector<Value> keys;
    for (const std::string_view part : split_by(attribute_.bytes(), ",", -1, false)) {
      const Value attribute = Value::text(std::string(part));
      keys.push_back(Key(&attribute, case_sensitive_).of(arena, item));
    }
    return arena.list(std::move(keys));
  }

 private:
  Value attribute_ = Value::none();
  bool case_sensitive_;
};

std::vector<Value> sorted(Arena& arena, const Value& input, bool reverse,
                          const std::function<Value(const Value&)>& key_of) {
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : all_items(arena, input)) {
    Value key = key_of(item);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  stable_merge_sort(keyed, [&](const auto& a, const auto& b) {
    return compare(arena, Order::less, reverse ? b.first : a.first, reverse ? a.first : b.first);
  });
  std::vector<Value> out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return out;
}

Value first(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("first", arguments).done();
  Value out;
  return Cursor(arena, input).next(out) ? out : Value::undefined("No first item, sequence was empty.");
}

bool is_reversible(const Value& value) { return is_iterable(value) && !value.is(Kind::iterator); }

Value last(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("last", arguments).done();
  if (!is_reversible(input)) fail("TypeError: '" + std::string(type_name(input)) + "' object is not reversible");
  if (input.is(Kind::text)) {
    return input.bytes().empty() ? Value::undefined("No last item, sequence was empty.")
                                 : item_of(arena, input, Value::integer(-1));
  }
  const std::vector<Value> items = all_items(arena, input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value list(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("list", arguments).done();
  return arena.list(all_items(arena, input));
}

Value items(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("items", arguments).done();
  auto at = std::make_shared<std::size_t>(0);  // second owner: copies of the function
  return arena.iterator([&arena, input, at](Value& out) {
    if (input.is(Kind::undefined)) return false;
    if (!input.is(Kind::dict)) fail("TypeError: Can only get item pairs from a mapping.");
    const auto& entries = input.as_dict().entries;
    if (*at >= entries.size()) return false;
    const auto& [key, value] = entries[(*at)++];
    out = arena.list({key, value}, Sequence::tuple);
    return true;
  });
}

Value reverse(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters("reverse", arguments).done();
  if (input.is(Kind::text)) return slice_of(arena, input, {Value::none(), Value::none(), Value::integer(-1)});
  if (!is_iterable(input)) fail("FilterArgumentError: argument must be iterable");
  auto items = std::make_shared<std::vector<Value>>(all_items(arena, input));  // second owner: copies of the function
  std::reverse(items->begin(), items->end());
  if (!is_reversible(input)) return arena.list(*items);
  auto at = std::make_shared<std::size_t>(0);
  return arena.iterator(
      [items, at](Value& out) {
        if (*at >= items->size()) return false;
        out = (*items)[(*at)++];
        return true;
      },
      "list_reverseiterator");
}

Value sort(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("sort", arguments);
  const bool backwards = parameters.flag("reverse", false);
  const bool case_sensitive = parameters.flag("case_sensitive", false);
  const Key key(parameters.take("attribute"), case_sensitive);
  parameters.done();
  return arena.list(sorted(arena, input, backwards, [&](const Value& item) { return key.all_of(arena, item); }));
}

Value dictsort(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("dictsort", arguments);
  const bool case_sensitive = parameters.flag("case_sensitive", false);
  const Value* by = parameters.take("by");
  const std::string part = by ? to_text(arena, *by) : "key";
  const bool backwards = parameters.flag("reverse", false);
  parameters.done();
  if (part != "key" && part != "value") {
    fail("FilterArgumentError: You can only sort by either \"key\" or \"value\"");
  }
  if (input.is(Kind::undefined)) fail("UndefinedError: " + input.undefined_reason());
  if (!input.is(Kind::dict))
    fail("AttributeError: '" + std::string(type_name(input)) + "' object has no attribute 'items'");
  Arguments none;
  const Value pairs = dict_method("items")(arena, input, none);
  return arena.list(sorted(arena, pairs, backwards, [&](const Value& pair) {
    const Value& value = pair.as_list().items[part == "key" ? 0 : 1];
    return case_sensitive ? value : ignore_case(arena, value);
  }));
}

Value unique(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("unique", arguments);
  const bool case_sensitive = parameters.flag("case_sensitive", false);
  const Key key(parameters.take("attribute"), case_sensitive);
  parameters.done();
  auto cursor = std::make_shared<Cursor>(arena, input);  // second owner: copies of the function
  DictObject& seen = arena.dict();
  return arena.iterator([&arena, key, cursor, &seen](Value& out) {
    while (cursor->next(out)) {
      const Value each = key.of(arena, out);
      if (seen.find(each)) continue;
      arena.charge(2);
      seen.set(each, Value::none());
      return true;
    }
    return false;
  });
}

template <bool kMax>
Value extreme(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters(kMax ? "max" : "min", arguments);
  const bool case_sensitive = parameters.flag("case_sensitive", false);
  const Key key(parameters.take("attribute"), case_sensitive);
  parameters.done();
  Cursor cursor(arena, input);
  Value best;
  if (!cursor.next(best)) return Value::undefined("No aggregated item, sequence was empty.");
  Value best_key = key.of(arena, best);
  for (Value item; cursor.next(item);) {
    Value each = key.of(arena, item);
    if (!compare(arena, kMax ? Order::greater : Order::less, each, best_key)) continue;
    best = item;
    best_key = std::move(each);
  }
  return best;
}

Value join(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("join", arguments);
  const Value* mark = parameters.take("d");
  const std::string between = mark ? to_text(arena, *mark) : "";
  const Value* attribute = parameters.take("attribute");
  parameters.done();
  std::string out;
  Cursor cursor(arena, input);
  bool begun = false;
  for (Value item; cursor.next(item);) {
    if (begun) out += between;
    begun = true;
    if (attribute && !attribute->is(Kind::none)) item = attribute_path(arena, item, *attribute);
    out += to_text(arena, item);
    arena.charge(between.size() / 32 + (item.is(Kind::text) ? item.bytes().size() / 32 : 0));
    arena.check_size(out.size());
  }
  return arena.text(std::move(out));
}

Value sum(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("sum", arguments);
  const Value* attribute = parameters.take("attribute");
  const Value* start = parameters.take("start");
  parameters.done();
  Value total = start ? *start : Value::integer(0);
  if (total.is(Kind::text)) fail("TypeError: sum() can't sum strings [use ''.join(seq) instead]");
  Cursor cursor(arena, input);
  for (Value item; cursor.next(item);) {
    if (attribute && !attribute->is(Kind::none)) item = attribute_path(arena, item, *attribute);
    total = arithmetic(arena, Operator::add, total, item);
  }
  return total;
}

Value batch(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("batch", arguments);
  const std::int64_t size = parameters.integer("linecount", 0);
  const Value* given = parameters.take("fill_with");
  parameters.done();
  const Value fill = given ? *given : Value::none();
  auto cursor = std::make_shared<Cursor>(arena, input);  // second owner: copies of the function
  auto waiting = std::make_shared<std::vector<Value>>();
  bool begins = true;
  return arena.iterator([&arena, size, fill, cursor, waiting, begins](Value& out) mutable {
    std::vector<Value> row = std::exchange(*waiting, {});
    for (Value item; (size <= 0 || static_cast<std::int64_t>(row.size()) < size) && cursor->next(item);) {
      arena.charge(1);
      row.push_back(item);
    }
    if (row.empty()) return false;
    if (size == 0 && std::exchange(begins, false)) {  // Jinja's way: an empty batch, then one with everything
      *waiting = std::move(row);
      out = arena.list({});
      return true;
    }
    for (; !fill.is(Kind::none) && static_cast<std::int64_t>(row.size()) < size; row.push_back(fill)) arena.charge(1);
    out = arena.list(std::move(row));
    return true;
  });
}

Value slice(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("slice", arguments);
  const std::int64_t count = parameters.integer("slices", 0);
  const Value* fill = parameters.take("fill_with");
  parameters.done();
  if (count <= 0) fail("ZeroDivisionError: integer division or modulo by zero");
  const std::vector<Value> all = all_items(arena, input);
  const std::size_t slices = static_cast<std::size_t>(count);
  arena.charge(slices);
  std::vector<Value> out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < slices; ++i) {
    const bool longer = i < all.size() % slices;
    const std::size_t size = all.size() / slices + (longer ? 1 : 0);
    std::vector<Value> row(all.begin() + static_cast<std::ptrdiff_t>(at),
                           all.begin() + static_cast<std::ptrdiff_t>(at + size));
    at += size;
    if (fill && !fill->is(Kind::none) && !longer) row.push_back(*fill);
    out.push_back(arena.list(std::move(row)));
  }
  const Value rows = arena.list(std::move(out));
  auto cursor = std::make_shared<Cursor>(arena, rows);  // second owner: copies of the function
  return arena.iterator([cursor](Value& row) { return cursor->next(row); });
}

Value group_by(Arena& arena, const Value& input, Arguments& arguments) {
  Parameters parameters("groupby", arguments);
  const Value attribute = parameters.require("attribute");
  const Value* otherwise = parameters.take("default");
  const bool case_sensitive = parameters.flag("case_sensitive", false);
  parameters.done();
  const Key key(&attribute, case_sensitive);
  const auto key_of = [&](const Value& item) { return key.of(arena, item, otherwise); };
  std::vector<Value> out;
  Value current;
  for (Value& item : sorted(arena, input, false, key_of)) {
    Value each = key_of(item);
    if (out.empty() || !equal(arena, each, current)) {
      const Value shown = attribute_path(arena, item, attribute, otherwise);
      out.push_back(arena.list({shown, arena.list({})}, Sequence::tuple));
      out.back().as_list().group = true;
      current = std::move(each);
    }
    out.back().as_list().items[1].as_list().items.push_back(std::move(item));
  }
  return arena.list(std::move(out));
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"batch", batch},     {"dictsort", dictsort}, {"first", first}, {"groupby", group_by},  {"items", items},
    {"join", join},       {"last", last},         {"list", list},   {"max", extreme<true>}, {"min", extreme<false>},
    {"reverse", reverse}, {"slice", slice},       {"sort", sort},   {"sum", sum},           {"unique", unique},
};

}  // namespace

Value attribute_path(Arena& arena, const Value& item, const Value& path, const Value* otherwise) {
  if (path.is(Kind::none)) return item;
  Value out = item;
  const auto step = [&](const Value& key) {
    out = item_of(arena, out, key);
    if (otherwise && !otherwise->is(Kind::none) && out.is(Kind::undefined)) out = *otherwise;
  };
  if (!path.is(Kind::text)) {
    step(path);
    return out;
  }
  for (const std::string_view part : split_by(path.bytes(), ".", -1, false)) {
    const bool number =
        !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string_view::npos;
    step(number ? Value::integer(std::stoll(std::string(part))) : Value::text(std::string(part)));
  }
  return out;
}

Filter find_sequence_filter(std::string_view name) {
  if (const Filter found = find_choice_filter(name)) return found;
  const auto* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.first == name; });
  return found == std::end(kFilters) ? nullptr : found->second;
}

}  // namespace tollgate::local::jinja
