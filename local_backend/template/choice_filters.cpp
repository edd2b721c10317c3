// map, select, reject and their attr forms: filters that take filters and tests by name.
#include <algorithm>
#include <memory>
#include <utility>

#include "local_backend/template/filters.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

// The first positional argument, taken out.
bool take_first(Arguments& arguments, Value& out) {
  if (arguments.positional.empty()) return false;
  out = arguments.positional.front();
  arguments.positional.erase(arguments.positional.begin());
  return true;
}

// What a lazy filter of this kind holds; shared by the copies of its function.
struct Work {
  Work(Arena& arena, const Value& input, const Arguments& given) : cursor(arena, input), arguments(given) {}

  Cursor cursor;
  Arguments arguments;
  Value attribute = Value::none();
  Value otherwise = Value::none();
  std::string name;
  Filter filter = nullptr;
  Test test = nullptr;
};

// Nothing is asked of an empty input, not even that the rest makes sense.
std::shared_ptr<Work> begin(Arena& arena, const Value& input, Arguments& arguments) {
  if (!truthy(input)) return nullptr;
  return std::make_shared<Work>(arena, input, arguments);
}

Value nothing(Arena& arena) {
  return arena.iterator([](Value&) { return false; });
}

void take_attribute(Work& work) {
  auto& named = work.arguments.named;
  for (const auto& [name, value] : named) {
    if (name == "attribute") {
      work.attribute = value;
    } else if (name == "default") {
      work.otherwise = value;
    } else {
      fail("FilterArgumentError: Unexpected keyword argument '" + name + "'");
    }
  }
}

Value map(Arena& arena, const Value& input, Arguments& arguments) {
  const auto work = begin(arena, input, arguments);
  if (!work) return nothing(arena);
  return arena.iterator([&arena, work](Value& out) {
    const bool by_attribute = work->arguments.positional.empty() &&
                              std::any_of(work->arguments.named.begin(), work->arguments.named.end(),
                                          [](const auto& argument) { return argument.first == "attribute"; });
    if (by_attribute) {
      take_attribute(*work);
    } else if (!work->filter) {
      Value name;
      if (!take_first(work->arguments, name)) fail("FilterArgumentError: map requires a filter argument");
      work->name = to_text(arena, name);
      work->filter = find_filter(work->name);
      if (!work->filter) no_such_filter(work->name);
    }
    Value item;
    if (!work->cursor.next(item)) return false;
    if (by_attribute) {
      out = attribute_path(arena, item, work->attribute, &work->otherwise);
    } else {
      Arguments own = work->arguments;
      out = work->filter(arena, item, own);
    }
    return true;
  });
}

template <bool kReject, bool kAttribute>
Value choose(Arena& arena, const Value& input, Arguments& arguments) {
  const auto work = begin(arena, input, arguments);
  if (!work) return nothing(arena);
  auto prepared = std::make_shared<bool>(false);  // second owner: copies of the function
  return arena.iterator([&arena, work, prepared](Value& out) {
    if (!*prepared) {
      if (kAttribute && !take_first(work->arguments, work->attribute)) {
        fail("FilterArgumentError: Missing parameter for attribute name");
      }
      Value name;
      if (take_first(work->arguments, name)) {
        work->name = to_text(arena, name);
        work->test = find_test(work->name);
        if (!work->test) no_such_test(work->name);
      }
      *prepared = true;
    }
    while (work->cursor.next(out)) {
      const Value subject = kAttribute ? attribute_path(arena, out, work->attribute) : out;
      Arguments own = work->arguments;
      const bool holds = work->test ? work->test(arena, subject, own) : truthy(subject);
      if (holds != kReject) return true;
    }
    return false;
  });
}

}  // namespace

Filter find_choice_filter(std::string_view name) {
  if (name == "map") return map;
  if (name == "select") return choose<false, false>;
  if (name == "reject") return choose<true, false>;
  if (name == "selectattr") return choose<false, true>;
  if (name == "rejectattr") return choose<true, true>;
  return nullptr;
}

}  // namespace tollgate::local::jinja
