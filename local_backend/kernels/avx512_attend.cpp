// Attention of the AVX-512 levels: attend_tile.h for vectors of sixteen floats.
#include "local_backend/kernels/avx512_vector.h"
//
#include "local_backend/kernels/attend_tile.h"
#include "local_backend/kernels/avx512_ops.h"

namespace tollgate::local {

void avx512_attend(const AttendTask& task) { attend(task); }

}  // namespace tollgate::local
