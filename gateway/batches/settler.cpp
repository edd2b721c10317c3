#include "gateway/batches/settler.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "core/json.h"
#include "core/log.h"
#include "core/spawn.h"
#include "gateway/upstream_request.h"

namespace tollgate::gateway {
namespace {

constexpr std::size_t kMaxState = 4u << 20;
constexpr std::size_t kMaxLine = 64u << 20;

Error failed(int status, std::string code, std::string message) {
  return Error{.kind = ErrorKind::retry_same, .status = status, .code = std::move(code), .message = std::move(message)};
}

// Where a batch stands, and where its results lie.
struct State {
  bool over = false;
  std::string results;  // path behind the base URL; empty = there are none
};

State read_state(JsonValue batch, const BatchBinding& binding) {
  State state;
  if (binding.surface == "message_batches") {
    state.over = batch["processing_status"].as_string() == "ended";
    if (batch["results_url"].is_string()) state.results = "/messages/batches/" + binding.batch_id + "/results";
    return state;
  }
  const std::string_view status = batch["status"].as_string().value_or("");
  state.over = status == "completed" || status == "failed" || status == "expired" || status == "cancelled";
  if (const auto file = batch["output_file_id"].as_string(); file && !file->empty())
    state.results = "/files/" + std::string(*file) + "/content";
  return state;
}

}  // namespace

BatchSettler::BatchSettler(std::string directory, std::shared_ptr<const Snapshot> snapshot,
                           std::unique_ptr<billing::SpoolWriter> spool, MetricsRegistry& metrics,
                           CardinalityGuard& guard, DialerFactory dialers, SettlerTimes times)
    : worker_(context_, std::move(snapshot), std::move(spool), metrics, guard, std::move(dialers)),
      store_(std::move(directory)),
      times_(times),
      wake_(context_.get_executor()),
      timer_(context_.get_executor()),
      call_(http::Limits{}),
      settled_(metrics.counter("tollgate_batches_settled_total", "Batches whose cost was booked")),
      failures_(metrics.counter("tollgate_batch_settlement_failures_total", "Attempts to settle a batch that failed")),
      waiting_(metrics.gauge("tollgate_batches_open", "Batches created here and not yet settled")) {
  timer_.on_expire([this] {
    timed_out_ = true;
    wake_.notify();
    call_.interrupt(true);
  });
}

BatchSettler::~BatchSettler() { stop(); }

void BatchSettler::start() {
  std::vector<std::string> damaged;
  for (BatchBinding& binding : store_.load(damaged)) add(std::move(binding), SteadyClock::now());
  for (const std::string& file : damaged)
    log_error("a batch's owner cannot be read: its cost will not be booked", {{"file", std::string_view(file)}});
  spawn(context_.get_executor(), run(), "batches", [this] { context_.stop(); });
  thread_ = std::thread([this] { context_.run(); });
}

void BatchSettler::reload(std::shared_ptr<const Snapshot> snapshot) {
  asio::post(context_, [this, snapshot = std::move(snapshot)]() mutable { worker_.snapshot = std::move(snapshot); });
}

void BatchSettler::stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    stopping_ = true;
    wake_.notify();
    call_.interrupt(true);
  });
  thread_.join();
}

Result<void> BatchSettler::bind(const BatchBinding& binding) {
  if (auto kept = store_.keep(binding); !kept) return kept;
  asio::post(context_, [this, binding] {
    add(binding, SteadyClock::now() + times_.first);
    wake_.notify();
  });
  return {};
}

void BatchSettler::nudge(std::string_view provider, std::string_view batch_id) {
  asio::post(context_, [this, key = Key(provider, batch_id)] {
    const auto found = open_.find(key);
    if (found == open_.end()) return;
    found->second.due = SteadyClock::now();
    wake_.notify();
  });
}

void BatchSettler::add(BatchBinding binding, SteadyTime due) {
  Key key(binding.provider, binding.batch_id);
  open_.try_emplace(std::move(key), Open{.binding = std::move(binding), .due = due, .pause = times_.first});
  waiting_.set(static_cast<double>(open_.size()));
}

Task<void> BatchSettler::run() {
  while (!stopping_) {
    const auto next = std::min_element(open_.begin(), open_.end(),
                                       [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    if (next == open_.end() || next->second.due > SteadyClock::now()) {
      if (next != open_.end()) timer_.set(next->second.due);
      co_await wake_.wait();
      timer_.clear();
      continue;
    }
    co_await look(next->second);
    waiting_.set(static_cast<double>(open_.size()));
  }
}

// Asks for one batch; books it if it is over. `open` is gone afterwards when it is.
Task<void> BatchSettler::look(Open& open) {
  const BatchBinding binding = open.binding;  // a copy: the map may change while this waits
  auto over = co_await settle(binding);
  const Key key(binding.provider, binding.batch_id);
  if (over && *over) {
    store_.remove(binding);
    open_.erase(key);
    settled_.add();
    co_return;
  }
  if (!over && !stopping_) {
    failures_.add();
    log_warn("a batch could not be settled; it is tried again",
             {{"batch", std::string_view(binding.batch_id)}, {"error", std::string_view(over.error().message)}});
  }
  Open& again = open_.at(key);
  again.due = SteadyClock::now() + again.pause;
  again.pause = std::min(again.pause * 2, times_.longest);
}

// True once the batch is over and in the spool.
Task<Result<bool>> BatchSettler::settle(const BatchBinding& binding) {
  const auto snapshot = worker_.snapshot;
  const auto vendor = std::find_if(snapshot->vendors.begin(), snapshot->vendors.end(),
                                   [&](const Vendor& one) { return one.config->name == binding.provider; });
  if (vendor == snapshot->vendors.end() || !vendor->unusable.empty())
    co_return failed(503, "provider_gone", "provider '" + binding.provider + "' is not configured any more");
  const std::string base = binding.surface == "message_batches" ? "/messages/batches/" : "/batches/";
  auto text = co_await get(*vendor, base + binding.batch_id);
  if (!text) co_return std::move(text).error();
  JsonReader reader;
  auto batch = reader.parse(*text);
  if (!batch) co_return std::move(batch).error();
  const State state = read_state(*batch, binding);
  if (!state.over) co_return false;
  BatchTally tally(binding, *snapshot->prices, *vendor->config);
  if (!state.results.empty()) {
    auto read = co_await get_lines(*vendor, state.results, tally);
    if (!read) co_return std::move(read).error();
  }
  auto booked = book(tally);
  if (!booked) co_return std::move(booked).error();
  co_return true;
}

Task<Result<void>> BatchSettler::begin_get(const Vendor& vendor, std::string path, SteadyTime deadline) {
  const std::string target = passthrough_target(vendor, path, {});
  std::string credentials;
  if (vendor.signs_requests) {
    auto proved = co_await worker_.credentials.authorize(
        *vendor.config, {.method = "GET", .host = vendor.host, .target = target}, deadline, credentials);
    if (!proved) co_return proved;
  }
  const SteadyTime connect_by = std::min(deadline, SteadyClock::now() + vendor.config->connect_timeout);
  auto connected = co_await call_.connect(worker_.pool_for(vendor), vendor.origin, connect_by, true);
  if (!connected) co_return connected;
  const http::Head nobody;
  std::string head;
  append_upstream_head(
      head, vendor,
      {.method = "GET", .target = target, .client = nobody, .rewritten = true, .credentials = credentials});
  timed_out_ = false;
  timer_.set(deadline);
  const asio::const_buffer buffer = asio::buffer(head);
  if (!co_await call_.send({&buffer, 1})) co_return failed(502, "upstream_send_failed", call_.failure());
  while (!timed_out_ && !stopping_) {
    const Got got = co_await call_.read_head();
    if (got == Got::interrupted) continue;
    if (got != Got::data) break;
    if (call_.head().status == 200) co_return Result<void>{};
    co_return failed(call_.head().status, "upstream_status",
                     "the vendor answered with status " + std::to_string(call_.head().status));
  }
  co_return failed(504, "upstream_timeout", "the vendor did not answer: " + call_.failure());
}

Task<Result<std::string>> BatchSettler::get(const Vendor& vendor, std::string path) {
  auto begun = co_await begin_get(vendor, std::move(path), SteadyClock::now() + vendor.config->first_byte_timeout);
  std::string body;
  Got got = Got::failed;
  while (begun && !timed_out_ && !stopping_ && body.size() < kMaxState) {
    got = co_await call_.read_body(body);
    if (got != Got::data && got != Got::interrupted) break;
  }
  timer_.clear();
  call_.abandon();
  if (!begun) co_return std::move(begun).error();
  if (got != Got::end) co_return failed(502, "upstream_closed", "the vendor's reply was cut: " + call_.failure());
  co_return body;
}

// A results file, line by line: it may be far larger than what fits into memory.
Task<Result<void>> BatchSettler::get_lines(const Vendor& vendor, std::string path, BatchTally& tally) {
  auto begun = co_await begin_get(vendor, std::move(path), SteadyClock::now() + times_.one_call);
  std::string held;
  Got got = Got::failed;
  while (begun && !timed_out_ && !stopping_ && held.size() < kMaxLine) {
    got = co_await call_.read_body(held);
    if (got == Got::interrupted) continue;
    std::size_t at = 0;
    for (std::size_t end = held.find('\n'); end != std::string::npos; end = held.find('\n', at)) {
      tally.line(std::string_view(held).substr(at, end - at));
      at = end + 1;
    }
    held.erase(0, at);
    if (got != Got::data) break;
  }
  timer_.clear();
  call_.abandon();
  if (!begun) co_return std::move(begun).error();
  if (got != Got::end) co_return failed(502, "upstream_closed", "the batch's results were cut: " + call_.failure());
  if (!held.empty()) tally.line(held);
  co_return Result<void>{};
}

Result<void> BatchSettler::book(const BatchTally& tally) {
  for (const billing::CostRecord& row : tally.records(wall_micros())) {
    if (auto room = worker_.spool->admit(); !room) return room;
    if (auto kept = worker_.spool->settle(row); !kept) return kept;
    worker_.metrics.attempt(row);
  }
  return {};
}

}  // namespace tollgate::gateway
