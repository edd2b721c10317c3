// Speed of the CPU kernels alone, for the shapes of two models: GB/s of weights for one input row (decoding), GFLOP/s
// for 512 (prompts), attention, and what an empty task of the worker threads costs. Beside the time on the clock stands
// the processor time per core, which other processes disturb less. usage: kernels_bench [threads] [type...]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "local_backend/kernels/kernels.h"

namespace tollgate::local {
namespace {

struct Seconds {
  double wall = 0, cpu = 0;  // cpu: of all threads of the process
};

Seconds now() {
  timespec cpu{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return {std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
          static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9};
}

// The best of five rounds of `calls` calls, per call.
template <class Call>
Seconds best_of(int calls, Call call) {
  Seconds best{1e9, 1e9};
  for (int round = 0; round < 5; ++round) {
    const Seconds begin = now();
    for (int i = 0; i < calls; ++i) call(i);
    const Seconds end = now();
    best.wall = std::min(best.wall, (end.wall - begin.wall) / calls);
    best.cpu = std::min(best.cpu, (end.cpu - begin.cpu) / calls);
  }
  return best;
}

struct Shape {
  const char* name;
  std::size_t rows, columns;
};
constexpr Shape kShapes[] = {{"0.5b gate", 4864, 896}, {"0.5b down", 896, 4864}, {"1b gate", 8192, 2048}};

void bench_shape(const Kernels& kernels, const TensorTypeInfo& type, const Shape& shape, Workers& workers) {
  constexpr std::size_t kCold = std::size_t{256} << 20;  // more than the caches hold
  std::mt19937 random(1);
  std::vector<std::byte> data(tensor_bytes(type.type, shape.rows * shape.columns));
  for (std::byte& byte : data) byte = static_cast<std::byte>(random() & 0x3B);  // no half of these is out of range
  WeightMemory memory;
  std::vector<PackedMatrix> matrices;
  for (std::size_t bytes = 0; bytes < kCold; bytes += matrices.back().bytes)
    matrices.push_back(kernels.pack(type.type, data.data(), shape.rows, shape.columns, memory, workers));
  for (const std::size_t m : {1u, 4u, 16u, 64u, 512u}) {
    const std::vector<float> x(m * shape.columns, 0.5f);
    std::vector<float> y(m * shape.rows);
    std::vector<std::byte> scratch(kernels.scratch_bytes(m, shape.columns));
    float* const ys[] = {y.data()};
    const auto count = static_cast<int>(matrices.size());
    const Seconds time = best_of(m <= 16 ? count : 2, [&](int i) {
      const PackedMatrix* one[] = {&matrices[static_cast<std::size_t>(i)]};
      kernels.matmul(one, x.data(), m, ys, scratch.data(), workers);
    });
    const double flops = 2.0 * static_cast<double>(m * shape.rows * shape.columns);
    const double bytes = static_cast<double>(matrices[0].bytes);
    std::printf("%-6s %-9s m=%-3zu %9.1f us %6.1f GB/s %7.1f GFLOP/s | per core %6.1f GB/s %6.1f GFLOP/s\n",
                std::string(type.name).c_str(), shape.name, m, time.wall * 1e6, bytes / time.wall * 1e-9,
                flops / time.wall * 1e-9, bytes / time.cpu * 1e-9, flops / time.cpu * 1e-9);
  }
}

void bench_attention(const Kernels& kernels, int tokens, int context, Workers& workers) {
  AttentionArgs args;
  args.kv = {.type = KvType::f16, .layers = 1, .kv_heads = 8, .dim = 64};
  args.heads = 32, args.scale = 0.125f;
  StepPlan plan;
  plan.rows = {{.first_token = 0, .tokens = tokens, .context = context, .first_block = 0}};
  const int blocks = (context + kBlockTokens - 1) / kBlockTokens;
  for (int i = 0; i < blocks; ++i) plan.blocks.push_back(i);
  std::vector<std::byte> pool(args.kv.block_bytes() * static_cast<std::size_t>(blocks));
  std::vector<float> q(static_cast<std::size_t>(tokens * args.heads * args.kv.dim), 0.25f), out(q.size());
  args.pool = pool.data(), args.plan = &plan, args.q = q.data(), args.out = out.data();
  const Seconds time = best_of(tokens == 1 ? 50 : 1, [&](int) { kernels.attention(args, workers); });
  const double keys = tokens == 1 ? context : tokens * (context - tokens / 2.0);
  const double flops = 4.0 * keys * args.heads * args.kv.dim;
  std::printf("attention 32/8 heads of 64, %d queries, context %d: %.1f us %.1f GFLOP/s | per core %.1f GFLOP/s\n",
              tokens, context, time.wall * 1e6, flops / time.wall * 1e-9, flops / time.cpu * 1e-9);
}

void bench_workers(Workers& workers) {
  const Seconds time = best_of(2000, [&](int) { workers.run(4, [](int) {}); });
  std::printf("empty task of 4 chunks, %d threads: %.2f us\n", workers.threads(), time.wall * 1e6);
}

}  // namespace
}  // namespace tollgate::local

int main(int count, char** values) {
  using namespace tollgate::local;
  const Kernels& kernels = kernels_of(best_cpu_level());
  Workers workers(count > 1 ? std::atoi(values[1]) : 2, 0);
  std::printf("level %s, %d threads\n", std::string(name_of(kernels.level)).c_str(), workers.threads());
  bench_workers(workers);
  std::vector<std::string> types(values + std::min(count, 2), values + count);
  if (types.empty()) types = {"q8_0", "q4_0", "q4_k", "q6_k", "q5_0"};
  for (const std::string& name : types)
    for (const Shape& shape : kShapes)
      if (const TensorTypeInfo* type = tensor_type_info(name); type && shape.columns % type->elements == 0)
        bench_shape(kernels, *type, shape, workers);
  bench_attention(kernels, 1, 2048, workers);
  bench_attention(kernels, 512, 512, workers);
}
