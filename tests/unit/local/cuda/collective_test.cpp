// Sums and gatherings over all devices that are there; with one alone they are copies.
#include "local_backend/cuda/collective.h"

#include <gtest/gtest.h>

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
    for (const auto& device : devices_) pointers_.push_back(device.get());
    auto opened = open_collective(pointers_);
    if (!opened) GTEST_SKIP() << opened.error().message;
    collective_ = std::move(*opened);
  }

  static float value(std::size_t device, std::size_t i) { return static_cast<float>((device + 1) * 1000 + i); }

  // The numbers of each device, whose copy is still under way when this returns.
  void upload() {
    for (std::size_t d = 0; d < devices_.size(); ++d) {
      host_.emplace_back();
      for (std::size_t i = 0; i < kCount; ++i) host_.back().push_back(value(d, i));
      memory_.push_back(*devices_[d]->allocate(kCount * sizeof(float), "the test"));
      devices_[d]->select();
      devices_[d]->compute().copy_in(memory_[d].data(), host_[d].data(), kCount * sizeof(float));
    }
  }

  std::vector<float> download(std::size_t device, const Memory& memory) {
    std::vector<float> values(memory.size() / sizeof(float));
    devices_[device]->select();
    devices_[device]->compute().copy_out(values.data(), memory.data(), memory.size());
    const auto done = devices_[device]->compute().wait();
    EXPECT_TRUE(done) << done.error().message;
    return values;
  }

  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<Device*> pointers_;
  std::unique_ptr<Collective> collective_;
  std::vector<std::vector<float>> host_;
  std::vector<Memory> memory_;
};

TEST_F(OnAllDevices, EachHasTheSumOfAll) {
  upload();
  std::vector<float*> data;
  for (const Memory& memory : memory_) data.push_back(memory.as<float>());
  ASSERT_TRUE(collective_->sum(data, kCount));
  ASSERT_TRUE(collective_->sum(data, kCount));  // of the sums
  // From the last device to the first: none needs another's wait.
  for (std::size_t d = devices_.size(); d-- > 0;) {
    const std::vector<float> found = download(d, memory_[d]);
    for (std::size_t i = 0; i < kCount; ++i) {
      float sum = 0;
      for (std::size_t other = 0; other < devices_.size(); ++other) sum += value(other, i);
      ASSERT_EQ(found[i], sum * static_cast<float>(devices_.size())) << "device " << d << ", number " << i;
    }
  }
}

TEST_F(OnAllDevices, EachHasThePartsOfAllInTheirOrder) {
  upload();
  std::vector<Memory> gathered;
  std::vector<const float*> from;
  std::vector<float*> to;
  for (std::size_t d = 0; d < devices_.size(); ++d) {
    gathered.push_back(*devices_[d]->allocate(devices_.size() * kCount * sizeof(float), "the test"));
    from.push_back(memory_[d].as<float>());
    to.push_back(gathered[d].as<float>());
  }
  ASSERT_TRUE(collective_->gather(from, to, kCount));
  for (std::size_t d = devices_.size(); d-- > 0;) {
    const std::vector<float> found = download(d, gathered[d]);
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], value(i / kCount, i % kCount)) << d << " " << i;
  }
}

}  // namespace
}  // namespace tollgate::local::gpu
