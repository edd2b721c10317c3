// Speed of a whole model on the CPU, like llama-bench: the back end's steps alone, at the caller's niceness. With the
// scheduler, and on any device: `tollgate bench engine`. pp = a prompt of 512 tokens in one step, tgN = 64 steps that
// draw one token for each of N sequences. Median of the rounds, after a short step that does not count. usage:
// engine_bench FILE [threads] [f16|q8] [rounds] [pp,tg1,tg8,tg16]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/model/cpu_backend.h"

namespace tollgate::local {
namespace {

constexpr int kPrompt = 512, kSteps = 64, kMostBatch = 64;

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
double median_seconds(int rounds, Work work) {
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

struct Options {
  CpuBackendOptions backend;
  int rounds = 5;
  std::vector<std::string> tests = {"pp", "tg1", "tg8", "tg16"};
};

Options read_options(int argc, char** argv) {
  Options out;
  out.backend.threads = argc > 2 ? std::atoi(argv[2]) : 0;
  out.backend.kv = argc > 3 && std::string_view(argv[3]) == "q8" ? KvType::q8 : KvType::f16;
  out.backend.kv_bytes = std::size_t{1} << 30;
  if (argc > 4) out.rounds = std::max(std::atoi(argv[4]), 1);
  if (argc <= 5) return out;
  out.tests.clear();
  std::istringstream names(argv[5]);
  for (std::string name; std::getline(names, name, ',');) out.tests.push_back(name);
  return out;
}

void run_test(Backend& backend, const std::string& test, int rounds) {
  const SamplingParams greedy{.temperature = 0};
  StepResult result;
  const auto step = [&](const StepPlan& plan) {
    if (!backend.step(plan, result)) std::abort();
  };
  if (test == "pp") {
    const StepPlan prompt = make_plan(1, kPrompt, kPrompt, greedy);
    step(make_plan(1, kPrompt / 8, kPrompt / 8, greedy));
    std::printf("pp%d %.1f tokens/s\n", kPrompt, kPrompt / median_seconds(rounds, [&] { step(prompt); }));
    return;
  }
  const int batch = test.starts_with("tg") ? std::clamp(std::atoi(test.c_str() + 2), 1, kMostBatch) : 1;
  step(make_plan(batch, 1, 1, greedy));
  const double seconds = median_seconds(rounds, [&] {
    for (int i = 0; i < kSteps; ++i) step(make_plan(batch, 1, i + 1, greedy));
  });
  std::printf("tg%d batch %d %.1f tokens/s\n", kSteps, batch, batch * kSteps / seconds);
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: engine_bench FILE [threads] [f16|q8] [rounds] [pp,tg1,tg8,tg16]\n");
    return 2;
  }
  const Options options = read_options(argc, argv);
  auto file = GgufFile::open(argv[1]);
  auto made = file ? make_cpu_backend(*file, options.backend) : Result<std::unique_ptr<Backend>>(file.error());
  if (!made) {
    std::fprintf(stderr, "engine_bench: %s\n", made.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", (*made)->info().device.c_str());
  for (const std::string& test : options.tests) run_test(**made, test, options.rounds);
  return 0;
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) { return tollgate::local::run(argc, argv); }
