// GET /v1/models: the names that apps may ask for, in the caller's form. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "gateway/snapshot.h"
#include "gateway/surface.h"

namespace tollgate::gateway {

std::string model_list(const Snapshot& snapshot, ApiFamily family);
// Error: status 404, code model_not_found.
Result<std::string> model_entry(const Snapshot& snapshot, ApiFamily family, std::string_view name);

}  // namespace tollgate::gateway
