// Layers with experts: a router chooses a few small ffns per token.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "local_backend/model/decoder.h"

namespace tollgate::local {
namespace {

void softmax(float* x, std::size_t n) {
  const float largest = *std::max_element(x, x + n);
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i] = std::exp(x[i] - largest);
  for (std::size_t i = 0; i < n; ++i) x[i] /= sum;
}

}  // namespace

// From h_ to h_.
void Decoder::experts(const CpuLayer& layer) {
  if (tokens_ == 0) return;
  route(layer);
  std::fill_n(mixed_.data(), tokens_ * width(), 0.0f);
  // By expert, not by token: every matrix is read once. A token's sum is always in the order of its experts' numbers.
  for (std::size_t i = 0; i < layer.experts.size(); ++i) one_expert(layer.experts[i], static_cast<std::int32_t>(i));
  if (layer.shared_router.rows > 0) shared_expert(layer);
  std::swap(h_, mixed_);
}

// choices_ = the experts_used likeliest experts of each token; of equals the lower number.
void Decoder::route(const CpuLayer& layer) {
  const auto experts = static_cast<std::size_t>(config_.experts);
  const auto used = static_cast<std::size_t>(config_.experts_used);
  const PackedMatrix* router = &layer.router;
  float* out = router_.data();
  kernels_->matmul({&router, 1}, h_.data(), tokens_, {&out, 1}, scratch_.data(), *workers_);
  for (std::size_t token = 0; token < tokens_; ++token) {
    float* odds = out + token * experts;
    softmax(odds, experts);
    Choice* choices = choices_.data() + token * used;
    float sum = 0;
    for (std::size_t i = 0; i < used; ++i) {
      float* best = std::max_element(odds, odds + experts);
      choices[i] = {static_cast<std::int32_t>(best - odds), *best};
      sum += *best;
      *best = -1;  // below every probability
    }
    const float scale = config_.expert_scale / (config_.normalises_experts && sum > 0 ? sum : 1.0f);
    for (std::size_t i = 0; i < used; ++i) choices[i].weight *= scale;
  }
}

void Decoder::one_expert(const CpuFfn& expert, std::int32_t index) {
  const auto used = static_cast<std::size_t>(config_.experts_used);
  chosen_by_.clear();
  for (std::size_t i = 0; i < tokens_ * used; ++i)
    if (choices_[i].expert == index) chosen_by_.emplace_back(i / used, choices_[i].weight);
  if (chosen_by_.empty()) return;
  for (std::size_t i = 0; i < chosen_by_.size(); ++i)
    std::copy_n(h_.data() + chosen_by_[i].first * width(), width(), expert_in_.data() + i * width());
  ffn(expert, expert_in_.data(), chosen_by_.size(), expert_out_.data());
  for (std::size_t i = 0; i < chosen_by_.size(); ++i) {
    const auto [token, weight] = chosen_by_[i];
    for (std::size_t j = 0; j < width(); ++j) mixed_[token * width() + j] += weight * expert_out_[i * width() + j];
  }
}

void Decoder::shared_expert(const CpuLayer& layer) {
  const PackedMatrix* router = &layer.shared_router;
  float* gates = router_.data();  // one per token
  kernels_->matmul({&router, 1}, h_.data(), tokens_, {&gates, 1}, scratch_.data(), *workers_);
  ffn(layer.shared_expert, h_.data(), tokens_, expert_out_.data());
  for (std::size_t token = 0; token < tokens_; ++token) {
    const float weight = 1.0f / (1.0f + std::exp(-gates[token]));
    for (std::size_t j = token * width(); j < (token + 1) * width(); ++j) mixed_[j] += weight * expert_out_[j];
  }
}

}  // namespace tollgate::local
