// Packing of matrices into panels (see panel.h), the same for all fast levels. Inside kernels/ only.
#pragma once

#include "local_backend/kernels/kernels.h"

namespace tollgate::local::panels {

PackedMatrix pack(TensorType type, const std::byte* data, std::size_t rows, std::size_t columns, WeightMemory& memory,
                  Workers& workers);
void row(const PackedMatrix& matrix, std::size_t row, float* out);

}  // namespace tollgate::local::panels
