// HTTP/1.1 client side: a keep-alive pool per origin and io thread, and one exchange at a time on a leased connection.
// The body of the reply is pulled piece by piece, as it arrives; nothing is buffered beyond one read.
// Thread rule: one io thread. Every wait is bounded by the deadline that the caller gives or sets on the lease.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/http.h"
#include "core/net/deadline.h"
#include "core/net/dial.h"

namespace tollgate::net {

struct PoolOptions {
  std::size_t max_idle_per_origin = 256;
  std::chrono::milliseconds idle_timeout{50'000};  // below the 60 s of common load balancers
  http::Limits limits;
};

// One connection with its read buffer. Owned by the pool while idle, by a Lease while in use.
struct Connection {
  std::unique_ptr<Stream> stream;
  std::string buffer;  // bytes read, valid in [begin, end); padded by kJsonPadding
  std::size_t begin = 0, end = 0;
  SteadyTime idle_since{};
  std::uint64_t exchanges = 0;  // finished on this connection; 0 = fresh
};

class Pool;

// A leased connection. Destroying it closes the connection; give_back() returns it to the pool.
class Lease {
 public:
  Lease() = default;
  Lease(Pool* pool, std::string key, std::unique_ptr<Connection> connection);
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();
  explicit operator bool() const { return connection_ != nullptr; }
  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }
  bool reused() const { return connection_ && connection_->exchanges > 0; }
  void give_back();  // REQUIRES: the exchange is over and the framing was kept

 private:
  Pool* pool_ = nullptr;
  std::string key_;
  std::unique_ptr<Connection> connection_;
};

class Pool {
 public:
  Pool(asio::io_context& context, std::unique_ptr<Dialer> dialer, PoolOptions options);
  ~Pool();
  // An idle connection (newest first, dead and stale ones dropped) or a fresh one. `fresh`: never an idle one, for the
  // retry after a stale connection broke before its first reply byte.
  // `origin` must stay until the task ends; the pool must outlive its leases.
  Task<Result<Lease>> acquire(const Origin& origin, SteadyTime deadline, bool fresh = false);
  std::size_t idle_count() const;
  void close_idle();
  const PoolOptions& options() const { return options_; }

 private:
  friend class Lease;
  Task<Result<Lease>> acquire_now(const Origin& origin, std::string key, SteadyTime deadline, bool fresh);
  std::unique_ptr<Connection> take_idle(const std::string& key);
  void put(const std::string& key, std::unique_ptr<Connection> connection);
  void sweep();

  std::unique_ptr<Dialer> dialer_;
  PoolOptions options_;
  std::unordered_map<std::string, std::deque<std::unique_ptr<Connection>>> idle_;
  Deadline sweeper_;
  bool sweeping_ = false;
};

}  // namespace tollgate::net
