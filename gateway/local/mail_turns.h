// Whose mail is read next on an io thread. An engine's step ends with a piece for each of its answers at once; read in
// a row, they would keep everything else on the thread waiting. So one mailbox is woken in each turn of the event loop,
// and what the network has brought meanwhile goes between. One per io_context. Thread rule: add() on any thread.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <deque>
#include <memory>
#include <mutex>

#include "core/task.h"

namespace tollgate::gateway {

class Mailbox;

class MailTurns final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;  // asio finds a context's services by it

  explicit MailTurns(asio::execution_context& context);
  static MailTurns& of(const Executor& executor);
  // `mailbox` is woken after those that were added before it. Bounded by the mailboxes: each is added once until it has
  // been read.
  void add(std::shared_ptr<Mailbox> mailbox);

 private:
  void shutdown() override;
  void wake_next();

  Executor executor_;
  std::mutex mutex_;  // guards what follows
  std::deque<std::shared_ptr<Mailbox>> waiting_;
  bool awake_ = false;  // wake_next() is in the event loop's queue
};

}  // namespace tollgate::gateway
