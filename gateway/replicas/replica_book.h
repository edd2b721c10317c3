// ReplicaBook: what this gateway knows of the replicas behind `strategy: prefix`: how busy each one is, by its own
// words and by the requests that are under way, and which prompts went where. Orders a request's targets accordingly.
// Thread rule: safe on any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "gateway/replicas/load_text.h"
#include "gateway/snapshot.h"
#include "router/replicas.h"

namespace tollgate::gateway {

inline constexpr int kMissesOfSilence = 3;

// A provider whose load is read. Atomics, because network threads and the watch share it.
struct Replica {
  std::atomic<std::int64_t> told{-1};      // requests running and waiting by its page; -1 = not known
  std::atomic<std::int64_t> under_way{0};  // requests of this gateway
  std::atomic<int> misses{0};              // times in a row that its page could not be read
  bool answers() const { return misses.load(std::memory_order_relaxed) < kMissesOfSilence; }
};

class ReplicaBook {
 public:
  explicit ReplicaBook(MetricsRegistry& metrics);
  // Takes over what a configuration says; routes and replicas that stay keep what is known of them.
  void apply(const Snapshot& snapshot);

  // Puts the targets of `plan` whose provider tells its load first, the best one for `body` foremost; the others keep
  // their order behind them. Nothing happens to routes of another strategy.
  void order(router::Plan& plan, std::string_view body);

  // Null for a provider whose load is not read.
  std::shared_ptr<Replica> find(std::string_view provider) const;
  // What its page said; nothing = it could not be read, and after kMissesOfSilence of these its cache counts as lost.
  // True if it answers no more, or again.
  bool told(std::string_view provider, const std::optional<EngineLoad>& load);

 private:
  struct Route {
    std::vector<std::string> targets;  // of the replicas, "provider/model"
    std::vector<std::string> providers;
    std::vector<std::shared_ptr<Replica>> replicas;
    router::ReplicaSet set;
  };
  std::shared_ptr<Route> make_route(const config::Model& model, const Snapshot& snapshot) const;

  Counter& by_prefix_;
  Counter& by_load_;
  mutable std::mutex mutex_;                                               // guards what follows
  std::map<std::string, std::shared_ptr<Replica>, std::less<>> replicas_;  // by provider
  std::map<std::string, std::shared_ptr<Route>, std::less<>> routes_;  // by model; second owner: an order() that runs
};

// One request under way at a replica, as long as it lives.
class UnderWay {
 public:
  UnderWay() = default;
  explicit UnderWay(std::shared_ptr<Replica> replica) : replica_(std::move(replica)) {
    if (replica_) replica_->under_way.fetch_add(1, std::memory_order_relaxed);
  }
  UnderWay(UnderWay&& other) noexcept = default;
  UnderWay& operator=(UnderWay&& other) noexcept {
    std::swap(replica_, other.replica_);
    return *this;
  }
  ~UnderWay() {
    if (replica_) replica_->under_way.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<Replica> replica_;
};

}  // namespace tollgate::gateway
