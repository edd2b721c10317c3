// The calls of NCCL against a library that checks them, on simulated devices.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "local_backend/cuda/collective.h"
#include "tests/unit/local/cuda/fake_nccl.h"

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kDevices = 3, kCount = 5;

class Nccl : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TOLLGATE_NCCL", TOLLGATE_FAKE_NCCL, 1);
    void* library = dlopen(TOLLGATE_FAKE_NCCL, RTLD_NOW);
    ASSERT_NE(library, nullptr) << dlerror();
    fake_ = reinterpret_cast<FakeNccl* (*)()>(dlsym(library, "fake_nccl"))();
    *fake_ = FakeNccl{};
    for (std::size_t d = 0; d < kDevices; ++d) {
      devices_.push_back(*Device::open(static_cast<int>(d)));
      pointers_.push_back(devices_.back().get());
      memory_.push_back(*devices_.back()->allocate(kDevices * kCount * sizeof(float), "the test"));
      data_.push_back(memory_.back().as<float>());
      // Device memory of the simulated GPU is the host's.
      for (std::size_t i = 0; i < kCount; ++i) data_[d][i] = value(d, i);
    }
  }
  void TearDown() override { unsetenv("TOLLGATE_NCCL"); }

  static float value(std::size_t device, std::size_t i) { return static_cast<float>(device * 100 + i); }

  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<Device*> pointers_;
  std::vector<Memory> memory_;
  std::vector<float*> data_;
  FakeNccl* fake_ = nullptr;
};

TEST_F(Nccl, SumsAndGathersInOneGroup) {
  auto collective = *open_collective(pointers_);
  std::vector<Memory> gathered;
  std::vector<float*> to;
  for (const auto& device : devices_) {
    gathered.push_back(*device->allocate(kDevices * kCount * sizeof(float), "the test"));
    to.push_back(gathered.back().as<float>());
  }
  const std::vector<const float*> from(data_.begin(), data_.end());
  ASSERT_TRUE(collective->gather(from, to, kCount));
  ASSERT_TRUE(collective->sum(data_, kCount));
  EXPECT_EQ(fake_->groups, 2);
  for (std::size_t d = 0; d < kDevices; ++d) {
    for (std::size_t i = 0; i < kDevices * kCount; ++i) EXPECT_EQ(to[d][i], value(i / kCount, i % kCount));
    for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(data_[d][i], static_cast<float>(300 + 3 * i));
  }
  EXPECT_EQ(fake_->living, static_cast<int>(kDevices));
  collective.reset();
  EXPECT_EQ(fake_->living, 0);
}

TEST_F(Nccl, ARefusalIsSaidAndItsGroupEnded) {
  auto collective = *open_collective(pointers_);
  fake_->refuses = true;
  const auto refused = collective->sum(data_, kCount);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "collective_failed");
  EXPECT_EQ(refused.error().message, "NCCL: invalid argument");
  EXPECT_EQ(fake_->groups, 1);
  fake_->refuses = false;
  EXPECT_TRUE(collective->sum(data_, kCount));
}

TEST_F(Nccl, WhatCannotBeOpenedIsNamed) {
  fake_->refuses_to_start = true;
  EXPECT_EQ(open_collective(pointers_).error().message, "NCCL does not start: unhandled system error");
  setenv("TOLLGATE_NCCL", "/nowhere/libnccl.so.2", 1);
  EXPECT_NE(open_collective(pointers_).error().message.find("/nowhere/libnccl.so.2"), std::string::npos);
  setenv("TOLLGATE_NCCL", "libm.so.6", 1);
  EXPECT_EQ(open_collective(pointers_).error().message, "libm.so.6 has no ncclCommInitAll");
}

}  // namespace
}  // namespace tollgate::local::gpu
