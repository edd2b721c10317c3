#include "local_backend/cuda/gpu.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

namespace tollgate::local::gpu {

thread_local SimulatedThread* simulated_thread = nullptr;

namespace {

namespace context = boost::context;

constexpr std::size_t kGuardBytes = 256;  // behind the shared memory
constexpr std::byte kGuard{0xA5};
constexpr std::size_t kStackBytes = 128 * 1024;
constexpr int kLanes = 32;

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
  bool valid;
};

enum class Waiting : unsigned char { nothing, block, warp, done };

struct Fibre {
  SimulatedThread place;
  context::fiber self;
  Waiting waiting = Waiting::nothing;
  std::vector<Copy> open;  // not committed
  std::deque<std::vector<Copy>> groups;
};

// What the lanes of a warp that have arrived at an operation brought along.
struct Meeting {
  const char* name = nullptr;
  int arrived = 0;
  std::array<const void*, kLanes> ins{};
  std::array<void*, kLanes> outs{};
};

struct Block {
  std::vector<std::unique_ptr<Fibre>> fibres;
  std::vector<Meeting> meetings;  // one for each warp
  int at_barrier = 0, done = 0;
  context::fiber scheduler;  // valid while a fibre runs
  Fibre* running = nullptr;
};

thread_local Block* block = nullptr;
thread_local std::optional<std::uint64_t> fixed_order;
thread_local std::uint64_t launches = 0;

// Stacks are kept for the next block.
class StackPool {
 public:
  using traits_type = context::stack_traits;
  context::stack_context allocate() {
    auto& kept = stacks();
    if (kept.empty()) return context::fixedsize_stack(kStackBytes).allocate();
    const context::stack_context stack = kept.back();
    kept.pop_back();
    return stack;
  }
  void deallocate(context::stack_context& stack) { stacks().push_back(stack); }

 private:
  static std::vector<context::stack_context>& stacks() {
    thread_local struct Kept : std::vector<context::stack_context> {
      ~Kept() {
        for (context::stack_context& stack : *this) context::fixedsize_stack(kStackBytes).deallocate(stack);
      }
    } kept;
    return kept;
  }
};

void suspend(Waiting why) {
  Fibre& fibre = *block->running;
  fibre.waiting = why;
  block->scheduler = std::move(block->scheduler).resume();
}

void land(const std::vector<Copy>& copies) {
  for (const Copy& copy : copies) {
    if (copy.valid) {
      std::memcpy(copy.to, copy.from, copy.bytes);
    } else {
      std::memset(copy.to, 0, copy.bytes);
    }
  }
}

// In every other launch a copy lands as early as a device may let it: at once.
void begin_copy(const Copy& copy) {
  if (fixed_order.value_or(launches) % 2 == 1) return land({copy});
  block->running->open.push_back(copy);
}

void release_barrier() {
  block->at_barrier = 0;
  for (const auto& fibre : block->fibres)
    if (fibre->waiting == Waiting::block) fibre->waiting = Waiting::nothing;
}

void resume(Fibre& fibre) {
  block->running = &fibre;
  simulated_thread = &fibre.place;
  fibre.self = std::move(fibre.self).resume();
}

// Runs fibres until all are done. Each round asks every fibre that can go on, in `order`.
void run_block(const std::vector<int>& order) {
  const int threads = static_cast<int>(block->fibres.size());
  while (block->done < threads) {
    bool moved = false;
    for (const int index : order) {
      Fibre& fibre = *block->fibres[static_cast<std::size_t>(index)];
      if (fibre.waiting != Waiting::nothing) continue;
      moved = true;
      resume(fibre);
    }
    if (!moved && block->at_barrier > 0 && block->at_barrier + block->done == threads) {
      release_barrier();
      moved = true;
    }
    if (!moved && block->done < threads)
      simulation_fails("threads wait for each other: a barrier or warp operation that not all reach");
  }
}

std::vector<int> order_of_launch(std::size_t count, std::uint64_t salt) {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  const std::uint64_t way = fixed_order.value_or(launches);
  if (way == 1) std::reverse(order.begin(), order.end());
  if (way > 1) std::shuffle(order.begin(), order.end(), std::mt19937_64(way * 7919 + salt));
  return order;
}

std::uint16_t half_at(std::uint32_t word, int index) { return static_cast<std::uint16_t>(word >> (16 * index)); }

void multiply(const void* const* ins, void* const* outs) {
  struct In {
    const std::uint32_t* a;
    const std::uint32_t* b;
  };
  float a[16][16], b[16][8];
  for (int lane = 0; lane < kLanes; ++lane) {
    const In& in = *static_cast<const In*>(ins[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 2; ++i) {
      for (int part = 0; part < 4; ++part)
        a[g + 8 * (part % 2)][2 * t + 8 * (part / 2) + i] = f16_to_float(half_at(in.a[part], i));
      for (int part = 0; part < 2; ++part) b[2 * t + 8 * part + i][g] = f16_to_float(half_at(in.b[part], i));
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    float* d = static_cast<float*>(outs[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      float sum = 0;
      for (int k = 0; k < 16; ++k) sum += a[g + 8 * (i / 2)][k] * b[k][2 * t + i % 2];
      d[i] += sum;
    }
  }
}

template <bool kTransposed>
void gather_matrices(const void* const* ins, void* const* outs) {
  for (int lane = 0; lane < kLanes; ++lane) {
    auto* out = static_cast<std::uint32_t*>(outs[lane]);
    for (int matrix = 0; matrix < 4; ++matrix) {
      std::uint16_t pair[2];
      for (int i = 0; i < 2; ++i) {
        const int row = kTransposed ? 2 * (lane % 4) + i : lane / 4;
        const int column = kTransposed ? lane / 4 : 2 * (lane % 4) + i;
        pair[i] = static_cast<const std::uint16_t*>(ins[matrix * 8 + row])[column];
      }
      out[matrix] = pair[0] | static_cast<std::uint32_t>(pair[1]) << 16;
    }
  }
}

}  // namespace

void simulation_fails(const char* what) {
  std::fprintf(stderr, "simulated GPU: %s", what);
  if (simulated_thread != nullptr) {
    std::fprintf(stderr, " (block %d,%d,%d, thread %d)", block_x(), block_y(), block_z(), thread_index());
  }
  std::fputs("\n", stderr);
  std::abort();
}

void sync_block() {
  if (++block->at_barrier + block->done == static_cast<int>(block->fibres.size())) {
    release_barrier();
    suspend(Waiting::nothing);  // whoever comes last goes on no sooner than the others
  } else {
    suspend(Waiting::block);
  }
}

void warp_operation(const char* name, const void* in, void* out,
                    void (*compute)(const void* const* ins, void* const* outs)) {
  const auto warp = static_cast<std::size_t>(simulated_thread->thread / kLanes);
  const auto lane = static_cast<std::size_t>(simulated_thread->thread % kLanes);
  Meeting& meeting = block->meetings[warp];
  if (meeting.arrived > 0 && std::strcmp(meeting.name, name) != 0) {
    std::fprintf(stderr, "simulated GPU: %s meets %s\n", name, meeting.name);
    simulation_fails("the lanes of a warp are at different operations");
  }
  meeting.name = name;
  meeting.ins[lane] = in;
  meeting.outs[lane] = out;
  if (++meeting.arrived < kLanes) return suspend(Waiting::warp);
  compute(meeting.ins.data(), meeting.outs.data());
  meeting.arrived = 0;
  for (std::size_t i = 0; i < kLanes; ++i) {
    Fibre& other = *block->fibres[warp * kLanes + i];
    if (other.waiting == Waiting::warp) other.waiting = Waiting::nothing;
  }
  suspend(Waiting::nothing);
}

std::uint32_t ballot(bool value) {
  std::uint32_t out = 0;
  warp_operation("ballot", &value, &out, [](const void* const* ins, void* const* outs) {
    std::uint32_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= static_cast<std::uint32_t>(*static_cast<const bool*>(ins[i])) << i;
    for (int i = 0; i < kLanes; ++i) *static_cast<std::uint32_t*>(outs[i]) = bits;
  });
  return out;
}

void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  const struct {
    const std::uint32_t* a;
    const std::uint32_t* b;
  } in{a, b};
  warp_operation("mma", &in, d, multiply);
}

void load_matrices(std::uint32_t (&out)[4], const void* row) {
  check_alignment(row);
  warp_operation("load_matrices", row, out, gather_matrices<false>);
}

void load_matrices_transposed(std::uint32_t (&out)[4], const void* row) {
  check_alignment(row);
  warp_operation("load_matrices_transposed", row, out, gather_matrices<true>);
}

void copy_async(void* shared, const void* from, bool valid) {
  check_alignment(shared);
  if (valid) check_alignment(from);
  begin_copy({shared, from, 16, valid});
}

void copy_word_async(void* shared, const void* from, bool valid) {
  const auto misaligned = [](const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 4 != 0; };
  if (misaligned(shared) || (valid && misaligned(from)))
    simulation_fails("4 bytes at an address that is no multiple of 4");
  begin_copy({shared, from, 4, valid});
}

void commit_copies() {
  Fibre& fibre = *block->running;
  fibre.groups.push_back(std::move(fibre.open));
  fibre.open.clear();
}

void wait_for_copies(int groups) {
  Fibre& fibre = *block->running;
  while (static_cast<int>(fibre.groups.size()) > groups) {
    land(fibre.groups.front());
    fibre.groups.pop_front();
  }
}

void check_alignment(const void* address) {
  if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0)
    simulation_fails("16 bytes at an address that is no multiple of 16");
}

void set_simulated_order(std::uint64_t order) { fixed_order = order; }

void run_grid(const Grid& grid, const std::function<void()>& body) {
  if (grid.threads == 0 || grid.threads > 1024 || grid.threads % kLanes != 0)
    simulation_fails("a block is 32 to 1,024 threads");
  if (grid.shared_bytes > simulated_machine().shared_per_block)
    simulation_fails("a block asks for more shared memory than the device has");
  const std::unique_ptr<std::byte, decltype(&std::free)> shared(
      static_cast<std::byte*>(std::aligned_alloc(128, (grid.shared_bytes + kGuardBytes + 127) / 128 * 128)),
      &std::free);
  const std::vector<int> order = order_of_launch(grid.threads, 0);
  const std::vector<int> blocks = order_of_launch(std::size_t{grid.x} * grid.y * grid.z, 1);
  for (const int index : blocks) {
    std::memset(shared.get(), 0xFF, grid.shared_bytes);
    std::fill_n(shared.get() + grid.shared_bytes, kGuardBytes, kGuard);
    Block running;
    block = &running;
    running.meetings.resize(grid.threads / kLanes);
    for (unsigned thread = 0; thread < grid.threads; ++thread) {
      auto fibre = std::make_unique<Fibre>();
      const int at = index;
      fibre->place = {static_cast<int>(thread),
                      static_cast<int>(grid.threads),
                      {at % static_cast<int>(grid.x), at / static_cast<int>(grid.x) % static_cast<int>(grid.y),
                       at / static_cast<int>(grid.x * grid.y)},
                      {static_cast<int>(grid.x), static_cast<int>(grid.y), static_cast<int>(grid.z)},
                      shared.get()};
      fibre->self =
          context::fiber(std::allocator_arg, StackPool(), [&running, &body, it = fibre.get()](context::fiber&& caller) {
            running.scheduler = std::move(caller);
            body();
            it->waiting = Waiting::done;
            ++running.done;
            return std::move(running.scheduler);
          });
      running.fibres.push_back(std::move(fibre));
    }
    run_block(order);
    const std::byte* guard = shared.get() + grid.shared_bytes;
    if (!std::all_of(guard, guard + kGuardBytes, [](std::byte value) { return value == kGuard; }))
      simulation_fails("a kernel wrote behind its shared memory");
  }
  ++launches;
  block = nullptr;
  simulated_thread = nullptr;
}

}  // namespace tollgate::local::gpu
