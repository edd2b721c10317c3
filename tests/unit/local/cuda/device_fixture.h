// Tests of device code: device 0 and the way to it and back. Skips where there is no device.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

// Normal numbers, the same for the same seed.
inline std::vector<float> noise(std::size_t count, unsigned seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

class OnDevice : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Device::open(0);
    if (!opened) GTEST_SKIP() << opened.error().message;
    device_ = std::move(*opened);
  }

  Stream& stream() { return device_->compute(); }

  // Room for at least one value, so that nothing is ever a null pointer.
  template <class Value>
  Memory room(std::size_t count) {
    auto memory = device_->allocate(std::max<std::size_t>(count, 1) * sizeof(Value), "the test");
    if (!memory) {
      ADD_FAILURE() << memory.error().message;
      return {};
    }
    return std::move(*memory);
  }

  template <std::ranges::contiguous_range Values>
  Memory upload(const Values& values) {
    const std::span from(values);
    Memory memory = room<typename decltype(from)::value_type>(from.size());
    if (!from.empty()) stream().copy_in(memory.data(), from.data(), from.size_bytes());
    wait();
    return memory;
  }

  template <class Value>
  Memory zeros(std::size_t count) {
    Memory memory = room<Value>(count);
    stream().fill(memory.data(), 0, memory.size());
    wait();
    return memory;
  }

  // After all work given to the stream before.
  template <class Value>
  std::vector<Value> download(const Memory& memory, std::size_t count) {
    std::vector<Value> values(count);
    stream().copy_out(values.data(), memory.data(), count * sizeof(Value));
    wait();
    return values;
  }

  void wait() {
    const Result<void> done = stream().wait();
    if (!done) ADD_FAILURE() << done.error().message;
  }

  std::unique_ptr<Device> device_;
};

}  // namespace tollgate::local::gpu
