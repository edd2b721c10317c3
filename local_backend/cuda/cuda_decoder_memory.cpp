// What a decoder's forward pass needs besides the weights: buffers for the largest step, and tables of angles.
#include <algorithm>
#include <cmath>
#include <utility>

#include "local_backend/cuda/cuda_decoder.h"

namespace tollgate::local::gpu {

Result<std::unique_ptr<CudaDecoder>> CudaDecoder::make(Device& device, const Shard& model, const DecoderLimits& limits,
                                                       const Rank& rank) {
  Result<DeviceWeights> weights = upload_weights(device, model.weights);
  if (!weights) return std::move(weights).error();
  std::unique_ptr<CudaDecoder> decoder(new CudaDecoder(device, model.config, limits, rank, *std::move(weights)));
  if (auto done = decoder->allocate_all(); !done) return std::move(done).error();
  return decoder;
}

CudaDecoder::CudaDecoder(Device& device, DecoderConfig config, const DecoderLimits& limits, const Rank& rank,
                         DeviceWeights weights)
    : device_(device),
      stream_(device.compute()),
      config_(std::move(config)),
      limits_(limits),
      rank_(rank),
      weights_(std::move(weights)),
      multiprocessors_(device.info().multiprocessors) {}

Activations CudaDecoder::Rows::as(ActivationFormat format) const {
  return {format, values.data(), scales.as<float>(), sums.as<float>()};
}

Result<void> CudaDecoder::allocate(std::initializer_list<Part> parts) {
  for (const auto& [memory, bytes] : parts) {
    if (bytes == 0) continue;
    auto room = device_.allocate(bytes, "the buffers of a step");
    if (!room) return std::move(room).error();
    *memory = *std::move(room);
  }
  return {};
}

Result<void> CudaDecoder::allocate_rows(Rows& rows, std::size_t count, std::size_t values) {
  return allocate({{&rows.values, values * sizeof(std::uint16_t)},
                   {&rows.scales, count * sizeof(float)},
                   {&rows.sums, values / kSumGroup * sizeof(float)}});
}

Result<void> CudaDecoder::allocate_all() {
  if (auto done = make_wide(); !done) return done;
  const std::size_t tokens = limits_.tokens, pairs = chosen(tokens);
  const std::size_t halves = tokens * q_width() * sizeof(std::uint16_t);
  const std::size_t scratch =
      attend_scratch_floats(std::min(static_cast<int>(tokens), kAttendRows), config_.heads, config_.head_dim);
  auto done = allocate({{&x_, tokens * width() * sizeof(float)},
                        {&q_, halves},
                        {&attended_, halves},
                        {&attend_scratch_, scratch * sizeof(float)},
                        {&partials_, most_partials() * sizeof(float)},
                        {&pair_tokens_, pairs * sizeof(std::int32_t)},
                        {&places_, pairs * sizeof(std::int32_t)},
                        {&pair_weights_, pairs * sizeof(float)},
                        {&items_, static_cast<std::size_t>(most_items(tokens)) * sizeof(ExpertItem)}});
  const auto ffn = static_cast<std::size_t>(std::max(config_.ffn, config_.shared_expert_ffn));
  const auto expert_ffn = static_cast<std::size_t>(config_.expert_ffn);
  if (done && rank_.count > 1) done = allocate_for_ranks();
  if (done) done = allocate_rows(h_, tokens, tokens * width());
  if (done) done = allocate_rows(attended_rows_, tokens, tokens * q_width());
  if (done) done = allocate_rows(gated_, std::max(tokens, pairs), std::max(tokens * ffn, pairs * expert_ffn));
  if (!done) return done;
  // Rows of padding are read, though nobody writes them.
  stream_.fill(attended_.data(), 0, halves);
  return fill_angles();
}

// For products of many rows, where they need not be exact. Without them any number of rows goes the narrow way.
Result<void> CudaDecoder::make_wide() {
  if (limits_.exact) return {};
  std::vector<DeviceMatrix> matrices = weights_.head.matrices;
  for (const DeviceLayer& layer : weights_.layers)
    for (const DeviceStack* stack : {&layer.qkv, &layer.output, &layer.ffn.gate_up, &layer.ffn.down})
      matrices.insert(matrices.end(), stack->matrices.begin(), stack->matrices.end());
  const std::size_t fp8_bytes = limits_.fp8_products ? device_.free_memory() / 2 : 0;
  auto wide = WideGemm::make(device_, matrices, static_cast<int>(limits_.tokens), {.fp8_bytes = fp8_bytes});
  if (wide) {
    wide_ = *std::move(wide);
    return {};
  }
  if (wide.error().code != "no_wide_products") return std::move(wide).error();
  return {};
}

std::size_t CudaDecoder::partial_floats(const DeviceStack& stack, std::size_t rows) const {
  std::size_t narrow = 0, wide = 0, narrow_rows = rows;
  if (is_wide(stack, static_cast<int>(rows))) {
    narrow_rows = static_cast<std::size_t>(wide_->least_rows() - 1);
    for (const DeviceMatrix& matrix : stack.matrices) wide += room_for(rows * static_cast<std::size_t>(matrix.rows));
  }
  for (const DeviceMatrix& matrix : stack.matrices)
    narrow += room_for(static_cast<std::size_t>(gemm_parts(matrix, multiprocessors_)) * narrow_rows *
                       static_cast<std::size_t>(matrix.rows));
  return std::max(narrow, wide);
}

// What is alive at a time in the largest step: see layer(), experts() and logits().
std::size_t CudaDecoder::most_partials() const {
  const std::size_t tokens = limits_.tokens, pairs = chosen(tokens);
  const auto of_ffn = [&](const DeviceFfn& ffn) {
    return partial_floats(ffn.gate_up, tokens) + partial_floats(ffn.down, tokens);
  };
  std::size_t most = partial_floats(weights_.head, std::min(tokens, kLogitRows));
  for (const DeviceLayer& layer : weights_.layers) {
    const std::size_t experts = partial_floats(layer.router, tokens) +
                                partial_floats(layer.expert_gate_up.shape, pairs) +
                                partial_floats(layer.expert_down.shape, pairs) +
                                partial_floats(layer.shared_router, tokens) + of_ffn(layer.shared_expert);
    most = std::max(
        {most, partial_floats(layer.qkv, tokens), partial_floats(layer.output, tokens), of_ffn(layer.ffn), experts});
  }
  return most;
}

Result<void> CudaDecoder::fill_angles() {
  if (auto done = fill_angles(config_.rope, angles_); !done) return done;
  return config_.local_rope.frequencies.empty() ? Result<void>() : fill_angles(config_.local_rope, local_angles_);
}

// As RopeAngles::fill() computes them.
Result<void> CudaDecoder::fill_angles(const RopeSpec& spec, Memory& memory) {
  std::vector<float> table;
  table.reserve(limits_.context * spec.frequencies.size() * 2);
  for (std::size_t position = 0; position < limits_.context; ++position)
    for (const float frequency : spec.frequencies) {
      const float angle = static_cast<float>(position) * frequency;
      table.push_back(std::cos(angle) * spec.magnitude);
      table.push_back(std::sin(angle) * spec.magnitude);
    }
  if (auto room = allocate({{&memory, table.size() * sizeof(float)}}); !room) return room;
  stream_.copy_in(memory.data(), table.data(), memory.size());
  return stream_.wait();
}

}  // namespace tollgate::local::gpu
