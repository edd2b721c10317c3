// Private to core/net: the concrete socket type and the stream made of a connected one. Thread rule: one io thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "core/net/stream.h"

namespace tollgate::net {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

std::unique_ptr<Stream> make_tcp_stream(TcpSocket socket);

}  // namespace tollgate::net
