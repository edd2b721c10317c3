// The keep-alive pool. Owner: net. Thread rule: see client.h.
#include "core/net/client.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/json.h"

namespace tollgate::net {
namespace {

constexpr std::size_t kBufferSize = 16u << 10;
// Servers close idle connections after seconds; younger ones are used without asking the kernel.

std::unique_ptr<Connection> make_connection(std::unique_ptr<Stream> stream) {
  auto connection = std::make_unique<Connection>();
  connection->stream = std::move(stream);
  connection->buffer.resize(kBufferSize + kJsonPadding);
  return connection;
}

}  // namespace

Lease::Lease(Pool* pool, std::string key, std::unique_ptr<Connection> connection)
    : pool_(pool), key_(std::move(key)), connection_(std::move(connection)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  if (connection_) connection_->stream->close();
  pool_ = other.pool_;
  key_ = std::move(other.key_);
  connection_ = std::move(other.connection_);
  return *this;
}

Lease::~Lease() {
  if (connection_) connection_->stream->close();
}

void Lease::give_back() {
  assert(connection_);
  std::unique_ptr<Connection> connection = std::move(connection_);
  // Bytes behind the reply belong to no request of ours: the framing was not kept after all.
  if (connection->begin != connection->end || !connection->stream->is_open()) return;
  ++connection->exchanges;
  pool_->put(key_, std::move(connection));
}

Pool::Pool(asio::io_context& context, std::unique_ptr<Dialer> dialer, PoolOptions options)
    : dialer_(std::move(dialer)), options_(options), sweeper_(context.get_executor()) {
  sweeper_.on_expire([this] { sweep(); });
}

Pool::~Pool() = default;

std::unique_ptr<Connection> Pool::take_idle(const std::string& key) {
  const auto shelf = idle_.find(key);
  if (shelf == idle_.end()) return nullptr;
  auto& connections = shelf->second;
  const SteadyTime now = SteadyClock::now();
  while (!connections.empty()) {
    std::unique_ptr<Connection> connection = std::move(connections.back());
    connections.pop_back();
    const auto idle = now - connection->idle_since;
    if (idle >= options_.idle_timeout) {
      connections.clear();  // the rest is older still
      return nullptr;
    }
    // Always looked at: a request on a connection that the vendor has closed would become a failed attempt in the
    // books.
    if (connection->stream->looks_alive()) return connection;
  }
  return nullptr;
}

Task<Result<Lease>> Pool::acquire(const Origin& origin, SteadyTime deadline, bool fresh) {
  return acquire_now(origin, origin.key(), deadline, fresh);
}

Task<Result<Lease>> Pool::acquire_now(const Origin& origin, std::string key, SteadyTime deadline, bool fresh) {
  if (!fresh) {
    if (std::unique_ptr<Connection> idle = take_idle(key)) co_return Lease(this, std::move(key), std::move(idle));
  }
  Result<std::unique_ptr<Stream>> stream = co_await dialer_->dial(origin, deadline);
  if (!stream) co_return std::move(stream).error();
  co_return Lease(this, std::move(key), make_connection(std::move(stream).value()));
}

void Pool::put(const std::string& key, std::unique_ptr<Connection> connection) {
  if (options_.max_idle_per_origin == 0) return;
  auto& connections = idle_[key];
  if (connections.size() >= options_.max_idle_per_origin) connections.pop_front();
  connection->begin = connection->end = 0;
  // One large reply must not pin its memory for as long as the connection lives.
  if (connection->buffer.size() > 4 * kBufferSize) connection->buffer = std::string(kBufferSize + kJsonPadding, '\0');
  connection->idle_since = SteadyClock::now();
  if (!sweeping_) sweeper_.set(connection->idle_since + options_.idle_timeout);
  sweeping_ = true;
  connections.push_back(std::move(connection));
}

// Drops what has been idle for too long; runs again when the oldest of the rest will be.
void Pool::sweep() {
  const SteadyTime limit = SteadyClock::now() - options_.idle_timeout;
  SteadyTime oldest = SteadyTime::max();
  for (auto shelf = idle_.begin(); shelf != idle_.end();) {
    auto& connections = shelf->second;
    while (!connections.empty() && connections.front()->idle_since <= limit) connections.pop_front();
    if (!connections.empty()) oldest = std::min(oldest, connections.front()->idle_since);
    shelf = connections.empty() ? idle_.erase(shelf) : std::next(shelf);
  }
  sweeping_ = oldest != SteadyTime::max();
  if (sweeping_) sweeper_.set(oldest + options_.idle_timeout);
}

std::size_t Pool::idle_count() const {
  std::size_t count = 0;
  for (const auto& [key, connections] : idle_) count += connections.size();
  return count;
}

void Pool::close_idle() { idle_.clear(); }

}  // namespace tollgate::net
