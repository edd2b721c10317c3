// Products over plain floats of the AVX-512 levels.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/float_product.h"

namespace tollgate::local {

void avx512_multiply_floats(const PanelTask& task) { multiply_floats(task); }

}  // namespace tollgate::local
