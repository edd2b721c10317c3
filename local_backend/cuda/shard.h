// Which part of a model each of several devices holds ("tensor parallelism", Shoeybi et al. 2019): a rank has some of
// the heads, with their rows of q, k and v and their columns of the output matrix; some rows of gate and up with the
// columns of down, of every expert too; some rows of the head. What a rank computes from its columns is one term of a
// sum over all ranks. Embeddings, norms, routers and the biases that follow a sum are whole everywhere.
// Thread rule: pure functions; the views live as long as the file.
#pragma once

#include <string>

#include "local_backend/model/decoder_file.h"

namespace tollgate::local::gpu {

// Columns [first_column, first_column + columns) of rows of a matrix in the file. An absent matrix has no rows.
struct MatrixPart {
  MatrixView view;
  std::size_t first_column = 0, columns = 0;
};

// A model of its own, whose config counts what this rank has: heads, kv_heads, ffn, expert_ffn, shared_expert_ffn. A
// tied head is no longer tied where there are several ranks.
struct Shard {
  DecoderConfig config;
  DecoderWeights<MatrixPart> weights;
};

inline constexpr std::size_t kMostRanks = 8;

// Empty, or why `ranks` devices cannot share the model, and how many can. REQUIRES: 1, 2, 4 or 8 ranks.
std::string why_not_shared(const DecoderFile& model, int ranks);
// REQUIRES: why_not_shared() is empty.
Shard shard_of(const DecoderFile& model, int rank, int ranks);

// Rows of the head on every rank but the last, which may have fewer.
std::size_t head_rows(std::size_t vocabulary, int ranks);

}  // namespace tollgate::local::gpu
