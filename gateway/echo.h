// The built-in echo vendor: answers every API surface with the caller's own last message, in-process, without key or
// network. It lets a new user see the whole road (relay, tags, price, ledger) before any real provider is configured.
// It is a vendor like any other to the rest of the gateway: HTTP over a stream, usage in the reply, a price row.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/net/dial.h"

namespace tollgate::gateway {

// Each dial starts an echo server on the other end of an in-memory pipe. Thread rule: one io thread.
std::unique_ptr<net::Dialer> make_echo_dialer(asio::io_context& context);

// The reply to one request, pure: for `path` of a surface and a JSON body. `stream` says whether `body` is a whole
// text/event-stream.
struct EchoReply {
  int status = 200;
  bool stream = false;
  std::string body;
};
EchoReply echo_reply(std::string_view path, std::string_view request);

}  // namespace tollgate::gateway
