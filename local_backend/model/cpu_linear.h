// Matrices as the chosen kernels read them, and products with several of them at once. Inside model/ only.
// Thread rule: the engine thread.
#pragma once

#include <initializer_list>

#include "local_backend/model/decoder_file.h"

namespace tollgate::local {

using CpuLinear = Linear<PackedMatrix>;

// No rows stay no rows.
PackedMatrix pack(const MatrixView& view, const Kernels& kernels, WeightMemory& memory, Workers& workers);
CpuLinear pack(Linear<MatrixView>&& linear, const Kernels& kernels, WeightMemory& memory, Workers& workers);

// outs[i][m][rows of linears[i]] = in[m][columns] * weight^T + bias, for at most three that share their input.
void multiply(const Kernels& kernels, Workers& workers, std::byte* scratch,
              std::initializer_list<const CpuLinear*> linears, const float* in, std::size_t m,
              std::initializer_list<float*> outs);

}  // namespace tollgate::local
