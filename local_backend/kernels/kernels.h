// The arithmetic of the CPU back end: one table of functions per instruction set level, chosen once at start. Every
// level computes the same thing as `scalar`, which is the reference and keeps activations in float; the faster levels
// may quantise activations to 8 bits per 32 values. All pointers are raw, all shapes are stated, nothing allocates
// except pack(). Thread rule: functions are called by the engine thread and spread their own work over `workers`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "local_backend/backend.h"
#include "local_backend/gguf/tensor_type.h"
#include "local_backend/kernels/weight_memory.h"
#include "local_backend/kernels/workers.h"

namespace tollgate::local {

enum class CpuLevel : unsigned char { scalar, avx2, avx512, avx512_vnni, amx };
std::string_view name_of(CpuLevel level);
// What this machine can run, or the one that TOLLGATE_CPU_LEVEL names (for tests and for trouble). `amx` is taken only
// when it is named.
CpuLevel best_cpu_level();
bool cpu_supports(CpuLevel level);

// A weight matrix in the order that a level reads it. rows = outputs, columns = inputs.
struct PackedMatrix {
  TensorType type = TensorType::f32;  // of the values
  std::size_t rows = 0, columns = 0;
  std::shared_ptr<const std::byte> data;  // 64-byte aligned; may be the file's own mapping where no repacking pays
  std::size_t bytes = 0;
  int layout = 0;  // of the level that packed it
};

enum class KvType : unsigned char { f16, q8 };  // q8: int8 with one float scale per token and head

// Where keys and values live. One block is one contiguous object:
// [layer][K, V][kv_head]{f16: [kBlockTokens][dim] halves; q8: [kBlockTokens] float scales, then [kBlockTokens][dim]
// int8}
struct KvLayout {
  KvType type = KvType::f16;
  int layers = 0, kv_heads = 0, dim = 0;
  std::size_t head_bytes() const;   // one [kBlockTokens][dim] with its scales
  std::size_t block_bytes() const;  // layers * 2 * kv_heads * head_bytes()
};

struct AttentionArgs {
  const float* q = nullptr;  // [T][heads][dim], after rope
  float* out = nullptr;      // [T][heads][dim]
  std::byte* pool = nullptr;
  KvLayout kv;
  int layer = 0, heads = 0;
  float scale = 0;    // of q . k
  float softcap = 0;  // 0 = none
  int window = 0;     // sliding window in tokens; 0 = all
  bool causal = true;
  const float* sinks = nullptr;  // [heads] or nullptr
  const StepPlan* plan = nullptr;
};

struct Kernels {
  CpuLevel level;
  // Reads `rows` x `columns` values of `type`, row after row; the result lies in `memory` or is `data` itself.
  PackedMatrix (*pack)(TensorType type, const std::byte* data, std::size_t rows, std::size_t columns,
                       WeightMemory& memory, Workers& workers);
  // ys[i][m][rows_i] = x[m][columns] * W_i^T, for at most 8 matrices that share their input. `scratch`: see
  // scratch_bytes.
  void (*matmul)(std::span<const PackedMatrix* const> matrices, const float* x, std::size_t m,
                 std::span<float* const> ys, std::byte* scratch, Workers& workers);
  std::size_t (*scratch_bytes)(std::size_t max_m, std::size_t max_columns);
  // One row of a matrix as floats (token embeddings).
  void (*row)(const PackedMatrix& matrix, std::size_t row, float* out);
  // Writes K and V of the plan's tokens, [T][kv_heads][dim] each, into their blocks.
  void (*write_kv)(const AttentionArgs& args, const float* k, const float* v, Workers& workers);
  void (*attention)(const AttentionArgs& args, Workers& workers);
  // out[m][n] = x * rsqrt(mean(x^2) + eps) * weight, row by row; weight may be nullptr. In place is allowed.
  void (*rms_norm)(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out);
  void (*silu_mul)(float* gate, const float* up, std::size_t n);  // gate = silu(gate) * up
  void (*gelu_mul)(float* gate, const float* up, std::size_t n);  // gate = gelu_tanh(gate) * up
  void (*add)(float* x, const float* y, std::size_t n);           // x += y
};
// REQUIRES: cpu_supports(level).
const Kernels& kernels_of(CpuLevel level);

}  // namespace tollgate::local
