// `object[key]`, `object.name` and slices.
#include <algorithm>

#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"
#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

std::string object_words(const Value& object) {
  if (object.is(Kind::none)) return "None";
  return std::string(type_name(object)) + " object";
}

Value missing(Arena& arena, const Value& object, const Value& key) {
  if (key.is(Kind::text))
    return Value::undefined("'" + object_words(object) + "' has no attribute " + repr(arena, key));
  return Value::undefined(object_words(object) + " has no element " + repr(arena, key));
}

Value unsafe(const Value& object, std::string_view name) {
  return Value::undefined("access to attribute '" + std::string(name) + "' of '" + std::string(type_name(object)) +
                          "' object is unsafe.");
}

// What Python's getattr() finds on the types themselves; false where there is no such attribute.
bool own_attribute(Arena& arena, const Value& object, std::string_view name, Value& out) {
  if (object.is(Kind::list) && object.as_list().group && (name == "grouper" || name == "list")) {
    out = object.as_list().items[name == "list" ? 1 : 0];
    return true;
  }
  if (object.is(Kind::name_space)) {
    arena.charge(object.as_namespace().entries.size() / 32);
    const Value* found = object.as_namespace().find(name);
    if (found) out = *found;
    return found != nullptr;
  }
  if (object.is(Kind::callable)) {
    if (!object.as_callable().has_attribute(name)) return false;
    out = object.as_callable().attribute(name);
    return true;
  }
  if (name.size() > 4 && name.starts_with("__") && name.ends_with("__")) {
    out = unsafe(object, name);
    return true;
  }
  return bound_method(arena, object, name, out);
}

// `object[key]` proper; false for Python's TypeError and LookupError.
bool own_item(Arena& arena, const Value& object, const Value& key, Value& out) {
  if (key.is(Kind::text)) arena.charge(key.bytes().size() / 64);
  if (object.is(Kind::dict)) {
    if (key.is(Kind::dict) || (key.is(Kind::list) && key.as_list().sequence != Sequence::tuple)) return false;
    const Value* found = object.as_dict().find(key);
    if (found) out = *found;
    return found != nullptr;
  }
  if (!key.is_integral()) return false;
  if (object.is(Kind::list)) {
    const Sequence sequence = object.as_list().sequence;
    if (sequence == Sequence::keys || sequence == Sequence::values || sequence == Sequence::items) return false;
    const Value* found = list_at(object.as_list(), key.as_integer());
    if (found) out = *found;
    return found != nullptr;
  }
  if (!object.is(Kind::text)) return false;
  const std::int64_t size = length(arena, object);
  std::int64_t index = key.as_integer();
  if (index < 0) index += size;
  if (index < 0 || index >= size) return false;
  const Text& text = object.as_text();
  arena.charge(text.ascii ? 0 : text.bytes.size() / 64);
  const std::size_t start =
      text.ascii ? static_cast<std::size_t>(index) : offset_of_point(text.bytes, static_cast<std::size_t>(index));
  std::size_t end = start;
  next_point(text.bytes, end);
  out = Value::text(text.bytes.substr(start, end - start), text.markup);
  return true;
}

// The start, stop and step of a slice over `size` items, as Python's slice.indices() clips them.
struct Bounds {
  std::int64_t start = 0, stop = 0, step = 1;
};

std::int64_t slice_number(const Value& value, std::int64_t otherwise) {
  if (value.is(Kind::none)) return otherwise;
  if (value.is(Kind::undefined)) fail("TypeError: slice indices must be integers or None, not Undefined");
  if (!value.is_integral()) fail("TypeError: slice indices must be integers or None");
  return value.as_integer();
}

Bounds clipped(const Slice& slice, std::int64_t size) {
  Bounds out;
  out.step = slice_number(slice.step, 1);
  if (out.step == 0) fail("ValueError: slice step cannot be zero");
  const bool backwards = out.step < 0;
  const std::int64_t low = backwards ? -1 : 0;
  const std::int64_t high = backwards ? size - 1 : size;
  const auto clip = [&](const Value& value, std::int64_t otherwise) {
    if (value.is(Kind::none)) return otherwise;
    const std::int64_t index = slice_number(value, 0);
    return index < 0 ? std::max(low, index + size) : std::min(high, index);
  };
  out.start = clip(slice.start, backwards ? high : low);
  out.stop = clip(slice.stop, backwards ? low : high);
  return out;
}

template <class Take>
void walk(const Bounds& bounds, Take take) {
  std::int64_t at = bounds.start;
  while (bounds.step > 0 ? at < bounds.stop : at > bounds.stop) {
    take(static_cast<std::size_t>(at));
    if (__builtin_add_overflow(at, bounds.step, &at)) return;
  }
}

Value text_slice(Arena& arena, const Text& text, const Slice& slice) {
  const auto size = static_cast<std::int64_t>(text.ascii ? text.bytes.size() : count_points(text.bytes));
  const Bounds bounds = clipped(slice, size);
  arena.charge(text.bytes.size() / 64);
  std::string out;
  if (bounds.step == 1) {
    const auto start = static_cast<std::size_t>(bounds.start);
    const auto stop = static_cast<std::size_t>(std::max(bounds.start, bounds.stop));
    const std::size_t first = text.ascii ? start : offset_of_point(text.bytes, start);
    const std::size_t last = text.ascii ? stop : offset_of_point(text.bytes, stop);
    return arena.text(text.bytes.substr(first, last - first), text.markup);
  }
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < text.bytes.size(); next_point(text.bytes, at)) starts.push_back(at);
  arena.charge(starts.size() / 4);
  starts.push_back(text.bytes.size());
  walk(bounds, [&](std::size_t i) { out.append(text.bytes, starts[i], starts[i + 1] - starts[i]); });
  return arena.text(std::move(out), text.markup);
}

}  // namespace

Value item_of(Arena& arena, const Value& object, const Value& key) {
  if (object.is(Kind::undefined)) fail("UndefinedError: " + object.undefined_reason());
  Value out;
  if (own_item(arena, object, key, out)) return out;
  if (key.is(Kind::text) && own_attribute(arena, object, key.bytes(), out)) return out;
  return missing(arena, object, key);
}

Value attribute_of(Arena& arena, const Value& object, std::string_view name) {
  if (object.is(Kind::undefined)) fail("UndefinedError: " + object.undefined_reason());
  Value out;
  if (own_attribute(arena, object, name, out)) return out;
  if (object.is(Kind::dict)) {
    if (const Value* found = object.as_dict().find(name)) return *found;
  }
  return missing(arena, object, Value::text(std::string(name)));
}

Value slice_of(Arena& arena, const Value& object, const Slice& slice) {
  if (object.is(Kind::undefined)) fail("UndefinedError: " + object.undefined_reason());
  if (object.is(Kind::text)) return text_slice(arena, object.as_text(), slice);
  const bool sliceable = object.is(Kind::list) &&
                         (object.as_list().sequence == Sequence::list || object.as_list().sequence == Sequence::tuple ||
                          object.as_list().sequence == Sequence::range);
  if (!sliceable) fail("TypeError: '" + std::string(type_name(object)) + "' object is not subscriptable by a slice");
  const auto& items = object.as_list().items;
  std::vector<Value> out;
  walk(clipped(slice, static_cast<std::int64_t>(items.size())), [&](std::size_t i) { out.push_back(items[i]); });
  return arena.list(std::move(out), object.as_list().sequence);
}

}  // namespace tollgate::local::jinja
