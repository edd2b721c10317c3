#include "gateway/echo.h"

#include "core/http.h"
#include "core/json.h"
#include "core/spawn.h"
#include "gateway/pipe_request.h"

namespace tollgate::gateway {
namespace {

Task<void> serve_echo(std::unique_ptr<net::Stream> stream) {
  std::string in, out;
  http::Head head;
  std::size_t total = 0;
  while (co_await read_pipe_request(*stream, in, head, total)) {
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
