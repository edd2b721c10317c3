// Functions of the AVX-512 levels; what they compute: kernels.h and level_ops.h. Inside kernels/ only.
#pragma once

#include "local_backend/kernels/level_ops.h"

namespace tollgate::local {

void avx512_quantize(const Activations& in, std::size_t row);
// Any number of rows; quants by bytes, floats as such.
void avx512_multiply(const PanelTask& task);
// Panels of any type, through floats and without quantised inputs.
void avx512_multiply_floats(const PanelTask& task);
void avx512_attend(const AttendTask& task);
void avx512_store_kv(const float* x, std::size_t dim, float* scale, std::uint8_t* out);
void avx512_rms_norm(const float* x, const float* weight, float eps, std::size_t m, std::size_t n, float* out);
void avx512_silu_mul(float* gate, const float* up, std::size_t n);
void avx512_gelu_mul(float* gate, const float* up, std::size_t n);
void avx512_add(float* x, const float* y, std::size_t n);

void vnni_multiply_narrow(const PanelTask& task);
void vnni_multiply_wide(const PanelTask& task);

}  // namespace tollgate::local
