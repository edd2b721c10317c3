#include "gateway/local/local_server.h"

#include "core/log.h"
#include "core/percent.h"
#include "core/spawn.h"
#include "gateway/local/chat_job.h"
#include "gateway/local/count_job.h"
#include "gateway/local/embed_job.h"
#include "gateway/pipe_request.h"
#include "gateway/surface.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kGeminiPath = "/models/";
constexpr std::string_view kGeminiCount = ":countTokens";

// By the target, which the gateway itself made of a surface's row. False when the connection is of no more use.
Task<bool> answer(net::Stream& stream, LocalVendor& vendor, std::string_view target, std::string_view body) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/embeddings") co_return co_await run_embed(stream, vendor, body);
  if (path.ends_with("/count_tokens")) co_return co_await run_count(stream, vendor, body, {});
  if (path.starts_with(kGeminiPath) && path.ends_with(kGeminiCount)) {
    std::string model;
    const auto escaped = path.substr(kGeminiPath.size(), path.size() - kGeminiPath.size() - kGeminiCount.size());
    if (percent_decode(escaped, model)) co_return co_await run_count(stream, vendor, body, model);
  }
  co_return co_await run_chat(stream, vendor, body);
}

Task<void> serve_local(std::unique_ptr<net::Stream> stream, LocalVendor& vendor) {
  std::string in;
  http::Head head;
  std::size_t total = 0;
  while (co_await read_pipe_request(*stream, in, head, total)) {
    const std::string_view body = std::string_view(in).substr(head.bytes, total - head.bytes);
    if (!co_await answer(*stream, vendor, head.target, body)) break;
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
