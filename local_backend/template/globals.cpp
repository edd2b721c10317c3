// The functions that every template knows.
#include <ctime>
#include <functional>
#include <initializer_list>
#include <utility>

#include "local_backend/template/interpreter.h"
#include "local_backend/template/methods.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // as Jinja's sandbox has it

class Function final : public CallableObject {
 public:
  using Body = std::function<Value(Arguments&)>;
  Function(std::string_view name, Body body) : name_(name), body_(std::move(body)) {}
  Value call(Arguments& arguments) override { return body_(arguments); }
  std::string describe() const override { return "<function " + name_ + ">"; }

 private:
  std::string name_;
  Body body_;
};

Value range(Arena& arena, Arguments& arguments) {
  const auto& given = arguments.positional;
  if (given.empty() || given.size() > 3 || !arguments.named.empty()) fail("TypeError: range expected 1 to 3 arguments");
  for (const Value& value : given) {
    if (value.is(Kind::undefined)) fail("TypeError: 'Undefined' object cannot be interpreted as an integer");
    if (!value.is_integral()) {
      fail("TypeError: '" + std::string(type_name(value)) + "' object cannot be interpreted as an integer");
    }
  }
  const std::int64_t start = given.size() > 1 ? given[0].as_integer() : 0;
  const std::int64_t stop = given[given.size() > 1 ? 1 : 0].as_integer();
  const std::int64_t step = given.size() > 2 ? given[2].as_integer() : 1;
  if (step == 0) fail("ValueError: range() arg 3 must not be zero");
  std::vector<Value> out;
  std::int64_t at = start;
  while (step > 0 ? at < stop : at > stop) {
    if (static_cast<std::int64_t>(out.size()) >= kMaxRange) {
      fail("OverflowError: Range too big. The sandbox blocks ranges larger than " + std::to_string(kMaxRange) + ".");
    }
    out.push_back(Value::integer(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return arena.list(std::move(out), Sequence::range);
}

// dict(mapping or pairs, names...): the entries one after the other.
template <class Put>
void put_entries(Arena& arena, Arguments& arguments, Put put) {
  if (arguments.positional.size() > 1) fail("TypeError: at most 1 positional argument");
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is(Kind::dict)) {
      for (const auto& [key, value] : source.as_dict().entries) put(key, value);
    } else {
      for (const Value& pair : all_items(arena, source)) {
        const std::vector<Value> both = all_items(arena, pair);
        if (both.size() != 2) fail("ValueError: a dict is made of pairs");
        put(both[0], both[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) put(Value::text(name), value);
}

Value make_dict(Arena& arena, Arguments& arguments) {
  DictObject& dict = arena.dict();
  put_entries(arena, arguments, [&](const Value& key, const Value& value) {
    arena.charge(2);
    dict.set(key, value);
  });
  return Value::of(&dict);
}

Value make_namespace(Arena& arena, Arguments& arguments) {
  NamespaceObject& space = arena.name_space();
  put_entries(arena, arguments, [&](const Value& key, const Value& value) {
    arena.charge(2 + space.entries.size() / 32);
    if (!key.is(Kind::text)) fail("TypeError: names of a namespace are texts");
    space.set(key.bytes(), value);
  });
  return Value::of(&space);
}

Value raise_exception(Arena& arena, Arguments& arguments) {
  Parameters parameters("raise_exception", arguments);
  const Value message = parameters.require("message");
  parameters.done();
  throw Fault{to_text(arena, message), Fault::kOwnWords};
}

// In UTC.
Value strftime_now(Arena& arena, Arguments& arguments, std::int64_t now_unix) {
  Parameters parameters("strftime_now", arguments);
  const std::string& format = parameters.text("format");
  parameters.done();
  if (format.size() > 200) fail("ValueError: too long a date format");
  const std::time_t now = now_unix != 0 ? static_cast<std::time_t>(now_unix) : std::time(nullptr);
  std::tm broken_down{};
  gmtime_r(&now, &broken_down);
  char buffer[4096];
  return arena.text(std::string(buffer, std::strftime(buffer, sizeof(buffer), format.c_str(), &broken_down)));
}

// joiner(): nothing at its first call, the separator at every other one.
Value joiner(Arena& arena, Arguments& arguments) {
  Parameters parameters("joiner", arguments);
  const Value* given = parameters.take("sep");
  parameters.done();
  const Value separator = given ? *given : Value::text(", ");
  auto used = std::make_shared<bool>(false);  // second owner: copies of the function
  return Value::of(&arena.make<Function>("joiner", [separator, used](Arguments& none) {
    Parameters("joiner", none).done();
    return std::exchange(*used, true) ? separator : Value::text("");
  }));
}

// cycler(a, b): .next(), .current, .reset().
class Cycler final : public CallableObject {
 public:
  Cycler(Arena& arena, std::vector<Value> items) : arena_(arena), items_(std::move(items)) {}
  Value call(Arguments&) override { fail("TypeError: 'Cycler' object is not callable"); }
  bool has_attribute(std::string_view name) const override {
    return name == "next" || name == "reset" || name == "current" || name == "pos" || name == "items";
  }
  Value attribute(std::string_view name) override {
    if (name == "current") return items_[at_];
    if (name == "pos") return Value::integer(static_cast<std::int64_t>(at_));
    if (name == "items") return arena_.list(items_, Sequence::tuple);
    const bool next = name == "next";
    return Value::of(&arena_.make<Function>(name, [this, next](Arguments&) {
      const Value current = items_[at_];
      at_ = next ? (at_ + 1) % items_.size() : 0;
      return next ? current : Value::none();
    }));
  }
  std::string describe() const override { return "<Cycler>"; }

 private:
  Arena& arena_;
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

Value cycler(Arena& arena, Arguments& arguments) {
  if (arguments.positional.empty()) fail("RuntimeError: at least one item has to be provided");
  return Value::of(&arena.make<Cycler>(arena, arguments.positional));
}

}  // namespace

std::vector<std::pair<std::string_view, Value>> global_functions(Arena& arena, std::int64_t now_unix) {
  using Plain = Value (*)(Arena&, Arguments&);
  std::vector<std::pair<std::string_view, Value>> out;
  const auto add = [&](std::string_view name, Function::Body body) {
    out.emplace_back(name, Value::of(&arena.make<Function>(name, std::move(body))));
  };
  for (const auto& [name, function] :
       std::initializer_list<std::pair<std::string_view, Plain>>{{"range", range},
                                                                 {"dict", make_dict},
                                                                 {"namespace", make_namespace},
                                                                 {"raise_exception", raise_exception},
                                                                 {"joiner", joiner},
                                                                 {"cycler", cycler}}) {
    add(name, [&arena, function](Arguments& arguments) { return function(arena, arguments); });
  }
  add("strftime_now", [&arena, now_unix](Arguments& arguments) { return strftime_now(arena, arguments, now_unix); });
  return out;
}

}  // namespace tollgate::local::jinja
