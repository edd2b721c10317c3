// Where one head of one block lies in the KV pool; see KvLayout. Inside kernels/ only.
#pragma once

#include "local_backend/kernels/kernels.h"

namespace tollgate::local {

enum class KvPart : unsigned char { key, value };

inline std::byte* kv_head_at(std::byte* pool, const KvLayout& kv, std::int32_t block, int layer, KvPart part,
                             int head) {
  const auto heads = static_cast<std::size_t>(kv.kv_heads);
  const std::size_t half = static_cast<std::size_t>(layer) * 2 + (part == KvPart::value ? 1 : 0);
  return pool + static_cast<std::size_t>(block) * kv.block_bytes() +
         (half * heads + static_cast<std::size_t>(head)) * kv.head_bytes();
}

}  // namespace tollgate::local
