// A GPU for tests on machines without one: the operations of local_backend/cuda/gpu.h as plain C++. A block runs on one
// thread, each of its threads as a fibre; fibres change only where the kernel waits (barriers, warp operations), in an
// order that is drawn anew for each launch, so that a missing barrier shows as a wrong result. Shared memory and device
// memory start as NaN and have guard zones; misaligned wide accesses, diverging warp operations and barriers that not
// all threads reach end the program with a message that names them. Asynchronous copies land as late as they may, when
// they are waited for, or at once, so that one into memory that is still being read shows too. What is not simulated:
// time, caches, memory shared between blocks that run at once.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>

#define TOLLGATE_KERNEL void
#define TOLLGATE_KERNEL_OF(threads, blocks_per_multiprocessor) void
#define TOLLGATE_DEVICE inline
#define TOLLGATE_UNROLL

namespace tollgate::local::gpu {

struct alignas(16) Words4 {
  std::uint32_t x, y, z, w;
};

// The running fibre's place in the launch.
struct SimulatedThread {
  int thread = 0, threads = 0;
  int block[3] = {0, 0, 0}, grid[3] = {1, 1, 1};
  std::byte* shared = nullptr;
};
extern thread_local SimulatedThread* simulated_thread;

inline int thread_index() { return simulated_thread->thread; }
inline int block_threads() { return simulated_thread->threads; }
inline int block_x() { return simulated_thread->block[0]; }
inline int block_y() { return simulated_thread->block[1]; }
inline int block_z() { return simulated_thread->block[2]; }
inline int grid_x() { return simulated_thread->grid[0]; }
inline int grid_y() { return simulated_thread->grid[1]; }
inline std::byte* shared_memory() { return simulated_thread->shared; }

[[noreturn]] void simulation_fails(const char* what);
void sync_block();

// The lanes' arguments and results, [32] each; `compute` runs once, when all lanes of the warp have come.
void warp_operation(const char* name, const void* in, void* out,
                    void (*compute)(const void* const* ins, void* const* outs));

inline void sync_warp() {
  warp_operation("sync_warp", nullptr, nullptr, [](const void* const*, void* const*) {});
}

template <class Value>
Value shuffle(Value value, int lane) {
  struct In {
    Value value;
    int lane;
  };
  const In in{value, lane};
  Value out{};
  warp_operation("shuffle", &in, &out, [](const void* const* ins, void* const* outs) {
    for (int i = 0; i < 32; ++i) {
      const int from = static_cast<const In*>(ins[i])->lane & 31;
      *static_cast<Value*>(outs[i]) = static_cast<const In*>(ins[from])->value;
    }
  });
  return out;
}

template <class Value>
Value shuffle_xor(Value value, int mask) {
  return shuffle(value, (simulated_thread->thread & 31) ^ mask);
}

std::uint32_t ballot(bool value);
void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);
void load_matrices(std::uint32_t (&out)[4], const void* row);
void load_matrices_transposed(std::uint32_t (&out)[4], const void* row);

void copy_async(void* shared, const void* from, bool valid = true);
void copy_word_async(void* shared, const void* from, bool valid = true);
void commit_copies();
void wait_for_copies(int groups);
template <int kGroups>
void wait_copies() {
  wait_for_copies(kGroups);
}

// Ends the program if `address` is no multiple of 16.
void check_alignment(const void* address);
inline Words4 load_words(const void* from) {
  check_alignment(from);
  return *static_cast<const Words4*>(from);
}
inline Words4 load_once(const void* from) { return load_words(from); }
inline void store_words(void* to, Words4 value) {
  check_alignment(to);
  *static_cast<Words4*>(to) = value;
}

inline int add_atomically(int* to, int value) {
  const int before = *to;
  *to += value;
  return before;
}

inline void wait_for_previous_kernel() {}
inline void let_next_kernel_start() {}

inline float f16_to_float(std::uint16_t half) { return static_cast<float>(std::bit_cast<_Float16>(half)); }
inline std::uint16_t float_to_f16(float value) { return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value)); }
inline std::uint32_t pack_halves(float low, float high) {
  return float_to_f16(low) | static_cast<std::uint32_t>(float_to_f16(high)) << 16;
}

// Applies `operation` to both halves; sums and products of halves are exact in double and rounded once.
template <class Operation>
std::uint32_t by_halves(const Operation& operation, std::uint32_t a, std::uint32_t b, std::uint32_t c = 0) {
  std::uint32_t out = 0;
  for (int shift = 0; shift < 32; shift += 16) {
    const auto value = [shift](std::uint32_t word) {
      return static_cast<double>(f16_to_float(static_cast<std::uint16_t>(word >> shift)));
    };
    const auto half = static_cast<_Float16>(operation(value(a), value(b), value(c)));
    out |= static_cast<std::uint32_t>(std::bit_cast<std::uint16_t>(half)) << shift;
  }
  return out;
}
inline std::uint32_t half2_add(std::uint32_t a, std::uint32_t b) {
  return by_halves([](double x, double y, double) { return x + y; }, a, b);
}
inline std::uint32_t half2_sub(std::uint32_t a, std::uint32_t b) {
  return by_halves([](double x, double y, double) { return x - y; }, a, b);
}
inline std::uint32_t half2_mul(std::uint32_t a, std::uint32_t b) {
  return by_halves([](double x, double y, double) { return x * y; }, a, b);
}
inline std::uint32_t half2_fma(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return by_halves([](double x, double y, double z) { return x * y + z; }, a, b, c);
}

inline std::uint32_t pick_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t bytes = std::uint64_t{b} << 32 | a;
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i)
    out |= static_cast<std::uint32_t>(bytes >> (8 * (selector >> (4 * i) & 7)) & 0xFF) << (8 * i);
  return out;
}

inline float float_fma(float a, float b, float c) { return std::fma(a, b, c); }
inline float rounded_product(float a, float b) { return a * b; }  // the build fuses nothing
inline float rounded_sum(float a, float b) { return a + b; }

inline float exp2_fast(float x) { return std::exp2(x); }
inline float rsqrt_fast(float x) { return 1.0f / std::sqrt(x); }

// Runs all blocks of a grid, now. `body` is the kernel with its arguments.
void run_grid(const Grid& grid, const std::function<void()>& body);
// Puts work into a stream.
void enqueue(Stream& stream, std::function<void()> work);

template <class... Parameters, class... Arguments>
void launch(Stream& stream, const Grid& grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  enqueue(stream, [grid, kernel, values = std::tuple<std::remove_cv_t<Parameters>...>(arguments...)] {
    run_grid(grid, [&] { std::apply(kernel, values); });
  });
}

// The order of the coming launches' fibres: 0 = ascending, 1 = descending, others seed a shuffle; with odd ones
// asynchronous copies land at once. Without a call it changes from launch to launch.
void set_simulated_order(std::uint64_t order);

}  // namespace tollgate::local::gpu
