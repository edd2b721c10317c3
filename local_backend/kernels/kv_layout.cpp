// Sizes of the KV layout that kernels.h draws. Pure functions.
#include "local_backend/kernels/kernels.h"

namespace tollgate::local {

std::size_t KvLayout::head_bytes() const {
  const auto width = static_cast<std::size_t>(dim);
  if (type == KvType::f16) return kBlockTokens * width * sizeof(std::uint16_t);
  return kBlockTokens * (sizeof(float) + width);
}

std::size_t KvLayout::block_bytes() const {
  return static_cast<std::size_t>(layers) * 2 * static_cast<std::size_t>(kv_heads) * head_bytes();
}

}  // namespace tollgate::local
