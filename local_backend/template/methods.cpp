#include "local_backend/template/methods.h"

#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

class BoundMethod final : public CallableObject {
 public:
  BoundMethod(Arena& arena, Value self, Method method, std::string name)
      : arena_(arena), self_(std::move(self)), method_(method), name_(std::move(name)) {}
  Value call(Arguments& arguments) override {
    arena_.charge(self_.is(Kind::text) ? self_.bytes().size() / 64 : 0);
    return method_(arena_, self_, arguments);
  }
  std::string describe() const override {
    return "<built-in method " + name_ + " of " + std::string(type_name(self_)) + " object>";
  }

 private:
  Arena& arena_;
  Value self_;
  Method method_;
  std::string name_;
};

}  // namespace

bool bound_method(Arena& arena, const Value& object, std::string_view name, Value& out) {
  Method method = nullptr;
  if (object.is(Kind::text)) method = text_method(name);
  if (object.is(Kind::dict)) method = dict_method(name);
  if (object.is(Kind::list)) {
    const Sequence sequence = object.as_list().sequence;
    if (sequence == Sequence::list || sequence == Sequence::tuple) method = list_method(name);
    if (sequence == Sequence::tuple && name != "index" && name != "count") method = nullptr;
  }
  if (!method) return false;
  out = Value::of(&arena.make<BoundMethod>(arena, object, method, std::string(name)));
  return true;
}

const Value* Parameters::take(std::string_view name) {
  const std::size_t position = position_++;
  const Value* found = position < arguments_.positional.size() ? &arguments_.positional[position] : nullptr;
  for (auto& [known, value] : arguments_.named) {
    if (known != name) continue;
    if (found) {
      fail("TypeError: " + std::string(function_) + "() got multiple values for argument '" + std::string(name) + "'");
    }
    known.clear();
    found = &value;
  }
  return found;
}

const Value& Parameters::require(std::string_view name) {
  const Value* found = take(name);
  if (!found) fail("TypeError: " + std::string(function_) + "() missing argument '" + std::string(name) + "'");
  return *found;
}

std::int64_t Parameters::integer(std::string_view name, std::int64_t otherwise) {
  const Value* found = take(name);
  if (!found) return otherwise;
  if (found->is(Kind::undefined)) fail("UndefinedError: " + found->undefined_reason());
  if (!found->is_integral()) {
    fail("TypeError: " + std::string(function_) + "(): '" + std::string(type_name(*found)) +
         "' object cannot be interpreted as an integer");
  }
  return found->as_integer();
}

bool Parameters::flag(std::string_view name, bool otherwise) {
  const Value* found = take(name);
  return found ? truthy(*found) : otherwise;
}

const std::string& Parameters::text(std::string_view name) {
  const Value& found = require(name);
  if (!found.is(Kind::text)) {
    fail("TypeError: " + std::string(function_) + "() argument must be str, not " + std::string(type_name(found)));
  }
  return found.bytes();
}

void Parameters::done() const {
  if (arguments_.positional.size() > position_) {
    fail("TypeError: " + std::string(function_) + "() takes at most " + std::to_string(position_) + " argument(s), " +
         std::to_string(arguments_.positional.size()) + " given");
  }
  for (const auto& [name, value] : arguments_.named) {
    if (name.empty()) continue;
    fail("TypeError: " + std::string(function_) + "() got an unexpected keyword argument '" + name + "'");
  }
}

}  // namespace tollgate::local::jinja
