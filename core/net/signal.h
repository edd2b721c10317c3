// Signal: wakes the one coroutine that waits on it; a notify without a waiter is remembered once. The event loop of a
// relay: many callbacks notify, one coroutine waits and looks at the state. Thread rule: one io thread.
#pragma once

#include "core/net/handler.h"
#include "core/task.h"

namespace tollgate::net {

class Signal {
 public:
  explicit Signal(Executor executor) : executor_(executor) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  Task<void> wait();
  // Resumes the waiter from inside this call's io context (posted, never inline).
  void notify();

 private:
  Executor executor_;
  Handler<void()> waiter_;
  bool notified_ = false;
};

}  // namespace tollgate::net
