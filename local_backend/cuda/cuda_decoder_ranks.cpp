// What a decoder does with the other devices that share its model: two sums for each layer, and the logits' parts.
#include <algorithm>

#include "local_backend/cuda/cuda_decoder.h"

namespace tollgate::local::gpu {

Result<void> CudaDecoder::allocate_for_ranks() {
  const std::size_t logits = std::min(limits_.tokens, kLogitRows) * head_rows(config_.vocabulary, rank_.count);
  return allocate({{&summed_, limits_.tokens * width() * sizeof(float)},
                   {&gathered_, static_cast<std::size_t>(rank_.count) * logits * sizeof(float)}});
}

// With one rank what is given, so that no kernel is added. Biases and norms follow the sum: they count once.
Partials CudaDecoder::over_ranks(const Partials& part) {
  if (rank_.count == 1) return part;
  sum_parts(stream_, part, nullptr, m_, config_.width, summed_.as<float>());
  return over_ranks();
}

Partials CudaDecoder::over_ranks() {
  const std::size_t count = static_cast<std::size_t>(m_) * width();
  if (auto done = rank_.collective->all_reduce(rank_.index, stream_, summed_.as<float>(), count); !done)
    trouble_ = std::move(done);
  return {summed_.as<float>(), 1, static_cast<std::int64_t>(count), config_.width};
}

// Every rank gets all logits, the same bits, and so draws the same token: nobody has to tell it.
void CudaDecoder::gather_logits(const Partials& part, int m, float* out) {
  const std::size_t columns = head_rows(config_.vocabulary, rank_.count), count = static_cast<std::size_t>(m) * columns;
  auto* all = gathered_.as<float>();
  float* own = all + static_cast<std::size_t>(rank_.index) * count;
  sum_parts(stream_, part, nullptr, m, weights_.head.rows.front(), own);
  if (auto done = rank_.collective->all_gather(rank_.index, stream_, own, count, all); !done)
    trouble_ = std::move(done);
  join_columns(stream_, all, m, static_cast<int>(config_.vocabulary), static_cast<int>(columns), out);
}

}  // namespace tollgate::local::gpu
