#include "tests/unit/credentials/token_host.h"

#include "core/http.h"
#include "core/spawn.h"

namespace tollgate {

class TokenHost::HostDialer final : public net::Dialer {
 public:
  explicit HostDialer(TokenHost& host) : host_(host) {}
  Task<Result<std::unique_ptr<net::Stream>>> dial(const net::Origin& origin, SteadyTime) override {
    host_.origins.push_back(origin.key());
    if (host_.unreachable) co_return Error{ErrorKind::retry_elsewhere, 502, "connect_failed", "cannot connect", {}};
    auto [near, far] = net::make_pipe(host_.context_);
    spawn(host_.context_.get_executor(), host_.serve(std::move(far)), "token host", [] {});
    co_return std::move(near);
  }

 private:
  TokenHost& host_;
};

std::unique_ptr<net::Dialer> TokenHost::dialer() { return std::make_unique<HostDialer>(*this); }

Task<void> TokenHost::serve(std::unique_ptr<net::Stream> stream) {
  std::string bytes;
  http::Head head;
  for (;;) {
    char part[4096];
    const auto got = co_await stream->read_some(part, sizeof part);
    if (!got) co_return;
    bytes.append(part, *got);
    const auto parsed = http::parse_request(bytes, {}, head);
    if (parsed && *parsed && bytes.size() >= head.bytes + head.content_length) break;
  }
  requests.push_back(bytes);
  std::shared_ptr<net::Stream> kept = std::move(stream);
  if (replies.empty()) {
    waiting_.push_back(kept);
    co_return;
  }
  const std::string reply = replies.front();
  replies.pop_front();
  co_await finish(kept, reply);
}

Task<void> TokenHost::finish(std::shared_ptr<net::Stream> stream, std::string reply) {
  if (!reply.empty()) (void)co_await stream->write_all(reply);
  stream->close();
}

void TokenHost::answer(const std::string& reply) {
  std::shared_ptr<net::Stream> stream = waiting_.front();
  waiting_.pop_front();
  spawn(context_.get_executor(), finish(std::move(stream), reply), "token host", [] {});
}

std::string json_reply(int status, const std::string& body) {
  std::string out;
  http::write_status_line(out, status);
  return out + "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string token_reply(const std::string& token, int expires_in) {
  return json_reply(200, R"({"access_token":")" + token + R"(","expires_in":)" + std::to_string(expires_in) +
                             R"(,"token_type":"Bearer"})");
}

}  // namespace tollgate
