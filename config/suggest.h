// Suggestions for misspelt words. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::config {

// Edits (insert, delete, replace, swap of neighbours) that turn a into b; stops counting at `limit` + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

// " (did you mean `x`?)" for the nearest of `known` when it is near enough to be a slip, else "".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace tollgate::config
