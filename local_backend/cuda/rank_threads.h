// A thread for each device that shares a model: the caller's for the first, sleeping ones for the others. A rank's work
// is always given by the same helper, and all ranks at once, because a rank may wait for the others while it gives its
// work. Thread rule: run() by one thread at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/result.h"

namespace tollgate::local::gpu {

class RankThreads {
 public:
  explicit RankThreads(int ranks);
  ~RankThreads();
  RankThreads(const RankThreads&) = delete;
  RankThreads& operator=(const RankThreads&) = delete;

  // work(rank) on every rank's thread; returns when all have returned, with what they returned.
  std::vector<Result<void>> run(const std::function<Result<void>(int)>& work);

 private:
  void help(int rank);

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<Result<void>(int)>* work_ = nullptr;
  std::vector<Result<void>> results_;
  unsigned round_ = 0;  // of run()
  int working_ = 0;     // helpers that have not returned
  bool stopping_ = false;
  std::vector<std::thread> helpers_;  // last: they use the rest
};

}  // namespace tollgate::local::gpu
