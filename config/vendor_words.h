// The words that a provider's row may use, and what follows from some of them. The gateway has code for each word; its
// tests compare its own lists with these. Thread rule: constants.
#pragma once

#include <span>
#include <string_view>

namespace tollgate::config {

using WordList = std::span<const std::string_view>;

WordList dialect_words();
WordList surface_words();
WordList auth_words();
WordList request_flag_words();
WordList usage_flag_words();

// A key that is sent as it is: bearer, x-api-key, api-key, x-goog-api-key.
bool auth_is_fixed(std::string_view auth);
// A name in `paths`: a surface's, or one with "_stream" behind it.
bool is_path_name(std::string_view name);

}  // namespace tollgate::config
