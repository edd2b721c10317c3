#include "local_backend/template/loop_object.h"

#include <algorithm>

namespace tollgate::local::jinja {
namespace {

constexpr std::string_view kAttributes[] = {"index",  "index0", "revindex", "revindex0", "first",
                                            "last",   "length", "previtem", "nextitem",  "depth",
                                            "depth0", "cycle",  "changed"};

class LoopMethod final : public CallableObject {
 public:
  LoopMethod(LoopObject& loop, bool cycle) : loop_(loop), cycle_(cycle) {}
  Value call(Arguments& arguments) override { return cycle_ ? loop_.cycle(arguments) : loop_.changed(arguments); }
  std::string describe() const override { return "<bound method of LoopContext>"; }

 private:
  LoopObject& loop_;
  bool cycle_;
};

}  // namespace

LoopObject::LoopObject(Interpreter& interpreter, const Statement& statement, ScopePtr outer, const Value& items,
                       int depth)
    : interpreter_(interpreter),
      statement_(statement),
      outer_(std::move(outer)),
      cursor_(interpreter.arena(), items),
      depth_(depth) {
  if (!items.is(Kind::iterator)) length_ = jinja::length(interpreter.arena(), items);
}

bool LoopObject::next(Value& out) {
  if (!peek()) return false;
  previous_ = current_;
  current_ = waiting_[waiting_at_++];
  ++index_;
  out = current_;
  return true;
}

bool LoopObject::peek() {
  if (waiting_at_ < waiting_.size()) return true;
  waiting_.clear();
  waiting_at_ = 0;
  Value value;
  if (!cursor_.next(value)) return false;
  waiting_.push_back(std::move(value));
  return true;
}

std::int64_t LoopObject::length() {
  if (length_ >= 0) return length_;
  for (Value value; cursor_.next(value);) {
    interpreter_.arena().charge(1);
    waiting_.push_back(value);
  }
  return length_ = index_ + 1 + static_cast<std::int64_t>(waiting_.size() - waiting_at_);
}

Value LoopObject::call(Arguments& arguments) {
  if (!statement_.recursive) {
    fail("TypeError: The loop must have the 'recursive' marker to be called recursively.");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty()) fail("TypeError: loop() takes one iterable");
  return Value::text(interpreter_.run_loop(statement_, arguments.positional[0], outer_, depth_ + 1));
}

bool LoopObject::has_attribute(std::string_view name) const {
  return std::find(std::begin(kAttributes), std::end(kAttributes), name) != std::end(kAttributes);
}

Value LoopObject::attribute(std::string_view name) {
  if (name == "index") return Value::integer(index_ + 1);
  if (name == "index0") return Value::integer(index_);
  if (name == "revindex") return Value::integer(length() - index_);
  if (name == "revindex0") return Value::integer(length() - index_ - 1);
  if (name == "first") return Value::boolean(index_ == 0);
  if (name == "last") return Value::boolean(!peek());
  if (name == "length") return Value::integer(length());
  if (name == "depth") return Value::integer(depth_ + 1);
  if (name == "depth0") return Value::integer(depth_);
  if (name == "previtem") return index_ == 0 ? Value::undefined("there is no previous item") : previous_;
  if (name == "nextitem") return peek() ? waiting_[waiting_at_] : Value::undefined("there is no next item");
  return Value::of(&interpreter_.arena().make<LoopMethod>(*this, name == "cycle"));
}

Value LoopObject::cycle(const Arguments& arguments) const {
  if (arguments.positional.empty()) fail("TypeError: no items for cycling given");
  return arguments.positional[static_cast<std::size_t>(index_) % arguments.positional.size()];
}

Value LoopObject::changed(const Arguments& arguments) {
  const auto same = [&](const Value& a, const Value& b) { return equal(interpreter_.arena(), a, b); };
  const bool known = has_changed_value_ && std::equal(changed_value_.begin(), changed_value_.end(),
                                                      arguments.positional.begin(), arguments.positional.end(), same);
  if (known) return Value::boolean(false);
  has_changed_value_ = true;
  changed_value_ = arguments.positional;
  return Value::boolean(true);
}

}  // namespace tollgate::local::jinja
