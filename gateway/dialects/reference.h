// The text of docs/dialects.md: which field of a chat goes where in each dialect, and what each ordered pair loses, all
// from the dialects' own tables. Pure. Thread rule: anywhere.
#pragma once

#include <string>

namespace tollgate::gateway {

std::string dialect_reference();

}  // namespace tollgate::gateway
