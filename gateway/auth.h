// Authentication: which configured key a request carries. Pure. Thread rule: safe on any thread.
#pragma once

#include "config/schema.h"
#include "core/http.h"
#include "core/result.h"
#include "gateway/snapshot.h"

namespace tollgate::gateway {

// The key behind "Authorization: Bearer ..." or "x-api-key", nullptr in open mode for anything unknown. Errors: status
// 401, code invalid_api_key; the message never repeats the secret.
Result<const config::Key*> authenticate(const Snapshot& snapshot, const http::Head& head);

}  // namespace tollgate::gateway
