#include "local_backend/kv/tier_reader.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace tollgate::local {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t micros(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

struct Wish {
  enum class Stage : unsigned char { queued, reading, done };
  BlockKey key{};
  std::uint64_t number = 0;  // tells a wish from an earlier one for the same key
  Clock::time_point deadline, begun;
  Stage stage = Stage::queued;
  std::optional<std::vector<std::byte>> value;  // when done: checked, or nullopt for a miss
  std::int64_t us = 0;
};

}  // namespace

struct TierReader::Impl {
  BlockStore& store;
  const std::string fingerprint;
  const std::size_t block_bytes, max_waiting;
  const std::function<void()> on_done;

  std::mutex mutex;  // guards what follows; never held while the store is called or a block is checked or copied
  std::condition_variable changed;
  std::vector<Wish> wishes;  // oldest first
  std::uint64_t asked = 0;
  bool stopping = false;

  std::thread thread;  // last: it uses all of the above

  Impl(BlockStore& from, std::string print, std::size_t bytes, std::size_t most, std::function<void()> told)
      : store(from),
        fingerprint(std::move(print)),
        block_bytes(bytes),
        max_waiting(most),
        on_done(std::move(told)),
        thread([this] { run(); }) {}

  auto find(const BlockKey& key) {
    return std::find_if(wishes.begin(), wishes.end(), [&](const Wish& wish) { return wish.key == key; });
  }

  auto next() {
    return std::find_if(wishes.begin(), wishes.end(), [](const Wish& wish) {
      return wish.stage == Wish::Stage::queued && Clock::now() < wish.deadline;
    });
  }

  std::optional<std::vector<std::byte>> read(const BlockKey& key) {
    std::optional<std::vector<std::byte>> value = store.get(key);
    if (!value) return std::nullopt;
    const auto block = decode_block(*value, key, fingerprint);
    return block && block->size() == block_bytes ? std::move(value) : std::nullopt;
  }

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return stopping || next() != wishes.end(); });
      if (stopping) return;
      const auto wish = next();
      if (wish == wishes.end()) continue;  // its deadline passed between the two looks
      wish->stage = Wish::Stage::reading;
      const Clock::time_point begun = wish->begun = Clock::now();
      const BlockKey key = wish->key;
      const std::uint64_t number = wish->number;
      lock.unlock();
      std::optional<std::vector<std::byte>> value = read(key);
      const std::int64_t us = micros(Clock::now() - begun);
      lock.lock();
      const auto still = find(key);
      if (still == wishes.end() || still->number != number) continue;  // forgotten or too late
      still->stage = Wish::Stage::done;
      still->value = std::move(value);
      still->us = us;
      if (!on_done) continue;
      lock.unlock();
      on_done();
      lock.lock();
    }
  }
};

TierReader::TierReader(BlockStore& store, std::string fingerprint, std::size_t block_bytes, std::size_t max_waiting,
                       std::function<void()> on_done)
    : impl_(std::make_unique<Impl>(store, std::move(fingerprint), block_bytes, max_waiting, std::move(on_done))) {}

TierReader::~TierReader() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

bool TierReader::ask(const BlockKey& key, Clock::time_point deadline) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->find(key) != impl_->wishes.end()) return true;
    if (impl_->wishes.size() >= impl_->max_waiting)  // make room of those that nobody came back for
      std::erase_if(impl_->wishes, [now = Clock::now()](const Wish& wish) { return wish.deadline <= now; });
    if (impl_->wishes.size() >= impl_->max_waiting) return false;
    Wish& wish = impl_->wishes.emplace_back();
    wish.key = key;
    wish.number = ++impl_->asked;
    wish.deadline = deadline;
  }
  impl_->changed.notify_one();
  return true;
}

Fetched TierReader::poll(const BlockKey& key, std::span<std::byte> out) {
  std::unique_lock lock(impl_->mutex);
  const auto wish = impl_->find(key);
  if (wish == impl_->wishes.end()) return {};
  const Clock::time_point now = Clock::now();
  if (wish->stage != Wish::Stage::done) {
    const bool reading = wish->stage == Wish::Stage::reading;
    const std::int64_t us = reading ? micros(now - wish->begun) : 0;
    if (now < wish->deadline) return {FetchState::waiting, us, reading};
    impl_->wishes.erase(wish);
    return {FetchState::missing, us, reading};
  }
  const Wish done = std::move(*wish);
  impl_->wishes.erase(wish);
  lock.unlock();
  if (!done.value || out.size() != impl_->block_bytes) return {FetchState::missing, done.us, true};
  std::memcpy(out.data(), done.value->data() + (done.value->size() - out.size()), out.size());
  return {FetchState::found, done.us, true};
}

void TierReader::forget(const BlockKey& key) {
  const std::lock_guard lock(impl_->mutex);
  if (const auto wish = impl_->find(key); wish != impl_->wishes.end()) impl_->wishes.erase(wish);
}

}  // namespace tollgate::local
