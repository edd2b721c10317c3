// Sums and gatherings over all devices that are there; with one alone they are copies.
#include "local_backend/cuda/collective.h"

#include <gtest/gtest.h>

#include <thread>

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kCount = 77;

class OnAllDevices : public testing::Test {
 protected:
  void SetUp() override {
    for (const DeviceInfo& info : list_devices().devices) {
      auto device = Device::open(info.ordinal);
      if (device) devices_.push_back(std::move(*device));
    }
    if (devices_.empty()) GTEST_SKIP() << list_devices().why_none;
    std::vector<Device*> pointers;
    for (const auto& device : devices_) pointers.push_back(device.get());
    auto opened = open_collective(pointers);
    if (!opened) GTEST_SKIP() << opened.error().message;
    collective_ = std::move(*opened);
  }

  static float value(std::size_t device, std::size_t i) { return static_cast<float>((device + 1) * 1000 + i); }

  // On a thread of its own each device gets its numbers, `work` adds to its stream, and what is then in its memory of
  // `count` numbers comes back.
  template <class Work>
  std::vector<std::vector<float>> on_each(std::size_t count, const Work& work) {
    std::vector<std::vector<float>> found(devices_.size(), std::vector<float>(count));
    std::vector<std::thread> threads;
    for (std::size_t d = 0; d < devices_.size(); ++d)
      threads.emplace_back([&, d] {
        Device& device = *devices_[d];
        device.select();
        std::vector<float> host;
        for (std::size_t i = 0; i < kCount; ++i) host.push_back(value(d, i));
        const Memory own = *device.allocate(kCount * sizeof(float), "the test");
        const Memory out = *device.allocate(count * sizeof(float), "the test");
        device.compute().copy_in(own.data(), host.data(), kCount * sizeof(float));
        const auto added = work(static_cast<int>(d), device.compute(), own.as<float>(), out.as<float>());
        EXPECT_TRUE(added) << added.error().message;
        device.compute().copy_out(found[d].data(), out.data(), count * sizeof(float));
        const auto done = device.compute().wait();
        EXPECT_TRUE(done) << done.error().message;
      });
    for (std::thread& thread : threads) thread.join();
    return found;
  }

  std::vector<std::unique_ptr<Device>> devices_;
  std::unique_ptr<Collective> collective_;
};

TEST_F(OnAllDevices, EachHasTheSumOfAll) {
  const auto found = on_each(kCount, [&](int rank, Stream& stream, float* own, float* out) {
    auto done = collective_->all_reduce(rank, stream, own, kCount);
    if (done) done = collective_->all_reduce(rank, stream, own, kCount);  // of the sums
    stream.copy_within(out, own, kCount * sizeof(float));
    return done;
  });
  for (std::size_t d = 0; d < found.size(); ++d) {
    for (std::size_t i = 0; i < kCount; ++i) {
      float sum = 0;
      for (std::size_t other = 0; other < found.size(); ++other) sum += value(other, i);
      ASSERT_EQ(found[d][i], sum * static_cast<float>(found.size())) << "device " << d << ", number " << i;
    }
  }
}

TEST_F(OnAllDevices, EachHasThePartsOfAllInTheirOrder) {
  const std::size_t all = devices_.size() * kCount;
  const auto elsewhere = on_each(all, [&](int rank, Stream& stream, float* own, float* out) {
    return collective_->all_gather(rank, stream, own, kCount, out);
  });
  const auto in_place = on_each(all, [&](int rank, Stream& stream, float* own, float* out) {
    float* part = out + static_cast<std::size_t>(rank) * kCount;
    stream.copy_within(part, own, kCount * sizeof(float));
    return collective_->all_gather(rank, stream, part, kCount, out);
  });
  EXPECT_EQ(elsewhere, in_place);
  for (std::size_t d = 0; d < devices_.size(); ++d)
    for (std::size_t i = 0; i < all; ++i) ASSERT_EQ(in_place[d][i], value(i / kCount, i % kCount)) << d << " " << i;
}

}  // namespace
}  // namespace tollgate::local::gpu
