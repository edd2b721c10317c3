// What sets one family of decoder models apart from another, as data: a new family of this kind is a new row.
// Sources per row: docs/formats/models.md. Inside model/ and for other back ends. Thread rule: constants.
#pragma once

#include <string_view>

namespace tollgate::local {

enum class RopePairs : unsigned char {
  adjacent,  // (x0, x1), (x2, x3), ...
  halves,    // (x0, x[n/2]), (x1, x[n/2+1]), ...
};

enum class Activation : unsigned char { silu, gelu };  // of the gate; gelu in its tanh form

struct Architecture {
  std::string_view name;  // general.architecture
  RopePairs rope_pairs = RopePairs::halves;
  Activation activation = Activation::silu;
  bool qkv_bias = false;           // must be there; biases that are there are always used
  bool head_norms = false;         // RMS norm of every query and key head before rope
  bool post_norms = false;         // RMS norm of what attention and ffn give, before it is added
  bool scales_input = false;       // embeddings times sqrt(width)
  bool normalises_experts = true;  // the chosen experts' weights sum to 1
  // Which layers look through the window of the file: 0 = none, 1 = all, n = all but every n-th.
  int window_period = 0;
  int default_window = 0;     // where the file tells none
  float local_rope_base = 0;  // of the layers with a window, which then have no rope scaling; 0 = like the rest
  float default_attention_softcap = 0;  // where the file tells none
  float default_logit_softcap = 0;
  int width_scaled_layers = 0;  // the size (told by its layers) whose queries are scaled by width / heads, not head_dim
};

// nullptr for what the engine does not know.
const Architecture* find_architecture(std::string_view name);

}  // namespace tollgate::local
