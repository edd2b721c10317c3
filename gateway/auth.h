// Authentication: which configured key a request carries. Pure. Thread rule: safe on any thread.
#pragma once

#include "config/schema.h"
#include "core/http.h"
#include "core/result.h"
#include "gateway/snapshot.h"

namespace tollgate::gateway {

// The key that a request carries in any of the places where the vendors' clients put theirs: "Authorization: Bearer",
// "x-api-key", "x-goog-api-key", "api-key", or the query's `key`; nullptr in open mode for anything unknown. `query`
// has its
// '?' or is empty. Errors: status 401, code invalid_api_key; the message never repeats the secret.
Result<const config::Key*> authenticate(const Snapshot& snapshot, const http::Head& head, std::string_view query);

}  // namespace tollgate::gateway
