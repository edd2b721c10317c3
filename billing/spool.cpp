// Spool: joins core, writers and reader, and syncs segments to disk in the background. The sync thread is apart from
// the ledger thread so that a store that hangs cannot delay durability. Owner: billing. Thread rule: spool.h.
#include "billing/spool.h"

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "billing/spool_reader.h"
#include "billing/spool_segment.h"
#include "billing/spool_writer.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kMinSegmentBytes = 64u << 10;

}  // namespace

struct Spool::Impl {
  Impl(std::shared_ptr<SpoolCore> shared, std::vector<SegmentPtr> old)
      : core(std::move(shared)), reader(core, std::move(old)) {
    if (core->options.fsync_interval_ms > 0) sync_thread = std::thread([this] { sync_loop(); });
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    if (sync_thread.joinable()) sync_thread.join();
    core->sync_all();
  }

  void sync_loop() {
    std::unique_lock lock(mutex);
    while (
        !wake.wait_for(lock, std::chrono::milliseconds(core->options.fsync_interval_ms), [this] { return stopping; })) {
      lock.unlock();
      core->sync_all();
      lock.lock();
    }
  }

  std::shared_ptr<SpoolCore> core;  // also owned by the writers, which may outlive the spool at shutdown
  SpoolReader reader;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread sync_thread;
};

Result<std::unique_ptr<Spool>> Spool::open(const SpoolOptions& options) {
  SpoolOptions checked = options;
  checked.segment_bytes = std::max(checked.segment_bytes, kMinSegmentBytes);
  checked.max_bytes = std::max(checked.max_bytes, checked.segment_bytes);
  auto core = std::make_shared<SpoolCore>(checked);
  auto old = core->start();
  if (!old) return old.error();
  return std::unique_ptr<Spool>(new Spool(std::make_unique<Impl>(std::move(core), std::move(*old))));
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Spool::~Spool() = default;

std::unique_ptr<SpoolWriter> Spool::make_writer() {
  return std::unique_ptr<SpoolWriter>(new SpoolWriter(std::make_unique<SpoolWriter::Impl>(impl_->core)));
}

std::size_t Spool::read(std::vector<CostRecord>& out, std::size_t max_records) {
  return impl_->reader.read(out, max_records);
}
void Spool::commit() { impl_->reader.commit(); }
void Spool::rewind() { impl_->reader.rewind(); }
bool Spool::full() const { return impl_->core->full(); }

SpoolStats Spool::stats() const {
  const SpoolCore& core = *impl_->core;
  SpoolStats stats;
  stats.segments = core.segments;
  stats.bytes = core.bytes;
  const std::uint64_t committed = core.committed, settled = core.settled;
  stats.pending_records = settled > committed ? settled - committed : 0;
  stats.damaged_frames = core.damaged;
  stats.refused = core.refused;
  stats.io_errors = core.io_errors;
  return stats;
}

}  // namespace tollgate::billing
