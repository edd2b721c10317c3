// Attention of the scalar level: the reference, in a fixed order of sums.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "local_backend/kernels/kv_address.h"
#include "local_backend/kernels/scalar.h"

namespace tollgate::local::scalar {
namespace {

// One head of one block, whatever its type.
class HeadView {
 public:
  HeadView(std::byte* head, const KvLayout& kv)
      : type_(kv.type), dim_(static_cast<std::size_t>(kv.dim)), scales_(head), values_(head) {
    if (type_ == KvType::q8) values_ += kBlockTokens * sizeof(float);
  }

  void store(int token, const float* x) { type_ == KvType::f16 ? store_halves(token, x) : store_bytes(token, x); }

  float dot(int token, const float* q) const {
    float sums[8] = {};
    for (std::size_t i = 0; i < dim_; ++i) sums[i % 8] += q[i] * value(token, i);
    const float sum = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
    return sum * scale(token);
  }

  // out += weight * row
  void add_to(int token, float weight, float* out) const {
    const float factor = weight * scale(token);
    for (std::size_t i = 0; i < dim_; ++i) out[i] += factor * value(token, i);
  }

 private:
  float value(int token, std::size_t i) const {
    const std::size_t at = static_cast<std::size_t>(token) * dim_ + i;
    if (type_ == KvType::q8) return static_cast<float>(static_cast<std::int8_t>(values_[at]));
    std::uint16_t half = 0;
    std::memcpy(&half, values_ + at * sizeof half, sizeof half);
    return f16_to_f32(half);
  }

  float scale(int token) const {
    if (type_ == KvType::f16) return 1.0f;
    float scale = 0;
    std::memcpy(&scale, scales_ + static_cast<std::size_t>(token) * sizeof scale, sizeof scale);
    return scale;
  }

  void store_halves(int token, const float* x) {
    for (std::size_t i = 0; i < dim_; ++i) {
      const std::uint16_t half = f32_to_f16(x[i]);
      std::memcpy(values_ + (static_cast<std::size_t>(token) * dim_ + i) * sizeof half, &half, sizeof half);
    }
  }

  void store_bytes(int token, const float* x) {
    float largest = 0;
    for (std::size_t i = 0; i < dim_; ++i) largest = std::max(largest, std::fabs(x[i]));
    const float scale = largest / 127.0f;
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    std::memcpy(scales_ + static_cast<std::size_t>(token) * sizeof scale, &scale, sizeof scale);
    for (std::size_t i = 0; i < dim_; ++i)
      values_[static_cast<std::size_t>(token) * dim_ + i] =
          static_cast<std::byte>(static_cast<std::int8_t>(std::lrint(x[i] * inverse)));
  }

  KvType type_;
  std::size_t dim_;
  std::byte* scales_;
  std::byte* values_;
};

// The softmax over keys that come block by block (Milakov and Gimelshein 2018): sums so far are rescaled when a larger
// score comes. Blocks are cut by position, so the order of operations is the same however the context was computed.
class RunningSoftmax {
 public:
  RunningSoftmax(float* out, std::size_t dim, const float* sink) : out_(out), dim_(dim) {
    std::fill(out, out + dim, 0.0f);
    if (sink != nullptr) largest_ = *sink, sum_ = 1.0f;
  }

  // Scores of the block's tokens [begin, end); they become weights.
  void take(float* scores, int begin, int end, const HeadView& values) {
    const float largest = std::max(largest_, *std::max_element(scores + begin, scores + end));
    const float keep = std::exp(largest_ - largest);
    sum_ *= keep;
    for (std::size_t i = 0; i < dim_; ++i) out_[i] *= keep;
    for (int token = begin; token < end; ++token) {
      const float weight = std::exp(scores[token] - largest);
      sum_ += weight;
      values.add_to(token, weight, out_);
    }
    largest_ = largest;
  }

  void finish() {
    for (std::size_t i = 0; i < dim_; ++i) out_[i] /= sum_;
  }

 private:
  float* out_;
  std::size_t dim_;
  float largest_ = -std::numeric_limits<float>::infinity();
  float sum_ = 0;
};

// One query head of one token over the keys [first, end).
void attend(const AttentionArgs& args, const std::int32_t* blocks, const float* q, int head, int first, int end,
            float* out) {
  const int kv_head = head / (args.heads / args.kv.kv_heads);
  RunningSoftmax softmax(out, static_cast<std::size_t>(args.kv.dim), args.sinks ? args.sinks + head : nullptr);
  for (int block = first / kBlockTokens; block * kBlockTokens < end; ++block) {
    const HeadView keys(kv_head_at(args.pool, args.kv, blocks[block], args.layer, KvPart::key, kv_head), args.kv);
    const HeadView values(kv_head_at(args.pool, args.kv, blocks[block], args.layer, KvPart::value, kv_head), args.kv);
    const int from = std::max(first - block * kBlockTokens, 0);
    const int to = std::min(end - block * kBlockTokens, kBlockTokens);
    float scores[kBlockTokens];
    for (int token = from; token < to; ++token) {
      scores[token] = keys.dot(token, q) * args.scale;
      if (args.softcap > 0) scores[token] = args.softcap * std::tanh(scores[token] / args.softcap);
    }
    softmax.take(scores, from, to, values);
  }
  softmax.finish();
}

void attend_token(const AttentionArgs& args, const PlanRow& row, int index) {
  const int position = row.context - row.tokens + index;
  const int first = args.window > 0 ? std::max(position - args.window + 1, 0) : 0;
  const int end = args.causal ? position + 1 : row.context;
  const auto dim = static_cast<std::size_t>(args.kv.dim);
  const std::size_t token = static_cast<std::size_t>(row.first_token + index) * static_cast<std::size_t>(args.heads);
  for (int head = 0; head < args.heads; ++head) {
    const std::size_t at = (token + static_cast<std::size_t>(head)) * dim;
    attend(args, args.plan->blocks.data() + row.first_block, args.q + at, head, first, end, args.out + at);
  }
}

}  // namespace

void write_kv(const AttentionArgs& args, const float* k, const float* v, Workers&) {
  const auto dim = static_cast<std::size_t>(args.kv.dim);
  const auto heads = static_cast<std::size_t>(args.kv.kv_heads);
  for (const PlanRow& row : args.plan->rows)
    for (int i = 0; i < row.tokens; ++i) {
      const int position = row.context - row.tokens + i;
      const std::int32_t block = args.plan->blocks[static_cast<std::size_t>(row.first_block + position / kBlockTokens)];
      for (int head = 0; head < args.kv.kv_heads; ++head) {
        const std::size_t at =
            (static_cast<std::size_t>(row.first_token + i) * heads + static_cast<std::size_t>(head)) * dim;
        HeadView keys(kv_head_at(args.pool, args.kv, block, args.layer, KvPart::key, head), args.kv);
        HeadView values(kv_head_at(args.pool, args.kv, block, args.layer, KvPart::value, head), args.kv);
        keys.store(position % kBlockTokens, k + at);
        values.store(position % kBlockTokens, v + at);
      }
    }
}

void attention(const AttentionArgs& args, Workers& workers) {
  for (const PlanRow& row : args.plan->rows) {
    auto chunk = [&](int index) { attend_token(args, row, index); };
    workers.run(row.tokens, std::ref(chunk));
  }
}

}  // namespace tollgate::local::scalar
