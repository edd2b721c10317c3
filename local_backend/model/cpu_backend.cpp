#include "local_backend/model/cpu_backend.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <utility>

#include "local_backend/model/decoder.h"
#include "local_backend/model/fingerprint.h"
#include "local_backend/model/plan_check.h"

namespace tollgate::local {
namespace {

constexpr std::size_t kLogitRows = 16;  // computed at a time: bounds the memory that logits take
constexpr std::size_t kDefaultKvBytes = std::size_t{1} << 30;

class CpuBackend final : public Backend {
 public:
  CpuBackend(std::shared_ptr<const GgufFile> file, DecoderFile model, const CpuBackendOptions& options,
             const KvLayout& kv, std::size_t blocks, Region pool)
      : file_(std::move(file)),
        keep_logits_(options.keep_logits),
        kernels_(kernels_of(options.level)),
        workers_(options.threads),
        block_bytes_(kv.block_bytes()),
        pool_(std::move(pool)),
        decoder_(model.config, pack_weights(std::move(model.weights), kernels_, workers_), kernels_, workers_, kv,
                 pool_.data(), options.max_step_tokens) {
    info_.device = "cpu (" + std::string(name_of(options.level)) + ", " + std::to_string(workers_.threads()) +
                   (workers_.threads() == 1 ? " thread)" : " threads)");
    info_.vocabulary = model.config.vocabulary;
    info_.max_step_tokens = options.max_step_tokens;
    info_.blocks = blocks;
    info_.block_bytes = block_bytes_;
    info_.fingerprint = model_fingerprint(*file_, kv, workers_);
    logits_.resize(std::min(kLogitRows, options.max_step_tokens) * info_.vocabulary);
  }

  const BackendInfo& info() const override { return info_; }

  Result<void> step(const StepPlan& plan, StepResult& result) override {
    if (!plan_fits(plan, info_))
      return Error{ErrorKind::fatal, 500, "bad_plan", "the step's plan does not fit the back end"};
    for (const auto& [from, to] : plan.copies) std::memcpy(block(to), block(from), block_bytes_);
    decoder_.forward(plan);
    const std::size_t rows = plan.logit_rows.size();
    result.sampled.resize(rows);
    result.logits.resize(keep_logits_ ? rows * info_.vocabulary : 0);
    for (std::size_t first = 0; first < rows; first += kLogitRows)
      sample_rows(plan, first, std::min(kLogitRows, rows - first), result);
    return {};
  }

  bool read_block(std::int32_t index, std::span<std::byte> out) const override {
    std::memcpy(out.data(), block(index), std::min(out.size(), block_bytes_));
    return true;
  }

  bool write_block(std::int32_t index, std::span<const std::byte> in) override {
    std::memcpy(block(index), in.data(), std::min(in.size(), block_bytes_));
    return true;
  }

 private:
  std::byte* block(std::int32_t index) const { return pool_.data() + static_cast<std::size_t>(index) * block_bytes_; }

  void sample_rows(const StepPlan& plan, std::size_t first, std::size_t count, StepResult& result) {
    const std::size_t vocabulary = info_.vocabulary;
    decoder_.logits(first, count, logits_.data());
    if (keep_logits_) std::copy_n(logits_.data(), count * vocabulary, result.logits.data() + first * vocabulary);
    auto chunk = [&](int index) {
      const auto row = static_cast<std::size_t>(index);
      result.sampled[first + row] =
          sample(std::span(logits_).subspan(row * vocabulary, vocabulary), plan.samples[first + row]);
    };
    workers_.run(static_cast<int>(count), std::ref(chunk));
  }

  std::shared_ptr<const GgufFile> file_;  // weights may be views into it; whoever opened it may keep it, too
  bool keep_logits_;
  const Kernels& kernels_;
  Workers workers_;
  std::size_t block_bytes_;
  Region pool_;
  Decoder decoder_;
  BackendInfo info_;
  Floats logits_;  // [kLogitRows][vocabulary]
};

Error no_memory(const GgufFile& file, const char* what) {
  return Error{ErrorKind::fatal, 500, "out_of_memory", file.name() + ": no memory for " + what};
}

// Blocks of the pool; 0 when not even one fits.
std::size_t pool_blocks(const ModelConfig& config, const KvLayout& kv, std::size_t kv_bytes) {
  const std::size_t full_context = (config.context + kBlockTokens - 1) / kBlockTokens;
  const std::size_t most = std::numeric_limits<std::int32_t>::max();
  if (kv_bytes > 0) return std::min(kv_bytes / kv.block_bytes(), most);
  return std::clamp<std::size_t>(kDefaultKvBytes / kv.block_bytes(), 1, full_context);
}

}  // namespace

Result<std::unique_ptr<Backend>> make_cpu_backend(std::shared_ptr<const GgufFile> file,
                                                  const CpuBackendOptions& options) {
  if (!cpu_supports(options.level) || options.max_step_tokens == 0)
    return Error{ErrorKind::client_fault, 400, "bad_options",
                 "this machine lacks the CPU level, or a step has no room"};
  Result<DecoderFile> model = read_decoder(*file);
  if (!model) return std::move(model).error();
  const ModelConfig& config = model->config;
  const KvLayout kv{options.kv, config.layers, config.kv_heads, config.head_dim};
  const std::size_t blocks = pool_blocks(config, kv, options.kv_bytes);
  if (blocks == 0)
    return Error{ErrorKind::client_fault, 400, "bad_options",
                 file->name() + ": one KV block takes " + std::to_string(kv.block_bytes()) + " bytes"};
  Region pool(blocks * kv.block_bytes());
  if (pool.data() == nullptr) return no_memory(*file, "the KV blocks");
  try {
    return std::unique_ptr<Backend>(
        std::make_unique<CpuBackend>(file, std::move(*model), options, kv, blocks, std::move(pool)));
  } catch (const std::bad_alloc&) {
    return no_memory(*file, "the weights and buffers");
  }
}

}  // namespace tollgate::local
