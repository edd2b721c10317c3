// Filters and tests by name. Both may throw Fault.
#pragma once

#include <string_view>

#include "local_backend/template/value.h"

namespace tollgate::local::jinja {

using Filter = Value (*)(Arena& arena, const Value& input, Arguments& arguments);
using Test = bool (*)(Arena& arena, const Value& input, Arguments& arguments);

Filter find_filter(std::string_view name);  // nullptr if there is none
Test find_test(std::string_view name);
Filter find_text_filter(std::string_view name);      // text_filters.cpp
Filter find_sequence_filter(std::string_view name);  // sequence_filters.cpp
Filter find_choice_filter(std::string_view name);    // choice_filters.cpp

[[noreturn]] void no_such_filter(std::string_view name);
[[noreturn]] void no_such_test(std::string_view name);

// "a.b.0" of an item, step by step; none returns the item itself.
Value attribute_path(Arena& arena, const Value& item, const Value& path, const Value* otherwise = nullptr);

}  // namespace tollgate::local::jinja
