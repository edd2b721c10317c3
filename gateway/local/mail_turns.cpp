#include "gateway/local/mail_turns.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "gateway/local/mailbox.h"

namespace tollgate::gateway {

MailTurns::MailTurns(asio::execution_context& context)
    : service(context), executor_(static_cast<asio::io_context&>(context).get_executor()) {}

MailTurns& MailTurns::of(const Executor& executor) { return asio::use_service<MailTurns>(executor.context()); }

void MailTurns::add(std::shared_ptr<Mailbox> mailbox) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(mailbox));
    if (std::exchange(awake_, true)) return;
  }
  asio::post(executor_, [this] { wake_next(); });
}

// Posted again instead of looping: that puts it behind what is ready now and behind a look at the network.
void MailTurns::wake_next() {
  std::shared_ptr<Mailbox> mailbox;
  {
    const std::lock_guard lock(mutex_);
    mailbox = std::move(waiting_.front());
    waiting_.pop_front();
    awake_ = !waiting_.empty();
    if (awake_) asio::post(executor_, [this] { wake_next(); });
  }
  mailbox->wake();
}

void MailTurns::shutdown() {
  const std::lock_guard lock(mutex_);
  waiting_.clear();
}

}  // namespace tollgate::gateway
