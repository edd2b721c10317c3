// One chat request to a local model, from its body to the last byte of its answer. Thread rule: one io thread.
#pragma once

#include <string_view>

#include "core/net/stream.h"
#include "gateway/local/local_server.h"

namespace tollgate::gateway {

// `body`: a request in OpenAI's chat form. False when the connection is of no more use.
Task<bool> run_chat(net::Stream& stream, LocalVendor& vendor, std::string_view body);

}  // namespace tollgate::gateway
