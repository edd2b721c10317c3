// A step allocates nothing once the back end is warm.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "plans.h"
#include "tiny_model.h"

namespace {

std::atomic<long> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace tollgate::local {
namespace {

TEST(Step, AllocatesNothing) {
  for (const std::string& name : decoder_names()) {
    CpuBackendOptions options;
    options.level = CpuLevel::scalar;
    options.threads = 1;  // so that every thread that draws has drawn before
    options.kv_bytes = 8u << 20;
    const auto backend = std::move(*make_cpu_backend(TinyModel::load(name).file(), options));
    TestSequence sequence{std::vector<Token>(60, 7), blocks_from(0, 60)};
    PlanMaker maker(*backend);
    maker.add(sequence, 50);
    StepResult result;
    ASSERT_TRUE(backend->step(maker.plan(), result));
    const long before = allocations;
    const bool stepped = backend->step(maker.plan(), result).has_value();
    const long during = allocations - before;
    EXPECT_TRUE(stepped);
    EXPECT_EQ(during, 0) << name;
  }
}

}  // namespace
}  // namespace tollgate::local
