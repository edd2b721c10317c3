// Speed of a whole model on the CPU, like llama-bench: pp = a prompt of 512 tokens in one step, tg = 64 steps that draw
// one token for each of 1, 8 and 16 sequences. Median of five. usage: engine_bench FILE [threads] [f16|q8]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "local_backend/model/cpu_backend.h"

namespace tollgate::local {
namespace {

constexpr int kRounds = 5, kPrompt = 512, kSteps = 64;

// One step of `batch` sequences that have `context` tokens after it, `fresh` of them new.
StepPlan make_plan(int batch, int fresh, int context, const SamplingParams& params) {
  StepPlan plan;
  const int blocks = (kPrompt + kBlockTokens - 1) / kBlockTokens;
  for (int b = 0; b < batch; ++b) {
    plan.rows.push_back({.first_token = static_cast<std::int32_t>(plan.tokens.size()),
                         .tokens = fresh,
                         .context = context,
                         .first_block = static_cast<std::int32_t>(plan.blocks.size())});
    for (int i = 0; i < (context + kBlockTokens - 1) / kBlockTokens; ++i) plan.blocks.push_back(b * blocks + i);
    for (int i = 0; i < fresh; ++i) {
      plan.tokens.push_back((b * 131 + i * 7) % 1000);
      plan.positions.push_back(context - fresh + i);
    }
    plan.logit_rows.push_back(static_cast<std::int32_t>(plan.tokens.size()) - 1);
    plan.samples.push_back({.params = &params, .position = context});
  }
  return plan;
}

template <class Work>
double median_seconds(Work work) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  std::sort(times.begin(), times.end());
  return times[kRounds / 2];
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: engine_bench FILE [threads] [f16|q8]\n");
    return 2;
  }
  auto file = GgufFile::open(argv[1]);
  CpuBackendOptions options;
  options.threads = argc > 2 ? std::atoi(argv[2]) : 0;
  options.kv = argc > 3 && std::string_view(argv[3]) == "q8" ? KvType::q8 : KvType::f16;
  options.kv_bytes = std::size_t{1} << 30;
  auto made = file ? make_cpu_backend(*file, options) : Result<std::unique_ptr<Backend>>(file.error());
  if (!made) {
    std::fprintf(stderr, "engine_bench: %s\n", made.error().message.c_str());
    return 1;
  }
  Backend& backend = **made;
  const SamplingParams greedy{.temperature = 0};
  StepResult result;
  const auto step = [&](const StepPlan& plan) {
    if (!backend.step(plan, result)) std::abort();
  };
  std::printf("%s\n", backend.info().device.c_str());
  const StepPlan prompt = make_plan(1, kPrompt, kPrompt, greedy);
  std::printf("pp%d %.1f tokens/s\n", kPrompt, kPrompt / median_seconds([&] { step(prompt); }));
  for (const int batch : {1, 8, 16}) {
    const double seconds = median_seconds([&] {
      for (int i = 0; i < kSteps; ++i) step(make_plan(batch, 1, i + 1, greedy));
    });
    std::printf("tg%d batch %d %.1f tokens/s\n", kSteps, batch, batch * kSteps / seconds);
  }
  return 0;
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) { return tollgate::local::run(argc, argv); }
