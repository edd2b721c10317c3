// The kernels of a step, as the decoder calls them: what each reads and writes, with shapes. All pointers are device
// memory unless said otherwise; halves are bits in std::uint16_t. Every function adds work to a stream and returns; bad
// arguments are a bug, trouble of the device is the stream's. Thread rule: that of the stream.
//
// The way of the numbers: the residual stream and everything between a matrix product and the next norm are floats.
// A product reads `Activations`, rows of 16 or 8 bits with a scale for each row, so that nothing overflows a half; it
// leaves `Partials`, sums over parts of its columns, which the kernel that reads them adds in order. So no result
// depends on the order in which blocks finish, and a row's result does not depend on the rows beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "local_backend/cuda/both.h"
#include "local_backend/cuda/runtime.h"

namespace tollgate::local::gpu {

inline constexpr int kSumGroup = 32;  // columns of one entry of Activations::sums

// How the rows that a matrix product reads are written.
enum class ActivationFormat : unsigned char {
  f16,   // value = half * scale; scale is a power of two that brings the row's largest magnitude into [128, 256)
  bf16,  // value = bf16; no scales
  fp8,   // value = e4m3 * scale; scale = the row's largest magnitude / 448
};

struct Activations {
  ActivationFormat format = ActivationFormat::f16;
  void* values = nullptr;   // [m][columns] of 2, 2 or 1 bytes; 16-byte aligned rows: columns is a multiple of 32
  float* scales = nullptr;  // [m]; f16 and fp8
  float* sums = nullptr;    // [m][columns / kSumGroup], of the written values times the scale; f16 only
};

// Sums that are still in parts: value[row][i] = sum over p of data[p * part_stride + row * row_stride + i].
struct Partials {
  const float* data = nullptr;
  int parts = 0;  // 0 = nothing to add
  std::int64_t part_stride = 0, row_stride = 0;
};

// ---- Matrix products: quantized_gemm.cu ----

// A weight matrix [rows][columns] in the order of matrix_layout.h; both pointers are 16-byte aligned.
struct DeviceMatrix {
  int bits = 0;          // 4, 8 or 16
  int group = 0;         // columns under one scale: 16 or 32; 0 for 16 bits: one scale for each row
  bool minimum = false;  // value = scale * q + minimum, else scale * (q - zero), zero = 8 for 4 bits, 128 for 8
  int rows = 0, columns = 0;
  const std::byte* values = nullptr;
  const std::byte* scales = nullptr;
};

// out[p][token][row] for `m` tokens, p < parts of gemm_parts(). For any m; made for up to 64.
struct GemmArgs {
  const DeviceMatrix* matrix = nullptr;  // host memory, read during the call
  Activations x;                         // f16, with sums where the matrix has minima
  int m = 0;
  float* out = nullptr;  // [gemm_parts(matrix)][m][rows]
};
// Into how many parts a matrix's columns are cut: a property of the matrix and of the device's size, never of m.
int gemm_parts(const DeviceMatrix& matrix, int multiprocessors);
// Several products of the same rows x, in as few launches as their formats allow.
void quantized_gemm(Stream& stream, std::span<const GemmArgs> products, int multiprocessors);

// The same for experts: item i multiplies rows [first, first + count) of `tokens`, indices into x's rows, with matrix
// `expert` of a set of equal shape; out's row is the position in `tokens`.
struct ExpertItem {
  std::int32_t expert = 0, first = 0, count = 0, unused = 0;
};
struct ExpertGemmArgs {
  const DeviceMatrix* experts = nullptr;  // device memory, [experts]; all of one shape and format
  DeviceMatrix shape;                     // of one of them, without pointers
  Activations x;                          // f16
  const std::int32_t* tokens = nullptr;   // [chosen] row of x for each chosen pair; nullptr: row = position
  const ExpertItem* items = nullptr;      // [max_items], count = 0 ends nothing: empty items are passed over
  int max_items = 0, max_count = 0, chosen = 0;
  float* out = nullptr;  // [parts][chosen][rows]
};
void expert_gemm(Stream& stream, const ExpertGemmArgs& args, int multiprocessors);

// out[row][column] as floats, bf16 or e4m3 with a scale for each row (rows * 4 bytes, the largest magnitude / 448).
void dequantize_bf16(Stream& stream, const DeviceMatrix& matrix, std::uint16_t* out);
void dequantize_fp8(Stream& stream, const DeviceMatrix& matrix, std::uint8_t* out, float* row_scales);

// ---- Rows: rows.cu ----

// x[t][width] = row of the embedding for tokens[t], times `scale`. A token below 0 is a placeholder: token -(i + 1) is
// sampled[i].
struct EmbedArgs {
  DeviceMatrix embedding;
  const std::int32_t* tokens = nullptr;   // [m]
  const std::int32_t* sampled = nullptr;  // of the step before
  std::int32_t* resolved = nullptr;       // [m] the tokens without placeholders; may be nullptr
  int m = 0;
  float scale = 1;
  float* x = nullptr;
};
void embed(Stream& stream, const EmbedArgs& args);

// delta = sum of parts (+ bias), RMS-normed by post_norm if given; x += delta; out = norm(x) * weight. Rows of
// add_norm, gate and convert_rows are multiples of 32 columns, at most as many as a block's shared memory holds floats
// (57,000 on an H200), and the strides of their parts are multiples of 4.
struct AddNormArgs {
  float* x = nullptr;                  // [m][width], the residual stream
  Partials delta;                      // parts = 0: nothing is added
  const float* bias = nullptr;         // [width]
  const float* post_norm = nullptr;    // [width]
  const float* weight = nullptr;       // [width]; nullptr: only the addition, `out` is not written
  const std::int32_t* rows = nullptr;  // [m]: normalise row rows[i] of x as out's row i (no delta then); nullptr: all
  float eps = 0;
  int m = 0, width = 0;
  Activations out;
  float* out_float = nullptr;  // [m][width] the normed values as floats as well; may be nullptr
};
void add_norm(Stream& stream, const AddNormArgs& args);

// Keys and values of the pool: block b at base + b * block_bytes; within: [layer][K, V][kv_head][32 tokens][dim],
// halves or e4m3 bytes.
struct KvPool {
  std::byte* base = nullptr;
  bool fp8 = false;
  int layers = 0, kv_heads = 0, dim = 0;
  TOLLGATE_BOTH_MEMBER std::size_t head_bytes() const {
    return std::size_t{32} * static_cast<std::size_t>(dim) * (fp8 ? 1 : 2);
  }
  TOLLGATE_BOTH_MEMBER std::size_t block_bytes() const {
    return head_bytes() * static_cast<std::size_t>(kv_heads) * 2 * static_cast<std::size_t>(layers);
  }
};

// The plan on the device. Tables have room for the largest plan, so that a recorded graph can be used again; what
// varies is in the arrays.
struct PlanArrays {
  const std::int32_t* tokens = nullptr;       // [tokens] may hold placeholders
  const std::int32_t* positions = nullptr;    // [tokens]; -1 = a row of padding, which writes nothing
  const std::int32_t* token_row = nullptr;    // [tokens] which row of the plan
  const std::int32_t* row_first = nullptr;    // [rows] PlanRow::first_token
  const std::int32_t* row_tokens = nullptr;   // [rows] PlanRow::tokens; 0 = padding
  const std::int32_t* row_context = nullptr;  // [rows] PlanRow::context
  const std::int32_t* blocks = nullptr;       // [rows][block_stride]
  int block_stride = 0;
};

// q, k, v of a layer: parts summed, biases added, heads normed, turned by rope; k and v go to the pool, q to `q_out`.
struct HeadsArgs {
  Partials q, k, v;
  const float *q_bias = nullptr, *k_bias = nullptr, *v_bias = nullptr;  // [heads * dim], [kv_heads * dim]; or nullptr
  const float *q_norm = nullptr, *k_norm = nullptr;                     // [dim] or nullptr
  float eps = 0;
  const float* angles = nullptr;  // [context][rope_dims / 2][cos, sin], magnitude included
  int rope_dims = 0;
  bool adjacent_pairs = false;  // (x0, x1), else (x0, x[n/2])
  int m = 0, heads = 0, layer = 0;
  PlanArrays plan;
  KvPool pool;
  std::uint16_t* q_out = nullptr;  // [m][heads][dim] halves
};
void write_heads(Stream& stream, const HeadsArgs& args);

// out = activation(gate) * up, parts summed and biases added. gate and up: [m][ffn].
struct GateArgs {
  Partials gate, up;
  const float *gate_bias = nullptr, *up_bias = nullptr;
  bool gelu = false;  // in its tanh form; else silu
  int m = 0, ffn = 0;
  Activations out;
};
void gate(Stream& stream, const GateArgs& args);

// Writes rows of halves (attention's result, scale 1) as another format.
void convert_rows(Stream& stream, const std::uint16_t* halves, int m, int columns, const Activations& out);

// x[m][n] = sum of parts + bias.
void sum_parts(Stream& stream, const Partials& parts, const float* bias, int m, int n, float* x);

// out[row][c] = column c % part_columns of part c / part_columns: part p begins at p * m * part_columns and has [m]
// rows of its own width, which is part_columns but for the last. For the logits of several devices: ranks.cu.
void join_columns(Stream& stream, const float* parts, int m, int columns, int part_columns, float* out);

// ---- Experts: experts.cu ----

// Softmax over the router's logits, the `used` largest, their weights normalised if `normalise`, times `scale`. Writes
// the chosen pairs sorted by expert, ties by token, and one item per `max_count` rows of an expert.
struct RouteArgs {
  Partials logits;                   // [m][experts]
  int m = 0, experts = 0, used = 0;  // at most 512 experts
  bool normalise = true;
  float scale = 1;
  int max_count = 64;
  std::int32_t* tokens = nullptr;  // [m * used] token of the pair at this place
  std::int32_t* places = nullptr;  // [m][used] place of each of a token's pairs
  float* weights = nullptr;        // [m][used]
  ExpertItem* items = nullptr;     // [experts + m * used / max_count], unused ones with count 0
  int max_items = 0;
};
void route(Stream& stream, const RouteArgs& args);
// x[t] += sum over u of weights[t][u] * values[places[t][u]], in the order of u, then + sigmoid(shared_gate[t]) *
// shared[t] where there is a shared expert (shared_gate.parts = 0: its weight is 1).
struct MixArgs {
  float* x = nullptr;  // [m][width]
  Partials values;     // [m * used][width]
  const std::int32_t* places = nullptr;
  const float* weights = nullptr;
  Partials shared, shared_gate;  // [m][width], [m][1]; parts = 0: none
  int m = 0, used = 0, width = 0;
};
void mix(Stream& stream, const MixArgs& args);

// ---- Attention: attention.cu, attention_split.cu, attention_tiles.cu ----

struct AttendArgs {
  const std::uint16_t* q = nullptr;  // [m][heads][dim] halves
  KvPool pool;
  PlanArrays plan;
  int rows = 0;         // of the plan that take part, or of the graph's size
  int first_row = 0;    // rows [first_row, first_row + rows)
  int max_tokens = 1;   // the most tokens of one of these rows
  int max_context = 0;  // the longest context of these rows, or of the graph
  int layer = 0, heads = 0;
  float scale = 0, softcap = 0;  // softcap 0 = none
  int window = 0;                // 0 = all
  bool exact = false;            // one way of adding for every shape: see attention_tiles.cu
  float* scratch = nullptr;      // attend_scratch_floats() of at least `rows`; 16-byte aligned
  std::uint16_t* out = nullptr;  // [m][heads][dim] halves; padding rows stay as they are
};
bool attention_supports(int dim);  // 64, 96, 128, 256
// For a call of `max_rows` rows of the plan, of any lengths.
std::size_t attend_scratch_floats(int max_rows, int heads, int dim);
// Chooses split-KV over packed query heads for short rows (at most 8 tokens, tokens * heads / kv_heads <= 64) and the
// tiled kernel for long ones. A row's result is the same whatever rows are beside it. Both kernels look at every row
// when max_tokens allows both kinds, and their grids are made for the longest: a plan whose short rows come first is
// best given in two calls.
void attend(Stream& stream, const AttendArgs& args);

// ---- Sampling: sample.cu ----

// One row of logits; what sampler.h calls SamplingParams, made flat. No two name the same row of logits, which is
// changed in place; masks have (vocabulary + 31) / 32 words; a token stands once in the row's part of `seen`.
struct DeviceSample {
  float temperature = 1, top_p = 1, min_p = 0;
  float repetition = 1, presence = 0, frequency = 0;
  std::int32_t top_k = 0;
  std::int32_t logprobs = -1;  // alternatives wanted; -1 = no log probability at all
  std::uint64_t seed = 0, position = 0, stream = 0;
  std::int32_t mask_at = -1;                    // first word in `masks`; -1 = all tokens are allowed
  std::int32_t seen_first = 0, seen_count = 0;  // in `seen`
  std::int32_t bias_first = 0, bias_count = 0;  // in `biases`
  std::int32_t logit_row = 0;                   // row of the logits; -1 = padding, which writes nothing
};
struct SeenToken {
  std::int32_t token = 0;
  std::int32_t times = 0;  // in the answer; 0 = only in the prompt
};
struct TokenBias {
  std::int32_t token = 0;
  float bias = 0;
};
inline constexpr int kMaxAlternatives = 20;
struct DrawnToken {
  std::int32_t token = -1;
  float logprob = 0;
  std::int32_t alternative[kMaxAlternatives];  // -1 where there are no more
  float alternative_logprob[kMaxAlternatives];
};
struct SampleArgs {
  float* logits = nullptr;  // [rows][vocabulary]; changed
  int rows = 0, vocabulary = 0;
  float softcap = 0;                      // of the model's logits, applied first; 0 = none
  const DeviceSample* samples = nullptr;  // [rows]
  const std::uint32_t* masks = nullptr;
  const SeenToken* seen = nullptr;
  const TokenBias* biases = nullptr;
  std::int32_t* sampled = nullptr;  // [rows] for the placeholders of the next step
  DrawnToken* drawn = nullptr;      // [rows]
};
// The same token as sample() of sampler.h for the same logits, up to the rounding of sums.
void sample_rows(Stream& stream, const SampleArgs& args);

}  // namespace tollgate::local::gpu
