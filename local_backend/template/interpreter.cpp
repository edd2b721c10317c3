#include "local_backend/template/interpreter.h"

#include <algorithm>

#include "local_backend/template/loop_object.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {

const Value* Scope::find(NameId name, std::size_t& seen) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    seen += scope->values.size();
    for (const auto& [known, value] : scope->values) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(NameId name, Value value) {
  for (auto& [known, old] : values) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  values.emplace_back(name, std::move(value));
}

namespace {

ScopePtr inside(const ScopePtr& outer) {
  auto scope = std::make_shared<Scope>();
  scope->parent = outer;
  return scope;
}

}  // namespace

std::string Interpreter::run(ScopePtr names) { return captured(program_.body, inside(names)); }

std::string Interpreter::captured(const Body& body, const ScopePtr& scope) {
  std::string text;
  std::string* const outer = output_;
  output_ = &text;
  try {
    run_body(body, scope);
  } catch (...) {
    output_ = outer;
    throw;
  }
  output_ = outer;
  return text;
}

std::string Interpreter::run_macro(const Body& body, const ScopePtr& scope) {
  const Arena::Level level(arena_);
  if (macro_depth_ >= limits_.max_depth) fail("macro calls nest too deep");
  ++macro_depth_;
  std::string text = captured(body, scope);  // a Fault ends the rendering, so the depth need not be restored
  --macro_depth_;
  arena_.charge_text(text.size());
  return text;
}

void Interpreter::write(const std::string& text) {
  if (text.size() > limits_.max_output - std::min(limits_.max_output, output_->size())) {
    fail("the output grows beyond " + std::to_string(limits_.max_output) + " bytes");
  }
  *output_ += text;
  arena_.charge(text.size() / 32);
}

Interpreter::Flow Interpreter::run_body(const Body& body, const ScopePtr& scope) {
  const Arena::Level level(arena_);
  for (const auto& statement : body) {
    const Flow flow = run_statement(*statement, scope);
    if (flow != Flow::on) return flow;
  }
  return Flow::on;
}

Interpreter::Flow Interpreter::run_statement(const Statement& statement, const ScopePtr& scope) {
  using Type = Statement::Type;
  arena_.charge(1);
  line_ = statement.line;
  switch (statement.type) {
    case Type::data:
      write(statement.text);
      break;
    case Type::print:
      write(to_text(arena_, evaluate(*statement.expression, scope)));
      break;
    case Type::set:
      assign(statement.target, evaluate(*statement.expression, scope), scope);
      break;
    case Type::set_block: {
      Value text = arena_.text(captured(statement.body, inside(scope)));
      if (statement.expression) text = through_filters(*statement.expression, std::move(text), scope);
      assign(statement.target, text, scope);
      break;
    }
    case Type::branch:
      return run_branch(statement, scope);
    case Type::loop:
      loop_over(statement, evaluate(*statement.expression, scope), scope, 0);
      break;
    case Type::macro:
      scope->set(statement.name, Value::of(&arena_.make<MacroObject>(*this, statement, scope, name(statement.name))));
      break;
    case Type::call_block:
      run_call_block(statement, scope);
      break;
    case Type::filter_block: {
      Value text = arena_.text(captured(statement.body, inside(scope)));
      text = through_filters(*statement.expression, std::move(text), scope);
      if (!text.is(Kind::text)) fail("TypeError: the filters of a block must make a text of it");
      write(text.bytes());
      break;
    }
    case Type::with:
      run_with(statement, scope);
      break;
    case Type::scope:
      run_body(statement.body, inside(scope));
      break;
    case Type::leave:
      return Flow::leave;
    case Type::next:
      return Flow::next;
  }
  return Flow::on;
}

Interpreter::Flow Interpreter::run_branch(const Statement& statement, const ScopePtr& scope) {
  for (const auto& [condition, body] : statement.branches) {
    if (!condition || truthy(evaluate(*condition, scope))) return run_body(body, scope);
  }
  return Flow::on;
}

// `for x in items if condition`: the items that pass, asked for one by one.
Value Interpreter::filtered_items(const Statement& loop, const Value& items, const ScopePtr& scope) {
  auto cursor = std::make_shared<Cursor>(arena_, items);  // owned by the iterator alone; std::function copies
  return arena_.iterator([this, &loop, scope, cursor](Value& out) {
    while (cursor->next(out)) {
      const ScopePtr own = inside(scope);
      assign(loop.target, out, own);
      if (truthy(evaluate(*loop.condition, own))) return true;
    }
    return false;
  });
}

void Interpreter::loop_over(const Statement& loop, const Value& items, const ScopePtr& scope, int depth) {
  auto& object =
      arena_.make<LoopObject>(*this, loop, scope, loop.condition ? filtered_items(loop, items, scope) : items, depth);
  bool any = false;
  for (Value item; object.next(item);) {
    any = true;
    const ScopePtr own = inside(scope);
    own->set(kLoop, Value::of(&object));
    assign(loop.target, item, own);
    if (run_body(loop.body, own) == Flow::leave) break;
    arena_.charge(1);
  }
  if (!any) run_body(loop.otherwise, inside(scope));
}

std::string Interpreter::run_loop(const Statement& loop, const Value& items, const ScopePtr& scope, int depth) {
  const Arena::Level level(arena_);
  if (macro_depth_ >= limits_.max_depth) fail("loops nest too deep");
  ++macro_depth_;
  std::string text;
  std::string* const outer = output_;
  output_ = &text;
  loop_over(loop, items, scope, depth);
  output_ = outer;
  --macro_depth_;
  arena_.charge_text(text.size());
  return text;
}

void Interpreter::run_call_block(const Statement& statement, const ScopePtr& scope) {
  const Value caller = Value::of(&arena_.make<MacroObject>(*this, statement, scope, ""));
  write(to_text(arena_, call(*statement.expression, scope, &caller)));
}

void Interpreter::run_with(const Statement& statement, const ScopePtr& scope) {
  const ScopePtr own = inside(scope);
  for (const auto& [target, expression] : statement.assignments) assign(target, evaluate(*expression, scope), own);
  run_body(statement.body, own);
}

Value Interpreter::through_filters(const Expression& filters, Value input, const ScopePtr& scope) {
  if (filters.parts[0]) input = through_filters(*filters.parts[0], std::move(input), scope);
  return filter(filters, std::move(input), scope);
}

void Interpreter::assign(const Target& target, const Value& value, const ScopePtr& scope) {
  switch (target.type) {
    case Target::Type::name:
      arena_.charge(scope->values.size() / 32);
      scope->set(target.name, value);
      return;
    case Target::Type::attribute: {
      const Value* space = find_name(target.name, scope);
      if (!space || !space->is(Kind::name_space)) fail("cannot assign attribute on non-namespace object");
      arena_.charge(1 + space->as_namespace().entries.size() / 32);
      space->as_namespace().set(target.attribute, value);
      return;
    }
    case Target::Type::tuple: {
      const std::vector<Value> values = all_items(arena_, value);
      if (values.size() != target.parts.size()) {
        fail("ValueError: expected " + std::to_string(target.parts.size()) + " values to unpack, got " +
             std::to_string(values.size()));
      }
      for (std::size_t i = 0; i < values.size(); ++i) assign(target.parts[i], values[i], scope);
      return;
    }
  }
}

}  // namespace tollgate::local::jinja
