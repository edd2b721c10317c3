// The tables of the fast levels: the driver's functions bound to each level's own.
#include "local_backend/kernels/amx_ops.h"
#include "local_backend/kernels/avx2_ops.h"
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/drive.h"
#include "local_backend/kernels/levels.h"
#include "local_backend/kernels/panel_pack.h"

namespace tollgate::local {
namespace {

constexpr LevelOps kAvx2{.narrow = 4,
                         .tile = 4,
                         .quantize = avx2_quantize,
                         .multiply_narrow = avx2_multiply,
                         .multiply_wide = avx2_multiply,
                         .attend = avx2_attend,
                         .store_kv = avx2_store_kv};
constexpr LevelOps kAvx512{.narrow = 4,
                           .tile = 4,
                           .quantize = avx512_quantize,
                           .multiply_narrow = avx512_multiply,
                           .multiply_wide = avx512_multiply,
                           .attend = avx512_attend,
                           .store_kv = avx512_store_kv};
constexpr LevelOps kAvx512Vnni{.narrow = 4,
                               .tile = 6,
                               .quantize = avx512_quantize,
                               .multiply_narrow = vnni_multiply_narrow,
                               .multiply_wide = vnni_multiply_wide,
                               .attend = avx512_attend,
                               .store_kv = avx512_store_kv};

constexpr LevelOps kAmx{.narrow = 4,
                        .tile = 16,
                        .quantize = avx512_quantize,
                        .multiply_narrow = vnni_multiply_narrow,
                        .multiply_wide = amx_multiply_wide,
                        .attend = avx512_attend,
                        .store_kv = avx512_store_kv};

template <const LevelOps& kOps>
void matmul(std::span<const PackedMatrix* const> matrices, const float* x, std::size_t m, std::span<float* const> ys,
            std::byte* scratch, Workers& workers) {
  drive::matmul(kOps, matrices, x, m, ys, scratch, workers);
}

template <const LevelOps& kOps>
void write_kv(const AttentionArgs& args, const float* k, const float* v, Workers& workers) {
  drive::write_kv(kOps, args, k, v, workers);
}

template <const LevelOps& kOps>
void attention(const AttentionArgs& args, Workers& workers) {
  drive::attention(kOps, args, workers);
}

// The functions of rows are missing.
template <const LevelOps& kOps>
constexpr Kernels driven(CpuLevel level) {
  return {.level = level,
          .pack = panels::pack,
          .matmul = matmul<kOps>,
          .scratch_bytes = drive::scratch_bytes,
          .row = panels::row,
          .write_kv = write_kv<kOps>,
          .attention = attention<kOps>};
}

template <const LevelOps& kOps>
constexpr Kernels with_avx512(CpuLevel level) {
  Kernels out = driven<kOps>(level);
  out.rms_norm = avx512_rms_norm, out.silu_mul = avx512_silu_mul;
  out.gelu_mul = avx512_gelu_mul, out.add = avx512_add;
  return out;
}

constexpr Kernels with_avx2(CpuLevel level) {
  Kernels out = driven<kAvx2>(level);
  out.rms_norm = avx2_rms_norm, out.silu_mul = avx2_silu_mul;
  out.gelu_mul = avx2_gelu_mul, out.add = avx2_add;
  return out;
}

}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kTable = with_avx2(CpuLevel::avx2);
  return kTable;
}

const Kernels& avx512_kernels() {
  static constexpr Kernels kTable = with_avx512<kAvx512>(CpuLevel::avx512);
  return kTable;
}

const Kernels& avx512_vnni_kernels() {
  static constexpr Kernels kTable = with_avx512<kAvx512Vnni>(CpuLevel::avx512_vnni);
  return kTable;
}

const Kernels& amx_kernels() {
  static constexpr Kernels kTable = with_avx512<kAmx>(CpuLevel::amx);
  return kTable;
}

}  // namespace tollgate::local
