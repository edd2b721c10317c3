// Shared by the tests of core/net: running tasks and operations on an io_context with a limit, and connected streams.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "core/net/dial.h"
#include "core/net/socket.h"

namespace tollgate::net {

inline constexpr std::chrono::seconds kTestLimit{20};

inline SteadyTime soon(std::chrono::milliseconds in = std::chrono::seconds(10)) { return SteadyClock::now() + in; }

// Runs the context until `done` holds; fails the test when that takes too long.
template <class Predicate>
void run_until(asio::io_context& context, Predicate done) {
  const auto limit = std::chrono::steady_clock::now() + kTestLimit;
  context.restart();
  while (!done()) {
    const auto left = limit - std::chrono::steady_clock::now();
    if (left.count() <= 0 || context.run_one_for(left) == 0) {
      if (done()) return;
      FAIL() << "the event loop ended or stalled before the condition held";
    }
  }
}

template <class T>
Task<void> store_result(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}

template <class T>
T run(asio::io_context& context, Task<T> task) {
  std::optional<T> out;
  std::exception_ptr failure;
  bool finished = false;
  asio::co_spawn(context, store_result(std::move(task), out), [&](std::exception_ptr e) {
    failure = e;
    finished = true;
  });
  run_until(context, [&] { return finished; });
  if (failure) std::rethrow_exception(failure);
  return std::move(out).value();
}

// What became of one callback operation.
struct Outcome {
  bool done = false;
  ErrorCode ec;
  std::size_t bytes = 0;
  IoHandler handler() {
    return [this](ErrorCode e, std::size_t n) {
      done = true;
      ec = e;
      bytes = n;
    };
  }
};

inline void wait_for(asio::io_context& context, const Outcome& outcome) {
  run_until(context, [&] { return outcome.done; });
}

// Runs what is ready, without waiting for more.
inline void settle(asio::io_context& context) {
  context.restart();
  context.run_for(std::chrono::milliseconds(30));
}

using StreamPair = std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>;

inline StreamPair make_tcp_pair(asio::io_context& context) {
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  TcpSocket client(context);
  client.connect(acceptor.local_endpoint());
  asio::ip::tcp::socket server = acceptor.accept();
  return {make_tcp_stream(std::move(client)), make_tcp_stream(context, server.release())};
}

inline std::string read_bytes(asio::io_context& context, Stream& stream, std::size_t wanted) {
  std::string text(wanted, '\0');
  std::size_t have = 0;
  while (have < wanted) {
    Outcome outcome;
    stream.async_read_some(text.data() + have, wanted - have, outcome.handler());
    wait_for(context, outcome);
    if (outcome.ec) break;
    have += outcome.bytes;
  }
  text.resize(have);
  return text;
}

}  // namespace tollgate::net
