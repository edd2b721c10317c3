// The forward pass of a decoder on a device: the order of kernels and the buffers between them; the twin of
// model/decoder.h. Nothing is allocated after make(), so that a step can be recorded. Thread rule: that of the device.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "local_backend/cuda/collective.h"
#include "local_backend/cuda/cuda_weights.h"
#include "local_backend/cuda/plan_arrays.h"
#include "local_backend/cuda/wide_gemm.h"

namespace tollgate::local::gpu {

inline constexpr int kExpertRows = 64;   // of one item of route()
inline constexpr int kAttendRows = 256;  // at a time: bounds what is kept of their splits

struct DecoderLimits {
  std::size_t tokens = 0;     // of a step
  std::size_t context = 0;    // of a row
  bool exact = false;         // sums are the same however a step is cut
  bool fp8_products = false;  // many rows are multiplied in 8 bits
};

// A step as the kernels find it.
struct DecoderStep {
  PlanShape shape;
  PlanArrays plan;
  const std::int32_t* logit_rows = nullptr;  // [shape.logits]
  const std::int32_t* sampled = nullptr;     // tokens of placeholders
  KvPool pool;
};

class CudaDecoder {
 public:
  // `device` must outlive the decoder, as must the rank's collective. Errors: those of upload_weights().
  static Result<std::unique_ptr<CudaDecoder>> make(Device& device, const Shard& model, const DecoderLimits& limits,
                                                   const Rank& rank = {});

  // Computes the step's tokens and writes their keys and values; afterwards logits() may be asked.
  void forward(const DecoderStep& step);
  // What went wrong while forward() or logits() gave their work to the stream, once.
  Result<void> trouble() { return std::exchange(trouble_, Result<void>()); }
  // Logits of the step's logit rows [first, first + count), at most kLogitRows, without their soft-cap:
  // out[count][vocabulary].
  void logits(const DecoderStep& step, std::size_t first, std::size_t count, float* out);

 private:
  // Rows that products read.
  struct Rows {
    Memory values, scales, sums;
    Activations as(ActivationFormat format) const;
  };

  CudaDecoder(Device& device, DecoderConfig config, const DecoderLimits& limits, const Rank& rank,
              DeviceWeights weights);
  struct Part {
    Memory* memory;
    std::size_t bytes;
  };
  Result<void> allocate(std::initializer_list<Part> parts);
  Result<void> allocate_rows(Rows& rows, std::size_t count, std::size_t values);
  Result<void> allocate_all();
  Result<void> make_wide();
  Result<void> fill_angles();
  Result<void> fill_angles(const RopeSpec& spec, Memory& memory);
  std::size_t most_partials() const;
  std::size_t partial_floats(const DeviceStack& stack, std::size_t rows) const;

  void layer(std::size_t index, const DecoderStep& step);
  void attend(std::size_t index, const DecoderStep& step, std::span<const Partials> qkv);
  Partials experts(const DeviceLayer& layer);
  Partials gated(const DeviceFfn& weights);
  // Products of a stack's parts with the rows x: outs[i][m][rows of part i].
  void multiply(const DeviceStack& stack, const Rows& x, int m, std::span<Partials> outs);
  Partials multiply(const DeviceStack& stack, const Rows& x, int m);
  void multiply_chosen(const DeviceExperts& experts, const Activations& x, bool gathered, std::span<Partials> outs);
  // Where several devices share the model (cuda_decoder_ranks.cpp): sums over all of them, [m_][width] in summed_.
  Result<void> allocate_for_ranks();
  Partials over_ranks(const Partials& part);
  Partials over_ranks();
  void gather_logits(const Partials& part, int m, float* out);
  // Room for what `matrix` leaves of m rows.
  Partials take(const DeviceMatrix& matrix, int m, int parts);
  // Floats that `count` take: rows begin where 16 bytes begin.
  static std::size_t room_for(std::size_t count) { return (count + 15) / 16 * 16; }
  // x_ += delta; h_ = the normed x_, as `reader` reads it. nullptr: only the addition.
  void norm(const Partials& delta, const float* bias, const float* post_norm, const float* weight,
            const DeviceStack* reader);
  // Behind layer `index`.
  void norm_for_next(std::size_t index, const Partials& delta, const float* bias, const float* post_norm);
  bool is_wide(const DeviceStack& stack, int m) const;
  // How m rows are written that the stack's products read.
  ActivationFormat format_for(const DeviceStack& stack, int m) const;

  std::size_t width() const { return static_cast<std::size_t>(config_.width); }
  std::size_t q_width() const {
    return static_cast<std::size_t>(config_.heads) * static_cast<std::size_t>(config_.head_dim);
  }
  // Pairs of token and expert, and the most items that route() makes of them.
  std::size_t chosen(std::size_t tokens) const { return tokens * static_cast<std::size_t>(config_.experts_used); }
  int most_items(std::size_t tokens) const {
    return config_.experts + static_cast<int>(chosen(tokens) / static_cast<std::size_t>(kExpertRows));
  }

  Device& device_;
  Stream& stream_;
  DecoderConfig config_;
  DecoderLimits limits_;
  Rank rank_;
  DeviceWeights weights_;
  int multiprocessors_;
  std::unique_ptr<WideGemm> wide_;  // may be null
  Result<void> trouble_;
  Memory angles_, local_angles_;  // [context][rope_dims / 2][cos, sin]

  int m_ = 0;               // tokens of the step
  Memory x_;                // [width] floats, the residual stream
  Rows h_, attended_rows_;  // what a sublayer reads
  Rows gated_;              // [widest ffn]; of experts for each chosen pair
  Memory q_, attended_;     // [heads * dim] halves
  Memory attend_scratch_;
  Memory partials_;        // what products leave, until it is read
  std::size_t taken_ = 0;  // floats of it
  // Of layers with experts.
  Memory pair_tokens_, places_, pair_weights_, items_;
  // Of several ranks.
  Memory summed_;    // [width] floats
  Memory gathered_;  // [ranks][kLogitRows][head_rows()] floats
};

}  // namespace tollgate::local::gpu
