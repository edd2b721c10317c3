// The tokens of a prompt for a local model, counted as the chat itself would make it: Anthropic's count_tokens and
// Gemini's countTokens. Thread rule: one io thread; the counting is done on the vendor's preparing threads.
#pragma once

#include <string_view>

#include "core/net/stream.h"
#include "gateway/local/local_server.h"

namespace tollgate::gateway {

// `path_model`: where the path names the model, which is Gemini's form; empty for Anthropic's. False when the
// connection is of no more use.
Task<bool> run_count(net::Stream& stream, LocalVendor& vendor, std::string_view body, std::string_view path_model);

}  // namespace tollgate::gateway
