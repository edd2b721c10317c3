// What the schemas of a request's tools say of their arguments' kinds, for formats that write arguments as plain text.
// Thread rule: called by the owner of the answer.
#pragma once

#include <vector>

#include "core/chat.h"
#include "local_backend/template/tool_calls.h"

namespace tollgate::gateway {

// `tools` must outlive the result. By "type", "const", "enum", "anyOf" and "oneOf"; what says none of them is not
// known.
local::ArgumentKinds argument_kinds(const std::vector<chat::Tool>& tools);

}  // namespace tollgate::gateway
