// Products of few rows (decode) with VNNI byte dot products.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/narrow_product.h"

namespace tollgate::local {

void vnni_multiply_narrow(const PanelTask& task) {
  is_float(panel_form(task.type)) ? avx512_multiply_floats(task) : multiply_narrow(task);
}

}  // namespace tollgate::local
