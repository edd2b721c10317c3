// What the network layer costs per piece: parsing heads, decoding bodies, and one exchange over loopback and in memory.
// Prints one line per figure; run it on a quiet machine with a release build.
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdio>
#include <string>

#include "core/http.h"
#include "core/net/dial.h"

namespace {

using namespace tollgate;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Run>
void measure(const char* name, int rounds, Run run) {
  run(rounds / 10);
  const double start = cpu_seconds();
  run(rounds);
  std::printf("%-32s %9.3f us\n", name, (cpu_seconds() - start) * 1e6 / rounds);
}

const std::string kRequest =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.example.com:8080\r\nUser-Agent: OpenAI/Python 1.99.0\r\n"
    "Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
    "Content-Type: application/json\r\nAuthorization: Bearer sk-0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
    "X-Stainless-Lang: python\r\nx-tollgate-team: search\r\nContent-Length: 312\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\nContent-Type: application/json\r\nServer: cloudflare\r\n"
    "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nopenai-processing-ms: 412\r\nx-request-id: "
    "req_0123456789\r\n"
    "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 149999\r\ncf-ray: "
    "0123456789abcdef-FRA\r\n\r\n";

void bench_parsers() {
  http::Head head;
  measure("parse request head, 10 headers", 1'000'000, [&](int n) {
    for (int i = 0; i < n; ++i) static_cast<void>(http::parse_request(kRequest, {}, head));
  });
  measure("parse response head, 10 headers", 1'000'000, [&](int n) {
    for (int i = 0; i < n; ++i) static_cast<void>(http::parse_response(kResponse, false, {}, head));
  });
  std::string chunk;
  http::write_chunk_head(chunk, 200);
  chunk += std::string(200, 'x') + "\r\n";
  measure("decode a 200 byte chunk", 1'000'000, [&](int n) {
    http::BodyDecoder decoder(http::Framing::chunked, 0, {});
    std::string_view piece;
    for (int i = 0; i < n; ++i) static_cast<void>(decoder.decode(chunk, piece));
  });
}

Task<void> echo(net::Stream& stream) {
  char data[4096];
  for (;;) {
    const Result<std::size_t> got = co_await stream.read_some(data, sizeof data);
    if (!got) co_return;
    const Result<void> sent = co_await stream.write_all(std::string_view(data, *got));
    if (!sent) co_return;
  }
}

Task<void> ask(net::Stream& stream, int rounds) {
  char data[4096];
  for (int i = 0; i < rounds; ++i) {
    const Result<void> sent = co_await stream.write_all(kRequest);
    std::size_t have = 0;
    while (sent && have < kRequest.size()) {
      const Result<std::size_t> got = co_await stream.read_some(data, sizeof data);
      if (!got) co_return;
      have += *got;
    }
  }
}

void bench_stream(const char* name, asio::io_context& context, net::Stream& near, net::Stream& far, int rounds) {
  asio::co_spawn(context, echo(far), [](std::exception_ptr) {});
  measure(name, rounds, [&](int n) {
    bool done = false;
    asio::co_spawn(context, ask(near, n), [&done](std::exception_ptr) { done = true; });
    context.restart();
    while (!done) context.run_one();
  });
  near.close();
  far.close();
  context.restart();
  context.poll();
}

}  // namespace

int main() {
  bench_parsers();
  asio::io_context context{1};
  {
    auto [near, far] = net::make_pipe(context);
    bench_stream("round trip, pipe", context, *near, *far, 500'000);
  }
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  asio::ip::tcp::socket client(context);
  client.connect(acceptor.local_endpoint());
  asio::ip::tcp::socket server = acceptor.accept();
  auto near = net::make_tcp_stream(context, client.release());
  auto far = net::make_tcp_stream(context, server.release());
  bench_stream("round trip, loopback, both ends", context, *near, *far, 200'000);
  return 0;
}
