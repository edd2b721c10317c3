// LedgerWriter: spool -> store, in batches, for ever. Owner: billing. Thread rule: start/stop from one thread; the work
// is done on a thread of its own; drain_once() only while that one does not run.
#include "billing/ledger_writer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "billing/poison.h"
#include "core/clock.h"
#include "core/log.h"

namespace tollgate::billing {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kFirstBackOff{100}, kLongestBackOff{5'000};
constexpr auto kMaintainEvery = std::chrono::seconds(60);

struct WriterMetrics {
  explicit WriterMetrics(MetricsRegistry& m)
      : rows(m.counter("tollgate_ledger_rows_total", "Rows that the ledger took")),
        duplicates(m.counter("tollgate_ledger_duplicates_total", "Rows delivered again that the ledger already had")),
        poison(m.counter("tollgate_ledger_poison_total", "Rows that the ledger refuses, put aside in poison.jsonl")),
        errors(m.counter("tollgate_ledger_errors_total", "Batches that could not be written for trouble of the store")),
        up(m.gauge("tollgate_ledger_up", "1 while the ledger takes rows")),
        lag(m.gauge("tollgate_ledger_lag_seconds", "Age of the last row written, when it was written", {}, 1e6)),
        flush(m.histogram("tollgate_ledger_flush_seconds", "Time of one batch into the ledger", {},
                          {1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000}, 1e6)),
        bytes(m.gauge("tollgate_spool_bytes", "Disk space of the spool's segments")),
        segments(m.gauge("tollgate_spool_segments", "Segment files of the spool")),
        pending(m.gauge("tollgate_spool_pending_records", "Records in the spool that the ledger does not have yet")),
        full(m.gauge("tollgate_spool_full", "1 while requests are refused for want of spool space")),
        damaged(m.counter("tollgate_spool_damaged_total", "Damaged stretches found in segments and skipped")),
        refused(m.counter("tollgate_spool_refused_total", "Admissions refused for want of spool space")),
        io_errors(m.counter("tollgate_spool_io_errors_total", "Failed writes and syncs of the spool")) {}

  void update(const Spool& spool) {
    const SpoolStats now = spool.stats();
    bytes.set(static_cast<std::int64_t>(now.bytes));
    segments.set(static_cast<std::int64_t>(now.segments));
    pending.set(static_cast<std::int64_t>(now.pending_records));
    full.set(spool.full());
    damaged.add(now.damaged_frames - last.damaged_frames);
    refused.add(now.refused - last.refused);
    io_errors.add(now.io_errors - last.io_errors);
    last = now;
  }

  Counter &rows, &duplicates, &poison, &errors;
  Gauge &up, &lag;
  Histogram& flush;
  Gauge &bytes, &segments, &pending, &full;
  Counter &damaged, &refused, &io_errors;
  SpoolStats last;
};

}  // namespace

struct LedgerWriter::Impl {
  enum class Pass : unsigned char { idle, moved, moved_full, down };

  Impl(Spool& from, std::unique_ptr<Ledger> to, const WriterOptions& wanted, MetricsRegistry& registry)
      : spool(from), ledger(std::move(to)), options(wanted), metrics(registry), poison(wanted.poison_file) {
    options.batch_rows = std::max<std::size_t>(options.batch_rows, 1);
  }

  void run();
  milliseconds wait_after(Pass pass);
  Pass pass_once();
  bool prepare();
  void maintain_if_due();
  bool store(std::span<CostRecord> records);
  bool isolate(CostRecord& record, const std::string& message);
  bool down(std::string message);
  void up();

  Spool& spool;
  std::unique_ptr<Ledger> ledger;
  WriterOptions options;
  WriterMetrics metrics;
  PoisonFile poison;
  std::vector<CostRecord> batch;
  std::string last_message;
  bool migrated = false;
  milliseconds back_off = kFirstBackOff;
  Clock::time_point maintain_at{};
  std::atomic<bool> store_up{false};

  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  Clock::time_point stop_at{};
  std::thread thread;
};

void LedgerWriter::Impl::run() {
  std::unique_lock lock(mutex);
  while (true) {
    lock.unlock();
    const Pass pass = pass_once();
    maintain_if_due();
    metrics.update(spool);
    lock.lock();
    if (stopping && (pass == Pass::idle || pass == Pass::down || Clock::now() >= stop_at)) return;
    if (!stopping) wake.wait_for(lock, wait_after(pass), [this] { return stopping; });
  }
}

milliseconds LedgerWriter::Impl::wait_after(Pass pass) {
  if (pass == Pass::moved_full) return milliseconds(0);
  if (pass != Pass::down) return milliseconds(std::max<std::int64_t>(options.flush_interval_ms, 1));
  const milliseconds wait = back_off;
  back_off = std::min(back_off * 2, kLongestBackOff);
  return wait;
}

// One batch from the spool to the store.
LedgerWriter::Impl::Pass LedgerWriter::Impl::pass_once() {
  if (!prepare()) return Pass::down;
  batch.clear();
  const std::size_t count = spool.read(batch, options.batch_rows);
  if (count > 0 && !store(batch)) {
    spool.rewind();
    return Pass::down;
  }
  spool.commit();
  if (count == 0) return Pass::idle;
  metrics.lag.set(std::max<std::int64_t>(wall_micros() - batch.back().finished_us, 0));
  return count == options.batch_rows ? Pass::moved_full : Pass::moved;
}

bool LedgerWriter::Impl::prepare() {
  if (migrated) return true;
  auto applied = ledger->migrate();
  if (!applied) return down(applied.error().message);
  for (const auto& name : *applied) log_info("ledger migration applied", {{"name", std::string_view(name)}});
  migrated = true;
  up();
  return true;
}

void LedgerWriter::Impl::maintain_if_due() {
  if (!store_up.load(std::memory_order_relaxed) || Clock::now() < maintain_at) return;
  maintain_at = Clock::now() + kMaintainEvery;
  auto done = ledger->maintain(wall_micros(), options.retention_days);
  if (!done) log_warn("ledger maintenance failed, it will be tried again", {{"reason", done.error().message}});
}

// True when every row is in the store or put aside.
bool LedgerWriter::Impl::store(std::span<CostRecord> records) {
  const auto begun = Clock::now();
  const AppendResult result = ledger->append(records);
  metrics.flush.observe(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
  if (result.verdict == AppendVerdict::unavailable) return down(result.message);
  up();
  if (result.verdict == AppendVerdict::rejected) {
    if (records.size() == 1) return isolate(records[0], result.message);
    const std::size_t half = records.size() / 2;
    return store(records.first(half)) && store(records.subspan(half));
  }
  metrics.rows.add(result.inserted);
  metrics.duplicates.add(records.size() - result.inserted);
  return true;
}

// A row that the store refuses alone. Often the vendor's raw usage is at fault, which the row can do without.
bool LedgerWriter::Impl::isolate(CostRecord& record, const std::string& message) {
  if (!record.usage.raw.empty()) {
    std::string raw;
    raw.swap(record.usage.raw);
    const AppendResult again = ledger->append({&record, 1});
    raw.swap(record.usage.raw);
    if (again.verdict == AppendVerdict::unavailable) return down(again.message);
    if (again.verdict == AppendVerdict::ok) {
      metrics.rows.add(again.inserted);
      metrics.duplicates.add(1 - again.inserted);
      log_warn("a cost record was stored without its raw usage", {{"id", record.id.to_string()}, {"reason", message}});
      return true;
    }
  }
  if (!poison.add(record, message)) return down("poison file cannot be written");
  metrics.poison.add();
  return true;
}

bool LedgerWriter::Impl::down(std::string message) {
  metrics.errors.add();
  metrics.up.set(0);
  if (store_up.exchange(false) || last_message != message)
    log_error("ledger is not reachable, records stay in the spool", {{"reason", std::string_view(message)}});
  last_message = std::move(message);
  return false;
}

void LedgerWriter::Impl::up() {
  metrics.up.set(1);
  back_off = kFirstBackOff;
  if (!store_up.exchange(true) && !last_message.empty()) log_info("ledger is reachable again");
  last_message.clear();
}

LedgerWriter::LedgerWriter(Spool& spool, std::unique_ptr<Ledger> ledger, const WriterOptions& options,
                           MetricsRegistry& metrics)
    : impl_(std::make_unique<Impl>(spool, std::move(ledger), options, metrics)) {}

LedgerWriter::~LedgerWriter() { stop(milliseconds(0)); }

void LedgerWriter::start() {
  if (!impl_->thread.joinable()) impl_->thread = std::thread([this] { impl_->run(); });
}

void LedgerWriter::stop(std::chrono::milliseconds limit) {
  if (!impl_->thread.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->stop_at = Clock::now() + limit;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

bool LedgerWriter::store_up() const { return impl_->store_up.load(std::memory_order_relaxed); }

bool LedgerWriter::drain_once(std::string* message) {
  while (true) {
    const auto pass = impl_->pass_once();
    impl_->metrics.update(impl_->spool);
    if (pass == Impl::Pass::idle) return true;
    if (pass == Impl::Pass::down) {
      if (message) *message = impl_->last_message;
      return false;
    }
  }
}

}  // namespace tollgate::billing
