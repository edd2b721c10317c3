// Python's str operations on UTF-8: what counts as a letter or a space, case mapping, positions by code point.
// All texts are valid UTF-8. Thread rule: free functions, no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate::local::jinja {

// The code point that starts at `at`; moves `at` behind it.
char32_t next_point(std::string_view text, std::size_t& at);
void append_point(std::string& out, char32_t point);
bool valid_utf8(std::string_view text);
std::size_t count_points(std::string_view text);
std::size_t offset_of_point(std::string_view text, std::size_t index);  // bytes before code point `index`

// Tables of Unicode 14: character_classes.cpp, character_cases.cpp.
bool is_printable(char32_t point);
bool is_alphabetic(char32_t point);
bool is_decimal(char32_t point);
bool is_upper_case(char32_t point);
bool is_lower_case(char32_t point);
char32_t simple_upper(char32_t point);
char32_t simple_lower(char32_t point);
bool is_white_space(char32_t point);

std::string upper_case(std::string_view text);
std::string lower_case(std::string_view text);
std::string capitalized(std::string_view text);
std::string title_case(std::string_view text);
std::string swapped_case(std::string_view text);

enum class Side : unsigned char { both, left, right };
std::string_view stripped(std::string_view text, Side side);
std::string_view stripped(std::string_view text, Side side, std::string_view any_of);
// `most` splits at most, -1 = all; `from_right` counts them from the end.
std::vector<std::string_view> split_words(std::string_view text, std::int64_t most, bool from_right);
std::vector<std::string_view> split_by(std::string_view text, std::string_view mark, std::int64_t most,
                                       bool from_right);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
std::string replaced(std::string_view text, std::string_view from, std::string_view to, std::int64_t most);

}  // namespace tollgate::local::jinja
