// Session: one client connection: strict HTTP/1.1 framing in, one Exchange per request, keep-alive, pipelining, Expect.
// Thread rule: one io thread; run() owns all waits, stop_when_idle() may be called from that thread.
#pragma once

#include <memory>
#include <string>

#include "gateway/client_io.h"
#include "gateway/exchange.h"
#include "gateway/worker.h"

namespace tollgate::gateway {

class Session {
 public:
  Session(Worker& worker, std::unique_ptr<net::Stream> stream);
  // Serves requests until the connection ends. Every wait inside is bounded by the timeouts of the configuration.
  Task<void> run();
  // Ends the wait for a next request; a request in flight is finished first.
  void stop_when_idle();
  // Ends the connection now: the drain time is over.
  void abort();

 private:
  enum class Head : unsigned char { ready, closed, refused };
  Task<Head> read_head();
  Task<bool> read_body();
  Task<bool> read_chunked();
  Task<bool> dispatch();
  Task<bool> answer_get(std::string_view path, std::string_view query);
  Task<bool> answer(int status, std::string_view extra_headers, std::string_view body);
  Task<void> refuse(const Error& error);
  bool accepts_more() const;

  Worker& worker_;
  ClientIo client_;
  Exchange exchange_;
  http::Limits http_limits_;
  http::Head head_;
  std::string decoded_;         // a body that came chunked
  std::string_view body_;       // padded
  std::size_t wire_bytes_ = 0;  // head and body as they lie in the buffer
  std::string out_;
  bool idle_ = false, keep_alive_ = true;
};

}  // namespace tollgate::gateway
