// Rotary position embeddings (Su et al. 2021): pairs of a head's values are turned by position times a frequency.
// Scaling kinds change the frequencies once, at load. Inside model/ and for other back ends.
// Thread rule: a spec is immutable; angles belong to their owner.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "local_backend/model/architecture.h"
#include "local_backend/model/model_reader.h"

namespace tollgate::local {

struct RopeSpec {
  std::vector<float> frequencies;  // [dims / 2], radians per token
  float magnitude = 1;             // of what is turned
};

// The spec that the file's base, scaling keys and factor tensors ask for. `context`: of the model; it decides between
// the short and the long factors of "longrope", once for all sequences, so that cached blocks stay valid.
RopeSpec read_rope(ModelReader& reader, int dims, float base, std::int64_t context);
// Without any scaling.
RopeSpec plain_rope(int dims, float base);

// Cosines and sines of some positions.
class RopeAngles {
 public:
  RopeAngles(RopeSpec spec, std::size_t max_tokens);
  // Fills the angles of tokens [first, first + positions.size()).
  void fill(std::span<const std::int32_t> positions, std::size_t first);
  // Turns the first 2 * frequencies values of each of the token's `heads` heads of `dim` values, in place.
  void turn(float* x, std::size_t token, int heads, int dim, RopePairs pairs) const;

 private:
  RopeSpec spec_;
  std::vector<float> cosines_, sines_;  // [max_tokens][frequencies]
};

}  // namespace tollgate::local
