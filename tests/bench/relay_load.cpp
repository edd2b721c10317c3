// Load for local_beside_relay.py: one request, sent again and again on kept connections, in one of two ways.
//   relay_load rate PORT CONNECTIONS REQUEST RATE COUNT    at fixed times, whatever the replies do; prints one line of
//                                                          JSON: latencies in us, counted from those times
//   relay_load streams PORT CONNECTIONS REQUEST            the next one when a reply has ended; for each line on stdin
//                                                          prints how many events with data and replies there have
//                                                          been; ends with stdin
// REQUEST: a file with the exact bytes; "@@@@@@@@" in it becomes the request's number.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view kNumber = "@@@@@@@@";
constexpr std::string_view kEvent = "data: {";
constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kPatience = 30 * kSecond;  // without any reply

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(2);
}

struct Connection {
  int fd = -1;
  bool busy = false, headed = false, chunked = false;
  std::int64_t due = 0;
  std::string in;  // the head while it comes, then the last bytes of a chunked body
  std::size_t left = 0;
};

class Load {
 public:
  Load(int port, int connections, const char* file) : port_(port), connections_(connections) {
    std::ifstream in(file, std::ios::binary);
    request_.assign(std::istreambuf_iterator<char>(in), {});
    number_ = request_.find(kNumber);
    if (request_.empty()) give_up(file);
    for (std::size_t i = 0; i < connections_.size(); ++i) dial(i);
  }

  void watch(int fd) {  // wait() tells of it as of index -1
    epoll_event event{.events = EPOLLIN, .data = {.u64 = ~std::uint64_t{0}}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  bool send_on_free(std::int64_t due) {
    for (std::size_t tried = 0; tried < connections_.size(); ++tried) {
      next_ = (next_ + 1) % connections_.size();
      if (connections_[next_].busy) continue;
      begin(next_, due);
      return true;
    }
    return false;
  }

  // Calls ended(latency in ns) for each reply; true when the watched file has something.
  template <class Ended>
  bool wait(Ended ended) {
    epoll_event events[128];
    const int count = epoll_wait(poll_, events, 128, 1000);
    bool other = false;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == ~std::uint64_t{0}) {
        other = true;
      } else if (receive(events[i].data.u64)) {
        ended(now() - connections_[events[i].data.u64].due);
      }
    }
    if (count > 0) heard_ = now();
    if (now() - heard_ > kPatience) give_up("no reply for 30 s");
    return other;
  }

  std::uint64_t events() const { return events_; }
  std::uint64_t failures() const { return failures_; }

 private:
  void dial(std::size_t index) {
    Connection& connection = connections_[index];
    connection = {};
    connection.fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("connect");
    const int one = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, connection.fd, &event);
  }

  void begin(std::size_t index, std::int64_t due) {
    Connection& connection = connections_[index];
    connection.busy = true;
    connection.headed = connection.chunked = false;
    connection.in.clear();
    connection.due = due;
    if (number_ != std::string::npos) {
      char text[16];
      std::snprintf(text, sizeof text, "%08llu", static_cast<unsigned long long>(sent_++ % 100'000'000));
      request_.replace(number_, kNumber.size(), text);
    }
    if (send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
      give_up("send");
  }

  // True when a reply has ended.
  bool receive(std::size_t index) {
    Connection& connection = connections_[index];
    char buffer[65536];
    const ssize_t got = recv(connection.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {  // also between replies, when the other side is tired of the connection
      failures_ += connection.busy;
      close(connection.fd);
      dial(index);
      return false;
    }
    std::string_view bytes(buffer, static_cast<std::size_t>(got));
    if (!connection.headed && !read_head(connection, bytes)) return false;
    if (connection.chunked ? !last_chunk(connection, bytes) : !counted(connection, bytes)) return false;
    connection.busy = false;
    return true;
  }

  // Leaves the body's bytes in `bytes`, which may be in connection.in then.
  bool read_head(Connection& connection, std::string_view& bytes) {
    connection.in += bytes;
    const std::size_t end = connection.in.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::string head = connection.in.substr(0, end + 2);
    std::ranges::transform(head, head.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    failures_ += !head.starts_with("http/1.1 200");
    const std::size_t length = head.find("\r\ncontent-length:");
    connection.chunked = length == std::string::npos;
    connection.left = connection.chunked ? 0 : std::strtoull(head.c_str() + length + 17, nullptr, 10);
    connection.headed = true;
    body_ = connection.in.substr(end + 2);  // with the line end that a chunk's own may follow
    connection.in.clear();
    bytes = connection.chunked ? std::string_view(body_) : std::string_view(body_).substr(2);
    return true;
  }

  static bool counted(Connection& connection, std::string_view bytes) {
    connection.left -= std::min(connection.left, bytes.size());
    return connection.left == 0;
  }

  bool last_chunk(Connection& connection, std::string_view bytes) {
    connection.in += bytes;
    std::size_t at = 0;
    for (std::size_t found; (found = connection.in.find(kEvent, at)) != std::string::npos; ++events_)
      at = found + kEvent.size();
    const bool last = connection.in.ends_with(kLastChunk);
    const std::size_t keep = std::min(connection.in.size() - at, kLastChunk.size() - 1);
    connection.in.erase(0, connection.in.size() - keep);
    return last;
  }

  int port_, poll_ = epoll_create1(0);
  std::vector<Connection> connections_;
  std::string request_, body_;
  std::size_t number_ = 0, next_ = 0;
  std::uint64_t sent_ = 0, events_ = 0, failures_ = 0;
  std::int64_t heard_ = now();
};

void set_timer(int timer, std::int64_t at) {
  const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = at / kSecond, .tv_nsec = at % kSecond}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
}

int rate(Load& load, double per_second, std::size_t count) {
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  load.watch(timer);
  std::vector<double> latencies;
  std::deque<std::int64_t> waiting;
  const std::int64_t start = now() + kSecond / 100;
  const auto due = [&](std::size_t i) { return start + static_cast<std::int64_t>(double(i) * kSecond / per_second); };
  set_timer(timer, start);
  for (std::size_t planned = 0; latencies.size() < count;) {
    if (load.wait([&](std::int64_t took) { latencies.push_back(double(took) / 1000); })) {
      std::uint64_t ticks = 0;
      if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) give_up("timer");
      for (; planned < count && due(planned) <= now(); ++planned) waiting.push_back(due(planned));
      if (planned < count) set_timer(timer, due(planned));
    }
    while (!waiting.empty() && load.send_on_free(waiting.front())) waiting.pop_front();
    if (load.failures() > 0) give_up("a request failed");
  }
  std::ranges::sort(latencies);
  const auto at = [&](double part) { return latencies[static_cast<std::size_t>(part * double(count - 1))]; };
  std::printf("{\"p50\":%.0f,\"p95\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"max\":%.0f}\n", at(0.5), at(0.95), at(0.99),
              at(0.999), at(1));
  return 0;
}

int streams(Load& load) {
  load.watch(STDIN_FILENO);
  std::uint64_t replies = 0;
  for (;;) {
    while (load.send_on_free(now()));
    if (!load.wait([&](std::int64_t) { ++replies; })) continue;
    char line[64];
    const ssize_t got = read(STDIN_FILENO, line, sizeof line);
    if (got <= 0) return 0;
    std::printf("{\"events\":%llu,\"replies\":%llu,\"failures\":%llu}\n",
                static_cast<unsigned long long>(load.events()), static_cast<unsigned long long>(replies),
                static_cast<unsigned long long>(load.failures()));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 4 ? argv[1] : "";
  if (!(mode == "streams" && argc == 5) && !(mode == "rate" && argc == 7)) {
    std::fprintf(
        stderr,
        "usage: relay_load rate PORT CONNECTIONS REQUEST RATE COUNT | relay_load streams PORT CONNECTIONS REQUEST\n");
    return 2;
  }
  Load load(std::atoi(argv[2]), std::atoi(argv[3]), argv[4]);
  return mode == "rate" ? rate(load, std::atof(argv[5]), std::strtoull(argv[6], nullptr, 10)) : streams(load);
}
