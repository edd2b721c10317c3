// The methods of Python's str, list, dict and numbers that templates call, as values that know what they belong to.
#pragma once

#include <string_view>

#include "local_backend/template/value.h"

namespace tollgate::local::jinja {

// False where the type of `object` has no attribute `name`.
bool bound_method(Arena& arena, const Value& object, std::string_view name, Value& out);

// Text methods: false where there is none of that name.
using Method = Value (*)(Arena& arena, const Value& self, Arguments& arguments);
Method text_method(std::string_view name);
Method list_method(std::string_view name);
Method dict_method(std::string_view name);
std::string text_format(Arena& arena, const Text& format, Arguments& arguments);  // str.format

// Takes arguments apart: by position or by name, then complains about what is left.
class Parameters {
 public:
  Parameters(std::string_view function, Arguments& arguments) : function_(function), arguments_(arguments) {}
  // The next parameter; nullptr if it was not given.
  const Value* take(std::string_view name);
  const Value& require(std::string_view name);
  std::int64_t integer(std::string_view name, std::int64_t otherwise);
  bool flag(std::string_view name, bool otherwise);
  // A text parameter; fails on other types.
  const std::string& text(std::string_view name);
  void done() const;

 private:
  std::string_view function_;
  Arguments& arguments_;
  std::size_t position_ = 0;
};

}  // namespace tollgate::local::jinja
