// The forward pass of a decoder on the CPU: the order of kernel calls and the buffers between them. A newcomer reads
// Decoder::layer() first. Nothing is allocated after construction. Inside model/ only. Thread rule: the engine thread.
#pragma once

#include "local_backend/model/aligned.h"
#include "local_backend/model/by_rows.h"
#include "local_backend/model/cpu_linear.h"

namespace tollgate::local {

using CpuFfn = GatedFfn<PackedMatrix>;
using CpuLayer = DecoderLayer<PackedMatrix>;

// Packs every matrix as `kernels` want it; parts of fused tensors are matrices of their own by then.
DecoderWeights<PackedMatrix> pack_weights(DecoderWeights<MatrixView> weights, const Kernels& kernels, Workers& workers);

class Decoder {
 public:
  // `pool` holds the KV blocks and must outlive the decoder, as must `workers`.
  Decoder(DecoderConfig config, DecoderWeights<PackedMatrix> weights, const Kernels& kernels, Workers& workers,
          const KvLayout& kv, std::byte* pool, std::size_t max_tokens);

  // Computes the plan's tokens and writes their keys and values; afterwards logits() may be asked.
  void forward(const StepPlan& plan);
  // Logits of the plan's logit rows [first, first + count): out[count][vocabulary].
  void logits(std::size_t first, std::size_t count, float* out);

 private:
  void embed(const StepPlan& plan);
  void fill_angles(const StepPlan& plan);
  void layer(int index, const StepPlan& plan);
  void attend(int index, const StepPlan& plan);
  void keep_rows(std::span<const std::int32_t> rows);
  void experts(const CpuLayer& layer);
  void route(const CpuLayer& layer);
  void one_expert(const CpuFfn& expert, std::int32_t index);
  void shared_expert(const CpuLayer& layer);
  void ffn(const CpuFfn& weights, const float* in, std::size_t m, float* out);
  void multiply(std::initializer_list<const CpuLinear*> linears, const float* in, std::size_t m,
                std::initializer_list<float*> outs);
  void norm(const float* in, const std::vector<float>& weight, std::size_t m, float* out);
  void add_to_stream(const std::vector<float>& post_norm);

  std::size_t width() const { return static_cast<std::size_t>(config_.width); }

  DecoderConfig config_;
  DecoderWeights<PackedMatrix> weights_;
  const Kernels* kernels_;
  Workers* workers_;
  KvLayout kv_;
  std::byte* pool_;
  RopeAngles angles_, local_angles_;

  // Activations of a step, [tokens_] rows each.
  std::size_t tokens_ = 0;
  Floats x_;             // [width] the residual stream
  Floats h_;             // [width] what a sublayer reads, then what it gives
  Floats q_, attended_;  // [heads * dim]
  Floats k_, v_;         // [kv_heads * dim]
  Floats gate_, up_;     // [widest ffn]
  Bytes scratch_;        // of the kernels

  // Of layers with experts.
  struct Choice {
    std::int32_t expert = 0;
    float weight = 0;
  };
  Floats router_;                                         // [experts]
  Floats mixed_;                                          // [width] sum over the chosen experts
  Floats expert_in_, expert_out_;                         // [width] the tokens of one expert
  std::vector<Choice> choices_;                           // [experts_used]
  std::vector<std::pair<std::size_t, float>> chosen_by_;  // tokens of one expert, with their weights
};

}  // namespace tollgate::local
