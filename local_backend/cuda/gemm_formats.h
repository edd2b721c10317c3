// The formats that kernels are built for. Included by .cu files alone.
#pragma once

#include "local_backend/cuda/gemm_unit.h"

namespace tollgate::local::gpu {

// Calls `with(GemmFormat<...>{})` for the matrix's format, which is one of device_format().
template <class With>
void with_format(const DeviceMatrix& matrix, const With& with) {
  if (matrix.bits == 16) return with(GemmFormat<16, 0, false>{});
  if (matrix.bits == 4) {
    if (matrix.minimum) return with(GemmFormat<4, 32, true>{});
    return with(GemmFormat<4, 32, false>{});
  }
  if (matrix.group == 16) return with(GemmFormat<8, 16, false>{});
  if (matrix.minimum) return with(GemmFormat<8, 32, true>{});
  return with(GemmFormat<8, 32, false>{});
}

}  // namespace tollgate::local::gpu
