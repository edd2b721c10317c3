// The JSON trees of model folders. The only header of the engine that includes nlohmann/json.hpp. Thread rule: plain
// values.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tollgate::local {

using Json = nlohmann::json;

inline constexpr std::size_t kJsonMaxDepth = 64;

// The tree of `text`; `name` and `base` (its offset in the file) stand in messages. Errors: those of
// model_file_error.h.
Result<Json> parse_json(std::string_view text, const std::string& name, std::uint64_t base = 0);
// The tree of a whole file of at most `max_bytes`.
Result<Json> read_json_file(const std::string& path, std::size_t max_bytes);

// A member of an object by kind; nullopt or nullptr when it is absent or of another kind.
const Json* member(const Json& object, std::string_view key);
std::optional<std::int64_t> integer_member(const Json& object, std::string_view key);
std::optional<double> number_member(const Json& object, std::string_view key);
std::optional<bool> flag_member(const Json& object, std::string_view key);
const std::string* text_member(const Json& object, std::string_view key);

}  // namespace tollgate::local
