#include "gateway/pull/fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>

#include "gateway/pull/answer.h"
#include "gateway/upstream_call.h"

namespace tollgate::gateway::pull {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxRedirects = 8;
constexpr std::size_t kBlock = 256u << 10;  // written at once
constexpr std::chrono::milliseconds kFirstPause = 500ms, kLongestPause = 30'000ms;
constexpr std::uint64_t kMagicBytes = 4;

Error broken(const Address& address, std::string_view what) {
  return Error{
      ErrorKind::retry_elsewhere, 502, "upstream_failed", fmt::format("{}: {}", address.without_query(), what), {}};
}

bool may_pass(const Error& error) {
  if (error.code == "tls_failed") return false;  // a certificate does not become good by asking again
  return error.kind == ErrorKind::retry_same || error.kind == ErrorKind::retry_elsewhere;
}

// One attempt: from the source through its redirects to the last byte, or to the trouble.
class Attempt {
 public:
  Attempt(net::Pool& pool, const FetchOptions& options, PartFile& part, Progress& progress, Executor executor)
      : pool_(pool), options_(options), part_(part), progress_(progress), timer_(executor), at_(options.source) {
    timer_.on_expire([this] {
      late_ = true;
      if (call_) call_->interrupt(true);
    });
  }

  Task<Result<void>> run();

 private:
  Task<Result<void>> ask();
  Task<Result<void>> receive();
  Task<Result<void>> take_block(std::string& block, bool& end);
  Result<void> settle(const Bytes& bytes);
  bool resumable() const { return part_.size() > 0 && (!part_.remote().validator.empty() || expected()); }
  // With a checksum to be met, joined halves of two files are found out at the end.
  bool expected() const { return !options_.sha256.empty() || !part_.remote().sha256.empty(); }
  std::string request() const;
  bool same_origin() const { return at_.origin.key() == options_.source.origin.key(); }
  bool sends_token() const { return !options_.token.empty() && same_origin(); }
  void wait_from_now() { timer_.set(SteadyClock::now() + options_.patience); }
  Error trouble() const {
    return late_ ? broken(at_, fmt::format("silent for {} s", options_.patience.count() / 1000.0))
                 : broken(at_, call_->failure().empty() ? "the connection was cut" : call_->failure());
  }

  net::Pool& pool_;
  const FetchOptions& options_;
  PartFile& part_;
  Progress& progress_;
  net::Deadline timer_;
  Address at_;
  std::unique_ptr<UpstreamCall> call_;
  std::uint64_t asked_ = 0;  // bytes that we had when asking, so that the rest was asked for
  bool late_ = false;
};

std::string Attempt::request() const {
  std::string out = "GET " + at_.target + " HTTP/1.1\r\n";
  http::write_header(out, "Host", at_.authority());
  out += "User-Agent: tollgate\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n";
  if (sends_token()) http::write_header(out, "Authorization", "Bearer " + options_.token);
  if (asked_ > 0) {
    http::write_header(out, "Range", fmt::format("bytes={}-", asked_));
    if (!part_.remote().validator.empty()) http::write_header(out, "If-Range", part_.remote().validator);
  }
  return out + "\r\n";
}

// Connects, sends the request and waits for the head.
Task<Result<void>> Attempt::ask() {
  timer_.clear();
  call_ = std::make_unique<UpstreamCall>(pool_.options().limits);
  const SteadyTime deadline = SteadyClock::now() + options_.patience;
  auto connected = co_await call_->connect(pool_, at_.origin, deadline, true);
  if (!connected) co_return std::move(connected).error();
  wait_from_now();
  const std::string head = request();
  const std::array<asio::const_buffer, 1> buffers{asio::buffer(head)};
  const bool sent = co_await call_->send(buffers);
  if (!sent) co_return trouble();
  const Got got = co_await call_->read_head();
  if (got != Got::data) co_return trouble();
  co_return Result<void>{};
}

Task<Result<void>> Attempt::run() {
  Linked linked;
  asked_ = resumable() ? part_.size() : 0;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    auto asked = co_await ask();
    if (!asked) co_return std::move(asked).error();
    const http::Head& head = call_->head();
    note_linked(head, options_.etag_is_sha && same_origin(), linked);
    if (is_redirect(head.status)) {
      auto next = follow(at_, head.find("location").value_or(""));
      if (!next) co_return std::move(next).error();
      at_ = std::move(next).value();
      continue;
    }
    auto bytes = read_answer(head, linked, at_, asked_, sends_token());
    if (!bytes) co_return std::move(bytes).error();
    auto settled = settle(*bytes);
    if (!settled || bytes->none) co_return std::move(settled);
    co_return co_await receive();
  }
  co_return Error{ErrorKind::client_fault,
                  502,
                  "too_many_redirects",
                  fmt::format("{} redirects, the last to {}", kMaxRedirects + 1, at_.without_query()),
                  {}};
}

// Keeps what is there, if the answer goes on with it; else begins anew.
Result<void> Attempt::settle(const Bytes& bytes) {
  const Remote& had = part_.remote();
  const Remote& now = bytes.remote;
  if (!options_.sha256.empty() && !now.sha256.empty() && now.sha256 != options_.sha256)
    return Error{ErrorKind::client_fault,
                 409,
                 "wrong_checksum",
                 "the server says that the file's SHA-256 is " + now.sha256 + ", not " + options_.sha256,
                 {}};
  // An answer may leave out the validator that If-Range has just asked it to compare.
  const bool unchanged = had.validator == now.validator || now.validator.empty();
  const bool same = unchanged && had.total == now.total && had.sha256 == now.sha256;
  if (asked_ > 0 && bytes.first == asked_ && same) {
    progress_.note(fmt::format("going on after {}", size_text(asked_)));
  } else {
    const bool again = asked_ > 0 && bytes.first == asked_;  // the rest of another file: of no use
    if (asked_ > 0) progress_.note("the file has changed, or the server cannot go on with it: beginning anew");
    if (auto begun = part_.begin(again ? Remote{} : now); !begun) return begun;
    if (again || bytes.first != 0 || call_->head().status == 416)
      return Error{ErrorKind::retry_same, 502, "upstream_failed", "the file has changed meanwhile", {}};
  }
  const std::uint64_t missing = now.total > part_.size() ? now.total - part_.size() : 0;
  if (missing > part_.room())
    return Error{ErrorKind::client_fault,
                 507,
                 "disk_full",
                 fmt::format("{} are missing, but the file system has only {} left; make room or name another --out",
                             size_text(missing), size_text(part_.room())),
                 {}};
  return {};
}

// Reads up to a block of body; `end` when the body is over. What came before a failure stays in `block`.
Task<Result<void>> Attempt::take_block(std::string& block, bool& end) {
  while (block.size() < kBlock) {
    wait_from_now();
    const Got got = co_await call_->read_body(block);
    end = got == Got::end;
    if (end) break;
    if (got != Got::data) co_return trouble();
  }
  co_return Result<void>{};
}

Task<Result<void>> Attempt::receive() {
  const std::uint64_t total = part_.remote().total;
  progress_.begin(part_.size(), total);
  std::string block;
  block.reserve(kBlock + (64u << 10));
  Result<void> got;
  for (bool end = false; !end && got;) {
    block.clear();
    got = co_await take_block(block, end);
    const bool too_much = total > 0 && part_.size() + block.size() > total;
    Result<void> kept = part_.append(too_much ? std::string_view{} : std::string_view(block));
    progress_.at(part_.size());
    if (!kept) got = std::move(kept);
    if (got && (too_much || (end && total > 0 && part_.size() < total)))
      got = broken(at_, fmt::format("{} bytes were announced, {} came", total, part_.size()));
    if (part_.size() >= kMagicBytes && !part_.begins_like_gguf())
      got = Error{ErrorKind::client_fault,
                  502,
                  "not_gguf",
                  at_.without_query() +
                      " is no GGUF file; on Hugging Face take the address of the download (/resolve/, not "
                      "/blob/)",
                  {}};
  }
  timer_.clear();
  progress_.end();
  co_return std::move(got);
}

Task<void> pause(Executor executor, std::chrono::milliseconds time) {
  net::Timer timer(executor, time);
  co_await timer.async_wait(asio::as_tuple(use_task));
}

}  // namespace

Task<Result<void>> fetch(net::Pool& pool, const FetchOptions& options, PartFile& part, Progress& progress) {
  const Executor executor = co_await asio::this_coro::executor;
  std::chrono::milliseconds wait = kFirstPause;
  std::uint64_t furthest = part.size();
  for (int fruitless = 0;;) {
    Result<void> done;
    {
      Attempt attempt(pool, options, part, progress, executor);
      done = co_await attempt.run();
    }
    if (done || !may_pass(done.error())) co_return std::move(done);
    if (part.size() > furthest) {
      furthest = part.size();
      fruitless = 0;
      wait = kFirstPause;
    } else if (++fruitless >= options.attempts) {
      co_return std::move(done);
    }
    const auto time = std::max(wait, done.error().retry_after);
    progress.note(fmt::format("{}; again in {} s", done.error().message, static_cast<double>(time.count()) / 1000));
    co_await pause(executor, time);
    wait = std::min(wait * 2, kLongestPause);
  }
}

}  // namespace tollgate::gateway::pull
