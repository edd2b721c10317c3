#include "local_backend/kv/tier_writer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tollgate::local {
namespace {

using Clock = std::chrono::steady_clock;

struct Waiting {
  BlockKey key{};
  Clock::time_point since;
  std::vector<std::byte> block;
};

}  // namespace

struct TierWriter::Impl {
  BlockStore& store;
  const std::string fingerprint;
  const TierWriterOptions options;

  mutable std::mutex mutex;  // guards what follows; never held while the store is called or a block is copied
  std::condition_variable changed, progress;
  std::deque<Waiting> queue;  // oldest first
  TierWriterStats stats;
  bool stopping = false;

  std::thread thread;  // last: it uses all of the above

  Impl(BlockStore& to, std::string print, const TierWriterOptions& chosen)
      : store(to), fingerprint(std::move(print)), options(chosen), thread([this] { run(); }) {}

  // The next block that is still worth writing, or nullopt when it is time to end.
  std::optional<Waiting> next(std::unique_lock<std::mutex>& lock) {
    for (;;) {
      changed.wait(lock, [this] { return stopping || !queue.empty(); });
      if (stopping) return std::nullopt;
      Waiting first = std::move(queue.front());
      queue.pop_front();
      if (Clock::now() - first.since <= options.max_age) return first;
      stats.waiting_bytes -= first.block.size();
      ++stats.expired;
      progress.notify_all();
    }
  }

  void run() {
    std::chrono::milliseconds pause = options.pause;
    std::unique_lock lock(mutex);
    while (std::optional<Waiting> block = next(lock)) {
      lock.unlock();
      const bool written = store.put(block->key, encode_block(block->key, fingerprint, block->block));
      lock.lock();
      stats.waiting_bytes -= block->block.size();
      ++(written ? stats.written : stats.failed);
      progress.notify_all();
      if (!written) changed.wait_for(lock, pause, [this] { return stopping; });
      pause = written ? options.pause : std::min(pause * 2, options.max_pause);
    }
  }
};

TierWriter::TierWriter(BlockStore& store, std::string fingerprint, const TierWriterOptions& options)
    : impl_(std::make_unique<Impl>(store, std::move(fingerprint), options)) {}

TierWriter::~TierWriter() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

bool TierWriter::offer(const BlockKey& key, std::span<const std::byte> block) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::any_of(impl_->queue.begin(), impl_->queue.end(), [&](const Waiting& one) { return one.key == key; }))
      return true;
    if (block.size() > impl_->options.max_bytes - impl_->stats.waiting_bytes) {
      ++impl_->stats.refused;
      return false;
    }
    impl_->stats.waiting_bytes += block.size();
  }
  Waiting waiting{key, Clock::now(), {block.begin(), block.end()}};
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(std::move(waiting));
  }
  impl_->changed.notify_one();
  return true;
}

bool TierWriter::has_room(std::size_t bytes) const {
  const std::lock_guard lock(impl_->mutex);
  return bytes <= impl_->options.max_bytes - impl_->stats.waiting_bytes;
}

bool TierWriter::drain(Clock::time_point until) {
  std::unique_lock lock(impl_->mutex);
  const TierWriterStats& stats = impl_->stats;
  const std::uint64_t failed = stats.failed;
  const auto over = [&] { return stats.waiting_bytes == 0 || stats.failed != failed; };
  return impl_->progress.wait_until(lock, until, over) && stats.failed == failed;
}

TierWriterStats TierWriter::stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

}  // namespace tollgate::local
