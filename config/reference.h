// The reference of all configuration keys, made from their descriptions. Pure.
#pragma once

#include <string>

namespace tollgate::config {

// Markdown tables: key, value, default, meaning. Part of docs/configuration.md; a test compares the two.
std::string reference_markdown();

}  // namespace tollgate::config
