#include "local_backend/cuda/cuda_decoder.h"

#include <algorithm>
#include <array>

namespace tollgate::local::gpu {
namespace {

// What the products of a stack's matrices are for its parts.
void split(const DeviceStack& stack, std::span<const Partials> products, std::span<Partials> outs) {
  if (products.size() == outs.size()) {
    std::ranges::copy(products, outs.begin());
    return;
  }
  std::ptrdiff_t before = 0;
  for (std::size_t i = 0; i < outs.size(); ++i) {
    outs[i] = products.front();
    outs[i].data += before;
    before += stack.rows[i];
  }
}

}  // namespace

void CudaDecoder::forward(const DecoderStep& step) {
  m_ = step.shape.tokens;
  embed(stream_, {.embedding = weights_.embedding,
                  .tokens = step.plan.tokens,
                  .sampled = step.sampled,
                  .m = m_,
                  .scale = config_.input_scale,
                  .x = x_.as<float>()});
  const DeviceLayer& first = weights_.layers.front();
  norm({}, nullptr, nullptr, first.attention_norm, &first.qkv);
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) layer(i, step);
}

// From h_, what the layer's attention reads, to h_ of the next layer.
void CudaDecoder::layer(std::size_t index, const DecoderStep& step) {
  const DeviceLayer& layer = weights_.layers[index];
  taken_ = 0;
  std::array<Partials, 3> qkv;
  multiply(layer.qkv, h_, m_, qkv);
  attend(index, step, qkv);
  taken_ = 0;
  convert_rows(stream_, attended_.as<std::uint16_t>(), m_, static_cast<int>(q_width()),
               attended_rows_.as(format_for(layer.output, m_)));
  const DeviceStack& reader = layer.has_experts() ? layer.router : layer.ffn.gate_up;
  norm(over_ranks(multiply(layer.output, attended_rows_, m_)), layer.output_bias, layer.attention_post_norm,
       layer.ffn_norm, &reader);
  taken_ = 0;
  if (layer.has_experts()) {
    norm_for_next(index, experts(layer), nullptr, nullptr);
  } else {
    norm_for_next(index, over_ranks(gated(layer.ffn)), layer.ffn.down_bias, layer.ffn_post_norm);
  }
}

// Behind the last layer only the rows whose logits are wanted are normed, by logits().
void CudaDecoder::norm_for_next(std::size_t index, const Partials& delta, const float* bias, const float* post_norm) {
  const DeviceLayer* next = index + 1 < weights_.layers.size() ? &weights_.layers[index + 1] : nullptr;
  norm(delta, bias, post_norm, next ? next->attention_norm : nullptr, next ? &next->qkv : nullptr);
}

void CudaDecoder::attend(std::size_t index, const DecoderStep& step, std::span<const Partials> qkv) {
  const DeviceLayer& layer = weights_.layers[index];
  const int number = static_cast<int>(index);
  const Memory& angles = config_.has_local_rope(number) ? local_angles_ : angles_;
  write_heads(stream_, {.q = qkv[0],
                        .k = qkv[1],
                        .v = qkv[2],
                        .q_bias = layer.q_bias,
                        .k_bias = layer.k_bias,
                        .v_bias = layer.v_bias,
                        .q_norm = layer.q_norm,
                        .k_norm = layer.k_norm,
                        .eps = config_.norm_eps,
                        .angles = angles.as<float>(),
                        .rope_dims = config_.rope_dims,
                        .adjacent_pairs = config_.family->rope_pairs == RopePairs::adjacent,
                        .m = m_,
                        .heads = config_.heads,
                        .layer = number,
                        .plan = step.plan,
                        .pool = step.pool,
                        .q_out = q_.as<std::uint16_t>()});
  AttendArgs args{.q = q_.as<std::uint16_t>(), .pool = step.pool, .plan = step.plan};
  args.layer = number;
  args.heads = config_.heads;
  args.scale = config_.attention_scale;
  args.softcap = config_.attention_softcap;
  args.window = config_.layer_window(number);
  args.exact = limits_.exact;
  args.scratch = attend_scratch_.as<float>();
  args.out = attended_.as<std::uint16_t>();
  for (const PlanShape::Group& group : {step.shape.short_rows, step.shape.long_rows}) {
    args.max_tokens = group.tokens;
    args.max_context = group.context;
    const int end = args.first_row + group.rows;
    for (; args.first_row < end; args.first_row += args.rows) {
      args.rows = std::min(kAttendRows, end - args.first_row);
      local::gpu::attend(stream_, args);
    }
  }
}

// down(activation(gate(x)) * up(x)) of h_.
Partials CudaDecoder::gated(const DeviceFfn& weights) {
  std::array<Partials, 2> gate_up;
  multiply(weights.gate_up, h_, m_, gate_up);
  gate(stream_, {.gate = gate_up[0],
                 .up = gate_up[1],
                 .gate_bias = weights.gate_bias,
                 .up_bias = weights.up_bias,
                 .gelu = config_.family->activation == Activation::gelu,
                 .m = m_,
                 .ffn = weights.gate_up.rows.front(),
                 .out = gated_.as(format_for(weights.down, m_))});
  return multiply(weights.down, gated_, m_);
}

// From h_ to x_; with several ranks to what is to be added to it.
Partials CudaDecoder::experts(const DeviceLayer& layer) {
  const int used = config_.experts_used;
  RouteArgs choice{.logits = multiply(layer.router, h_, m_)};
  choice.m = m_;
  choice.experts = config_.experts;
  choice.used = used;
  choice.normalise = config_.normalises_experts;
  choice.scale = config_.expert_scale;
  choice.max_count = kExpertRows;
  choice.tokens = pair_tokens_.as<std::int32_t>();
  choice.places = places_.as<std::int32_t>();
  choice.weights = pair_weights_.as<float>();
  choice.items = items_.as<ExpertItem>();
  choice.max_items = most_items(static_cast<std::size_t>(m_));
  route(stream_, choice);

  std::array<Partials, 2> gate_up;
  multiply_chosen(layer.expert_gate_up, h_.as(ActivationFormat::f16), true, gate_up);
  const Activations gated_pairs = gated_.as(ActivationFormat::f16);
  gate(stream_, {.gate = gate_up[0],
                 .up = gate_up[1],
                 .gelu = config_.family->activation == Activation::gelu,
                 .m = m_ * used,
                 .ffn = config_.expert_ffn,
                 .out = gated_pairs});
  const bool alone = rank_.count == 1;
  if (!alone) stream_.fill(summed_.data(), 0, static_cast<std::size_t>(m_) * width() * sizeof(float));
  MixArgs sum{.x = (alone ? x_ : summed_).as<float>(), .places = choice.places, .weights = choice.weights};
  multiply_chosen(layer.expert_down, gated_pairs, false, {&sum.values, 1});
  if (layer.has_shared_expert()) {
    sum.shared = gated(layer.shared_expert);
    sum.shared_gate = multiply(layer.shared_router, h_, m_);
  }
  sum.m = m_;
  sum.used = used;
  sum.width = config_.width;
  mix(stream_, sum);
  return alone ? Partials() : over_ranks();
}

// Rows of the pairs that route() chose; `gathered`: x has a row for each token, else one for each pair.
void CudaDecoder::multiply_chosen(const DeviceExperts& experts, const Activations& x, bool gathered,
                                  std::span<Partials> outs) {
  const int pairs = m_ * config_.experts_used;
  std::vector<Partials> products;
  for (std::size_t i = 0; i < experts.experts.size(); ++i) {
    const DeviceMatrix& shape = experts.shape.matrices[i];
    products.push_back(take(shape, pairs, gemm_parts(shape, multiprocessors_)));
    expert_gemm(stream_,
                {.experts = experts.experts[i],
                 .shape = shape,
                 .x = x,
                 .tokens = gathered ? pair_tokens_.as<std::int32_t>() : nullptr,
                 .items = items_.as<ExpertItem>(),
                 .max_items = most_items(static_cast<std::size_t>(m_)),
                 .max_count = kExpertRows,
                 .chosen = pairs,
                 .out = const_cast<float*>(products.back().data)},
                multiprocessors_);
  }
  split(experts.shape, products, outs);
}

void CudaDecoder::logits(const DecoderStep& step, std::size_t first, std::size_t count, float* out) {
  const int rows = static_cast<int>(count);
  add_norm(stream_, {.x = x_.as<float>(),
                     .weight = weights_.output_norm,
                     .rows = step.logit_rows + first,
                     .eps = config_.norm_eps,
                     .m = rows,
                     .width = config_.width,
                     .out = h_.as(format_for(weights_.head, rows))});
  taken_ = 0;
  const Partials product = multiply(weights_.head, h_, rows);
  if (rank_.count > 1) return gather_logits(product, rows, out);
  sum_parts(stream_, product, nullptr, rows, static_cast<int>(config_.vocabulary), out);
}

bool CudaDecoder::is_wide(const DeviceStack& stack, int m) const {
  return wide_ != nullptr && m >= wide_->least_rows() &&
         std::ranges::all_of(stack.matrices, [&](const DeviceMatrix& matrix) { return wide_->has(matrix); });
}

ActivationFormat CudaDecoder::format_for(const DeviceStack& stack, int m) const {
  return is_wide(stack, m) ? wide_->format() : ActivationFormat::f16;
}

void CudaDecoder::multiply(const DeviceStack& stack, const Rows& x, int m, std::span<Partials> outs) {
  const bool wide = is_wide(stack, m);
  const Activations from = x.as(format_for(stack, m));
  std::vector<Partials> products;
  std::vector<GemmArgs> args;
  for (const DeviceMatrix& matrix : stack.matrices) {
    products.push_back(take(matrix, m, wide ? 1 : gemm_parts(matrix, multiprocessors_)));
    args.push_back({.matrix = &matrix, .x = from, .m = m, .out = const_cast<float*>(products.back().data)});
    if (!wide) continue;
    if (auto done = wide_->multiply(matrix, from, m, args.back().out); !done) trouble_ = std::move(done);
  }
  if (!wide) quantized_gemm(stream_, args, multiprocessors_);
  split(stack, products, outs);
}

Partials CudaDecoder::multiply(const DeviceStack& stack, const Rows& x, int m) {
  Partials out;
  multiply(stack, x, m, {&out, 1});
  return out;
}

Partials CudaDecoder::take(const DeviceMatrix& matrix, int m, int parts) {
  const std::int64_t part = std::int64_t{m} * matrix.rows;
  const Partials out{partials_.as<float>() + taken_, parts, part, matrix.rows};
  taken_ += room_for(static_cast<std::size_t>(part * parts));
  return out;
}

void CudaDecoder::norm(const Partials& delta, const float* bias, const float* post_norm, const float* weight,
                       const DeviceStack* reader) {
  if (delta.parts == 0 && weight == nullptr) return;
  add_norm(stream_, {.x = x_.as<float>(),
                     .delta = delta,
                     .bias = bias,
                     .post_norm = post_norm,
                     .weight = weight,
                     .eps = config_.norm_eps,
                     .m = m_,
                     .width = config_.width,
                     .out = h_.as(reader ? format_for(*reader, m_) : ActivationFormat::f16)});
}

}  // namespace tollgate::local::gpu
