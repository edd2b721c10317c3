// The function of the amx level that the AVX-512 levels have not. Inside kernels/ only.
#pragma once

#include "local_backend/kernels/level_ops.h"

namespace tollgate::local {

// REQUIRES: the process may use tile registers (level.cpp asks for it).
void amx_multiply_wide(const PanelTask& task);

}  // namespace tollgate::local
