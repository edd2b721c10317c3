#include "gateway/local/local_server.h"

#include "core/log.h"
#include "core/spawn.h"
#include "gateway/local/chat_job.h"
#include "gateway/pipe_request.h"

namespace tollgate::gateway {
namespace {

Task<void> serve_local(std::unique_ptr<net::Stream> stream, LocalVendor& vendor) {
  std::string in;
  http::Head head;
  std::size_t total = 0;
  while (co_await read_pipe_request(*stream, in, head, total)) {
    const std::string_view body = std::string_view(in).substr(head.bytes, total - head.bytes);
    if (!co_await run_chat(*stream, vendor, body)) break;
    in.erase(0, total);
  }
  stream->close();
}

class LocalDialer final : public net::Dialer {
 public:
  LocalDialer(asio::io_context& context, LocalVendor& vendor) : context_(context), vendor_(vendor) {}
  Task<Result<std::unique_ptr<net::Stream>>> dial(const net::Origin&, SteadyTime) override {
    auto [near, far] = net::make_pipe(context_, kPipeBytes);
    spawn(context_.get_executor(), serve_local(std::move(far), vendor_), "local", [] {});
    co_return std::move(near);
  }

 private:
  asio::io_context& context_;
  LocalVendor& vendor_;
};

}  // namespace

std::unique_ptr<net::Dialer> make_local_dialer(asio::io_context& context, LocalVendor& vendor) {
  return std::make_unique<LocalDialer>(context, vendor);
}

}  // namespace tollgate::gateway
