// Work that would hold up an io thread, done on another one while the coroutine looks whether its caller is still
// there. Thread rule: called on an io thread; `make` runs on the pool and must own what it uses.
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "core/net/deadline.h"
#include "core/net/signal.h"
#include "core/net/stream.h"

namespace tollgate::gateway {

inline constexpr auto kCallerLook = std::chrono::milliseconds(100);

// What `make` gave; nothing for a caller who has left meanwhile, whose work is not begun any more.
template <class Made>
Task<std::optional<Made>> off_thread(net::Stream& stream, asio::thread_pool& pool, std::function<Made()> make) {
  struct Work {
    explicit Work(Executor executor) : signal(executor) {}
    net::Signal signal;
    std::atomic<bool> unwanted = false, done = false;
    std::optional<Made> made;
  };
  // The pool's task is the second owner: it may end after its caller.
  auto work = std::make_shared<Work>(stream.executor());
  net::Deadline timer(stream.executor());
  timer.on_expire([&work] { work->signal.notify(); });
  asio::post(pool, [work, make = std::move(make), executor = stream.executor()] {
    if (work->unwanted) return;
    work->made.emplace(make());
    work->done = true;
    asio::post(executor, [work] { work->signal.notify(); });
  });
  while (!work->done) {
    timer.set(SteadyClock::now() + kCallerLook);
    co_await work->signal.wait();
    if (stream.looks_alive()) continue;
    work->unwanted = true;
    co_return std::nullopt;
  }
  co_return std::move(work->made);
}

}  // namespace tollgate::gateway
