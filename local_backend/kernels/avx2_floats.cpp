// Products over plain floats of the AVX2 level.
#include "local_backend/kernels/avx2_vector.h"
//
#include "local_backend/kernels/avx2_ops.h"
#include "local_backend/kernels/float_product.h"

namespace tollgate::local {

void avx2_multiply_floats(const PanelTask& task) { multiply_floats(task); }

}  // namespace tollgate::local
