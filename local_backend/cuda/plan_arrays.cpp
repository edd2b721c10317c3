#include "local_backend/cuda/plan_arrays.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tollgate::local::gpu {
namespace {

std::size_t blocks_of(std::size_t context) { return (context + kBlockTokens - 1) / kBlockTokens; }

bool is_short(const PlanRow& row) { return row.tokens <= kShortRow; }

// The plan's rows in the order of the arrays.
std::vector<const PlanRow*> in_order(const StepPlan& plan) {
  std::vector<const PlanRow*> rows;
  rows.reserve(plan.rows.size());
  for (const bool wanted : {true, false})
    for (const PlanRow& row : plan.rows)
      if (is_short(row) == wanted) rows.push_back(&row);
  return rows;
}

bool repeats_matter(const SamplingParams& params) {
  return params.repetition_penalty > 0 && params.repetition_penalty != 1.0f;
}

bool answer_matters(const SamplingParams& params) {
  return params.presence_penalty != 0 || params.frequency_penalty != 0;
}

template <class Value>
void put(std::byte* to, std::size_t offset, std::size_t index, Value value) {
  std::memcpy(to + offset + index * sizeof value, &value, sizeof value);
}

}  // namespace

int graph_size(std::size_t rows) {
  if (rows > kMostGraphRows) return 0;
  for (const int size : {1, 2, 4})
    if (rows <= static_cast<std::size_t>(size)) return size;
  return static_cast<int>((rows + 7) / 8 * 8);
}

std::vector<int> graph_sizes(std::size_t most) {
  std::vector<int> sizes;
  for (std::size_t rows = std::min<std::size_t>(most, kMostGraphRows); rows > 0; --rows)
    if (graph_size(rows) == static_cast<int>(rows)) sizes.push_back(static_cast<int>(rows));
  return sizes;
}

bool is_uniform_decode(const StepPlan& plan) {
  return !plan.tokens.empty() && plan.rows.size() == plan.tokens.size() && plan.logit_rows.size() == plan.tokens.size();
}

bool rows_are_whole(const StepPlan& plan, std::size_t context) {
  std::size_t next = 0;
  for (const PlanRow& row : plan.rows) {
    if (static_cast<std::size_t>(row.first_token) != next || static_cast<std::size_t>(row.context) > context)
      return false;
    for (std::int32_t position = row.context - row.tokens; position < row.context; ++position)
      if (plan.positions[next++] != position) return false;
  }
  return next == plan.tokens.size();
}

PlanShape shape_of(const StepPlan& plan) {
  PlanShape shape;
  shape.tokens = static_cast<int>(plan.tokens.size());
  shape.rows = static_cast<int>(plan.rows.size());
  shape.logits = static_cast<int>(plan.logit_rows.size());
  for (const PlanRow& row : plan.rows) {
    PlanShape::Group& group = is_short(row) ? shape.short_rows : shape.long_rows;
    ++group.rows;
    group.tokens = std::max(group.tokens, row.tokens);
    group.context = std::max(group.context, row.context);
    shape.block_stride =
        std::max(shape.block_stride, static_cast<int>(blocks_of(static_cast<std::size_t>(row.context))));
  }
  return shape;
}

PlanShape graph_shape(int rows, std::size_t context) {
  return {.tokens = rows,
          .rows = rows,
          .logits = rows,
          .block_stride = static_cast<int>(blocks_of(context)),
          .short_rows = {rows, 1, static_cast<int>(context)},
          .long_rows = {}};
}

PlanLayout::PlanLayout(const PlanShape& shape) : block_stride_(shape.block_stride) {
  const auto tokens = static_cast<std::size_t>(shape.tokens), rows = static_cast<std::size_t>(shape.rows);
  const auto logits = static_cast<std::size_t>(shape.logits);
  for (std::size_t* offset : {&tokens_, &positions_, &token_row_}) *offset = add(tokens * sizeof(std::int32_t));
  for (std::size_t* offset : {&row_first_, &row_tokens_, &row_context_}) *offset = add(rows * sizeof(std::int32_t));
  logit_rows_ = add(logits * sizeof(std::int32_t));
  samples_ = add(logits * sizeof(DeviceSample));
  blocks_ = add(rows * static_cast<std::size_t>(shape.block_stride) * sizeof(std::int32_t));
}

std::size_t PlanLayout::add(std::size_t bytes) {
  const std::size_t offset = bytes_;
  bytes_ += (bytes + 15) / 16 * 16;
  return offset;
}

PlanArrays PlanLayout::arrays(const std::byte* base) const {
  return {.tokens = at<std::int32_t>(base, tokens_),
          .positions = at<std::int32_t>(base, positions_),
          .token_row = at<std::int32_t>(base, token_row_),
          .row_first = at<std::int32_t>(base, row_first_),
          .row_tokens = at<std::int32_t>(base, row_tokens_),
          .row_context = at<std::int32_t>(base, row_context_),
          .blocks = at<std::int32_t>(base, blocks_),
          .block_stride = block_stride_};
}

std::size_t PlanWriter::bytes_for(const StepPlan& plan, const PlanShape& shape) const {
  std::size_t bytes = PlanLayout(shape).bytes();
  for (const SampleRow& row : plan.samples) {
    if (!row.mask.empty()) bytes += (mask_words() + 1) / 2 * 2 * sizeof(std::uint32_t);
    bytes += std::min(row.params->logit_bias.size(), counts_.size()) * sizeof(TokenBias);
    std::size_t history = 0;
    if (repeats_matter(*row.params)) history = row.prompt.size() + row.answer.size();
    if (answer_matters(*row.params)) history = std::max(history, row.answer.size());
    bytes += std::min(history, counts_.size()) * sizeof(SeenToken);
  }
  return bytes;
}

std::size_t PlanWriter::write(const StepPlan& plan, const PlanShape& shape, std::byte* to) {
  const PlanLayout layout(shape);
  std::memset(to, 0, layout.bytes());
  extras_ = to + layout.bytes();
  used_ = 0;
  write_rows(plan, shape, layout, to);
  const auto padded = static_cast<std::size_t>(shape.logits);
  for (std::size_t i = 0; i < padded; ++i) {
    const bool real = i < plan.logit_rows.size();
    put(to, layout.logit_rows_, i, real ? plan.logit_rows[i] : static_cast<std::int32_t>(i));
    DeviceSample sample;
    sample.temperature = 0;
    if (real) sample = flat(plan.samples[i]);
    sample.logit_row = static_cast<std::int32_t>(i % kLogitRows);
    put(to, layout.samples_, i, sample);
  }
  return layout.bytes() + used_;
}

void PlanWriter::write_rows(const StepPlan& plan, const PlanShape& shape, const PlanLayout& layout,
                            std::byte* to) const {
  const std::size_t tokens = plan.tokens.size();
  std::memcpy(to + layout.tokens_, plan.tokens.data(), tokens * sizeof(std::int32_t));
  std::memcpy(to + layout.positions_, plan.positions.data(), tokens * sizeof(std::int32_t));
  const std::vector<const PlanRow*> rows = in_order(plan);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PlanRow& row = *rows[i];
    put(to, layout.row_first_, i, row.first_token);
    put(to, layout.row_tokens_, i, row.tokens);
    put(to, layout.row_context_, i, row.context);
    std::memcpy(to + layout.blocks_ + i * static_cast<std::size_t>(shape.block_stride) * sizeof(std::int32_t),
                plan.blocks.data() + row.first_block,
                blocks_of(static_cast<std::size_t>(row.context)) * sizeof(std::int32_t));
    for (std::int32_t token = row.first_token; token < row.first_token + row.tokens; ++token)
      put(to, layout.token_row_, static_cast<std::size_t>(token), static_cast<std::int32_t>(i));
  }
  // Padding: token i is row i, which has none.
  for (std::size_t i = tokens; i < static_cast<std::size_t>(shape.tokens); ++i) {
    put(to, layout.positions_, i, std::int32_t{-1});
    put(to, layout.token_row_, i, static_cast<std::int32_t>(i));
    put(to, layout.row_first_, i, static_cast<std::int32_t>(i));
  }
}

// Values that mean "off" become the ones that the kernel knows, see sampler.cpp.
DeviceSample PlanWriter::flat(const SampleRow& row) {
  const SamplingParams& params = *row.params;
  DeviceSample flat;
  const bool greedy = !(params.temperature > 0) || !std::isfinite(1.0f / params.temperature);
  flat.temperature = greedy ? 0.0f : params.temperature;
  flat.top_p = params.top_p < 1.0f ? std::max(params.top_p, 0.0f) : 1.0f;
  flat.min_p = params.min_p > 0 ? std::min(params.min_p, 1.0f) : 0.0f;
  flat.top_k = params.top_k > 0 && static_cast<std::size_t>(params.top_k) < counts_.size() ? params.top_k : 0;
  flat.repetition = repeats_matter(params) ? params.repetition_penalty : 1.0f;
  flat.presence = params.presence_penalty;
  flat.frequency = params.frequency_penalty;
  flat.logprobs = std::min(params.logprobs, kMaxAlternatives);
  flat.seed = params.seed;
  flat.position = static_cast<std::uint64_t>(row.position);
  flat.stream = row.stream;
  if (repeats_matter(params) || answer_matters(params)) add_history(row, flat);
  if (!params.logit_bias.empty()) add_biases(params, flat);
  if (!row.mask.empty()) add_mask(row.mask, flat);
  return flat;
}

void PlanWriter::add_history(const SampleRow& row, DeviceSample& flat) {
  seen_.clear();
  // Counts are one too high, so that what stands only in the prompt is known as seen.
  const auto see = [&](std::span<const Token> tokens, std::uint32_t times) {
    for (const Token token : tokens) {
      if (!known(token)) continue;
      std::uint32_t& count = counts_[static_cast<std::size_t>(token)];
      if (count == 0) seen_.push_back(token), count = 1;
      count += times;
    }
  };
  if (repeats_matter(*row.params)) see(row.prompt, 0);
  see(row.answer, 1);
  flat.seen_first = static_cast<std::int32_t>(used_ / sizeof(SeenToken));
  flat.seen_count = static_cast<std::int32_t>(seen_.size());
  for (const Token token : seen_) {
    std::uint32_t& count = counts_[static_cast<std::size_t>(token)];
    put(extras_, used_, 0, SeenToken{token, static_cast<std::int32_t>(count - 1)});
    used_ += sizeof(SeenToken);
    count = 0;
  }
}

// One entry for each token, as the kernel adds them all at a time.
void PlanWriter::add_biases(const SamplingParams& params, DeviceSample& flat) {
  flat.bias_first = static_cast<std::int32_t>(used_ / sizeof(TokenBias));
  seen_.clear();
  for (const auto& [token, bias] : params.logit_bias) {
    if (!known(token)) continue;
    std::uint32_t& place = counts_[static_cast<std::size_t>(token)];
    TokenBias sum{token, bias};
    if (place == 0) {
      seen_.push_back(token);
      place = static_cast<std::uint32_t>(seen_.size());
    } else {
      TokenBias before;
      std::memcpy(&before, extras_ + used_ + (place - 1) * sizeof before, sizeof before);
      sum.bias += before.bias;
    }
    put(extras_, used_, place - 1, sum);
  }
  for (const Token token : seen_) counts_[static_cast<std::size_t>(token)] = 0;
  flat.bias_count = static_cast<std::int32_t>(seen_.size());
  used_ += seen_.size() * sizeof(TokenBias);
}

void PlanWriter::add_mask(std::span<const std::uint32_t> mask, DeviceSample& flat) {
  const std::size_t words = mask_words();
  flat.mask_at = static_cast<std::int32_t>(used_ / sizeof(std::uint32_t));
  std::memset(extras_ + used_, 0, words * sizeof(std::uint32_t));
  std::memcpy(extras_ + used_, mask.data(), std::min(words, mask.size()) * sizeof(std::uint32_t));
  used_ += (words + 1) / 2 * 2 * sizeof(std::uint32_t);
}

}  // namespace tollgate::local::gpu
