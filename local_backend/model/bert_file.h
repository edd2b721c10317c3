// An embedder of BERT's kind (Devlin et al. 2018) as its file has it, all shapes checked; see decoder_file.h.
// Thread rule: plain values; the views live as long as the file.
#pragma once

#include "local_backend/model/decoder_file.h"

namespace tollgate::local {

enum class Pooling : unsigned char { mean = 1, cls = 2, last = 3 };  // the file's numbers

struct LayerNormWeights {
  std::vector<float> weight, bias;  // [width]
};

template <class Matrix>
struct BertLayer {
  Linear<Matrix> q, k, v, output;
  LayerNormWeights attention_norm;  // of input plus attention
  Linear<Matrix> up, down;          // down(gelu(up(x)))
  LayerNormWeights output_norm;     // of that plus its input
};

template <class Matrix>
struct BertWeights {
  Matrix tokens;               // [vocabulary][width]
  Matrix positions;            // [context][width]
  std::vector<float> segment;  // [width], of the first token type, which all tokens have; may be empty
  LayerNormWeights input_norm;
  std::vector<BertLayer<Matrix>> layers;
};

struct BertFile {
  ModelConfig config;  // norm_eps is that of the layer norms
  Pooling pooling = Pooling::mean;
  BertWeights<MatrixView> weights;
};

inline constexpr std::string_view kBertArchitecture = "bert";

// Errors as read_model_config().
Result<BertFile> read_bert(const GgufFile& file);

}  // namespace tollgate::local
