// Prefix blocks of a local model in Redis: the engine's store in the terms of cache/. Names and parts of values:
// docs/formats/kv_blocks.md.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "config/redis_url.h"
#include "local_backend/backend.h"
#include "local_backend/kv/kv_tier.h"

namespace tollgate::gateway {

// Opens connections for EngineOptions; each belongs to one thread. Nothing is connected before it is used.
std::function<std::unique_ptr<local::BlockStore>(const local::BackendInfo&)> open_block_stores(
    const config::RedisUrl& url, std::chrono::milliseconds ttl);

}  // namespace tollgate::gateway
