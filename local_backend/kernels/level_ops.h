// What a fast level brings: functions on one panel, one tile of queries, one row. The order of work and its spreading
// over threads is the same for all of them (drive_*.cpp). Files that are compiled for an instruction set include only
// this and intrinsics: no inline function of a library may be compiled with instructions that the machine lacks.
// Inside kernels/ only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {

// The rows of a matmul's input, quantised to 8 bits per unit of 32 columns: x = d * q, |q| <= 127. Rows come in tiles
// of `tile` (the last may be smaller); in a tile of n rows all arrays are [units][n], so that a kernel follows one
// pointer.
struct Activations {
  const float* x = nullptr;  // [m][columns], as given
  std::size_t m = 0, columns = 0, units = 0;
  std::size_t tile = 1;
  std::int8_t* q = nullptr;           // [units][n][32]
  float* d = nullptr;                 // [units][n]
  float* sum = nullptr;               // [units][n]: d * (sum of the unit's q)
  std::int32_t* bias = nullptr;       // [units][n]: -128 * (sum of the unit's q)
  std::int32_t* half_bias = nullptr;  // [units][2][n]: the same for the unit's two halves
};

// One panel times input rows [first, first + count); `first` begins a tile.
struct PanelTask {
  const std::uint8_t* panel = nullptr;
  TensorType type = TensorType::f32;
  std::size_t rows = 0;  // of the panel that exist: 1..32
  const Activations* in = nullptr;
  std::size_t first = 0, count = 0;
  float* y = nullptr;      // of the panel's first row and input row `first`
  std::size_t stride = 0;  // floats from one input row's results to the next one's
};

// Most input rows of a call of multiply_wide, a multiple of every level's tile. Their bytes should stay in the
// second-level cache while panel after panel passes by.
inline constexpr std::size_t kWideRows = 288;

inline constexpr int kAttendRows = 64;    // most query rows of a tile
inline constexpr int kAttendDim = 256;    // widest head that the fast levels take
inline constexpr int kAttendTokens = 32;  // tokens of a block: kBlockTokens

// Query rows of one sequence that share a key head, over a run of KV blocks. Row r is query r / group, head r % group
// of the group. Results: where `parts` is nullptr the finished `out`, else the state for merging.
struct AttendTask {
  const float* q = nullptr;  // [queries][q_stride], the group's heads [group][dim] at the start
  float* out = nullptr;      // the same shape
  std::size_t q_stride = 0;
  int queries = 0, group = 0, dim = 0;
  const std::uint8_t* keys = nullptr;  // of the key head in block 0 of the pool
  const std::uint8_t* values = nullptr;
  std::size_t block_bytes = 0;
  const std::int32_t* blocks = nullptr;  // the sequence's table
  int first_block = 0, end_block = 0;    // of the table
  int first_position = 0;                // of query 0
  int context = 0;
  bool bytes = false;  // int8 with scales, else halves
  bool causal = true;
  int window = 0;
  float scale = 0, softcap = 0;
  const float* sinks = nullptr;  // [group]; nullptr for parts
  float* parts = nullptr;        // [rows][dim + 2]: sums of weight * value, largest score, sum of weights
};

struct LevelOps {
  std::size_t narrow = 0;  // most input rows of multiply_narrow, at most 4; they are one tile
  std::size_t tile = 1;    // input rows of a tile in multiply_wide
  void (*quantize)(const Activations& in, std::size_t row) = nullptr;
  void (*multiply_narrow)(const PanelTask& task) = nullptr;
  void (*multiply_wide)(const PanelTask& task) = nullptr;
  void (*attend)(const AttendTask& task) = nullptr;
  // One token's key or value of one head; `scale` nullptr: halves, else int8 with this scale.
  void (*store_kv)(const float* x, std::size_t dim, float* scale, std::uint8_t* out) = nullptr;
};

}  // namespace tollgate::local
