#include "local_backend/template/operations.h"

#include <algorithm>
#include <cmath>
#include <compare>

#include "local_backend/template/unicode_text.h"

namespace tollgate::local::jinja {
namespace {

// Equality and order of numbers without losing digits of large integers.
std::partial_ordering order_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.as_integer() <=> b.as_integer();
  return a.as_real() <=> b.as_real();
}

bool same_shape(Sequence a, Sequence b) {
  const auto plain = [](Sequence s) { return s == Sequence::keys || s == Sequence::items ? Sequence::keys : s; };
  return plain(a) == plain(b);
}

std::string_view sign_of(Order order) {
  switch (order) {
    case Order::less:
      return "<";
    case Order::less_equal:
      return "<=";
    case Order::greater:
      return ">";
    case Order::greater_equal:
      return ">=";
  }
  return "<";
}

bool holds(Order order, std::partial_ordering result) {
  switch (order) {
    case Order::less:
      return result < 0;
    case Order::less_equal:
      return result <= 0;
    case Order::greater:
      return result > 0;
    case Order::greater_equal:
      return result >= 0;
  }
  return false;
}

bool equal_lists(Arena& arena, const ListObject& a, const ListObject& b) {
  if (!same_shape(a.sequence, b.sequence) || a.sequence == Sequence::values) return &a == &b;
  if (a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size() && i < b.items.size(); ++i) {
    if (!equal(arena, a.items[i], b.items[i])) return false;
  }
  return true;
}

bool equal_dicts(Arena& arena, const DictObject& a, const DictObject& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(key);
    if (!other || !equal(arena, value, *other)) return false;
  }
  return true;
}

}  // namespace

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return value.as_integer() != 0;
    case Kind::real:
      return value.as_real() != 0;
    case Kind::text:
      return !value.bytes().empty();
    case Kind::list:
      return !value.as_list().items.empty();
    case Kind::dict:
      return !value.as_dict().entries.empty();
    default:
      return true;
  }
}

bool equal(Arena& arena, const Value& a, const Value& b) {
  const Arena::Level level(arena);
  arena.charge(1);
  if (a.is_number() && b.is_number()) return order_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::text:
      arena.charge(a.bytes().size() / 64);
      return a.bytes() == b.bytes();
    case Kind::list:
      return a.identity() == b.identity() || equal_lists(arena, a.as_list(), b.as_list());
    case Kind::dict:
      return a.identity() == b.identity() || equal_dicts(arena, a.as_dict(), b.as_dict());
    default:
      return a.identity() == b.identity();
  }
}

bool compare(Arena& arena, Order order, const Value& a, const Value& b) {
  const Arena::Level level(arena);
  arena.charge(1);
  for (const Value* side : {&a, &b}) {
    if (side->is(Kind::undefined)) fail("UndefinedError: " + side->undefined_reason());
  }
  if (a.is_number() && b.is_number()) return holds(order, order_numbers(a, b));
  if (a.is(Kind::text) && b.is(Kind::text)) {
    arena.charge(std::min(a.bytes().size(), b.bytes().size()) / 64);
    return holds(order, a.bytes() <=> b.bytes());
  }
  const bool lists = a.is(Kind::list) && b.is(Kind::list) && a.as_list().sequence == b.as_list().sequence &&
                     (a.as_list().sequence == Sequence::list || a.as_list().sequence == Sequence::tuple);
  if (lists) {
    const auto& left = a.as_list().items;
    const auto& right = b.as_list().items;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      if (!equal(arena, left[i], right[i])) return compare(arena, order, left[i], right[i]);
    }
    return holds(order, left.size() <=> right.size());
  }
  fail("TypeError: '" + std::string(sign_of(order)) + "' not supported between instances of '" +
       std::string(type_name(a)) + "' and '" + std::string(type_name(b)) + "'");
}

bool contains(Arena& arena, const Value& container, const Value& item) {
  if (container.is(Kind::text)) {
    if (!item.is(Kind::text)) {
      fail("TypeError: 'in <string>' requires string as left operand, not " + std::string(type_name(item)));
    }
    arena.charge(container.bytes().size() / 64);
    return container.bytes().find(item.bytes()) != std::string::npos;
  }
  if (item.is(Kind::text)) arena.charge(item.bytes().size() / 64);
  if (container.is(Kind::dict)) return container.as_dict().find(item) != nullptr;
  if (!is_iterable(container)) {
    fail("TypeError: argument of type '" + std::string(type_name(container)) + "' is not iterable");
  }
  Cursor cursor(arena, container);
  for (Value each; cursor.next(each);) {
    if (equal(arena, each, item)) return true;
  }
  return false;
}

std::int64_t length(Arena& arena, const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return 0;
    case Kind::text: {
      const Text& text = value.as_text();
      if (text.ascii) return static_cast<std::int64_t>(text.bytes.size());
      arena.charge(text.bytes.size() / 64);
      return static_cast<std::int64_t>(count_points(text.bytes));
    }
    case Kind::list:
      return static_cast<std::int64_t>(value.as_list().items.size());
    case Kind::dict:
      return static_cast<std::int64_t>(value.as_dict().entries.size());
    case Kind::callable:
      if (value.as_callable().has_attribute("length")) return value.as_callable().attribute("length").as_integer();
      break;
    default:
      break;
  }
  fail("TypeError: object of type '" + std::string(type_name(value)) + "' has no len()");
}

Cursor::Cursor(Arena& arena, const Value& value) : arena_(arena), source_(value) {
  if (!is_iterable(value)) fail("TypeError: '" + std::string(type_name(value)) + "' object is not iterable");
}

bool Cursor::next(Value& out) {
  arena_.charge(1);
  switch (source_.kind()) {
    case Kind::list: {
      const auto& items = source_.as_list().items;
      if (at_ >= items.size()) return false;
      out = items[at_++];
      return true;
    }
    case Kind::dict: {
      const auto& entries = source_.as_dict().entries;
      if (at_ >= entries.size()) return false;
      out = entries[at_++].first;
      return true;
    }
    case Kind::text: {
      const std::string& bytes = source_.bytes();
      if (at_ >= bytes.size()) return false;
      const std::size_t start = at_;
      next_point(bytes, at_);
      out = Value::text(bytes.substr(start, at_ - start));
      return true;
    }
    case Kind::iterator: {
      const Arena::Level level(arena_);
      return source_.as_iterator().next(out);
    }
    default:
      return false;
  }
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::text:
    case Kind::list:
    case Kind::dict:
    case Kind::iterator:
      return true;
    default:
      return false;
  }
}

std::vector<Value> all_items(Arena& arena, const Value& value) {
  std::vector<Value> out;
  Cursor cursor(arena, value);
  for (Value each; cursor.next(each);) {
    arena.charge(1);
    out.push_back(each);
  }
  return out;
}

const Value* list_at(const ListObject& list, std::int64_t index) {
  const auto size = static_cast<std::int64_t>(list.items.size());
  if (index < 0) index += size;
  return index < 0 || index >= size ? nullptr : &list.items[static_cast<std::size_t>(index)];
}

}  // namespace tollgate::local::jinja
