// Products of few rows of the AVX-512 level without VNNI.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/avx512_ops.h"
#include "local_backend/kernels/narrow_product.h"

namespace tollgate::local {

void avx512_multiply(const PanelTask& task) {
  is_float(panel_form(task.type)) ? avx512_multiply_floats(task) : multiply_in_tiles(task);
}

void avx512_quantize(const Activations& in, std::size_t row) { quantize_row(in, row); }

}  // namespace tollgate::local
