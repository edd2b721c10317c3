// The tables of the fast levels: the driver's functions bound to each level's own.
#include "local_backend/kernels/levels.h"

#if defined(__x86_64__)

#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/drive.h"
#include "local_backend/kernels/panel_pack.h"

namespace tollgate::local {
namespace {

constexpr LevelOps kAvx512{
    .tile = 6, .multiply_wide = avx512_multiply_floats, .attend = avx512_attend, .store_kv = avx512_store_kv};
constexpr LevelOps kAvx512Vnni{.narrow = 4,
                               .tile = 6,
                               .wide_quantized = true,
                               .quantize = avx512_quantize,
                               .multiply_narrow = vnni_multiply_narrow,
                               .multiply_wide = vnni_multiply_wide,
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

template <const LevelOps& kOps>
constexpr Kernels with_avx512(CpuLevel level) {
  return {level,           panels::pack,    matmul<kOps>,    drive::scratch_bytes, panels::row, write_kv<kOps>,
          attention<kOps>, avx512_rms_norm, avx512_silu_mul, avx512_gelu_mul,      avx512_add};
}

}  // namespace

const Kernels& avx512_kernels() {
  static constexpr Kernels kTable = with_avx512<kAvx512>(CpuLevel::avx512);
  return kTable;
}

const Kernels& avx512_vnni_kernels() {
  static constexpr Kernels kTable = with_avx512<kAvx512Vnni>(CpuLevel::avx512_vnni);
  return kTable;
}

}  // namespace tollgate::local

#endif
