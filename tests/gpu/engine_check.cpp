// Compares a model on a device with the same model on the CPU, and with itself: one step at a time or two under way,
// recorded or launched kernel by kernel, alone or beside others, a prompt whole or in pieces.
// usage: engine_check MODEL [cuda:N]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "local_backend/cuda/cuda_backend.h"
#include "local_backend/model/cpu_backend.h"
#include "tests/gpu/steps.h"

namespace tollgate::local {
namespace {

constexpr int kPrompt = 67, kDecoded = 12, kRoom = 8;  // tokens, tokens, blocks of a sequence

// The CPU rounds what products read to 8 bits, the device to 11: the sums differ by some thousandths for each layer.
constexpr double kMostDifference = 0.06;  // root mean square, of that of the logits
constexpr double kMostDivergence = 0.02;  // nats

struct Logits {
  std::size_t vocabulary = 0;
  std::vector<float> values;  // [rows][vocabulary]
  std::vector<Token> tokens;  // drawn
};

// The logits and drawn tokens of sequence 0: a prompt in pieces of `piece` tokens, then given tokens one by one, with
// sequences of other lengths before and behind it in each step if there are `others`.
Result<Logits> run(Backend& backend, int piece, bool others) {
  const std::size_t vocabulary = backend.info().vocabulary;
  const std::vector<int> sequences = others ? std::vector<int>{1, 0, 2} : std::vector<int>{0};
  const auto length = [](int sequence) { return kPrompt + 9 * sequence; };
  Logits kept{vocabulary, {}, {}};
  StepResult result;
  const auto keep = [&](std::size_t first, std::size_t count) {
    const auto begin = result.logits.begin() + static_cast<std::ptrdiff_t>(first * vocabulary);
    kept.values.insert(kept.values.end(), begin, begin + static_cast<std::ptrdiff_t>(count * vocabulary));
    for (std::size_t i = first; i < first + count; ++i) kept.tokens.push_back(result.sampled[i].token);
  };
  for (const int sequence : sequences) {
    for (int first = 0; first < length(sequence); first += piece) {
      const int count = std::min(piece, length(sequence) - first);
      StepPlan plan;
      add_row(plan, sequence, kRoom, first + count, some_tokens(sequence, first, count, vocabulary), true);
      if (auto done = backend.step(plan, result); !done) return done.error();
      if (sequence == 0) keep(0, static_cast<std::size_t>(count));
    }
  }
  for (int i = 0; i < kDecoded; ++i) {
    StepPlan plan;
    for (const int sequence : sequences) {
      const int at = length(sequence) + i;
      add_row(plan, sequence, kRoom, at + 1, some_tokens(sequence, at, 1, vocabulary), true);
    }
    if (auto done = backend.step(plan, result); !done) return done.error();
    keep(others ? 1 : 0, 1);
  }
  return kept;
}

// What each step draws is the next one's token. `overlapped`: the next step is started before the token is known.
Result<std::vector<Token>> draw(Backend& backend, bool overlapped) {
  std::vector<Token> drawn;
  StepResult result;
  const auto plan = [&](int i) {
    StepPlan made;
    const std::vector<Token> prompt = some_tokens(0, 0, kPrompt, backend.info().vocabulary);
    if (i == 0) {
      add_row(made, 0, kRoom, kPrompt, prompt, false);
    } else {
      add_row(made, 0, kRoom, kPrompt + i, {overlapped ? placeholder(0) : drawn.back()}, false);
    }
    return made;
  };
  for (int i = 0; i < kDecoded; ++i) {
    if (auto done = backend.start(plan(i)); !done) return done.error();
    if (overlapped && i == 0) continue;
    if (auto done = backend.finish(result); !done) return done.error();
    drawn.push_back(result.sampled[0].token);
  }
  if (!overlapped) return drawn;
  if (auto done = backend.finish(result); !done) return done.error();
  drawn.push_back(result.sampled[0].token);
  return drawn;
}

struct Comparison {
  double difference = 0, divergence = 0;  // rms of a - b over rms of b; mean KL(b || a)
  double agreement = 0;                   // of the drawn tokens
  bool equal = false;                     // in every bit
};

double divergence(const float* a, const float* b, std::size_t count) {
  const auto log_sum = [count](const float* x) {
    double most = static_cast<double>(x[0]), sum = 0;
    for (std::size_t i = 0; i < count; ++i) most = std::max(most, static_cast<double>(x[i]));
    for (std::size_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(x[i]) - most);
    return most + std::log(sum);
  };
  const double log_a = log_sum(a), log_b = log_sum(b);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double q = static_cast<double>(a[i]) - log_a, p = static_cast<double>(b[i]) - log_b;
    sum += std::exp(p) * (p - q);
  }
  return sum;
}

Comparison compare(const Logits& a, const Logits& b) {
  Comparison out;
  if (a.values.size() != b.values.size() || a.values.empty()) return {.difference = INFINITY, .divergence = INFINITY};
  double off = 0, all = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double x = static_cast<double>(a.values[i]), y = static_cast<double>(b.values[i]);
    off += (x - y) * (x - y);
    all += y * y;
  }
  out.difference = std::sqrt(off / all);
  const std::size_t rows = a.values.size() / a.vocabulary;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t at = row * a.vocabulary;
    out.divergence += divergence(a.values.data() + at, b.values.data() + at, a.vocabulary) / static_cast<double>(rows);
    out.agreement += a.tokens[row] == b.tokens[row] ? 1.0 / static_cast<double>(rows) : 0;
  }
  out.equal = std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
  return out;
}

class Checks {
 public:
  Checks(std::shared_ptr<const GgufFile> file, int ordinal) : file_(std::move(file)) {
    options_.ordinals = {ordinal};
    options_.keep_logits = true;
    options_.context = std::size_t{kRoom} * kBlockTokens;
    options_.max_step_tokens = 256;
    options_.kv_bytes = std::size_t{256} << 20;
    options_.record_at_load = false;
  }

  int run() {
    const auto expected = on_cpu();
    const auto plain = on_device(options_);
    near("device and CPU", plain, expected);
    gpu::CudaBackendOptions fp8 = options_;
    fp8.fp8_kv = true;
    near("device with 8-bit keys and values, and CPU", on_device(fp8), expected);
    same("the same again", on_device(options_), plain);
    same("beside others and alone", on_device(options_, kPrompt, true), plain);
    gpu::CudaBackendOptions launched = options_;
    launched.graphs = false;
    same("launched and recorded steps", on_device(launched), plain);
    gpu::CudaBackendOptions exact = options_;
    exact.exact = true;
    const auto whole = on_device(exact);
    near("exact, and CPU", whole, expected);
    same("exact: a prompt in pieces of 32 and whole", on_device(exact, 32), whole);
    same("exact: a prompt in pieces of 7 and whole", on_device(exact, 7), whole);
    check_overlap();
    return failed_;
  }

 private:
  Result<Logits> on_cpu() {
    CpuBackendOptions options;
    options.keep_logits = true;
    options.kv_bytes = options_.kv_bytes;
    auto backend = make_cpu_backend(file_, options);
    if (!backend) return backend.error();
    return tollgate::local::run(**backend, kPrompt, false);
  }
  // Each with a back end of its own: nothing of a run is left for the next one.
  Result<Logits> on_device(const gpu::CudaBackendOptions& options, int piece = kPrompt, bool others = false) {
    auto backend = gpu::make_cuda_backend(file_, options);
    if (!backend) return backend.error();
    return tollgate::local::run(**backend, piece, others);
  }

  void check_overlap() {
    auto backend = gpu::make_cuda_backend(file_, options_);
    const auto apart = backend ? draw(**backend, false) : Result<std::vector<Token>>(backend.error());
    const auto overlapped = backend ? draw(**backend, true) : Result<std::vector<Token>>(backend.error());
    const bool good = apart && overlapped && *apart == *overlapped;
    std::printf("%s two steps under way and one: the tokens that are drawn\n", good ? "ok    " : "FAILED");
    if (!good) failed_ = 1;
  }

  void near(const char* what, const Result<Logits>& a, const Result<Logits>& b) {
    if (!both(what, a, b)) return;
    const Comparison found = compare(*a, *b);
    tell(found.difference <= kMostDifference && found.divergence <= kMostDivergence, what, found);
  }
  void same(const char* what, const Result<Logits>& a, const Result<Logits>& b) {
    if (!both(what, a, b)) return;
    const Comparison found = compare(*a, *b);
    tell(found.equal, what, found);
  }
  bool both(const char* what, const Result<Logits>& a, const Result<Logits>& b) {
    if (a && b) return true;
    std::printf("FAILED %s: %s\n", what, (a ? b : a).error().message.c_str());
    failed_ = 1;
    return false;
  }
  void tell(bool good, const char* what, const Comparison& found) {
    std::printf("%s %s: difference %.5f, divergence %.6f, same token %.1f %%%s\n", good ? "ok    " : "FAILED", what,
                found.difference, found.divergence, 100 * found.agreement, found.equal ? ", every bit" : "");
    std::fflush(stdout);
    if (!good) failed_ = 1;
  }

  std::shared_ptr<const GgufFile> file_;
  gpu::CudaBackendOptions options_;
  int failed_ = 0;
};

int main_of(int argc, char** argv) {
  const std::string device = argc > 2 ? argv[2] : "cuda:0";
  if (argc < 2 || !device.starts_with("cuda:")) {
    std::fprintf(stderr, "usage: engine_check MODEL [cuda:N]\n");
    return 2;
  }
  auto file = GgufFile::open(argv[1]);
  if (!file) {
    std::fprintf(stderr, "engine_check: %s\n", file.error().message.c_str());
    return 1;
  }
  return Checks(*file, std::atoi(device.c_str() + 5)).run();
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) { return tollgate::local::main_of(argc, argv); }
