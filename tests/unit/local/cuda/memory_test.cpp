// Devices of which something is missing, as only the simulated GPU can be made.
#include <gtest/gtest.h>

#include "../model/plans.h"
#include "../model/wide_heads.h"
#include "small_cuda.h"
#include "tests/support/simulated_gpu/simulated_runtime.h"

namespace tollgate::local::gpu {
namespace {

class LittleMemory : public testing::Test {
 protected:
  ~LittleMemory() override { simulated_machine() = SimulatedMachine(); }

  static Result<std::unique_ptr<Backend>> make(std::size_t memory, std::size_t kv_bytes = 0) {
    simulated_machine().memory = memory;
    CudaBackendOptions options = small_options();
    options.kv_bytes = kv_bytes;
    options.max_step_tokens = 32;
    options.graphs = false;
    return make_cuda_backend(with_wide_heads(TinyModel::load("llama")).file(TensorType::q8_0), options);
  }
};

TEST_F(LittleMemory, ThePoolTakesWhatIsLeftButATenth) {
  constexpr std::size_t kMemory = std::size_t{256} << 20;
  const auto backend = make(kMemory);
  ASSERT_TRUE(backend) << backend.error().message;
  const std::size_t pool = (*backend)->info().blocks * (*backend)->info().block_bytes;
  EXPECT_LE(pool, kMemory * 9 / 10);
  EXPECT_GE(pool, kMemory / 4);
}

// From none to enough: whatever the first thing is that does not fit, the error says so, and nothing is written beside
// its memory.
TEST_F(LittleMemory, WhatDoesNotFitIsNamed) {
  bool pool_named = false, weights_named = false;
  std::size_t memory = std::size_t{64} << 10;
  for (;; memory += memory / 8) {
    const auto backend = make(memory);
    if (backend) break;
    EXPECT_EQ(backend.error().status, 507);
    EXPECT_EQ(backend.error().code, "out_of_device_memory");
    weights_named |= backend.error().message.find("the model's weights") != std::string::npos;
    pool_named |= backend.error().message.find("one context of 128 tokens need") != std::string::npos;
  }
  EXPECT_TRUE(weights_named);
  EXPECT_TRUE(pool_named);
  EXPECT_LT(memory, std::size_t{512} << 20);
}

TEST_F(LittleMemory, APoolThatIsAskedForMayBeSmallButNotNothing) {
  const auto one = make(std::size_t{1} << 30, 100'000);
  ASSERT_TRUE(one);
  EXPECT_EQ((*one)->info().blocks, 100'000 / (*one)->info().block_bytes);
  const auto none = make(std::size_t{1} << 30, 100);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "out_of_device_memory");
}

}  // namespace
}  // namespace tollgate::local::gpu
