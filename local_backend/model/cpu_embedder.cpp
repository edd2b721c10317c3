// BERT-type embedders on the CPU: the whole forward pass and the pooling. Thread rule: one owner.
#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "local_backend/model/aligned.h"
#include "local_backend/model/bert_file.h"
#include "local_backend/model/by_rows.h"
#include "local_backend/model/cpu_linear.h"

namespace tollgate::local {
namespace {

using CpuBertLayer = BertLayer<PackedMatrix>;

BertWeights<PackedMatrix> pack_bert(BertWeights<MatrixView> weights, const Kernels& kernels, Workers& workers) {
  WeightMemory memory;
  const auto packed = [&](auto&& part) { return pack(std::move(part), kernels, memory, workers); };
  BertWeights<PackedMatrix> result;
  // Only looked up: these stay in the file as they are.
  result.tokens = pack(weights.tokens, kernels_of(CpuLevel::scalar), memory, workers);
  result.positions = pack(weights.positions, kernels_of(CpuLevel::scalar), memory, workers);
  result.segment = std::move(weights.segment);
  result.input_norm = std::move(weights.input_norm);
  for (BertLayer<MatrixView>& layer : weights.layers)
    result.layers.push_back({.q = packed(layer.q),
                             .k = packed(layer.k),
                             .v = packed(layer.v),
                             .output = packed(layer.output),
                             .attention_norm = std::move(layer.attention_norm),
                             .up = packed(layer.up),
                             .down = packed(layer.down),
                             .output_norm = std::move(layer.output_norm)});
  return result;
}

void gelu(float* x, std::size_t n) {
  constexpr float kRootOfHalf = 0.70710678118654752f;
  for (std::size_t i = 0; i < n; ++i) x[i] = 0.5f * x[i] * (1.0f + std::erf(x[i] * kRootOfHalf));
}

void normalise(std::vector<float>& x) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * value;
  const auto scale = static_cast<float>(sum > 0 ? 1 / std::sqrt(sum) : 0);
  for (float& value : x) value *= scale;
}

class CpuEmbedder final : public Embedder {
 public:
  CpuEmbedder(std::shared_ptr<const GgufFile> file, BertFile model, const CpuBackendOptions& options, Region pool,
              std::size_t max_tokens)
      : file_(std::move(file)),
        config_(model.config),
        pooling_(model.pooling),
        kernels_(kernels_of(options.level)),
        workers_(options.threads),
        weights_(pack_bert(std::move(model.weights), kernels_, workers_)),
        kv_(layout(config_, options.kv)),
        pool_(std::move(pool)),
        max_tokens_(max_tokens) {
    for (Floats* buffer : {&x_, &h_, &q_, &k_, &v_, &attended_}) buffer->resize(max_tokens * width());
    up_.resize(max_tokens * static_cast<std::size_t>(config_.ffn));
    scratch_.resize(kernels_.scratch_bytes(max_tokens, static_cast<std::size_t>(std::max(config_.width, config_.ffn))));
  }

  std::size_t width() const override { return static_cast<std::size_t>(config_.width); }
  std::size_t context() const override { return config_.context; }

  Result<std::vector<std::vector<float>>> embed(std::span<const std::vector<Token>> sequences) override {
    for (const std::vector<Token>& sequence : sequences)
      if (sequence.empty() || sequence.size() > config_.context || !std::ranges::all_of(sequence, [&](Token token) {
            return token >= 0 && static_cast<std::size_t>(token) < config_.vocabulary;
          }))
        return Error{ErrorKind::client_fault, 400, "bad_tokens", "a text has no tokens, too many, or unknown ones"};
    std::vector<std::vector<float>> vectors;
    for (std::size_t next = 0; next < sequences.size();) {
      next += fill_plan(sequences.subspan(next));
      forward();
      for (const PlanRow& row : plan_.rows) vectors.push_back(pooled(row));
    }
    return vectors;
  }

  // One layer's keys and values, written anew by each layer. A sequence never shares a block.
  static KvLayout layout(const ModelConfig& config, KvType type) { return {type, 1, config.kv_heads, config.head_dim}; }

 private:
  // As many sequences as fit; at least one.
  std::size_t fill_plan(std::span<const std::vector<Token>> sequences) {
    plan_ = {};
    for (const std::vector<Token>& sequence : sequences) {
      if (plan_.tokens.size() + sequence.size() > max_tokens_) break;
      const auto size = static_cast<std::int32_t>(sequence.size());
      plan_.rows.push_back({.first_token = static_cast<std::int32_t>(plan_.tokens.size()),
                            .tokens = size,
                            .context = size,
                            .first_block = static_cast<std::int32_t>(plan_.blocks.size())});
      for (std::int32_t i = 0; i < size; ++i) plan_.positions.push_back(i);
      plan_.tokens.insert(plan_.tokens.end(), sequence.begin(), sequence.end());
      for (std::int32_t i = 0; i < size; i += kBlockTokens)
        plan_.blocks.push_back(static_cast<std::int32_t>(plan_.blocks.size()));
    }
    return plan_.rows.size();
  }

  void forward() {
    const std::size_t tokens = plan_.tokens.size();
    embed_tokens();
    for (const CpuBertLayer& layer : weights_.layers) {
      multiply({&layer.q, &layer.k, &layer.v}, x_, {q_.data(), k_.data(), v_.data()});
      attend();
      multiply({&layer.output}, attended_, {h_.data()});
      add_and_norm(layer.attention_norm);
      multiply({&layer.up}, x_, {up_.data()});
      const auto ffn = static_cast<std::size_t>(config_.ffn);
      by_rows(workers_, tokens,
              [&](std::size_t first, std::size_t count) { gelu(up_.data() + first * ffn, count * ffn); });
      multiply({&layer.down}, up_, {h_.data()});
      add_and_norm(layer.output_norm);
    }
  }

  void embed_tokens() {
    const auto read_row = kernels_of(CpuLevel::scalar).row;
    by_rows(workers_, plan_.tokens.size(), [&](std::size_t first, std::size_t count) {
      for (std::size_t i = first; i < first + count; ++i) {
        read_row(weights_.tokens, static_cast<std::size_t>(plan_.tokens[i]), x_.data() + i * width());
        read_row(weights_.positions, static_cast<std::size_t>(plan_.positions[i]), h_.data() + i * width());
        if (!weights_.segment.empty()) kernels_.add(x_.data() + i * width(), weights_.segment.data(), width());
      }
    });
    add_and_norm(weights_.input_norm);
  }

  void attend() {
    AttentionArgs args{.q = q_.data(), .out = attended_.data(), .pool = pool_.data(), .kv = kv_};
    args.heads = config_.heads;
    args.scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim));
    args.causal = false;
    args.plan = &plan_;
    kernels_.write_kv(args, k_.data(), v_.data(), workers_);
    kernels_.attention(args, workers_);
  }

  void multiply(std::initializer_list<const CpuLinear*> linears, const Floats& in, std::initializer_list<float*> outs) {
    local::multiply(kernels_, workers_, scratch_.data(), linears, in.data(), plan_.tokens.size(), outs);
  }

  // x_ = layer_norm(x_ + h_) (Ba et al. 2016).
  void add_and_norm(const LayerNormWeights& norm) {
    by_rows(workers_, plan_.tokens.size(), [&](std::size_t first, std::size_t count) {
      for (std::size_t i = first; i < first + count; ++i) {
        float* x = x_.data() + i * width();
        kernels_.add(x, h_.data() + i * width(), width());
        double sum = 0, squares = 0;
        for (std::size_t j = 0; j < width(); ++j) sum += x[j];
        const double mean = sum / static_cast<double>(width());
        for (std::size_t j = 0; j < width(); ++j) squares += (x[j] - mean) * (x[j] - mean);
        const auto scale = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(width()) + config_.norm_eps));
        for (std::size_t j = 0; j < width(); ++j)
          x[j] = (x[j] - static_cast<float>(mean)) * scale * norm.weight[j] + norm.bias[j];
      }
    });
  }

  std::vector<float> pooled(const PlanRow& row) const {
    const float* first = x_.data() + static_cast<std::size_t>(row.first_token) * width();
    const float* last = first + static_cast<std::size_t>(row.tokens - 1) * width();
    const float* one = pooling_ == Pooling::last ? last : first;
    std::vector<float> vector(one, one + width());
    if (pooling_ == Pooling::mean)  // its length does not matter
      for (const float* x = first; x != last;) kernels_.add(vector.data(), x += width(), width());
    normalise(vector);
    return vector;
  }

  std::shared_ptr<const GgufFile> file_;  // weights may be views into it; whoever opened it may keep it, too
  ModelConfig config_;
  Pooling pooling_;
  const Kernels& kernels_;
  Workers workers_;
  BertWeights<PackedMatrix> weights_;
  KvLayout kv_;
  Region pool_;
  std::size_t max_tokens_;
  StepPlan plan_;
  Floats x_, h_, q_, k_, v_, attended_;  // [tokens][width]
  Floats up_;                            // [tokens][ffn]
  Bytes scratch_;
};

}  // namespace

Result<std::unique_ptr<Embedder>> make_cpu_embedder(std::shared_ptr<const GgufFile> file,
                                                    const CpuBackendOptions& options) {
  if (!cpu_supports(options.level))
    return Error{ErrorKind::client_fault, 400, "bad_options", "this machine lacks the CPU level"};
  Result<BertFile> model = read_bert(*file);
  if (!model) return std::move(model).error();
  // A sequence attends to all of itself, so it must fit into one pass.
  const std::size_t max_tokens = std::max(model->config.context, options.max_step_tokens);
  // At worst every token is a sequence with a block of its own.
  Region pool(max_tokens * CpuEmbedder::layout(model->config, options.kv).block_bytes());
  try {
    if (pool.data() != nullptr)
      return std::unique_ptr<Embedder>(
          std::make_unique<CpuEmbedder>(file, std::move(*model), options, std::move(pool), max_tokens));
  } catch (const std::bad_alloc&) {
  }
  return Error{ErrorKind::fatal, 500, "out_of_memory", file->name() + ": no memory for the weights and buffers"};
}

}  // namespace tollgate::local
