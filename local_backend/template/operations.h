// Python's operators, conversions and subscripts over Values. Every function may throw Fault; what makes values takes
// the arena that is charged for them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/template/value.h"

namespace tollgate::local::jinja {

std::string real_repr(double value);  // the shortest text that reads back as the same number, as repr() writes it
std::string text_repr(std::string_view text);
std::string to_text(Arena& arena, const Value& value);  // str()
std::string repr(Arena& arena, const Value& value);

bool truthy(const Value& value);
bool equal(Arena& arena, const Value& a, const Value& b);
enum class Order : unsigned char { less, less_equal, greater, greater_equal };
bool compare(Arena& arena, Order order, const Value& a, const Value& b);
bool contains(Arena& arena, const Value& container, const Value& item);
std::int64_t length(Arena& arena, const Value& value);

enum class Operator : unsigned char { add, sub, mul, div, floordiv, mod, pow };
Value arithmetic(Arena& arena, Operator op, const Value& a, const Value& b);
Value negate(const Value& value, bool keep_sign);
Value concat(Arena& arena, const std::vector<Value>& parts);  // the `~` operator
// Text joined to text as `+` does it: plain text beside safe text is escaped.
Value join_texts(Arena& arena, const Value& a, const Value& b);
std::string escaped(std::string_view text);
// What the % operator does on texts.
std::string percent_format(Arena& arena, std::string_view format, const Value& arguments);

// `object[key]` and `object.name` as Jinja resolves them; undefined where there is nothing.
Value item_of(Arena& arena, const Value& object, const Value& key);
Value attribute_of(Arena& arena, const Value& object, std::string_view name);
struct Slice {
  Value start, stop, step;  // none where left out
};
Value slice_of(Arena& arena, const Value& object, const Slice& slice);

// All items of an iterable, one by one.
class Cursor {
 public:
  // Fails if `value` cannot be iterated.
  Cursor(Arena& arena, const Value& value);
  bool next(Value& out);

 private:
  Arena& arena_;
  Value source_;
  std::size_t at_ = 0;
};
bool is_iterable(const Value& value);
std::vector<Value> all_items(Arena& arena, const Value& value);

// Sorts stably by `before(a, b)`, which may throw and need not be a strict order: numbers that are none are not.
template <class T, class Before>
void stable_merge_sort(std::vector<T>& items, const Before& before) {
  std::vector<T> merged(items.size());
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    for (std::size_t low = 0; low < items.size(); low += 2 * width) {
      std::size_t left = low;
      const std::size_t middle = std::min(low + width, items.size());
      std::size_t right = middle;
      const std::size_t high = std::min(low + 2 * width, items.size());
      for (std::size_t out = low; out < high; ++out) {
        const bool take_right = left == middle || (right < high && before(items[right], items[left]));
        merged[out] = std::move(items[take_right ? right++ : left++]);
      }
    }
    items.swap(merged);
  }
}

// Python's indexes: negative ones count from the end; nullptr outside.
const Value* list_at(const ListObject& list, std::int64_t index);

}  // namespace tollgate::local::jinja
