// What the jobs of the local vendor have in common: finding the model, and whole answers. Thread rule: one io thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/net/stream.h"
#include "core/result.h"
#include "gateway/dialects/dialect.h"
#include "gateway/local/local_models.h"

namespace tollgate::gateway {

enum class LocalUse : unsigned char { chat, embeddings };

// Errors: client_fault, 404 for a name that is not configured, 400 for a model that is not made for `use`;
// retry_elsewhere (503) for a model that could not be loaded, and with retry_after while it is being
// loaded.
Result<std::shared_ptr<const LoadedModel>> find_loaded(const LocalModels& models, std::string_view name,
                                                       LocalUse use = LocalUse::chat);

// Both: false when the connection is of no more use.
Task<bool> send_json(net::Stream& stream, int status, std::string body, std::string retry_after = {});
// The error's status and, in seconds, its retry_after.
Task<bool> send_error(net::Stream& stream, const Dialect& dialect, const Error& error);

}  // namespace tollgate::gateway
