// The calls of NCCL against a library that writes them down: arguments, errors, what is freed and when.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "fake_nccl.h"
#include "local_backend/cuda/collective.h"

namespace tollgate::local::gpu {
namespace {

class Nccl : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TOLLGATE_NCCL", TOLLGATE_FAKE_NCCL, 1);
    void* library = dlopen(TOLLGATE_FAKE_NCCL, RTLD_NOW);
    ASSERT_NE(library, nullptr) << dlerror();
    fake_ = reinterpret_cast<FakeNccl* (*)()>(dlsym(library, "fake_nccl"))();
    *fake_ = FakeNccl{};
    for (const int ordinal : {3, 1}) devices_.push_back(*Device::open(ordinal));
  }
  void TearDown() override { unsetenv("TOLLGATE_NCCL"); }

  Result<std::unique_ptr<Collective>> open() {
    return open_collective(std::array<Device*, 2>{devices_[0].get(), devices_[1].get()});
  }
  Stream& stream(std::size_t rank) { return devices_[rank]->compute(); }

  FakeNccl* fake_ = nullptr;
  std::vector<std::unique_ptr<Device>> devices_;
  std::array<float, 32> values_{};
};

TEST_F(Nccl, CallsSayWhatIsMeant) {
  auto collective = open();
  ASSERT_TRUE(collective) << collective.error().message;
  EXPECT_EQ(fake_->ordinals, (std::vector<int>{3, 1}));
  ASSERT_TRUE((*collective)->all_reduce(1, stream(1), values_.data(), 12));
  ASSERT_TRUE((*collective)->all_gather(1, stream(1), values_.data() + 8, 8, values_.data()));
  EXPECT_EQ(fake_->asked, (std::vector<std::string>{"reduce rank 1: 12 of type 7, operation 0, in place",
                                                    "gather rank 1: 8 of type 7, 32 bytes into the whole"}));
  EXPECT_EQ(fake_->living, 2);
  collective->reset();
  EXPECT_EQ(fake_->living, 0);
  EXPECT_EQ(fake_->aborted, 0);
}

TEST_F(Nccl, ErrorsAreTold) {
  auto collective = open();
  ASSERT_TRUE(collective);
  fake_->call_status = 3;
  const auto refused = (*collective)->all_reduce(1, stream(1), values_.data(), 12);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "device_lost");
  EXPECT_NE(refused.error().message.find("ncclAllReduce fails on rank 1: internal error (3)"), std::string::npos);
  fake_->call_status = 0;
  fake_->async_status = 6;
  const auto gone = (*collective)->all_gather(0, stream(0), values_.data(), 8, values_.data());
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find("ncclAllGather fails on rank 0: remote process exited (6)"), std::string::npos);
}

TEST_F(Nccl, AfterAnAbortNothingIsCalledOrFreedAgain) {
  auto collective = open();
  ASSERT_TRUE(collective);
  (*collective)->abort();
  (*collective)->abort();
  EXPECT_EQ(fake_->aborted, 2);
  EXPECT_FALSE((*collective)->all_reduce(0, stream(0), values_.data(), 12));
  EXPECT_TRUE(fake_->asked.empty());
  collective->reset();
  EXPECT_EQ(fake_->living, 0);
}

TEST_F(Nccl, WithoutItTheErrorSaysWhatToDo) {
  fake_->connect_status = 3;
  const auto alone = open();
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("NCCL cannot connect the GPUs: internal error (3)"), std::string::npos);
  setenv("TOLLGATE_NCCL", "/nowhere/libnccl.so", 1);
  const auto nowhere = open();
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "no_collective");
  EXPECT_NE(nowhere.error().message.find("install libnccl2, name the file in TOLLGATE_NCCL"), std::string::npos);
  setenv("TOLLGATE_NCCL", "libm.so.6", 1);
  EXPECT_NE(open().error().message.find("has no ncclCommInitAll"), std::string::npos);
}

}  // namespace
}  // namespace tollgate::local::gpu
