// The reference level: plain C++, activations in float, sums in a fixed order that depends on nothing but the shapes of
// one row. So a token's numbers do not depend on what else is in the batch. Inside kernels/ only.
#pragma once

#include "local_backend/kernels/kernels.h"

namespace tollgate::local::scalar {

void write_kv(const AttentionArgs& args, const float* k, const float* v, Workers& workers);
void attention(const AttentionArgs& args, Workers& workers);

}  // namespace tollgate::local::scalar
