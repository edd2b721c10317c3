// Placeholders in a vendor's base_url and paths: {region}, {region_dash} ("" for global, else "us-central1-"),
// {project}, {resource}, {api_version}, and {model} in paths. The loader fills all but {model}, which a request brings.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"
#include "core/result.h"

namespace tollgate::config {

inline constexpr std::string_view kModelPlaceholder = "{model}";

// `text` with what `provider` says. {model} stays where `keep_model`, and is unknown otherwise. Errors: code
// missing_KEY, where the message says which key to set; bad_template for a placeholder that does not exist.
Result<std::string> fill_template(std::string_view text, const Provider& provider, bool keep_model);

}  // namespace tollgate::config
