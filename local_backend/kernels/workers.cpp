#include "local_backend/kernels/workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tollgate::local {
namespace {

using Clock = std::chrono::steady_clock;
// A step calls run() every few dozen microseconds; a helper that looked away at once would pay a wake-up each time.
// Longer would burn the core of the threads that share the machine.
constexpr auto kSpin = std::chrono::microseconds(8);
constexpr int kSpinsPerClockRead = 32;
constexpr auto kTurn = std::chrono::microseconds(200);  // longest time on a core that somebody else may want

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

// Waits until `word` differs from `old`: spins for kSpin, then sleeps. Returns the new value.
std::uint32_t wait_change(const std::atomic<std::uint32_t>& word, std::uint32_t old) {
  const auto until = Clock::now() + kSpin;
  do {
    for (int i = 0; i < kSpinsPerClockRead; ++i) {
      const std::uint32_t now = word.load(std::memory_order_acquire);
      if (now != old) return now;
      relax();
    }
  } while (Clock::now() < until);
  word.wait(old, std::memory_order_acquire);
  return word.load(std::memory_order_acquire);
}

// Between chunks: lets whoever waits for this core run. Without it a thread that a piece or a packet has just woken can
// wait for the end of the engine's slice, which the system looks at once per tick (milliseconds).
void let_others_run() {
  thread_local Clock::time_point last = Clock::now();
  const Clock::time_point now = Clock::now();
  if (now - last < kTurn) return;
  std::this_thread::yield();
  last = Clock::now();
}

}  // namespace

void step_back(int nice) {
#if defined(__linux__)
  // On Linux niceness belongs to the thread. Failure costs fairness only.
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + nice);
#else
  static_cast<void>(nice);
#endif
}

// `ticket` holds the number of chunks (high half) and the next one to take (low half). Who advances it by compare and
// exchange owns that chunk, and run() cannot return before the chunk is counted in `done`; so a helper that wakes late
// finds either the current task or nothing to take, never a task that is over.
struct Workers::Impl {
  std::vector<std::thread> helpers;
  alignas(64) std::atomic<std::uint64_t> ticket{0};
  const std::function<void(int)>* chunk = nullptr;  // of the current task; written before `ticket`
  alignas(64) std::atomic<std::uint32_t> done{0};   // chunks of the current task that have returned
  alignas(64) std::atomic<std::uint32_t> epoch{0};  // tasks so far: what sleeping helpers watch
  std::atomic<bool> stop{false};

  void work();
  void help(int nice);
};

// Takes and runs chunks until none is left.
void Workers::Impl::work() {
  std::uint64_t now = ticket.load(std::memory_order_acquire);
  for (;;) {
    const auto next = static_cast<std::uint32_t>(now), chunks = static_cast<std::uint32_t>(now >> 32);
    if (next >= chunks) return;
    if (!ticket.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    (*chunk)(static_cast<int>(next));
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks) done.notify_one();
    let_others_run();  // only now: whoever waits for the chunk shall not wait for the others' turn
    now = ticket.load(std::memory_order_acquire);
  }
}

void Workers::Impl::help(int nice) {
  step_back(nice);
  std::uint32_t seen = 0;
  for (;;) {
    seen = wait_change(epoch, seen);
    if (stop.load(std::memory_order_relaxed)) return;
    work();
  }
}

Workers::Workers(int threads, int nice) : impl_(std::make_unique<Impl>()) {
  if (threads <= 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
  for (int i = 1; i < threads; ++i) impl_->helpers.emplace_back([impl = impl_.get(), nice] { impl->help(nice); });
}

Workers::~Workers() {
  impl_->stop.store(true, std::memory_order_relaxed);
  impl_->epoch.fetch_add(1, std::memory_order_release);
  impl_->epoch.notify_all();
  for (std::thread& helper : impl_->helpers) helper.join();
}

int Workers::threads() const { return static_cast<int>(impl_->helpers.size()) + 1; }

void Workers::run(int chunks, const std::function<void(int)>& chunk) {
  if (chunks <= 1 || impl_->helpers.empty()) {
    for (int i = 0; i < chunks; ++i) {
      chunk(i);
      let_others_run();
    }
    return;
  }
  const auto count = static_cast<std::uint32_t>(chunks);
  impl_->chunk = &chunk;
  impl_->done.store(0, std::memory_order_relaxed);
  impl_->ticket.store(std::uint64_t{count} << 32, std::memory_order_release);
  impl_->epoch.fetch_add(1, std::memory_order_release);
  impl_->epoch.notify_all();
  impl_->work();
  // What is left is running on helpers. Sleeping gives them this core if theirs has been taken by somebody else.
  std::uint32_t done = impl_->done.load(std::memory_order_acquire);
  while (done != count) done = wait_change(impl_->done, done);
}

}  // namespace tollgate::local
