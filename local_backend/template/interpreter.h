// Walks a parsed template. One object per rendering.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "local_backend/template/syntax.h"
#include "local_backend/template/value.h"

namespace tollgate::local::jinja {

// Names of one block; inner blocks see outer ones. Macros keep the scope they were made in alive.
struct Scope {
  std::shared_ptr<Scope> parent;  // owners: the running block, and the macros defined inside
  std::vector<std::pair<NameId, Value>> values;

  // `seen`: how many names were looked at.
  const Value* find(NameId name, std::size_t& seen) const;
  void set(NameId name, Value value);
};
using ScopePtr = std::shared_ptr<Scope>;

class LoopObject;

class Interpreter {
 public:
  struct Limits {
    std::size_t max_output = 0;
    int max_depth = 0;
  };
  // Names with a meaning of their own: the parser numbers them first.
  static constexpr NameId kLoop = 0, kCaller = 1, kVarargs = 2, kKwargs = 3;

  Interpreter(const Program& program, Arena& arena, Limits limits)
      : program_(program), arena_(arena), limits_(limits) {}

  // Renders with `names` as the outermost scope.
  std::string run(ScopePtr names);
  int line() const { return line_; }  // of what is, or was last, evaluated

  // For macros, callers and recursive loops.
  std::string run_macro(const Body& body, const ScopePtr& scope);
  std::string run_loop(const Statement& loop, const Value& items, const ScopePtr& scope, int depth);
  Value evaluate(const Expression& expression, const ScopePtr& scope);
  Arena& arena() { return arena_; }
  const std::string& name(NameId id) const { return program_.names[static_cast<std::size_t>(id)]; }

 private:
  enum class Flow : unsigned char { on, leave, next };

  // Statements: interpreter.cpp.
  Flow run_body(const Body& body, const ScopePtr& scope);
  Flow run_statement(const Statement& statement, const ScopePtr& scope);
  Flow run_branch(const Statement& statement, const ScopePtr& scope);
  void loop_over(const Statement& loop, const Value& items, const ScopePtr& scope, int depth);
  Value filtered_items(const Statement& loop, const Value& items, const ScopePtr& scope);
  void run_call_block(const Statement& statement, const ScopePtr& scope);
  void run_with(const Statement& statement, const ScopePtr& scope);
  std::string captured(const Body& body, const ScopePtr& scope);
  Value through_filters(const Expression& filters, Value input, const ScopePtr& scope);
  void assign(const Target& target, const Value& value, const ScopePtr& scope);
  void write(const std::string& text);

  // Expressions: evaluation.cpp.
  const Value* find_name(NameId name, const ScopePtr& scope);
  Value make_dict(const Expression& expression, const ScopePtr& scope);
  Value compare_chain(const Expression& expression, const ScopePtr& scope);
  Value calculate(const Expression& expression, const ScopePtr& scope);
  Value choose(const Expression& expression, const ScopePtr& scope);
  Value all_or_any(const Expression& expression, const ScopePtr& scope);
  Value take_slice(const Expression& expression, const ScopePtr& scope);
  Value call(const Expression& expression, const ScopePtr& scope, const Value* caller);
  Value filter(const Expression& expression, Value input, const ScopePtr& scope);
  Value test(const Expression& expression, const ScopePtr& scope);
  std::vector<Value> parts_of(const Expression& expression, const ScopePtr& scope);
  Arguments arguments_of(const CallArguments& arguments, const ScopePtr& scope);

  const Program& program_;
  Arena& arena_;
  Limits limits_;
  std::string* output_ = nullptr;
  int macro_depth_ = 0;
  int line_ = 0;
};

// `{% macro %}` and the caller of `{% call %}`.
class MacroObject final : public CallableObject {
 public:
  MacroObject(Interpreter& interpreter, const Statement& statement, ScopePtr scope, std::string name)
      : interpreter_(interpreter), statement_(statement), scope_(std::move(scope)), name_(std::move(name)) {}
  Value call(Arguments& arguments) override;
  Value attribute(std::string_view name) override;
  bool has_attribute(std::string_view name) const override;
  std::string describe() const override { return "<Macro " + (name_.empty() ? "anonymous" : "'" + name_ + "'") + ">"; }

 private:
  void bind(Arguments& arguments, Scope& scope) const;
  void bind_rest(Arguments& arguments, Scope& scope, bool caller_is_parameter) const;

  Interpreter& interpreter_;
  const Statement& statement_;
  ScopePtr scope_;
  std::string name_;
};

// range, namespace, raise_exception and the other names that every template knows.
std::vector<std::pair<std::string_view, Value>> global_functions(Arena& arena, std::int64_t now_unix);

}  // namespace tollgate::local::jinja
