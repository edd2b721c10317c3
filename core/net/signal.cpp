// Signal: one stored completion handler. Owner: net. Thread rule: see signal.h.
#include "core/net/signal.h"

#include <boost/asio/defer.hpp>
#include <cassert>
#include <utility>

namespace tollgate::net {

Task<void> Signal::wait() {
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this](auto handler) {
        assert(!waiter_);
        waiter_ = std::move(handler);
        if (std::exchange(notified_, false)) notify();
      },
      use_task);
}

// The wrapper hides the handler's associated executor, which would be looked up behind a type-erased one on each step;
// the waiter lives on executor_ anyway. defer() keeps it off the locked queue when called on the io thread.
void Signal::notify() {
  if (!waiter_) {
    notified_ = true;
    return;
  }
  asio::defer(executor_, [waiter = std::exchange(waiter_, nullptr)]() mutable { std::move(waiter)(); });
}

}  // namespace tollgate::net
