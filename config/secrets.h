// ${VAR}, ${VAR:-default} and file: references inside configuration texts. Reads the environment and files, nothing
// else. Thread rule: start-up and reload only (getenv).
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::config {

// Replaces every ${VAR} by the variable's value and every ${VAR:-default} by it or the default when it is unset or
// empty;
// `$${` stands for a plain `${`. An unset or empty variable without default is an error that names it.
Result<std::string> expand_variables(std::string_view text);
// The content of the file at `path` without its final line end: a regular file of at most 64 KiB. Relative paths start
// at `base_dir`.
Result<std::string> read_secret_file(const std::string& path, const std::string& base_dir);
// `path` seen from `base_dir`.
std::string resolve_path(const std::string& path, const std::string& base_dir);
// `url` with the password of its user part as "***"; `password` receives it when given.
std::string mask_url(std::string_view url, std::string* password = nullptr);

}  // namespace tollgate::config
