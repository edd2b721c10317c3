// Products of few rows of the AVX2 level (decode): byte products by pairs.
#include "local_backend/kernels/avx2_vector.h"
//
#include "local_backend/kernels/avx2_ops.h"
#include "local_backend/kernels/narrow_product.h"

namespace tollgate::local {

void avx2_multiply(const PanelTask& task) {
  is_float(panel_form(task.type)) ? avx2_multiply_floats(task) : multiply_in_tiles(task);
}

void avx2_quantize(const Activations& in, std::size_t row) { quantize_row(in, row); }

}  // namespace tollgate::local
