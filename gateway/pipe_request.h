// Reading a request on the vendor's end of an in-memory pipe: what the vendors inside this process (echo, local) share.
// Thread rule: one io thread.
#pragma once

#include <string>

#include "core/http.h"
#include "core/net/stream.h"

namespace tollgate::gateway {

inline constexpr std::size_t kPipeBytes = 64u << 10;

// Reads one request into `in`; the parsed head and the body's end come back. False: the peer is done.
Task<bool> read_pipe_request(net::Stream& stream, std::string& in, http::Head& head, std::size_t& total);

}  // namespace tollgate::gateway
