#include "gateway/local/mail_turns.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "core/spawn.h"
#include "gateway/local/mailbox.h"

namespace tollgate::gateway {
namespace {

constexpr int kBoxes = 64;

struct MailTurnsTest : testing::Test {
  // Starts a reader for each mailbox that ends with its first mail.
  void start_readers() {
    for (int i = 0; i < kBoxes; ++i) {
      boxes.push_back(std::make_shared<Mailbox>(context.get_executor()));
      spawn(context.get_executor(), read_one(*boxes.back()), "reader", [] {});
    }
    context.poll();
  }

  Task<void> read_one(Mailbox& box) {
    co_await box.wait();
    std::vector<AnswerMail> mails;
    box.take(mails);
    for (const AnswerMail& mail : mails) order.push_back(mail.index);
    if (on_mail) on_mail();
  }

  void post_to_all() {
    for (int i = 0; i < kBoxes; ++i) boxes[static_cast<std::size_t>(i)]->post({.index = i});
  }

  asio::io_context context{1};
  std::vector<std::shared_ptr<Mailbox>> boxes;
  std::vector<int> order;
  std::function<void()> on_mail;
};

TEST_F(MailTurnsTest, MailsArriveOnceAndInOrder) {
  start_readers();
  std::thread engine([this] { post_to_all(); });
  engine.join();
  context.poll();
  ASSERT_EQ(order.size(), static_cast<std::size_t>(kBoxes));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(MailTurnsTest, ManyMailsOfOneBoxAreOneWakeUp) {
  start_readers();
  for (int i = 0; i < 5; ++i) boxes[0]->post({.index = i});
  context.poll();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

// What the network brings while mails are read must not wait for the last of them.
TEST_F(MailTurnsTest, TheNetworkComesInBetween) {
  asio::local::stream_protocol::socket near(context), far(context);
  asio::local::connect_pair(near, far);
  std::size_t read_before = 0;
  char byte = 0;
  near.async_read_some(asio::buffer(&byte, 1), [&](ErrorCode, std::size_t) { read_before = order.size(); });
  on_mail = [&] {
    if (order.size() == 1) ASSERT_EQ(::send(far.native_handle(), "x", 1, 0), 1);
  };
  start_readers();
  post_to_all();
  context.poll();
  EXPECT_EQ(order.size(), static_cast<std::size_t>(kBoxes));
  EXPECT_GT(read_before, 0u);
  EXPECT_LT(read_before, 8u);
}

// A context that ends with mail unread lets go of it.
TEST_F(MailTurnsTest, EndsWithMailUnread) {
  std::weak_ptr<Mailbox> unread;
  {
    asio::io_context other{1};
    auto box = std::make_shared<Mailbox>(other.get_executor());
    box->post({.index = 1});
    unread = box;
  }
  EXPECT_TRUE(unread.expired());
}

}  // namespace
}  // namespace tollgate::gateway
