#include "gateway/pipe_request.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxRequest = 64u << 20;

}  // namespace

Task<bool> read_pipe_request(net::Stream& stream, std::string& in, http::Head& head, std::size_t& total) {
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

}  // namespace tollgate::gateway
