#include "local_backend/model/decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tollgate::local {

Decoder::Decoder(DecoderConfig config, DecoderWeights<PackedMatrix> weights, const Kernels& kernels, Workers& workers,
                 const KvLayout& kv, std::byte* pool, std::size_t max_tokens)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      kernels_(&kernels),
      workers_(&workers),
      kv_(kv),
      pool_(pool),
      angles_(config_.rope, max_tokens),
      local_angles_(config_.local_rope, max_tokens) {
  const auto dim = static_cast<std::size_t>(config_.head_dim);
  const std::size_t q_width = dim * static_cast<std::size_t>(config_.heads);
  const std::size_t kv_width = dim * static_cast<std::size_t>(config_.kv_heads);
  const auto ffn_width =
      static_cast<std::size_t>(std::max({config_.ffn, config_.expert_ffn, config_.shared_expert_ffn}));
  for (Floats* buffer : {&x_, &h_}) buffer->resize(max_tokens * width());
  for (Floats* buffer : {&q_, &attended_}) buffer->resize(max_tokens * q_width);
  for (Floats* buffer : {&k_, &v_}) buffer->resize(max_tokens * kv_width);
  for (Floats* buffer : {&gate_, &up_}) buffer->resize(max_tokens * ffn_width);
  scratch_.resize(kernels.scratch_bytes(max_tokens, std::max({width(), q_width, ffn_width})));
  if (config_.experts == 0) return;
  router_.resize(max_tokens * static_cast<std::size_t>(config_.experts));
  for (Floats* buffer : {&mixed_, &expert_in_, &expert_out_}) buffer->resize(max_tokens * width());
  choices_.resize(max_tokens * static_cast<std::size_t>(config_.experts_used));
  chosen_by_.reserve(max_tokens);
}

void Decoder::forward(const StepPlan& plan) {
  tokens_ = plan.tokens.size();
  embed(plan);
  fill_angles(plan);
  for (int i = 0; i < config_.layers; ++i) layer(i, plan);
}

void Decoder::layer(int index, const StepPlan& plan) {
  const CpuLayer& layer = weights_.layers[static_cast<std::size_t>(index)];
  norm(x_.data(), layer.attention_norm, tokens_, h_.data());
  multiply({&layer.q, &layer.k, &layer.v}, h_.data(), tokens_, {q_.data(), k_.data(), v_.data()});
  attend(index, plan);
  // After the last attention only the rows whose logits are wanted matter.
  if (index + 1 == config_.layers) keep_rows(plan.logit_rows);
  multiply({&layer.output}, attended_.data(), tokens_, {h_.data()});
  add_to_stream(layer.attention_post_norm);

  norm(x_.data(), layer.ffn_norm, tokens_, h_.data());
  if (layer.experts.empty())
    ffn(layer.ffn, h_.data(), tokens_, h_.data());
  else
    experts(layer);
  add_to_stream(layer.ffn_post_norm);
}

// From q_, k_, v_ to attended_.
void Decoder::attend(int index, const StepPlan& plan) {
  const CpuLayer& layer = weights_.layers[static_cast<std::size_t>(index)];
  const RopeAngles& angles = config_.has_local_rope(index) ? local_angles_ : angles_;
  const auto dim = static_cast<std::size_t>(config_.head_dim);
  const auto heads = static_cast<std::size_t>(config_.heads), kv_heads = static_cast<std::size_t>(config_.kv_heads);
  by_rows(*workers_, tokens_, [&](std::size_t first, std::size_t count) {
    float* q = q_.data() + first * heads * dim;
    float* k = k_.data() + first * kv_heads * dim;
    if (!layer.q_norm.empty()) {
      kernels_->rms_norm(q, layer.q_norm.data(), config_.norm_eps, count * heads, dim, q);
      kernels_->rms_norm(k, layer.k_norm.data(), config_.norm_eps, count * kv_heads, dim, k);
    }
    for (std::size_t i = 0; i < count; ++i, q += heads * dim, k += kv_heads * dim) {
      angles.turn(q, first + i, config_.heads, config_.head_dim, config_.family->rope_pairs);
      angles.turn(k, first + i, config_.kv_heads, config_.head_dim, config_.family->rope_pairs);
    }
  });
  AttentionArgs args{.q = q_.data(), .out = attended_.data(), .pool = pool_, .kv = kv_, .layer = index};
  args.heads = config_.heads;
  args.scale = config_.attention_scale;
  args.softcap = config_.attention_softcap;
  args.window = config_.layer_window(index);
  args.plan = &plan;
  kernels_->write_kv(args, k_.data(), v_.data(), *workers_);
  kernels_->attention(args, *workers_);
}

void Decoder::embed(const StepPlan& plan) {
  const bool tied = weights_.head.rows == 0;
  const auto read_row = (tied ? *kernels_ : kernels_of(CpuLevel::scalar)).row;  // as pack_weights() packed it
  by_rows(*workers_, tokens_, [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      float* row = x_.data() + i * width();
      read_row(weights_.embedding, static_cast<std::size_t>(plan.tokens[i]), row);
      if (config_.input_scale != 1)
        for (std::size_t j = 0; j < width(); ++j) row[j] *= config_.input_scale;
    }
  });
}

void Decoder::fill_angles(const StepPlan& plan) {
  by_rows(*workers_, tokens_, [&](std::size_t first, std::size_t count) {
    const auto positions = std::span(plan.positions).subspan(first, count);
    angles_.fill(positions, first);
    local_angles_.fill(positions, first);
  });
}

// The rows are ascending, so each moves down or stays.
void Decoder::keep_rows(std::span<const std::int32_t> rows) {
  const std::size_t attended_width =
      static_cast<std::size_t>(config_.head_dim) * static_cast<std::size_t>(config_.heads);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto from = static_cast<std::size_t>(rows[i]);
    if (from == i) continue;
    std::copy_n(x_.data() + from * width(), width(), x_.data() + i * width());
    std::copy_n(attended_.data() + from * attended_width, attended_width, attended_.data() + i * attended_width);
  }
  tokens_ = rows.size();
}

void Decoder::ffn(const CpuFfn& weights, const float* in, std::size_t m, float* out) {
  multiply({&weights.gate, &weights.up}, in, m, {gate_.data(), up_.data()});
  const std::size_t n = weights.gate.weight.rows;
  const auto activate = config_.family->activation == Activation::silu ? kernels_->silu_mul : kernels_->gelu_mul;
  by_rows(*workers_, m, [&](std::size_t first, std::size_t count) {
    activate(gate_.data() + first * n, up_.data() + first * n, count * n);
  });
  multiply({&weights.down}, gate_.data(), m, {out});
}

void Decoder::logits(std::size_t first, std::size_t count, float* out) {
  const std::size_t vocabulary = config_.vocabulary;
  norm(x_.data() + first * width(), weights_.output_norm, count, h_.data());
  const PackedMatrix* head = weights_.head.rows > 0 ? &weights_.head : &weights_.embedding;
  kernels_->matmul({&head, 1}, h_.data(), count, {&out, 1}, scratch_.data(), *workers_);
  const float cap = config_.logit_softcap;
  if (cap == 0) return;
  by_rows(*workers_, count, [&](std::size_t from, std::size_t rows) {
    for (float* logit = out + from * vocabulary; logit != out + (from + rows) * vocabulary; ++logit)
      *logit = cap * std::tanh(*logit / cap);
  });
}

void Decoder::multiply(std::initializer_list<const CpuLinear*> linears, const float* in, std::size_t m,
                       std::initializer_list<float*> outs) {
  local::multiply(*kernels_, *workers_, scratch_.data(), linears, in, m, outs);
}

void Decoder::norm(const float* in, const std::vector<float>& weight, std::size_t m, float* out) {
  by_rows(*workers_, m, [&](std::size_t first, std::size_t count) {
    const std::size_t at = first * width();
    kernels_->rms_norm(in + at, weight.data(), config_.norm_eps, count, width(), out + at);
  });
}

// What a sublayer left in h_ joins the residual stream.
void Decoder::add_to_stream(const std::vector<float>& post_norm) {
  if (!post_norm.empty()) norm(h_.data(), post_norm, tokens_, h_.data());
  by_rows(*workers_, tokens_, [&](std::size_t first, std::size_t count) {
    kernels_->add(x_.data() + first * width(), h_.data() + first * width(), count * width());
  });
}

}  // namespace tollgate::local
