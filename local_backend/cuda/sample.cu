// sample_rows(): what sampling/sampler.cpp does, for a row of logits by one block. The steps and the arithmetic are the
// same but for the order in which sums are added; nothing is sorted. At a vocabulary of 128,256 a pass over the row is
// 0.5 MB from the L2 cache to one multiprocessor, 6 us expected; greedy rows take one pass, drawn ones without cuts
// two, of them one that computes every token's weight, 14 us.
#include "local_backend/cuda/sample_cut.h"
#include "local_backend/sampling/philox.h"

namespace tollgate::local::gpu {
namespace {

TOLLGATE_DEVICE bool known(std::int32_t token, const SampleRow& row) { return token >= 0 && token < row.vocabulary; }

// The model's own cap, then biases and penalties in place. A token that is biased twice belongs to one thread.
TOLLGATE_DEVICE void change_logits(const SampleArgs& args, const DeviceSample& sample, const SampleRow& row) {
  if (args.softcap != 0) {
    for_each_token(row, [&](int id, float logit) {
      if (id < row.vocabulary) row.logits[id] = args.softcap * tanhf(logit / args.softcap);
    });
    sync_block();
  }
  for (int i = 0; i < sample.bias_count; ++i) {
    const TokenBias bias = args.biases[sample.bias_first + i];
    if (known(bias.token, row) && bias.token % block_threads() == thread_index()) row.logits[bias.token] += bias.bias;
  }
  sync_block();
  const bool repeats = sample.repetition > 0 && sample.repetition != 1.0f;
  const bool counts = sample.presence != 0 || sample.frequency != 0;
  for (int i = thread_index(); i < sample.seen_count; i += block_threads()) {
    const SeenToken seen = args.seen[sample.seen_first + i];
    if (!known(seen.token, row)) continue;
    float logit = row.logits[seen.token];
    if (repeats) logit = logit > 0 ? logit / sample.repetition : logit * sample.repetition;
    if (counts && seen.times > 0) {
      const float penalty =
          rounded_sum(sample.presence, rounded_product(sample.frequency, static_cast<float>(seen.times)));
      logit -= penalty;
    }
    row.logits[seen.token] = logit;
  }
  sync_block();
}

// Masks and cleans the row; gives the thread's largest rank, 0 where nothing is possible. What is not allowed is minus
// infinity whatever was added to it, so the mask may come last.
TOLLGATE_DEVICE std::uint64_t clean_row(const SampleRow& row, const std::uint32_t* mask) {
  std::uint64_t largest = 0;
  for_each_token(row, [&](int id, float logit) {
    if (id >= row.vocabulary) return;
    const bool allowed = mask == nullptr || (mask[id / 32] >> (id % 32) & 1) != 0;
    const float value = allowed ? clean_logit(logit) : -INFINITY;
    std::uint32_t before = 0, after = 0;
    memcpy(&before, &logit, sizeof before);
    memcpy(&after, &value, sizeof after);
    if (before != after) row.logits[id] = value;
    const std::uint64_t rank = rank_of(key_of(value), id);
    if (value > -INFINITY && rank > largest) largest = rank;
  });
  return largest;
}

// The lowest id that the mask allows, 0 without one.
TOLLGATE_DEVICE int lowest_allowed(const SampleRow& row, const std::uint32_t* mask) {
  std::uint64_t first = 0;
  for (int id = thread_index(); mask != nullptr && id < row.vocabulary && first == 0; id += block_threads())
    if ((mask[id / 32] >> (id % 32) & 1) != 0) first = rank_of(1, id);
  first = block_largest(first, row.memory.largest);
  return first == 0 ? 0 : id_of(first);
}

// Tokens whose logit is so low that they weigh less than `weight` are out.
TOLLGATE_DEVICE std::uint32_t key_of_weight(const Weigher& weigh, float weight) {
  const float logit = weigh.logit_of(weight > FLT_MIN ? weight : FLT_MIN);
  return logit > -FLT_MAX ? key_of(logit) : kLowestKey;
}

// What top-k, min-p and top-p leave, each over what the one before left.
TOLLGATE_DEVICE WeightMeasure truncate(const SampleRow& row, const DeviceSample& sample, const Weigher& weigh,
                                       std::uint32_t largest_of_thread) {
  const std::uint32_t top = key_of(weigh.top);
  WeightMeasure kept{Cut{}, weigh};
  if (sample.top_k > 0 && sample.top_k < row.vocabulary) {
    const std::uint32_t low = key_of_place(row, sample.top_k, largest_of_thread);
    kept.cut = cut_at(row, sample.top_k, CountMeasure{kept.cut}, low, top);
  }
  if (sample.min_p > 0) {
    const float share = sample.min_p < 1.0f ? sample.min_p : 1.0f;  // the most likely token weighs 1 and always stays
    kept.cut.least_weight = share > FLT_MIN ? share : FLT_MIN;
    const std::uint32_t key = key_of_weight(weigh, share);
    if (key > kept.cut.key) kept.cut = Cut{key, INT_MAX, kept.cut.least_weight};
  }
  if (sample.top_p < 1.0f) {
    const double mass = measure_segments(row, kept);
    const float share = sample.top_p > 0 ? sample.top_p : 0.0f;
    // Tokens below this weigh less than 1 - top_p of the whole all together, so none of them is in the nucleus.
    const double spare = 0.5 * (1.0 - static_cast<double>(share)) * mass / row.vocabulary;
    const std::uint32_t low = key_of_weight(weigh, static_cast<float>(spare));
    kept.cut = cut_at(row, static_cast<double>(share) * mass, kept, low, top);
  }
  return kept;
}

TOLLGATE_DEVICE int draw(const SampleRow& row, const DeviceSample& sample, std::uint64_t best,
                         std::uint32_t largest_of_thread) {
  const float scale = 1.0f / sample.temperature;
  if (!(sample.temperature > 0) || !(scale <= FLT_MAX)) return id_of(best);
  const WeightMeasure kept = truncate(row, sample, Weigher{float_of(key_in(best)), scale}, largest_of_thread);
  const double whole = measure_segments(row, kept);
  return locate(row, uniform_number(sample.position, sample.stream, sample.seed) * whole, kept);
}

// The next token in the order behind `last`, of those set aside or, where there were too many, of the row.
TOLLGATE_DEVICE std::uint64_t next_in_order(const SampleRow& row, int aside, std::uint64_t last) {
  std::uint64_t best = 0;
  const auto consider = [&](std::uint32_t key, int id) {
    const std::uint64_t rank = rank_of(key, id);
    if (key >= kLowestKey && rank < last && rank > best) best = rank;
  };
  for (int slot = 0; slot < aside; ++slot) {
    const int place = slot * block_threads() + thread_index();
    consider(row.memory.keys[place], static_cast<int>(row.memory.words[place]));
  }
  if (aside < 0) for_each_token(row, [&](int id, float logit) { consider(key_of(logit), id); });
  return block_largest(best, row.memory.largest);
}

TOLLGATE_DEVICE void tell_logprobs(const SampleRow& row, const DeviceSample& sample, std::uint64_t best,
                                   std::uint32_t largest_of_thread, DrawnToken& drawn) {
  const float top = float_of(key_in(best));
  const double norm = log(measure_segments(row, WeightMeasure{Cut{}, Weigher{top, 1.0f}}));
  const auto logprob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - static_cast<double>(top) - norm);
  };
  if (thread_index() == 0) drawn.logprob = logprob(row.logits[drawn.token]);
  const int wanted = sample.logprobs < kMaxAlternatives ? sample.logprobs : kMaxAlternatives;
  if (wanted == 0) return;
  const std::uint32_t low = key_of_place(row, wanted, largest_of_thread);
  const int aside =
      set_aside(row, low, std::uint64_t{1} << 32, [](int id, float) { return static_cast<std::uint32_t>(id); });
  std::uint64_t last = ~std::uint64_t{0};
  for (int i = 0; i < wanted; ++i) {
    last = next_in_order(row, aside, last);
    if (last == 0) return;
    if (thread_index() != 0) continue;
    drawn.alternative[i] = id_of(last);
    drawn.alternative_logprob[i] = logprob(float_of(key_in(last)));
  }
}

TOLLGATE_KERNEL_OF(kMostWarps* kWarp, 1) sample_kernel(SampleArgs args, int segments) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const DeviceSample& sample = args.samples[block_x()];
  if (sample.logit_row < 0) return;  // padding
  const std::int64_t start = static_cast<std::int64_t>(sample.logit_row) * args.vocabulary;
  const SampleRow row{args.logits + start, args.vocabulary, segments, sample_memory(segments)};
  const std::uint32_t* mask = sample.mask_at < 0 ? nullptr : args.masks + sample.mask_at;
  DrawnToken& drawn = args.drawn[block_x()];

  change_logits(args, sample, row);
  const std::uint64_t largest = clean_row(row, mask);
  const std::uint64_t best = block_largest(largest, row.memory.largest);
  const int token = best == 0 ? lowest_allowed(row, mask) : draw(row, sample, best, key_in(largest));
  if (thread_index() == 0) {
    drawn.token = token;
    drawn.logprob = 0;
    args.sampled[block_x()] = token;
    for (int i = 0; i < kMaxAlternatives; ++i) {
      drawn.alternative[i] = -1;
      drawn.alternative_logprob[i] = 0;
    }
  }
  if (best != 0 && sample.logprobs >= 0) tell_logprobs(row, sample, best, key_in(largest), drawn);
}

}  // namespace

void sample_rows(Stream& stream, const SampleArgs& args) {
  const int segments = (args.vocabulary + kSegment - 1) / kSegment;
  const int threads = (segments < kMostWarps ? segments : kMostWarps) * kWarp;
  launch(
      stream,
      {static_cast<unsigned>(args.rows), 1, 1, static_cast<unsigned>(threads), SampleMemory::bytes(segments, threads)},
      sample_kernel, args, segments);
}

}  // namespace tollgate::local::gpu
