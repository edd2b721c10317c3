// Attention of the AVX2 level: attend_tile.h for vectors of eight floats.
#include "local_backend/kernels/avx2_vector.h"
//
#include "local_backend/kernels/attend_tile.h"
#include "local_backend/kernels/avx2_ops.h"

namespace tollgate::local {

void avx2_attend(const AttendTask& task) { attend(task); }

}  // namespace tollgate::local
