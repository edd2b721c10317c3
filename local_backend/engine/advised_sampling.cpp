#include "local_backend/engine/advised_sampling.h"

namespace tollgate::local {
namespace {

constexpr std::int64_t kMostTopK = 1'000'000;  // more than any vocabulary

float between(const GgufFile& file, std::string_view key, double least, double most, float otherwise) {
  const auto value = file.number(key);
  return value && *value >= least && *value <= most ? static_cast<float>(*value) : otherwise;
}

}  // namespace

SamplingParams read_advised_sampling(const GgufFile& file) {
  SamplingParams params;
  params.temperature = between(file, "general.sampling.temp", 0, 2, params.temperature);
  params.top_p = between(file, "general.sampling.top_p", 0, 1, params.top_p);
  params.min_p = between(file, "general.sampling.min_p", 0, 1, params.min_p);
  params.repetition_penalty = between(file, "general.sampling.penalty_repeat", 0.1, 10, params.repetition_penalty);
  const auto top_k = file.integer("general.sampling.top_k");
  if (top_k && *top_k >= 0 && *top_k <= kMostTopK) params.top_k = static_cast<int>(*top_k);
  return params;
}

}  // namespace tollgate::local
