// The engine's threads: a task is cut into chunks that the caller and sleeping helpers take one by one. The caller
// never waits for a helper that has not started a chunk, so a busy machine costs parallelism, not stalls; nobody spins
// for longer than a few microseconds. Thread rule: run() by one owner thread.
#pragma once

#include <functional>
#include <memory>

namespace tollgate::local {

class Workers {
 public:
  // `threads` counts the caller; 0 = cores - 1, at least 1. Helpers run at `nice` above the process's own.
  explicit Workers(int threads = 0, int nice = 5);
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
