// The way from the engine's thread to the coroutine that waits for answers on an io thread. Bounded by what answers can
// hold: the context of each. Thread rule: post() on any thread, the rest on the io thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/net/signal.h"
#include "gateway/local/chat_answer.h"
#include "gateway/local/mail_turns.h"

namespace tollgate::gateway {

struct AnswerMail {
  int index = 0;  // of the answer
  AnswerPiece piece;
  std::optional<local::AnswerEnd> end;  // set: the last one; its views are in the two texts below
  std::string held, stop_string;
  std::optional<Error> error;
};

// Second owners: the listeners in the engine, and wake-ups under way.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(Executor executor) : turns_(MailTurns::of(executor)), signal_(executor) {}

  void post(AnswerMail mail) {
    {
      const std::lock_guard lock(mutex_);
      mails_.push_back(std::move(mail));
      if (std::exchange(waking_, true)) return;
    }
    turns_.add(shared_from_this());
  }
  void wake() { signal_.notify(); }
  Task<void> wait() { return signal_.wait(); }
  void take(std::vector<AnswerMail>& out) {
    out.clear();
    const std::lock_guard lock(mutex_);
    out.swap(mails_);
    waking_ = false;
  }

 private:
  MailTurns& turns_;
  net::Signal signal_;
  std::mutex mutex_;
  std::vector<AnswerMail> mails_;
  bool waking_ = false;
};

}  // namespace tollgate::gateway
