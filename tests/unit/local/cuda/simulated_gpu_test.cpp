// The simulated GPU itself: its operations give what the PTX ISA says, and wrong kernels are found.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "local_backend/cuda/gpu.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"

namespace tollgate::local::gpu {
namespace {

using Kernel = void (*)(float*);

class SimulatedGpu : public testing::Test {
 protected:
  // Runs one block of `kernel` over `values`, with 1 KiB of shared memory.
  void run(Kernel kernel, std::vector<float>& values, unsigned threads) {
    Memory memory = *device_->allocate(values.size() * sizeof(float), "the test");
    Stream& stream = device_->compute();
    stream.copy_in(memory.data(), values.data(), memory.size());
    launch(stream, {1, 1, 1, threads, 1024}, kernel, memory.as<float>());
    stream.copy_out(values.data(), memory.data(), memory.size());
    ASSERT_TRUE(stream.wait());
  }

  std::unique_ptr<Device> device_ = *Device::open(0);
};

void reverse_kernel(float* values) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  shared[thread_index()] = values[thread_index()];
  sync_block();
  values[thread_index()] = shared[block_threads() - 1 - thread_index()];
}

void reverse_without_barrier(float* values) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  shared[thread_index()] = values[thread_index()];
  values[thread_index()] = shared[block_threads() - 1 - thread_index()];
}

TEST_F(SimulatedGpu, ABarrierMakesSharedMemoryWhole) {
  for (const std::uint64_t order : {0, 1, 17, 18}) {
    set_simulated_order(order);
    std::vector<float> values(96);
    std::iota(values.begin(), values.end(), 0.0f);
    run(reverse_kernel, values, 96);
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], static_cast<float>(95 - i));
  }
}

TEST_F(SimulatedGpu, AMissingBarrierShows) {
  std::vector<float> values(96, 1.0f);
  run(reverse_without_barrier, values, 96);
  EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float value) { return value != value; }));
}

void sum_kernel(float* values) { values[thread_index()] = warp_sum(values[thread_index()]); }

TEST_F(SimulatedGpu, WarpSumsReachEveryLane) {
  std::vector<float> values(64);
  std::iota(values.begin(), values.end(), 0.0f);
  run(sum_kernel, values, 64);
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(values[i], i < 32 ? 496.0f : 1520.0f);
}

// values: a[16][16], b[16][8] column by column, out[16][8].
void mma_kernel(float* values) {
  const int g = lane_index() / 4, t = lane_index() % 4;
  const auto a_pair = [&](int row, int k) { return pack_halves(values[row * 16 + k], values[row * 16 + k + 1]); };
  const float* b = values + 256;
  const std::uint32_t as[4] = {a_pair(g, 2 * t), a_pair(g + 8, 2 * t), a_pair(g, 2 * t + 8), a_pair(g + 8, 2 * t + 8)};
  const std::uint32_t bs[2] = {pack_halves(b[g * 16 + 2 * t], b[g * 16 + 2 * t + 1]),
                               pack_halves(b[g * 16 + 2 * t + 8], b[g * 16 + 2 * t + 9])};
  float d[4] = {1, 1, 1, 1};
  mma(d, as, bs);
  float* out = values + 384;
  for (int i = 0; i < 4; ++i) out[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = d[i];
}

TEST_F(SimulatedGpu, MatrixProductsAddUp) {
  std::vector<float> values(512, 0.0f);
  for (std::size_t i = 0; i < 384; ++i) values[i] = static_cast<float>(static_cast<int>(i * 7 % 13) - 6);
  run(mma_kernel, values, 32);
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 8; ++column) {
      float expected = 1;
      for (std::size_t k = 0; k < 16; ++k) expected += values[row * 16 + k] * values[256 + column * 16 + k];
      EXPECT_EQ(values[384 + row * 8 + column], expected);
    }
  }
}

void fma_kernel(float* values) { values[lane_index()] = float_fma(values[lane_index()], values[lane_index()], -1.0f); }

TEST_F(SimulatedGpu, AMultiplyAddIsRoundedOnce) {
  std::vector<float> values(32, 1.0f + 0x1p-13f);
  run(fma_kernel, values, 32);
  EXPECT_EQ(values[3], 0x1p-12f + 0x1p-26f);
}

void matrices_kernel(float* values) {
  auto* shared =
      reinterpret_cast<std::uint16_t*>(shared_memory());  // [32][8] halves: element (row, column) = 8 row + column
  for (int i = lane_index(); i < 256; i += kWarp) shared[i] = float_to_f16(static_cast<float>(i));
  sync_warp();
  std::uint32_t plain[4], transposed[4];
  load_matrices(plain, shared + lane_index() * 8);
  load_matrices_transposed(transposed, shared + lane_index() * 8);
  for (int i = 0; i < 4; ++i) {
    values[(lane_index() * 4 + i) * 2] = low_half(plain[i]) * 1000 + high_half(plain[i]);
    values[(lane_index() * 4 + i) * 2 + 1] = low_half(transposed[i]) * 1000 + high_half(transposed[i]);
  }
}

TEST_F(SimulatedGpu, MatricesLoadAsTheyAreAndTransposed) {
  std::vector<float> values(256, 0.0f);
  run(matrices_kernel, values, 32);
  for (int lane = 0; lane < 32; ++lane) {
    for (int matrix = 0; matrix < 4; ++matrix) {
      const int row = lane / 4, column = 2 * (lane % 4), base = 64 * matrix;
      const auto at = static_cast<std::size_t>((lane * 4 + matrix) * 2);
      EXPECT_EQ(values[at], static_cast<float>((base + 8 * row + column) * 1000 + base + 8 * row + column + 1));
      EXPECT_EQ(values[at + 1], static_cast<float>((base + 8 * column + row) * 1000 + base + 8 * (column + 1) + row));
    }
  }
}

void copy_kernel(float* values) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  copy_async(shared + thread_index() * 4, values + thread_index() * 4);
  commit_copies();
  copy_async(shared + 128 + thread_index() * 4, values, false);
  commit_copies();
  wait_copies<1>();
  const float first = shared[thread_index() * 4], early = shared[128 + thread_index() * 4];
  wait_copies<0>();
  values[thread_index() * 4] = first + 1;
  values[thread_index() * 4 + 1] = early == early ? 0.0f : 1.0f;
  values[thread_index() * 4 + 2] = shared[128 + thread_index() * 4];
}

TEST_F(SimulatedGpu, CopiesLandWhenTheyAreWaitedForOrAtOnce) {
  set_simulated_order(1);
  std::vector<float> values(128, 5.0f);
  run(copy_kernel, values, 32);
  for (std::size_t i = 0; i < 128; i += 4) EXPECT_EQ(values[i + 1], 0.0f) << "it landed late";
  set_simulated_order(0);
  values.assign(128, 5.0f);
  run(copy_kernel, values, 32);
  for (std::size_t i = 0; i < 128; i += 4) {
    EXPECT_EQ(values[i], 6.0f);
    EXPECT_EQ(values[i + 1], 1.0f) << "it landed too early";
    EXPECT_EQ(values[i + 2], 0.0f);
  }
}

TEST(SimulatedOperations, CountBitsAndRoundEachStep) {
  for (const std::uint32_t bits : {0u, 1u, 0x80000000u, 0xFFFFFFFFu, 0x12345678u})
    EXPECT_EQ(bit_count(bits), std::popcount(bits));
  const float a = 1 + 0x1p-12f;  // a * a = 1 + 2^-11 + 2^-24, whose last part only a fused addition would see
  EXPECT_EQ(rounded_sum(rounded_product(a, a), -1 - 0x1p-11f), 0.0f);
  EXPECT_EQ(float_fma(a, a, -1 - 0x1p-11f), 0x1p-24f);
}

void copy_words_kernel(float* values) {
  auto* shared = reinterpret_cast<float*>(shared_memory());
  copy_word_async(shared + thread_index(), values + thread_index(), thread_index() % 2 == 0);
  commit_copies();
  wait_copies<0>();
  values[thread_index()] = shared[thread_index()];
}

TEST_F(SimulatedGpu, WordsAreCopiedOneByOne) {
  std::vector<float> values(32, 5.0f);
  run(copy_words_kernel, values, 32);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(values[i], i % 2 == 0 ? 5.0f : 0.0f);
}

TEST_F(SimulatedGpu, StreamsWorkWhenSomebodyWaits) {
  Memory memory = *device_->allocate(4, "the test");
  int value = 1, seen = 0;
  Stream& compute = device_->compute();
  compute.copy_in(memory.data(), &value, 4);
  value = 2;  // too early: the copy has not been done
  const Event written = compute.record();
  device_->copies().wait_for(written);
  device_->copies().copy_out(&seen, memory.data(), 4);
  ASSERT_TRUE(device_->copies().wait());
  EXPECT_EQ(seen, 2);
}

TEST_F(SimulatedGpu, AGraphIsItsWorkEachTimeAnew) {
  std::vector<float> values(32, 1.0f);
  Memory memory = *device_->allocate(128, "the test");
  Stream& stream = device_->compute();
  stream.copy_in(memory.data(), values.data(), 128);
  stream.begin_capture();
  launch(stream, {1, 1, 1, 32, 0}, sum_kernel, memory.as<float>());
  const Graph graph = *stream.end_capture();
  stream.launch(graph);
  stream.launch(graph);
  stream.copy_out(values.data(), memory.data(), 128);
  ASSERT_TRUE(stream.wait());
  EXPECT_EQ(values[5], 1024.0f);
}

TEST_F(SimulatedGpu, MemoryEnds) {
  const auto memory = device_->allocate(simulated_machine().memory + 1, "the weights");
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, "out_of_device_memory");
  EXPECT_NE(memory.error().message.find("the weights needs"), std::string::npos);
}

using SimulatedGpuDeathTest = SimulatedGpu;

TEST_F(SimulatedGpuDeathTest, DivergingLanesAreFound) {
  std::vector<float> values(32);
  EXPECT_DEATH(run([](float*) { thread_index() < 16 ? sync_warp() : void(ballot(true)); }, values, 32),
               "different operations");
}

TEST_F(SimulatedGpuDeathTest, AWarpOperationThatLanesPassByIsFound) {
  std::vector<float> values(32);
  EXPECT_DEATH(run(
                   [](float*) {
                     if (thread_index() < 16) sync_warp();
                   },
                   values, 32),
               "wait for each other");
}

TEST_F(SimulatedGpuDeathTest, WritingBesideMemoryIsFound) {
  std::vector<float> values(32);
  EXPECT_DEATH(run([](float* to) { to[32] = 1; }, values, 32), "beside its device memory");
  EXPECT_DEATH(run([](float*) { shared_memory()[1024] = std::byte{1}; }, values, 32), "behind its shared memory");
}

TEST_F(SimulatedGpuDeathTest, MisalignedAccessIsFound) {
  std::vector<float> values(32);
  EXPECT_DEATH(run([](float* from) { from[0] = static_cast<float>(load_words(from + 1).x); }, values, 32),
               "multiple of 16");
}

}  // namespace
}  // namespace tollgate::local::gpu
