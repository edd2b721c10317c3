// Speed of a whole model on a device, beside what its memory would allow. ppN = a prompt of N tokens, tgB = decoding
// for B sequences that have --context tokens each, with two steps under way as the scheduler has them. usage:
// engine_bench MODEL [--device cuda:0] [--tests pp512,tg1,...] [--context 1024] [--kv f16|fp8] [--graphs on|off]
//                     [--steps 64]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "local_backend/cuda/cuda_backend.h"
#include "local_backend/cuda/runtime.h"
#include "tests/gpu/steps.h"

namespace tollgate::local {
namespace {

struct Options {
  std::string model, tests = "pp128,pp512,pp2048,tg1,tg4,tg16,tg32,tg64,tg128,tg256";
  int device = 0, context = 1024, steps = 64;
  bool fp8_kv = false, graphs = true;
};

bool read_options(int argc, char** argv, Options& out) {
  std::map<std::string, std::string> given;
  for (int i = 2; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  if (argc < 2 || argc % 2 != 0) return false;
  out.model = argv[1];
  for (const auto& [key, value] : given) {
    if (key == "--device" && value.starts_with("cuda:"))
      out.device = std::atoi(value.c_str() + 5);
    else if (key == "--tests")
      out.tests = value;
    else if (key == "--context")
      out.context = std::max(std::atoi(value.c_str()), 1);
    else if (key == "--steps")
      out.steps = std::max(std::atoi(value.c_str()), 2);
    else if (key == "--kv")
      out.fp8_kv = value == "fp8";
    else if (key == "--graphs")
      out.graphs = value != "off";
    else
      return false;
  }
  return true;
}

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

[[noreturn]] void give_up(const Error& error) {
  std::printf("FAILED %s: %s\n", error.code.c_str(), error.message.c_str());
  std::exit(1);
}
template <class Value>
Value need(Result<Value> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<Value>) return *std::move(result);
}

// Bytes per second that the device reads, from copies of a gigabyte within it, which read and write.
double bandwidth(int ordinal) {
  auto device = need(gpu::Device::open(ordinal));
  const std::size_t bytes = std::min(std::size_t{1} << 30, device->free_memory() / 4);
  const gpu::Memory from = need(device->allocate(bytes, "a copy")), to = need(device->allocate(bytes, "a copy"));
  gpu::Stream& stream = device->compute();
  stream.fill(from.data(), 0, bytes);
  stream.copy_within(to.data(), from.data(), bytes);
  const gpu::Event began = stream.record();
  for (int i = 0; i < 10; ++i) stream.copy_within(to.data(), from.data(), bytes);
  const gpu::Event ended = stream.record();
  need(stream.wait());
  const double seconds = static_cast<double>(stream.milliseconds(began, ended)) / 1000;
  return seconds > 0 ? 20.0 * static_cast<double>(bytes) / seconds : 0;  // no clock on the simulated GPU
}

// What every step reads: all matrices but the embedding's.
double weight_bytes(const GgufFile& file) {
  double bytes = 0;
  for (const Tensor& tensor : file.tensors()) {
    const bool embedding = tensor.name == "token_embd.weight" && file.tensor("output.weight") != nullptr;
    if (!embedding) bytes += static_cast<double>(tensor.data.size());
  }
  return bytes;
}

class Bench {
 public:
  Bench(Backend& backend, const Options& options, double weights, double speed)
      : backend_(backend), options_(options), weights_(weights), speed_(speed) {
    room_ = (options.context + options.steps + kBlockTokens - 1) / kBlockTokens + 1;
  }

  // Small numbers everywhere, as a prompt would leave them: what lies in fresh memory may be no number at all.
  void fill() {
    std::vector<std::byte> block(backend_.info().block_bytes);
    std::mt19937_64 random(7);
    const std::uint64_t keep = options_.fp8_kv ? 0x8787878787878787 : 0x83FF83FF83FF83FF;
    const std::uint64_t add = options_.fp8_kv ? 0x2828282828282828 : 0x2C002C002C002C00;
    for (std::size_t i = 0; i + 8 <= block.size(); i += 8) {
      const std::uint64_t word = (random() & keep) | add;
      std::copy_n(reinterpret_cast<const std::byte*>(&word), 8, block.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const auto most = std::min<std::size_t>(backend_.info().blocks, 256 * static_cast<std::size_t>(room_));
    for (std::size_t i = 0; i < most; ++i)
      if (!backend_.write_block(static_cast<std::int32_t>(i), block)) return;  // the next step tells why
  }

  void prompt(int tokens) {
    const auto whole = [&] {
      const int piece = static_cast<int>(backend_.info().max_step_tokens);
      StepResult result;
      for (int first = 0; first < tokens; first += piece) {
        const int count = std::min(piece, tokens - first);
        StepPlan plan;
        add_row(plan, 0, (tokens + kBlockTokens - 1) / kBlockTokens, first + count,
                some_tokens(0, first, count, backend_.info().vocabulary), false);
        need(backend_.step(plan, result));
      }
    };
    whole();
    double best = 1e30;
    for (int round = 0; round < 3; ++round) {
      const auto began = std::chrono::steady_clock::now();
      whole();
      best = std::min(best, seconds_since(began));
    }
    std::printf("pp%-5d %10.0f tokens/s %9.3f ms\n", tokens, tokens / best, 1000 * best);
    std::fflush(stdout);
  }

  void decode(int batch) {
    if (static_cast<std::size_t>(batch * room_) > backend_.info().blocks ||
        static_cast<std::size_t>(batch) > backend_.info().max_step_tokens) {
      std::printf("tg%-5d does not fit: %zu blocks\n", batch, backend_.info().blocks);
      return;
    }
    steps(batch, 4);
    const auto began = std::chrono::steady_clock::now();
    steps(batch, options_.steps);
    const double seconds = seconds_since(began) / options_.steps;
    const double kv = static_cast<double>(backend_.info().block_bytes) / kBlockTokens * batch *
                      (options_.context + options_.steps / 2.0);
    const double least = speed_ > 0 ? (weights_ + kv) / speed_ : 0;
    std::printf("tg%-5d %10.1f tokens/s %9.3f ms/step, memory alone %.3f ms: %.0f %%\n", batch, batch / seconds,
                1000 * seconds, 1000 * least, 100 * least / seconds);
    std::fflush(stdout);
  }

 private:
  // Starts a step before the one before it is finished, as long as there are some.
  void steps(int batch, int count) {
    StepResult result;
    for (int i = 0; i < count; ++i) {
      StepPlan plan;
      for (int sequence = 0; sequence < batch; ++sequence) {
        const Token token = i == 0 ? some_tokens(sequence, 0, 1, backend_.info().vocabulary)[0]
                                   : placeholder(static_cast<std::size_t>(sequence));
        add_row(plan, sequence, room_, options_.context + i, {token}, false);
      }
      need(backend_.start(plan));
      if (i > 0) need(backend_.finish(result));
    }
    need(backend_.finish(result));
  }

  Backend& backend_;
  const Options& options_;
  double weights_, speed_;
  int room_;  // blocks of a sequence
};

// Tokens of the longest sequence of all tests, in whole blocks.
int longest(const Options& options) {
  int most = options.context + options.steps;
  for (std::size_t at = options.tests.find("pp"); at != std::string::npos; at = options.tests.find("pp", at + 1))
    most = std::max(most, std::atoi(options.tests.c_str() + at + 2));
  return (most + kBlockTokens - 1) / kBlockTokens * kBlockTokens;
}

int run(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: engine_bench MODEL [--device cuda:0] [--tests pp512,tg1] [--context 1024] [--kv f16|fp8] "
                 "[--graphs on|off] [--steps 64]\n");
    return 2;
  }
  const double speed = bandwidth(options.device);
  const auto file = need(GgufFile::open(options.model));
  gpu::CudaBackendOptions how;
  how.ordinals = {options.device};
  how.fp8_kv = options.fp8_kv;
  how.graphs = options.graphs;
  how.context = static_cast<std::size_t>(longest(options));
  how.record_at_load = false;  // a test's first steps do it
  const auto began = std::chrono::steady_clock::now();
  const auto backend = need(gpu::make_cuda_backend(file, how));
  std::printf(
      "%s, %s: loaded in %.1f s, copies at %.0f GB/s, weights %.2f GB, context %d, %s keys and values, graphs %s\n",
      backend->info().device.c_str(), options.model.c_str(), seconds_since(began), speed / 1e9,
      weight_bytes(*file) / 1e9, options.context, options.fp8_kv ? "8-bit" : "16-bit", options.graphs ? "on" : "off");
  Bench bench(*backend, options, weight_bytes(*file), speed);
  bench.fill();
  std::istringstream names(options.tests);
  for (std::string name; std::getline(names, name, ',');) {
    const int number = name.size() > 2 ? std::atoi(name.c_str() + 2) : 0;
    if (number > 0 && name.starts_with("pp")) bench.prompt(number);
    if (number > 0 && name.starts_with("tg")) bench.decode(number);
  }
  return 0;
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) { return tollgate::local::run(argc, argv); }
