#include "gateway/echo.h"

#include "core/http.h"
#include "core/json.h"
#include "core/spawn.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kPipeBytes = 64u << 10;
constexpr std::size_t kMaxRequest = 64u << 20;

// Reads one request into `in`; the parsed head and the body's end come back. False: the peer is done.
Task<bool> read_request(net::Stream& stream, std::string& in, http::Head& head, std::size_t& total) {
  for (;;) {
    if (!in.empty()) {
      auto parsed = http::parse_request(in, http::Limits{}, head);
      if (!parsed) co_return false;
      if (*parsed) {
        total = head.bytes + static_cast<std::size_t>(head.content_length);
        if (in.size() >= total) co_return true;
      }
    }
    if (in.size() > kMaxRequest) co_return false;
    const std::size_t before = in.size();
    in.resize(before + (16u << 10));
    auto got = co_await stream.read_some(in.data() + before, in.size() - before);
    in.resize(before + (got ? *got : 0));
    if (!got) co_return false;
  }
}

Task<void> serve_echo(std::unique_ptr<net::Stream> stream) {
  std::string in, out;
  http::Head head;
  std::size_t total = 0;
  while (co_await read_request(*stream, in, head, total)) {
    const EchoReply reply = echo_reply(head.target, std::string_view(in).substr(head.bytes, total - head.bytes));
    in.erase(0, total);
    out.clear();
    http::write_status_line(out, reply.status);
    http::write_header(out, "Content-Type", reply.stream ? "text/event-stream" : "application/json");
    http::write_header(out, "Content-Length", std::to_string(reply.body.size()));
    out += "\r\n";
    out += reply.body;
    if (auto sent = co_await stream->write_all(out); !sent) break;
  }
  stream->close();
}

class EchoDialer final : public net::Dialer {
 public:
  explicit EchoDialer(asio::io_context& context) : context_(context) {}
  Task<Result<std::unique_ptr<net::Stream>>> dial(const net::Origin&, SteadyTime) override {
    auto [near, far] = net::make_pipe(context_, kPipeBytes);
    spawn(context_.get_executor(), serve_echo(std::move(far)), "echo", [] {});
    co_return std::move(near);
  }

 private:
  asio::io_context& context_;
};

}  // namespace

std::unique_ptr<net::Dialer> make_echo_dialer(asio::io_context& context) {
  return std::make_unique<EchoDialer>(context);
}

}  // namespace tollgate::gateway
