// A decoder model as its file has it: hyperparameters and named pieces of the file, all shapes checked against each
// other. What a back end needs for loading and nothing of how it computes. Thread rule: plain values; the views live as
// long as the file.
#pragma once

#include <vector>

#include "core/result.h"
#include "local_backend/model/architecture.h"
#include "local_backend/model/cpu_backend.h"
#include "local_backend/model/model_reader.h"
#include "local_backend/model/rope.h"

namespace tollgate::local {

struct DecoderConfig : ModelConfig {
  const Architecture* family = nullptr;
  float attention_scale = 0;    // of q . k
  float attention_softcap = 0;  // 0 = none
  float logit_softcap = 0;      // 0 = none
  float input_scale = 1;        // of embeddings
  bool normalises_experts = true;
  float expert_scale = 1;
  RopeSpec rope, local_rope;  // local: of layers with a window, where they have their own

  // Of one layer; 0 = all of the context.
  int layer_window(int layer) const;
  bool has_local_rope(int layer) const { return family->local_rope_base > 0 && layer_window(layer) > 0; }
};

// Matrix: MatrixView in the file, PackedMatrix in a back end. Absent matrices have no rows, absent vectors no values.
template <class Matrix>
struct Linear {
  Matrix weight;            // [outputs][inputs]
  std::vector<float> bias;  // [outputs]
};

template <class Matrix>
struct GatedFfn {
  Linear<Matrix> gate, up, down;  // down(activation(gate(x)) * up(x))
};

template <class Matrix>
struct DecoderLayer {
  std::vector<float> attention_norm, attention_post_norm, ffn_norm, ffn_post_norm;  // [width]
  std::vector<float> q_norm, k_norm;                                                // [head_dim]
  Linear<Matrix> q, k, v, output;  // [heads * dim, kv_heads * dim, .., width]
  GatedFfn<Matrix> ffn;            // no rows where there are experts
  Matrix router;                   // [experts][width]
  std::vector<GatedFfn<Matrix>> experts;
  Matrix shared_router;  // [1][width]; the sigmoid weighs the shared expert
  GatedFfn<Matrix> shared_expert;
};

template <class Matrix>
struct DecoderWeights {
  Matrix embedding, head;  // [vocabulary][width]; a tied head has no rows of its own
  std::vector<float> output_norm;
  std::vector<DecoderLayer<Matrix>> layers;
};

struct DecoderFile {
  DecoderConfig config;
  DecoderWeights<MatrixView> weights;
};

// Only the hyperparameters, from metadata and from the shapes that tell one. Trouble is left in `reader`.
DecoderConfig read_decoder_config(ModelReader& reader);
// Errors as read_model_config().
Result<DecoderFile> read_decoder(const GgufFile& file);

}  // namespace tollgate::local
