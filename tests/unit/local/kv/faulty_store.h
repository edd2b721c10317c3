// A store in memory that can be slow, fail, hang and hand out what nobody stored. Two stores may share one Shelf, as
// two connections share a server. Thread rule: switches from any thread, the store by one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "local_backend/kv/kv_tier.h"

namespace tollgate::local {

inline BlockKey key_of(unsigned number) {
  BlockKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(number >> (8 * (i % 4)));
  return key;
}

// A block that tells its number in each byte.
inline std::vector<std::byte> block_of(unsigned number, std::size_t bytes) {
  std::vector<std::byte> block(bytes);
  for (std::size_t i = 0; i < bytes; ++i) block[i] = static_cast<std::byte>(number * 31 + i * 7);
  return block;
}

struct Shelf {
  std::mutex mutex;
  std::map<BlockKey, std::vector<std::byte>> values;

  std::size_t size() {
    const std::lock_guard lock(mutex);
    return values.size();
  }
};

class FaultyStore final : public BlockStore {
 public:
  enum class Fault { none, failing, flipped_bit, cut, other_key, garbage };

  explicit FaultyStore(Shelf& shelf) : shelf_(shelf) {}

  std::optional<std::vector<std::byte>> get(const BlockKey& key) override {
    ++gets;
    stall();
    const std::lock_guard lock(shelf_.mutex);
    const auto found = shelf_.values.find(key);
    if (fault == Fault::failing || found == shelf_.values.end()) return std::nullopt;
    std::vector<std::byte> value = found->second;
    damage(key, value);
    return value;
  }

  bool put(const BlockKey& key, std::span<const std::byte> value) override {
    ++puts;
    stall();
    if (fault == Fault::failing) return false;
    const std::lock_guard lock(shelf_.mutex);
    shelf_.values[key] = {value.begin(), value.end()};
    return true;
  }

  // While hanging, each call waits until let_go().
  void hang() { hanging_ = true; }
  void let_go() {
    const std::lock_guard lock(mutex_);
    hanging_ = false;
    changed_.notify_all();
  }

  std::atomic<Fault> fault{Fault::none};
  std::atomic<std::chrono::milliseconds> delay{std::chrono::milliseconds(0)};
  std::atomic<int> gets{0}, puts{0};

 private:
  void stall() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !hanging_; });
    lock.unlock();
    if (delay.load().count() > 0) std::this_thread::sleep_for(delay.load());
  }

  // REQUIRES: the shelf is locked.
  void damage(const BlockKey& key, std::vector<std::byte>& value) {
    if (fault == Fault::flipped_bit) value[static_cast<std::size_t>(gets) * 37 % value.size()] ^= std::byte{1};
    if (fault == Fault::cut) value.resize(value.size() - 1 - static_cast<std::size_t>(gets) % value.size() / 2);
    if (fault == Fault::garbage) value = block_of(7, value.size());
    if (fault != Fault::other_key) return;
    for (const auto& [other, stored] : shelf_.values)
      if (other != key) value = stored;
  }

  Shelf& shelf_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> hanging_{false};
};

// Waits until `what` holds, a few seconds at most.
template <class Predicate>
bool eventually(const Predicate& what) {
  for (int i = 0; i < 5'000; ++i) {
    if (what()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return what();
}

}  // namespace tollgate::local
