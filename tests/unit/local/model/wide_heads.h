// Tiny models in shapes that kernels for devices take: heads of 64 values instead of 16, a shared expert of 64 instead
// of
// 48. What is added is zero, so that the logits stay what they are.
#pragma once

#include "tiny_model.h"

namespace tollgate::local {

TinyModel with_wide_heads(TinyModel model);

}  // namespace tollgate::local
