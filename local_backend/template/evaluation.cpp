// What expressions are worth.
#include "local_backend/template/filters.h"
#include "local_backend/template/interpreter.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {

Value Interpreter::evaluate(const Expression& expression, const ScopePtr& scope) {
  using Type = Expression::Type;
  const Arena::Level level(arena_);
  arena_.charge(1);
  const auto part = [&](std::size_t i) { return evaluate(*expression.parts[i], scope); };
  switch (expression.type) {
    case Type::constant:
      return expression.value;
    case Type::name: {
      const Value* found = find_name(expression.name, scope);
      return found ? *found : Value::undefined("'" + name(expression.name) + "' is undefined");
    }
    case Type::list:
      return arena_.list(parts_of(expression, scope));
    case Type::tuple:
      return arena_.list(parts_of(expression, scope), Sequence::tuple);
    case Type::dict:
      return make_dict(expression, scope);
    case Type::conditional:
      return choose(expression, scope);
    case Type::all:
    case Type::any:
      return all_or_any(expression, scope);
    case Type::negation:
      return Value::boolean(!truthy(part(0)));
    case Type::comparison:
      return compare_chain(expression, scope);
    case Type::arithmetic:
      return calculate(expression, scope);
    case Type::minus:
      return negate(part(0), false);
    case Type::plus:
      return negate(part(0), true);
    case Type::concat:
      return concat(arena_, parts_of(expression, scope));
    case Type::attribute: {
      const Value object = part(0);
      line_ = expression.line;
      return attribute_of(arena_, object, expression.text);
    }
    case Type::item: {
      const Value object = part(0);
      const Value key = part(1);
      line_ = expression.line;
      return item_of(arena_, object, key);
    }
    case Type::slice:
      return take_slice(expression, scope);
    case Type::call:
      return call(expression, scope, nullptr);
    case Type::filter:
      return filter(expression, part(0), scope);
    case Type::test:
      return test(expression, scope);
  }
  return {};
}

const Value* Interpreter::find_name(NameId name, const ScopePtr& scope) {
  std::size_t seen = 0;
  const Value* found = scope->find(name, seen);
  arena_.charge(seen / 64);
  return found;
}

std::vector<Value> Interpreter::parts_of(const Expression& expression, const ScopePtr& scope) {
  std::vector<Value> out;
  out.reserve(expression.parts.size());
  for (const ExpressionPtr& part : expression.parts) out.push_back(evaluate(*part, scope));
  return out;
}

Value Interpreter::make_dict(const Expression& expression, const ScopePtr& scope) {
  DictObject& dict = arena_.dict();
  for (std::size_t i = 0; i + 1 < expression.parts.size(); i += 2) {
    const Value key = evaluate(*expression.parts[i], scope);
    dict.set(key, evaluate(*expression.parts[i + 1], scope));
    arena_.charge(2);
  }
  return Value::of(&dict);
}

Value Interpreter::choose(const Expression& expression, const ScopePtr& scope) {
  if (truthy(evaluate(*expression.parts[0], scope))) return evaluate(*expression.parts[1], scope);
  if (expression.parts.size() > 2) return evaluate(*expression.parts[2], scope);
  return Value::undefined("the inline if-expression on line " + std::to_string(expression.line) +
                          " evaluated to false and no else section was defined.");
}

// The value that decides, as Python's `and` and `or`.
Value Interpreter::all_or_any(const Expression& expression, const ScopePtr& scope) {
  const bool any = expression.type == Expression::Type::any;
  Value value;
  for (const ExpressionPtr& part : expression.parts) {
    value = evaluate(*part, scope);
    if (truthy(value) == any) break;
  }
  return value;
}

Value Interpreter::compare_chain(const Expression& expression, const ScopePtr& scope) {
  using Comparison = Expression::Comparison;
  Value left = evaluate(*expression.parts[0], scope);
  for (std::size_t i = 0; i < expression.comparisons.size(); ++i) {
    Value right = evaluate(*expression.parts[i + 1], scope);
    line_ = expression.line;
    bool holds = false;
    switch (expression.comparisons[i]) {
      case Comparison::equal:
        holds = equal(arena_, left, right);
        break;
      case Comparison::not_equal:
        holds = !equal(arena_, left, right);
        break;
      case Comparison::less:
        holds = compare(arena_, Order::less, left, right);
        break;
      case Comparison::less_equal:
        holds = compare(arena_, Order::less_equal, left, right);
        break;
      case Comparison::greater:
        holds = compare(arena_, Order::greater, left, right);
        break;
      case Comparison::greater_equal:
        holds = compare(arena_, Order::greater_equal, left, right);
        break;
      case Comparison::in:
        holds = contains(arena_, right, left);
        break;
      case Comparison::not_in:
        holds = !contains(arena_, right, left);
        break;
    }
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::calculate(const Expression& expression, const ScopePtr& scope) {
  Value left = evaluate(*expression.parts[0], scope);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    const Value right = evaluate(*expression.parts[i + 1], scope);
    line_ = expression.line;
    left = arithmetic(arena_, expression.operators[i], left, right);
  }
  return left;
}

Value Interpreter::take_slice(const Expression& expression, const ScopePtr& scope) {
  const Value object = evaluate(*expression.parts[0], scope);
  const auto bound = [&](std::size_t i) {
    return expression.parts[i] ? evaluate(*expression.parts[i], scope) : Value::none();
  };
  Slice slice{bound(1), bound(2), bound(3)};
  line_ = expression.line;
  return slice_of(arena_, object, slice);
}

Arguments Interpreter::arguments_of(const CallArguments& arguments, const ScopePtr& scope) {
  Arguments out;
  for (const ExpressionPtr& each : arguments.positional) out.positional.push_back(evaluate(*each, scope));
  if (arguments.star) {
    for (Value& each : all_items(arena_, evaluate(*arguments.star, scope))) out.positional.push_back(std::move(each));
  }
  for (const auto& [name, each] : arguments.named) out.named.emplace_back(name, evaluate(*each, scope));
  if (arguments.double_star) {
    const Value more = evaluate(*arguments.double_star, scope);
    if (!more.is(Kind::dict)) fail("TypeError: argument after ** must be a mapping");
    for (const auto& [key, value] : more.as_dict().entries) {
      if (!key.is(Kind::text)) fail("TypeError: keywords must be strings");
      arena_.charge(1);
      out.named.emplace_back(key.bytes(), value);
    }
  }
  return out;
}

Value Interpreter::call(const Expression& expression, const ScopePtr& scope, const Value* caller) {
  const Value callee = evaluate(*expression.parts[0], scope);
  Arguments arguments = arguments_of(expression.arguments, scope);
  if (caller) arguments.named.emplace_back("caller", *caller);
  line_ = expression.line;
  if (callee.is(Kind::undefined)) fail("UndefinedError: " + callee.undefined_reason());
  if (!callee.is(Kind::callable)) fail("TypeError: '" + std::string(type_name(callee)) + "' object is not callable");
  const Arena::Level level(arena_);
  return callee.as_callable().call(arguments);
}

Value Interpreter::filter(const Expression& expression, Value input, const ScopePtr& scope) {
  const Filter function = find_filter(expression.text);
  if (!function) no_such_filter(expression.text);
  Arguments arguments = arguments_of(expression.arguments, scope);
  line_ = expression.line;
  if (input.is(Kind::text)) arena_.charge(input.bytes().size() / 64);
  const Arena::Level level(arena_);
  return function(arena_, input, arguments);
}

Value Interpreter::test(const Expression& expression, const ScopePtr& scope) {
  const Test function = find_test(expression.text);
  if (!function) no_such_test(expression.text);
  const Value input = evaluate(*expression.parts[0], scope);
  Arguments arguments = arguments_of(expression.arguments, scope);
  line_ = expression.line;
  return Value::boolean(function(arena_, input, arguments));
}

}  // namespace tollgate::local::jinja
