// How the columns of a matrix are cut, which fixes the order of additions of a product: a part's columns are cut into
// chunks, whole units of 64; a chunk's units are added in order, then the part's chunks in order. One warp does a chunk
// when tokens are few, one warp does the chunks of a part one after the other when they are many: the sums are the
// same. Thread rule: pure functions.
#pragma once

#include "local_backend/cuda/matrix_layout.h"

namespace tollgate::local::gpu {

inline constexpr int kGemmWarps = 8;  // of a block
inline constexpr int kGemmThreads = kGemmWarps * 32;
inline constexpr int kMostParts = 8;

struct GemmSplit {
  int columns_of_blocks = 1;        // blocks side by side over the columns when tokens are few
  int chunks_of_part = kGemmWarps;  // 1, 2, 4 or 8

  TOLLGATE_BOTH_MEMBER int chunks() const { return columns_of_blocks * kGemmWarps; }
  TOLLGATE_BOTH_MEMBER int parts() const { return chunks() / chunks_of_part; }
  // The first unit of a chunk; that of chunk chunks() is the end.
  TOLLGATE_BOTH_MEMBER int first_unit(int chunk, int units) const {
    return static_cast<int>(static_cast<long long>(units) * chunk / chunks());
  }
};

// Of the matrix's shape and the device's size alone. Two goals: with few tokens there is a block of 16 rows for nearly
// every multiprocessor; with many, where a block takes 128 rows and one part so that activations are not read too
// often, three quarters of the multiprocessors have one.
inline GemmSplit gemm_split(const DeviceMatrix& matrix, int multiprocessors) {
  GemmSplit split;
  const int tiles = matrix_tiles(matrix.rows), units = matrix_units(matrix.columns);
  while (split.columns_of_blocks < kMostParts && tiles * split.columns_of_blocks * 8 < multiprocessors * 7 &&
         units >= 2 * split.chunks())
    split.columns_of_blocks *= 2;
  const int blocks = (tiles + kGemmWarps - 1) / kGemmWarps;
  while (split.parts() < kMostParts && split.chunks_of_part > 1 && blocks * split.parts() * 4 < multiprocessors * 3 &&
         units >= 4 * split.parts())
    split.chunks_of_part /= 2;
  return split;
}

}  // namespace tollgate::local::gpu
