// From a file's tensors to matrices in the order that a level reads them.
#include <utility>

#include "local_backend/model/decoder.h"

namespace tollgate::local {
namespace {

class Packer {
 public:
  Packer(const Kernels& kernels, WeightMemory& memory, Workers& workers)
      : kernels_(kernels), memory_(memory), workers_(workers) {}

  PackedMatrix pack(const MatrixView& view) const { return local::pack(view, kernels_, memory_, workers_); }
  CpuLinear pack(Linear<MatrixView>&& linear) const {
    return local::pack(std::move(linear), kernels_, memory_, workers_);
  }
  CpuFfn pack(GatedFfn<MatrixView>&& ffn) const {
    return {pack(std::move(ffn.gate)), pack(std::move(ffn.up)), pack(std::move(ffn.down))};
  }
  CpuLayer pack(DecoderLayer<MatrixView>&& layer) const {
    CpuLayer packed;
    packed.attention_norm = std::move(layer.attention_norm);
    packed.attention_post_norm = std::move(layer.attention_post_norm);
    packed.ffn_norm = std::move(layer.ffn_norm);
    packed.ffn_post_norm = std::move(layer.ffn_post_norm);
    packed.q_norm = std::move(layer.q_norm);
    packed.k_norm = std::move(layer.k_norm);
    packed.q = pack(std::move(layer.q));
    packed.k = pack(std::move(layer.k));
    packed.v = pack(std::move(layer.v));
    packed.output = pack(std::move(layer.output));
    packed.ffn = pack(std::move(layer.ffn));
    packed.router = pack(layer.router);
    for (GatedFfn<MatrixView>& expert : layer.experts) packed.experts.push_back(pack(std::move(expert)));
    packed.shared_router = pack(layer.shared_router);
    packed.shared_expert = pack(std::move(layer.shared_expert));
    return packed;
  }

 private:
  const Kernels& kernels_;
  WeightMemory& memory_;
  Workers& workers_;
};

}  // namespace

DecoderWeights<PackedMatrix> pack_weights(DecoderWeights<MatrixView> weights, const Kernels& kernels,
                                          Workers& workers) {
  WeightMemory memory;
  const Packer packer(kernels, memory, workers);
  DecoderWeights<PackedMatrix> packed;
  // Embeddings that are no head are only looked up: they stay in the file as they are.
  const bool tied = weights.head.rows == 0;
  packed.embedding = local::pack(weights.embedding, tied ? kernels : kernels_of(CpuLevel::scalar), memory, workers);
  packed.head = packer.pack(weights.head);
  packed.output_norm = std::move(weights.output_norm);
  for (DecoderLayer<MatrixView>& layer : weights.layers) packed.layers.push_back(packer.pack(std::move(layer)));
  return packed;
}

}  // namespace tollgate::local
