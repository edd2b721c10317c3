// The `loop` variable: where a loop stands, and the loop itself to be called where it is recursive.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "local_backend/template/interpreter.h"
#include "local_backend/template/operations.h"

namespace tollgate::local::jinja {

class LoopObject final : public CallableObject {
 public:
  LoopObject(Interpreter& interpreter, const Statement& statement, ScopePtr outer, const Value& items, int depth);

  bool next(Value& out);
  Value call(Arguments& arguments) override;
  Value attribute(std::string_view name) override;
  bool has_attribute(std::string_view name) const override;
  std::string describe() const override { return "<LoopContext>"; }
  // loop.cycle() and loop.changed().
  Value cycle(const Arguments& arguments) const;
  Value changed(const Arguments& arguments);

 private:
  bool peek();
  std::int64_t length();

  Interpreter& interpreter_;
  const Statement& statement_;
  ScopePtr outer_;
  Cursor cursor_;
  std::int64_t length_ = -1;    // not counted yet
  std::vector<Value> waiting_;  // read ahead, from waiting_at_ on
  std::size_t waiting_at_ = 0;
  Value previous_, current_;
  std::int64_t index_ = -1;
  int depth_;
  bool has_changed_value_ = false;
  std::vector<Value> changed_value_;
};

}  // namespace tollgate::local::jinja
