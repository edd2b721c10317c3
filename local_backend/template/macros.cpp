// Calling a macro: how arguments find their parameters.
#include <algorithm>

#include "local_backend/template/interpreter.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {
namespace {

// The value of a named argument, taken out of the list; false if it is not there.
bool take_named(Arguments& arguments, std::string_view name, Value& out) {
  const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                  [&](const auto& argument) { return argument.first == name; });
  if (found == arguments.named.end()) return false;
  out = found->second;
  arguments.named.erase(found);
  return true;
}

}  // namespace

Value MacroObject::call(Arguments& arguments) {
  const auto scope = std::make_shared<Scope>();
  scope->parent = scope_;
  bind(arguments, *scope);
  const Signature& signature = statement_.signature;
  const std::size_t required = signature.parameters.size() - signature.defaults.size();
  for (std::size_t i = 0; i < signature.parameters.size(); ++i) {
    const NameId id = signature.parameters[i];
    const bool given =
        std::any_of(scope->values.begin(), scope->values.end(), [&](const auto& entry) { return entry.first == id; });
    if (given) continue;
    if (i < required) {
      scope->set(id, Value::undefined("parameter '" + interpreter_.name(id) + "' was not provided"));
    } else {
      scope->set(id, interpreter_.evaluate(*signature.defaults[i - required], scope));
    }
  }
  return Value::text(interpreter_.run_macro(statement_.body, scope));
}

void MacroObject::bind(Arguments& arguments, Scope& scope) const {
  const auto& parameters = statement_.signature.parameters;
  interpreter_.arena().charge(parameters.size() * (parameters.size() + arguments.named.size()) / 32);
  bool caller_is_parameter = false;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = interpreter_.name(parameters[i]);
    caller_is_parameter = caller_is_parameter || name == "caller";
    Value value;
    if (i < arguments.positional.size()) {
      scope.set(parameters[i], arguments.positional[i]);
    } else if (take_named(arguments, name, value)) {
      scope.set(parameters[i], value);
    }
  }
  bind_rest(arguments, scope, caller_is_parameter);
}

void MacroObject::bind_rest(Arguments& arguments, Scope& scope, bool caller_is_parameter) const {
  const Signature& signature = statement_.signature;
  Arena& arena = interpreter_.arena();
  if (signature.takes_caller && !caller_is_parameter) {
    Value caller;
    if (!take_named(arguments, "caller", caller)) caller = Value::undefined("No caller defined");
    scope.set(Interpreter::kCaller, caller);
  }
  if (signature.takes_kwargs) {
    DictObject& rest = arena.dict();
    for (const auto& [name, value] : arguments.named) rest.set(Value::text(name), value);
    scope.set(Interpreter::kKwargs, Value::of(&rest));
  } else if (!arguments.named.empty()) {
    fail("TypeError: macro '" + name_ + "' takes no keyword argument '" + arguments.named[0].first + "'");
  }
  const std::size_t count = signature.parameters.size();
  if (signature.takes_varargs) {
    std::vector<Value> rest;
    if (arguments.positional.size() > count) {
      rest.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count), arguments.positional.end());
    }
    scope.set(Interpreter::kVarargs, arena.list(std::move(rest), Sequence::tuple));
  } else if (arguments.positional.size() > count) {
    fail("TypeError: macro '" + name_ + "' takes not more than " + std::to_string(count) + " argument(s)");
  }
}

bool MacroObject::has_attribute(std::string_view name) const {
  return name == "name" || name == "arguments" || name == "catch_kwargs" || name == "catch_varargs" || name == "caller";
}

Value MacroObject::attribute(std::string_view name) {
  const Signature& signature = statement_.signature;
  if (name == "name") return name_.empty() ? Value::none() : Value::text(name_);
  if (name == "catch_kwargs") return Value::boolean(signature.takes_kwargs);
  if (name == "catch_varargs") return Value::boolean(signature.takes_varargs);
  if (name == "caller") return Value::boolean(signature.takes_caller);
  std::vector<Value> names;
  for (const NameId id : signature.parameters) names.push_back(Value::text(interpreter_.name(id)));
  return interpreter_.arena().list(std::move(names), Sequence::tuple);
}

}  // namespace tollgate::local::jinja
