// What a second model brings: tokens per second of one answer after another, without guesses by a model, with one that
// often agrees, and with a hopeless one. Made of one file: the first LAYERS layers are the draft model; in the target
// what the layers behind them add is scaled by SHARE, so that the draft agrees the more often the smaller it is. The
// hopeless one is the draft with its logits negated. usage: draft_bench FILE FOLDER [LAYERS] [SHARE] [rounds] [threads]
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "local_backend/engine/engine.h"
#include "local_backend/engine/model_drafter.h"
#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/model/cpu_backend.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kPrompt = 64, kAnswer = 128, kContext = 512;

struct Recipe {
  std::string path;
  int keep_layers = 1 << 20;  // of the file
  int scale_from = 1 << 20;   // layers from here on add `share` of what they added
  float share = 1;
  bool negated = false;
};

int layer_of(std::string_view name) {
  return name.starts_with("blk.") ? std::atoi(std::string(name.substr(4)).c_str()) : -1;
}

// The tensor's data, changed as the recipe says.
std::vector<std::byte> data_of(const Tensor& tensor, const Recipe& recipe) {
  std::vector<std::byte> bytes(tensor.data.begin(), tensor.data.end());
  const bool adds = tensor.name.ends_with("attn_output.weight") || tensor.name.ends_with("ffn_down.weight");
  float factor = adds && layer_of(tensor.name) >= recipe.scale_from ? recipe.share : 1;
  if (recipe.negated && tensor.name == "output_norm.weight") factor = -1;
  if (factor == 1) return bytes;
  std::vector<float> values(tensor.elements());
  dequantize(tensor.type, bytes.data(), values.data(), values.size());
  for (float& value : values) value *= factor;
  if (!quantize(tensor.type, values.data(), bytes.data(), values.size())) std::abort();
  return bytes;
}

void cook(const GgufFile& file, const Recipe& recipe) {
  GgufWriter writer(recipe.path);
  const std::string layers_key = std::string(*file.text("general.architecture")) + ".block_count";
  const auto layers = static_cast<int>(*file.integer(layers_key));
  for (const GgufFile::Pair& pair : file.pairs())
    if (pair.key == layers_key)
      writer.add_u32(layers_key, static_cast<std::uint32_t>(std::min(layers, recipe.keep_layers)));
    else
      writer.add(pair);
  const auto kept = [&](const Tensor& tensor) { return layer_of(tensor.name) < recipe.keep_layers; };
  for (const Tensor& tensor : file.tensors())
    if (kept(tensor)) writer.add_tensor(tensor.name, tensor.type, tensor.dims);
  bool fine = static_cast<bool>(writer.begin());
  for (const Tensor& tensor : file.tensors())
    if (fine && kept(tensor)) fine = static_cast<bool>(writer.write(data_of(tensor, recipe)));
  if (!fine || !writer.finish()) {
    std::fprintf(stderr, "draft_bench: cannot write %s\n", recipe.path.c_str());
    std::exit(1);
  }
}

class NoText final : public Tokenizer {
 public:
  explicit NoText(std::size_t size) : size_(size) {}
  std::vector<Token> encode(std::string_view, EncodeOptions) const override { return {}; }
  std::string_view bytes(Token, bool) const override { return "x"; }
  std::size_t size() const override { return size_; }
  TokenKind kind(Token) const override { return TokenKind::normal; }
  std::optional<Token> find(std::string_view) const override { return {}; }

 private:
  std::size_t size_;
};

class Ended final : public AnswerListener {
 public:
  void on_piece(const Piece& piece) override {
    if (tokens.empty()) first = std::chrono::steady_clock::now();
    tokens.push_back(piece.token);
    last = std::chrono::steady_clock::now();
  }
  void on_end(const AnswerEnd&, const Error*) override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(5), [this] { return done_; })) std::exit(1);
  }
  std::vector<Token> tokens;
  std::chrono::steady_clock::time_point first, last;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

std::unique_ptr<Backend> backend_of(const std::string& path, int threads) {
  CpuBackendOptions options;
  options.threads = threads;
  auto file = GgufFile::open(path);
  auto made = file ? make_cpu_backend(*file, options) : Result<std::unique_ptr<Backend>>(file.error());
  if (made) return *std::move(made);
  std::fprintf(stderr, "draft_bench: %s\n", made.error().message.c_str());
  std::exit(1);
}

struct Contender {
  const char* name;
  std::shared_ptr<Engine> engine;
  std::vector<double> speeds;  // tokens per second
};

Contender contender(const char* name, const std::string& target, const std::string& draft, int threads) {
  std::unique_ptr<Drafter> drafter;
  if (!draft.empty()) drafter = std::make_unique<ModelDrafter>(backend_of(draft, threads), kContext, 256);
  auto backend = backend_of(target, threads);
  auto words = std::make_shared<NoText>(backend->info().vocabulary);
  return {name, Engine::over(std::move(backend), std::move(words), name, kContext, {}, std::move(drafter)), {}};
}

std::vector<Token> answer(Contender& one, unsigned text) {
  AnswerRequest request;
  for (std::size_t i = 0; i < kPrompt; ++i)
    request.prompt.push_back(static_cast<Token>((i * 7919 + text * 104729) % 30011));
  request.sampling.temperature = 0.3f;
  request.sampling.seed = text;
  request.max_new_tokens = kAnswer;
  auto ended = std::make_shared<Ended>();
  if (!one.engine->submit(std::move(request), ended)) std::exit(1);
  ended->wait();
  one.speeds.push_back((kAnswer - 1) / std::chrono::duration<double>(ended->last - ended->first).count());
  return ended->tokens;
}

int run(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: draft_bench FILE FOLDER [LAYERS] [SHARE] [rounds] [threads]\n");
    return 2;
  }
  const std::string folder = argv[2];
  const int layers = argc > 3 ? std::atoi(argv[3]) : 4;
  const auto share = static_cast<float>(argc > 4 ? std::atof(argv[4]) : 0.1);
  const int rounds = argc > 5 ? std::atoi(argv[5]) : 3, threads = argc > 6 ? std::atoi(argv[6]) : 0;
  const std::string target = folder + "/target.gguf", draft = folder + "/draft.gguf", bad = folder + "/hopeless.gguf";
  auto file = GgufFile::open(argv[1]);
  if (!file) {
    std::fprintf(stderr, "draft_bench: %s\n", file.error().message.c_str());
    return 1;
  }
  cook(**file, {.path = target, .scale_from = layers, .share = share});
  cook(**file, {.path = draft, .keep_layers = layers});
  cook(**file, {.path = bad, .keep_layers = layers, .negated = true});
  std::vector<Contender> all{contender("alone", target, "", threads), contender("with a draft", target, draft, threads),
                             contender("with a hopeless draft", target, bad, threads)};
  for (int round = 0; round < rounds; ++round) {
    const auto text = static_cast<unsigned>(round);
    const std::vector<Token> wanted = answer(all[0], text);
    for (std::size_t i = 1; i < all.size(); ++i)
      if (answer(all[i], text) != wanted) std::printf("%s: another answer\n", all[i].name);
  }
  for (Contender& one : all) {
    std::printf("%-22s", one.name);
    for (const double speed : one.speeds) std::printf(" %6.1f", speed);
    const SchedulerStats stats = one.engine->stats().scheduler;
    std::printf(" tokens/s; second model %llu right of %llu, text %llu of %llu, drafting %lld ms\n",
                static_cast<unsigned long long>(stats.model_accepted),
                static_cast<unsigned long long>(stats.model_drafted),
                static_cast<unsigned long long>(stats.accepted - stats.model_accepted),
                static_cast<unsigned long long>(stats.drafted - stats.model_drafted),
                static_cast<long long>(stats.drafting_us / 1000));
  }
  return 0;
}

}  // namespace
}  // namespace tollgate::local

int main(int argc, char** argv) { return tollgate::local::run(argc, argv); }
