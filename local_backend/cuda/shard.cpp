#include "local_backend/cuda/shard.h"

#include <algorithm>
#include <utility>

namespace tollgate::local::gpu {
namespace {

constexpr std::size_t kColumnUnit = 32;  // columns are cut where device_matrix.h can cut them
constexpr std::size_t kHeadUnit = 16;    // rows of a tile

struct Range {
  std::size_t first = 0, count = 0;
};

// The rank's share of `total`, cut at multiples of `unit`; what is no whole unit goes to the last.
Range share(std::size_t total, std::size_t unit, int rank, int ranks) {
  const std::size_t units = total / unit, all = static_cast<std::size_t>(ranks), mine = static_cast<std::size_t>(rank);
  const std::size_t first = units * mine / all * unit;
  return {first, (mine + 1 == all ? total : units * (mine + 1) / all * unit) - first};
}

MatrixPart whole(const MatrixView& view) { return {view, 0, view.columns}; }
MatrixPart rows(const MatrixView& view, Range range) { return whole(view.slice(range.first, range.count)); }
MatrixPart columns(const MatrixView& view, Range range) { return {view, range.first, range.count}; }

std::vector<float> values(const std::vector<float>& all, Range range) {
  if (all.empty()) return {};
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(range.first);
  return {begin, begin + static_cast<std::ptrdiff_t>(range.count)};
}

Linear<MatrixPart> rows(const Linear<MatrixView>& linear, Range range) {
  return {rows(linear.weight, range), values(linear.bias, range)};
}
Linear<MatrixPart> columns(const Linear<MatrixView>& linear, Range range) {
  return {columns(linear.weight, range), linear.bias};
}

class Cutter {
 public:
  Cutter(const DecoderConfig& config, int rank, int ranks) : config_(config), rank_(rank), ranks_(ranks) {}

  DecoderLayer<MatrixPart> layer(const DecoderLayer<MatrixView>& from) const {
    DecoderLayer<MatrixPart> to;
    to.attention_norm = from.attention_norm;
    to.attention_post_norm = from.attention_post_norm;
    to.ffn_norm = from.ffn_norm;
    to.ffn_post_norm = from.ffn_post_norm;
    to.q_norm = from.q_norm;
    to.k_norm = from.k_norm;
    to.q = rows(from.q, heads(config_.heads));
    to.k = rows(from.k, heads(config_.kv_heads));
    to.v = rows(from.v, heads(config_.kv_heads));
    to.output = columns(from.output, heads(config_.heads));
    to.router = whole(from.router);
    to.shared_router = whole(from.shared_router);
    to.ffn = ffn(from.ffn);
    to.shared_expert = ffn(from.shared_expert);
    for (const GatedFfn<MatrixView>& expert : from.experts) to.experts.push_back(ffn(expert));
    return to;
  }

  MatrixPart head(const DecoderWeights<MatrixView>& from) const {
    const MatrixView& head = from.head.rows > 0 ? from.head : from.embedding;
    if (ranks_ == 1) return whole(from.head);
    const std::size_t part = head_rows(head.rows, ranks_), first = part * static_cast<std::size_t>(rank_);
    return rows(head, {first, std::min(part, head.rows - first)});
  }

  void cut(DecoderConfig& config) const {
    config.heads /= ranks_;
    config.kv_heads /= ranks_;
    for (auto* count : {&config.ffn, &config.expert_ffn, &config.shared_expert_ffn})
      *count = static_cast<int>(share(static_cast<std::size_t>(*count), kColumnUnit, rank_, ranks_).count);
  }

 private:
  // Rows or columns of this rank's heads.
  Range heads(int count) const {
    return share(static_cast<std::size_t>(count * config_.head_dim), static_cast<std::size_t>(config_.head_dim), rank_,
                 ranks_);
  }
  GatedFfn<MatrixPart> ffn(const GatedFfn<MatrixView>& from) const {
    const Range range = share(from.gate.weight.rows, kColumnUnit, rank_, ranks_);
    return {rows(from.gate, range), rows(from.up, range), columns(from.down, range)};
  }

  const DecoderConfig& config_;
  int rank_, ranks_;
};

// What `ranks` devices cannot share; empty: nothing.
std::string not_shared(const DecoderFile& model, int ranks) {
  const DecoderConfig& config = model.config;
  if (config.heads % ranks != 0) return std::to_string(config.heads) + " heads";
  if (config.kv_heads % ranks != 0) return std::to_string(config.kv_heads) + " heads of keys and values";
  const auto all = static_cast<std::size_t>(ranks);
  if (head_rows(config.vocabulary, ranks) * (all - 1) >= config.vocabulary)
    return "a vocabulary of " + std::to_string(config.vocabulary);
  for (const DecoderLayer<MatrixView>& layer : model.weights.layers) {
    const MatrixView none;
    for (const MatrixView* gate : {&layer.ffn.gate.weight, &layer.shared_expert.gate.weight,
                                   layer.experts.empty() ? &none : &layer.experts.front().gate.weight})
      if (gate->rows > 0 && gate->rows < kColumnUnit * all)
        return "a feed-forward part of " + std::to_string(gate->rows) + " values";
  }
  return {};
}

}  // namespace

std::size_t head_rows(std::size_t vocabulary, int ranks) {
  const auto all = static_cast<std::size_t>(ranks);
  return ((vocabulary + all - 1) / all + kHeadUnit - 1) / kHeadUnit * kHeadUnit;
}

std::string why_not_shared(const DecoderFile& model, int ranks) {
  const std::string what = ranks == 1 ? std::string() : not_shared(model, ranks);
  if (what.empty()) return {};
  int most = 1;
  while (2 * most < ranks && not_shared(model, 2 * most).empty()) most *= 2;
  return std::to_string(ranks) + " GPUs cannot share " + what + "; " +
         (most == 1 ? "use one GPU for this model" : "use " + std::to_string(most) + " GPUs or one for this model");
}

Shard shard_of(const DecoderFile& model, int rank, int ranks) {
  const Cutter cutter(model.config, rank, ranks);
  Shard shard{.config = model.config, .weights = {}};
  cutter.cut(shard.config);
  shard.weights.embedding = whole(model.weights.embedding);
  shard.weights.head = cutter.head(model.weights);
  shard.weights.output_norm = model.weights.output_norm;
  for (const DecoderLayer<MatrixView>& layer : model.weights.layers)
    shard.weights.layers.push_back(cutter.layer(layer));
  return shard;
}

}  // namespace tollgate::local::gpu
