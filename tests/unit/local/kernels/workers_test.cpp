#include "local_backend/kernels/workers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace tollgate::local {
namespace {

TEST(WorkersTest, CallsEveryChunkOnceAndReturnsAfterAll) {
  Workers workers(4);
  EXPECT_EQ(workers.threads(), 4);
  for (int chunks : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(chunks));
    workers.run(chunks, [&](int i) { calls[static_cast<std::size_t>(i)].fetch_add(1, std::memory_order_relaxed); });
    for (const auto& n : calls) ASSERT_EQ(n.load(std::memory_order_relaxed), 1) << chunks;
  }
}

// Plain memory written by chunks is visible after run(), and a task never sees another one's chunks.
TEST(WorkersTest, ManyRunsInARow) {
  Workers workers(3);
  std::vector<int> cells(17);
  for (int round = 0; round < 20000; ++round) {
    const int chunks = round % 17 + 1;
    workers.run(chunks, [&](int i) { cells[static_cast<std::size_t>(i)] = round * 32 + i; });
    for (int i = 0; i < chunks; ++i) ASSERT_EQ(cells[static_cast<std::size_t>(i)], round * 32 + i);
  }
}

TEST(WorkersTest, OneThreadRunsOnTheCaller) {
  Workers workers(1);
  EXPECT_EQ(workers.threads(), 1);
  std::set<std::thread::id> ids;
  workers.run(9, [&](int) { ids.insert(std::this_thread::get_id()); });
  EXPECT_EQ(ids, std::set{std::this_thread::get_id()});
}

TEST(WorkersTest, HelpersTakePart) {
  Workers workers(2);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  for (int round = 0; round < 200 && ids.size() < 2; ++round)
    workers.run(8, [&](int) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
  EXPECT_EQ(ids.size(), 2u);
}

// A helper that has been asleep for long is woken again; one that never ran does not hinder the end.
TEST(WorkersTest, SleepsBetweenRunsAndEndsAtOnce) {
  for (int round = 0; round < 50; ++round) {
    Workers workers(3);
    std::atomic<int> calls{0};
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    workers.run(5, [&](int) { calls.fetch_add(1); });
    EXPECT_EQ(calls.load(), 5);
  }
  for (int round = 0; round < 50; ++round) Workers unused(3);
}

TEST(WorkersTest, DefaultLeavesACoreForTheRest) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_EQ(Workers().threads(), cores > 1 ? cores - 1 : 1);
}

#if defined(__linux__)
TEST(WorkersTest, HelpersStepBackBehindTheCaller) {
  const auto niceness = [] { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); };
  const int own = niceness();
  Workers workers(2, 3);
  std::mutex mutex;
  std::set<int> seen;
  for (int round = 0; round < 200 && seen.size() < 2; ++round)
    workers.run(8, [&](int) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const std::lock_guard lock(mutex);
      seen.insert(niceness());
    });
  EXPECT_EQ(seen, (std::set{own, std::min(own + 3, 19)}));
}
#endif

}  // namespace
}  // namespace tollgate::local
