// How everything that reads model files says what is wrong with them. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::local {

// Status 400, code "bad_model_file", message "NAME: offset N: WHAT".
Error bad_model_file(const std::string& name, std::uint64_t offset, const std::string& what);

// Text of a file, safe to print: at most 80 bytes in quotes, what is not printable ASCII as \xNN.
std::string quoted_text(std::string_view text);

}  // namespace tollgate::local
