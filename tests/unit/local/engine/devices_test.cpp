// Which device serves a model, with devices made up for the test.
#include "local_backend/engine/devices.h"

#include <gtest/gtest.h>

#include "../model/tiny_model.h"

namespace tollgate::local {
namespace {

class Pretended final : public Backend {
 public:
  explicit Pretended(std::string name) { info_.device = std::move(name); }
  const BackendInfo& info() const override { return info_; }
  Result<void> step(const StepPlan&, StepResult&) override { return {}; }
  bool read_block(std::int32_t, std::span<std::byte>) const override { return true; }
  bool write_block(std::int32_t, std::span<const std::byte>) override { return true; }

 private:
  BackendInfo info_;
};

gpu::DeviceList two_devices() {
  gpu::DeviceList list;
  for (int i = 0; i < 2; ++i) list.devices.push_back({.ordinal = i, .name = "pretended"});
  return list;
}

gpu::DeviceList no_devices() { return {.devices = {}, .why_none = "no NVIDIA driver"}; }

Result<std::unique_ptr<Backend>> make(std::shared_ptr<const GgufFile>, const EngineOptions&,
                                      const std::vector<int>& ordinals) {
  std::string name = "cuda";
  for (const int ordinal : ordinals) name += ":" + std::to_string(ordinal);
  return std::unique_ptr<Backend>(std::make_unique<Pretended>(name));
}

Result<std::unique_ptr<Backend>> make_on_the_second(std::shared_ptr<const GgufFile> file, const EngineOptions& options,
                                                    const std::vector<int>& ordinals) {
  if (ordinals.front() == 0) return Error{ErrorKind::fatal, 507, "out_of_device_memory", "too large"};
  return make(std::move(file), options, ordinals);
}

Result<std::unique_ptr<Backend>> make_nowhere(std::shared_ptr<const GgufFile>, const EngineOptions&,
                                              const std::vector<int>&) {
  return Error{ErrorKind::client_fault, 400, "unsupported_on_device", "heads of 80 values"};
}

Result<ChosenBackend> choose(const std::string& device, const CudaFactory* cuda) {
  static const auto file = TinyModel::load("llama").file();
  EngineOptions options;
  options.device = device;
  options.threads = 1;
  options.kv_bytes = 1 << 20;
  return choose_backend(file, options, cuda);
}

std::string refusal(const std::string& device, const CudaFactory* cuda) {
  const auto chosen = choose(device, cuda);
  return chosen ? "" : chosen.error().code + ": " + chosen.error().message;
}

TEST(Devices, AutoTakesTheFirstThatTakesTheModel) {
  const CudaFactory all{two_devices, make}, second{two_devices, make_on_the_second};
  const auto first = choose("auto", &all);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->backend->info().device, "cuda:0");
  EXPECT_TRUE(first->on_device);
  EXPECT_EQ(first->why_cpu, "");
  EXPECT_EQ(choose("auto", &second)->backend->info().device, "cuda:1");
}

TEST(Devices, AutoSaysWhyItTakesTheCpu) {
  const CudaFactory none{no_devices, make}, nowhere{two_devices, make_nowhere};
  const auto without = choose("auto", &none);
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_FALSE(without->on_device);
  EXPECT_EQ(without->why_cpu, "no NVIDIA driver");
  EXPECT_EQ(without->backend->info().device.substr(0, 5), "cpu (");
  EXPECT_EQ(choose("auto", &nowhere)->why_cpu, "cuda:0: heads of 80 values; cuda:1: heads of 80 values");
  EXPECT_EQ(choose("auto", nullptr)->why_cpu, "") << "a build without CUDA has nothing to say";
}

TEST(Devices, TheCpuIsTakenWhereItIsAskedFor) {
  const CudaFactory all{two_devices, make};
  EXPECT_FALSE(choose("cpu", &all)->on_device);
  EXPECT_EQ(choose("cpu", &all)->why_cpu, "");
}

TEST(Devices, OneThatIsNamedIsTakenOrTheErrorIsTold) {
  const CudaFactory all{two_devices, make}, none{no_devices, make}, nowhere{two_devices, make_nowhere};
  EXPECT_EQ(choose("cuda:1", &all)->backend->info().device, "cuda:1");
  EXPECT_EQ(refusal("cuda:1", &nowhere), "unsupported_on_device: heads of 80 values");
  EXPECT_EQ(refusal("cuda:2", &all),
            "bad_device: device cuda:2: there is no GPU 2; this machine has 2, numbered from 0");
  EXPECT_EQ(choose("cuda:1,0", &all)->backend->info().device, "cuda:1:0");
  EXPECT_EQ(refusal("cuda:0,2", &all),
            "bad_device: device cuda:0,2: there is no GPU 2; this machine has 2, numbered from 0");
  EXPECT_NE(refusal("cuda:0", &none).find("no NVIDIA driver; write auto or cpu"), std::string::npos);
  EXPECT_NE(refusal("cuda:0", nullptr).find("built without CUDA"), std::string::npos);
  for (const char* name : {"", "gpu", "cuda", "cuda:", "cuda:1x", "cuda:-1", "cuda:99999", "cuda: 1", "cuda:,",
                           "cuda:0,", "cuda:0,,1", "cuda:0;1"})
    EXPECT_NE(refusal(name, &all).find("write auto, cpu, cuda:0"), std::string::npos) << name;
}

}  // namespace
}  // namespace tollgate::local
