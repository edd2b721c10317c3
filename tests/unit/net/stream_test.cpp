// What every Stream promises, checked on all of them: TCP, the in-memory pipe, and TLS over each.
#include "core/net/stream.h"

#include <functional>
#include <random>

#include "core/net/tls.h"
#include "tests/unit/net/certificates.h"
#include "tests/unit/net/net_fixture.h"

namespace tollgate::net {
namespace {

Authority& authority() {
  static Authority instance("stream");
  return instance;
}

Task<void> keep(Task<Result<std::unique_ptr<Stream>>> task, Result<std::unique_ptr<Stream>>& out) {
  out = co_await std::move(task);
}

StreamPair make_tls_pair(asio::io_context& context, StreamPair lower) {
  static const Leaf leaf = authority().issue("stream", "DNS:localhost", -60, 3600);
  TlsSettings trust;
  trust.ca_file = authority().ca_file();
  TlsServerSettings identity;
  identity.cert_file = leaf.cert_file;
  identity.key_file = leaf.key_file;
  auto acceptor = make_tls_acceptor(identity);
  auto client = make_tls_client(trust);
  Result<std::unique_ptr<Stream>> near{Error{}}, far{Error{}};
  Origin origin;
  origin.tls = true;
  origin.host = "localhost";
  origin.port = "443";
  asio::co_spawn(context, keep(connect_tls(*client, std::move(lower.first), origin, soon()), near),
                 [](std::exception_ptr) {});
  asio::co_spawn(context, keep(accept_tls(**acceptor, std::move(lower.second), soon()), far),
                 [](std::exception_ptr) {});
  run_until(context, [&] { return near && far; });
  return {std::move(near).value(), std::move(far).value()};
}

struct Kind {
  const char* name;
  std::function<StreamPair(asio::io_context&)> make;
};

class StreamTest : public testing::TestWithParam<Kind> {
 protected:
  StreamTest() { std::tie(a_, b_) = GetParam().make(context_); }
  asio::io_context context_{1};
  std::unique_ptr<Stream> a_, b_;
};

TEST_P(StreamTest, CarriesBytesBothWays) {
  EXPECT_TRUE(run(context_, a_->write_all("ping")));
  EXPECT_EQ(read_bytes(context_, *b_, 4), "ping");
  EXPECT_TRUE(run(context_, b_->write_all("pong")));
  char data[16];
  const Result<std::size_t> got = run(context_, a_->read_some(data, sizeof data));
  ASSERT_TRUE(got);
  EXPECT_EQ(std::string_view(data, *got), "pong");
}

TEST_P(StreamTest, GathersBuffersInOrder) {
  const std::string parts[] = {"one,", "", "two,", "three"};
  std::vector<asio::const_buffer> buffers;
  for (const std::string& part : parts) buffers.push_back(asio::buffer(part));
  Outcome written;
  a_->async_write(buffers, written.handler());
  EXPECT_FALSE(written.done) << "an operation must not complete inside its call";
  EXPECT_EQ(read_bytes(context_, *b_, 13), "one,two,three");
  wait_for(context_, written);
  EXPECT_FALSE(written.ec);
  EXPECT_EQ(written.bytes, 13u);
}

TEST_P(StreamTest, AWriterWaitsForASlowReaderAndNothingIsLost) {
  std::string big(6u << 20, '\0');
  std::mt19937 random(7);
  for (char& c : big) c = static_cast<char>(random());
  Outcome written;
  const asio::const_buffer halves[] = {asio::buffer(big.data(), 1000),
                                       asio::buffer(big.data() + 1000, big.size() - 1000)};
  a_->async_write(halves, written.handler());
  settle(context_);
  EXPECT_FALSE(written.done) << "6 MiB cannot fit into any buffer on the way";
  EXPECT_TRUE(read_bytes(context_, *b_, big.size()) == big);
  wait_for(context_, written);
  EXPECT_FALSE(written.ec);
  EXPECT_EQ(written.bytes, big.size());
}

TEST_P(StreamTest, WriteNowTakesWhatFitsAndAsyncWriteTheRest) {
  const std::string block(1u << 20, 'x');
  const asio::const_buffer whole = asio::buffer(block);
  std::size_t total = 0;
  ErrorCode ec;
  for (int i = 0; i < 64 && !ec; ++i) total += a_->write_now(std::span(&whole, 1), ec);
  ASSERT_EQ(ec, asio::error::would_block);
  EXPECT_GT(total, 0u);
  Outcome written;
  const asio::const_buffer none;
  a_->async_write(std::span(&none, 1), written.handler());
  EXPECT_EQ(read_bytes(context_, *b_, total).size(), total);
  wait_for(context_, written);
  EXPECT_FALSE(written.ec);
}

TEST_P(StreamTest, HalfCloseSendsEofAndLeavesTheOtherWayOpen) {
  EXPECT_TRUE(run(context_, a_->write_all("last")));
  a_->shutdown_write();
  EXPECT_EQ(read_bytes(context_, *b_, 4), "last");
  char data[16];
  Outcome end;
  b_->async_read_some(data, sizeof data, end.handler());
  wait_for(context_, end);
  EXPECT_EQ(end.ec, asio::error::eof);
  EXPECT_TRUE(run(context_, b_->write_all("still here")));
  EXPECT_EQ(read_bytes(context_, *a_, 10), "still here");
  EXPECT_EQ(run(context_, b_->read_some(data, sizeof data)).error().code, "eof");
}

TEST_P(StreamTest, CancelReadEndsTheReadOnlyAndLosesNoByte) {
  char data[16];
  Outcome read;
  b_->async_read_some(data, sizeof data, read.handler());
  settle(context_);
  ASSERT_FALSE(read.done);
  b_->cancel_read();
  EXPECT_FALSE(read.done);
  wait_for(context_, read);
  EXPECT_EQ(read.ec, asio::error::operation_aborted);
  EXPECT_TRUE(run(context_, a_->write_all("later")));
  EXPECT_EQ(read_bytes(context_, *b_, 5), "later");
  b_->cancel_read();  // nothing outstanding
  EXPECT_TRUE(run(context_, b_->write_all("writes live on")));
  EXPECT_EQ(read_bytes(context_, *a_, 14), "writes live on");
}

TEST_P(StreamTest, CancelReadWhileDataArrivesKeepsTheData) {
  char data[16];
  Outcome read;
  b_->async_read_some(data, sizeof data, read.handler());
  ErrorCode ec;
  const asio::const_buffer bytes("data", 4);
  ASSERT_EQ(a_->write_now(std::span(&bytes, 1), ec), 4u);
  b_->cancel_read();
  wait_for(context_, read);
  std::string got = read.ec ? std::string() : std::string(data, read.bytes);
  got += read_bytes(context_, *b_, 4 - got.size());
  EXPECT_EQ(got, "data");
}

TEST_P(StreamTest, CloseAbortsWhatIsOutstanding) {
  const std::string big(16u << 20, 'x');
  const asio::const_buffer whole = asio::buffer(big);
  char data[16];
  Outcome read, written;
  a_->async_read_some(data, sizeof data, read.handler());
  a_->async_write(std::span(&whole, 1), written.handler());
  settle(context_);
  a_->close();
  a_->close();
  EXPECT_FALSE(a_->is_open());
  EXPECT_FALSE(a_->looks_alive());
  wait_for(context_, read);
  wait_for(context_, written);
  EXPECT_EQ(read.ec, asio::error::operation_aborted);
  EXPECT_EQ(written.ec, asio::error::operation_aborted);
  EXPECT_FALSE(run(context_, a_->write_all("x")));
  EXPECT_FALSE(run(context_, a_->read_some(data, sizeof data)));
}

TEST_P(StreamTest, DestructionAbortsToo) {
  const std::string big(16u << 20, 'x');
  const asio::const_buffer whole = asio::buffer(big);
  char data[16];
  Outcome read, written;
  a_->async_read_some(data, sizeof data, read.handler());
  a_->async_write(std::span(&whole, 1), written.handler());
  settle(context_);
  a_.reset();
  wait_for(context_, read);
  wait_for(context_, written);
  EXPECT_TRUE(read.ec);
  EXPECT_TRUE(written.ec);
}

TEST_P(StreamTest, APeerThatClosesIsSeenByReadAndWrite) {
  b_->close();
  char data[16];
  EXPECT_FALSE(run(context_, a_->read_some(data, sizeof data)));
  EXPECT_FALSE(a_->looks_alive());
  bool failed = false;
  for (int i = 0; i < 200 && !failed; ++i) {
    failed = !run(context_, a_->write_all("hello?"));
    settle(context_);
  }
  EXPECT_TRUE(failed);
}

TEST_P(StreamTest, WaitBrokenIgnoresDataAndEndsOnAReset) {
  Outcome broken;
  a_->async_wait_broken(broken.handler());
  EXPECT_TRUE(run(context_, b_->write_all("data")));
  settle(context_);
  EXPECT_FALSE(broken.done);
  EXPECT_TRUE(run(context_, a_->write_all("unread by the peer")));
  settle(context_);
  b_->close();
  wait_for(context_, broken);
  EXPECT_FALSE(broken.ec);
}

TEST_P(StreamTest, WaitBrokenEndsWhenThisSideCloses) {
  Outcome broken;
  a_->async_wait_broken(broken.handler());
  settle(context_);
  EXPECT_FALSE(broken.done);
  a_->close();
  wait_for(context_, broken);
  EXPECT_EQ(broken.ec, asio::error::operation_aborted);
}

TEST_P(StreamTest, AnIdleStreamLooksAliveUntilThePeerSpeaksOrLeaves) {
  char data[16];
  Outcome read;  // takes TLS session tickets off the wire
  a_->async_read_some(data, sizeof data, read.handler());
  settle(context_);
  a_->cancel_read();
  wait_for(context_, read);
  EXPECT_TRUE(a_->looks_alive());
  EXPECT_TRUE(run(context_, b_->write_all("unasked")));
  b_->shutdown_write();
  settle(context_);
  if (std::string_view(GetParam().name).substr(0, 3) != "Tls") {
    EXPECT_FALSE(a_->looks_alive());
  } else {
    EXPECT_EQ(read_bytes(context_, *a_, 7), "unasked");
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, StreamTest,
    testing::Values(Kind{"Tcp", [](asio::io_context& c) { return make_tcp_pair(c); }},
                    Kind{"Pipe", [](asio::io_context& c) { return make_pipe(c); }},
                    Kind{"TinyPipe", [](asio::io_context& c) { return make_pipe(c, 37); }},
                    Kind{"TlsOverTcp", [](asio::io_context& c) { return make_tls_pair(c, make_tcp_pair(c)); }},
                    Kind{"TlsOverPipe", [](asio::io_context& c) { return make_tls_pair(c, make_pipe(c)); }},
                    Kind{"TlsOverTinyPipe", [](asio::io_context& c) { return make_tls_pair(c, make_pipe(c, 1500)); }}),
    [](const testing::TestParamInfo<Kind>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tollgate::net
