// Tiny models in shapes that four devices can share: 8 heads of 64 values, 4 of keys and values, feed-forward parts of
// 160 values, which are five units of 32 and so uneven shares. Numbers are normal ones, the same for the same family.
#pragma once

#include <string>

#include "../model/tiny_model.h"

namespace tollgate::local {

TinyModel with_many_heads(const std::string& family);

}  // namespace tollgate::local
