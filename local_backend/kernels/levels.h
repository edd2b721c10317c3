// The tables of the levels, each from the files that begin with its name. Inside kernels/ only.
#pragma once

#include "local_backend/kernels/kernels.h"

namespace tollgate::local {

const Kernels& scalar_kernels();
// x86-64 only.
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
const Kernels& avx512_vnni_kernels();
const Kernels& amx_kernels();

}  // namespace tollgate::local
