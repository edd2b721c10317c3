#include "gateway/replicas/load_watch.h"

#include <boost/asio/post.hpp>

#include "core/log.h"
#include "core/spawn.h"
#include "gateway/upstream_call.h"
#include "gateway/upstream_request.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxPage = 4u << 20;

Error unreadable(std::string why) {
  return Error{.kind = ErrorKind::retry_same, .status = 502, .code = "load_unreadable", .message = std::move(why)};
}

// The page's path is the host's, not below the base URL's "/v1".
std::string request_head(const Vendor& vendor) {
  return "GET " + vendor.config->load_path + " HTTP/1.1\r\n" + vendor.fixed_headers +
         "Accept: text/plain\r\nConnection: close\r\n\r\n";
}

}  // namespace

LoadWatch::LoadWatch(ReplicaBook& book, std::shared_ptr<const Snapshot> snapshot, DialerFactory dialers,
                     LoadWatchTimes times)
    : book_(book),
      snapshot_(std::move(snapshot)),
      dialers_(std::move(dialers)),
      times_(times),
      wake_(context_.get_executor()),
      timer_(context_.get_executor()) {
  timer_.on_expire([this] { wake_.notify(); });
}

LoadWatch::~LoadWatch() { stop(); }

void LoadWatch::start() {
  spawn(context_.get_executor(), run(), "load watch", [this] { context_.stop(); });
  thread_ = std::thread([this] { context_.run(); });
}

void LoadWatch::reload(std::shared_ptr<const Snapshot> snapshot) {
  asio::post(context_, [this, snapshot = std::move(snapshot)]() mutable {
    snapshot_ = std::move(snapshot);
    wake_.notify();
  });
}

void LoadWatch::stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    stopping_ = true;
    wake_.notify();
  });
  thread_.join();
}

// Rounds do not overlap: a page that is late ends its round at times_.one_page.
Task<void> LoadWatch::run() {
  while (!stopping_) {
    const SteadyTime next = SteadyClock::now() + times_.pause;
    const auto snapshot = snapshot_;
    bool any = false;
    for (std::size_t i = 0; i < snapshot->vendors.size(); ++i) {
      if (snapshot->vendors[i].config->load_path.empty() || !snapshot->vendors[i].unusable.empty()) continue;
      any = true;
      ++asking_;
      spawn(context_.get_executor(), ask(snapshot, i), "load page", [this] {
        --asking_;
        wake_.notify();
      });
    }
    while (asking_ > 0) co_await wake_.wait();
    while (!stopping_ && snapshot == snapshot_ && (!any || SteadyClock::now() < next)) {
      if (any) timer_.set(next);
      co_await wake_.wait();
    }
    timer_.clear();
  }
}

Task<void> LoadWatch::ask(std::shared_ptr<const Snapshot> snapshot, std::size_t vendor) {
  const Vendor& one = snapshot->vendors[vendor];
  const std::string& name = one.config->name;
  auto page = co_await get(one);
  const auto load = page ? read_engine_load(*page) : std::nullopt;
  if (!book_.told(name, load)) co_return;
  if (load) {
    log_info("a replica's load can be read again", {{"provider", std::string_view(name)}});
    co_return;
  }
  const std::string why =
      page ? "the page tells of no requests; is it the engine's own /metrics?" : page.error().message;
  log_warn("a replica's load cannot be read; it is asked last from now on",
           {{"provider", std::string_view(name)}, {"error", std::string_view(why)}});
}

Task<Result<std::string>> LoadWatch::get(const Vendor& vendor) {
  const SteadyTime deadline = SteadyClock::now() + times_.one_page;
  net::Pool pool(context_, dialers_(context_, vendor), {});
  UpstreamCall call(pool.options().limits);
  auto connected = co_await call.connect(pool, vendor.origin, deadline, true);
  if (!connected) co_return std::move(connected).error();
  bool late = false;
  net::Deadline timer(context_.get_executor());
  timer.on_expire([&] {
    late = true;
    call.interrupt(true);
  });
  timer.set(deadline);
  const std::string head = request_head(vendor);
  const asio::const_buffer buffer = asio::buffer(head);
  const auto failed = [&] { return unreadable(late ? "no answer in time" : call.failure()); };
  if (!co_await call.send({&buffer, 1}) || co_await call.read_head() != Got::data) co_return failed();
  if (call.head().status != 200) co_return unreadable("status " + std::to_string(call.head().status));
  std::string body;
  for (;;) {
    const Got got = co_await call.read_body(body);
    if (got == Got::end) break;
    if (got != Got::data) co_return failed();
    if (body.size() > kMaxPage) co_return unreadable("the page is longer than 4 MiB");
  }
  call.abandon();
  co_return std::move(body);
}

}  // namespace tollgate::gateway
