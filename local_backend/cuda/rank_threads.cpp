#include "local_backend/cuda/rank_threads.h"

#include <utility>

namespace tollgate::local::gpu {

RankThreads::RankThreads(int ranks) : results_(static_cast<std::size_t>(ranks)) {
  for (int rank = 1; rank < ranks; ++rank) helpers_.emplace_back([this, rank] { help(rank); });
}

RankThreads::~RankThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

std::vector<Result<void>> RankThreads::run(const std::function<Result<void>(int)>& work) {
  {
    const std::lock_guard lock(mutex_);
    work_ = &work;
    working_ = static_cast<int>(helpers_.size());
    ++round_;
  }
  changed_.notify_all();
  Result<void> own = work(0);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return working_ == 0; });
  results_[0] = std::move(own);
  return results_;
}

void RankThreads::help(int rank) {
  std::unique_lock lock(mutex_);
  for (unsigned done = 0;;) {
    changed_.wait(lock, [&] { return stopping_ || round_ != done; });
    if (stopping_) return;
    done = round_;
    const auto* work = work_;
    lock.unlock();
    Result<void> result = (*work)(rank);
    lock.lock();
    results_[static_cast<std::size_t>(rank)] = std::move(result);
    if (--working_ == 0) changed_.notify_all();
  }
}

}  // namespace tollgate::local::gpu
