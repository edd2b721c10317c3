// The engine's threads: a task is cut into chunks that the caller and sleeping helpers take one by one. The caller
// never waits for a helper that has not started a chunk, so a busy machine costs parallelism, not stalls; nobody spins
// for longer than a few microseconds. Thread rule: run() by one owner thread.
#pragma once

#include <functional>
#include <memory>

namespace tollgate::local {

// How far the engine's threads step back behind the process's others: at 10, one of them gets a tenth of what each
// other busy thread of a core gets, and everything that those leave.
inline constexpr int kEngineNice = 10;
// Lowers the calling thread's priority by `nice`, for good. Without effect where niceness is not a thread's own.
void step_back(int nice = kEngineNice);

class Workers {
 public:
  // `threads` counts the caller; 0 = cores - 1, at least 1. Helpers step back by `nice`; the caller should, too.
  explicit Workers(int threads = 0, int nice = kEngineNice);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const;
  // Calls chunk(i) once for each i in [0, chunks), in any order, on several threads; returns when all have returned.
  void run(int chunks, const std::function<void(int)>& chunk);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate::local
