// route() and mix(): which experts a token goes to, and what comes back.
//
// route() first lets a warp choose for each token, then sorts the pairs (token, expert) in one block by counting: the
// pairs are cut into a stretch for each warp, which counts its pairs of each expert; places follow from the counts of
// the experts before and of the stretches before. So the order is by expert, then by token, and always the same. For
// few tokens one block does both.
#include "local_backend/cuda/rows.h"

namespace tollgate::local::gpu {
namespace {

constexpr int kMaxExperts = 512;
constexpr int kExpertsOfLane = kMaxExperts / kWarp;
constexpr int kChooseWarps = 8;            // of a block
constexpr int kTogetherTokens = 32;        // up to here one block chooses and sorts
constexpr float kTaken = -2, kNever = -1;  // below every probability

// A lane's part of the token's probabilities: experts lane, lane + 32, ...
TOLLGATE_DEVICE void router_probabilities(const RouteArgs& args, int token, float (&odds)[kExpertsOfLane]) {
  const float* from = args.logits.data + token * args.logits.row_stride;
  float largest = -INFINITY;
  TOLLGATE_UNROLL
  for (int i = 0; i < kExpertsOfLane; ++i) {
    const int expert = lane_index() + i * kWarp;
    odds[i] = -INFINITY;
    if (expert >= args.experts) continue;
    float logit = 0;
    for (int part = 0; part < args.logits.parts; ++part) logit += from[part * args.logits.part_stride + expert];
    odds[i] = logit;
    largest = logit > largest ? logit : largest;
  }
  largest = warp_max(largest);
  float sum = 0;
  TOLLGATE_UNROLL
  for (int i = 0; i < kExpertsOfLane; ++i) {
    const bool exists = lane_index() + i * kWarp < args.experts;
    const float weight = exists ? expf(odds[i] - largest) : 0.0f;
    sum += weight;
    odds[i] = weight;
  }
  sum = warp_sum(sum);
  TOLLGATE_UNROLL
  for (int i = 0; i < kExpertsOfLane; ++i) {
    const float share = odds[i] / sum;
    const float known = share >= 0 ? share : kNever;  // NaN is chosen last, so that there are always enough
    odds[i] = lane_index() + i * kWarp < args.experts ? known : kTaken;
  }
}

struct Likeliest {
  float odds;
  int expert;
};

// Of equals the lower number.
TOLLGATE_DEVICE Likeliest warp_likeliest(Likeliest best) {
  TOLLGATE_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    const Likeliest other{shuffle_xor(best.odds, mask), shuffle_xor(best.expert, mask)};
    if (other.odds > best.odds || (other.odds == best.odds && other.expert < best.expert)) best = other;
  }
  return best;
}

// By a warp: the token's experts (into `places`, for the sorting) and their weights, the likeliest first.
TOLLGATE_DEVICE void choose_experts(const RouteArgs& args, int token) {
  float odds[kExpertsOfLane];
  router_probabilities(args, token, odds);
  std::int32_t* chosen = args.places + static_cast<std::int64_t>(token) * args.used;
  float* weights = args.weights + static_cast<std::int64_t>(token) * args.used;
  float sum = 0;
  for (int i = 0; i < args.used; ++i) {
    Likeliest best{kTaken, kMaxExperts};
    TOLLGATE_UNROLL
    for (int j = 0; j < kExpertsOfLane; ++j)
      if (odds[j] > best.odds) best = {odds[j], lane_index() + j * kWarp};
    best = warp_likeliest(best);
    TOLLGATE_UNROLL
    for (int j = 0; j < kExpertsOfLane; ++j)
      if (lane_index() + j * kWarp == best.expert) odds[j] = kTaken;
    const float weight = best.odds == kNever ? NAN : best.odds;
    sum += weight;
    if (lane_index() != i % kWarp) continue;
    chosen[i] = best.expert;
    weights[i] = weight;  // the same lane scales it below
  }
  const float scale = args.scale / (args.normalise && sum > 0 ? sum : 1.0f);
  for (int i = lane_index(); i < args.used; i += kWarp) weights[i] *= scale;
}

// The lanes of the warp with the same number, below 1,024.
TOLLGATE_DEVICE std::uint32_t lanes_with(int number) {
  std::uint32_t lanes = ~0u;
  TOLLGATE_UNROLL
  for (int bit = 0; bit < 10; ++bit) {
    const bool set = (number >> bit & 1) != 0;
    const std::uint32_t others = ballot(set);
    lanes &= set ? others : ~others;
  }
  return lanes;
}

// What the sorting keeps in shared memory.
struct Sorting {
  int* counts;              // [warps][experts] pairs, then how many come before the stretch's first of that expert
  int* totals;              // [experts]
  int *first, *first_item;  // [experts + 1]
  static TOLLGATE_BOTH_MEMBER std::size_t bytes(int warps, int experts) {
    return static_cast<std::size_t>((warps + 3) * experts + 2) * sizeof(int);
  }
};

TOLLGATE_DEVICE Sorting sorting_in(std::byte* shared, int experts) {
  int* counts = reinterpret_cast<int*>(shared);
  int* totals = counts + block_threads() / kWarp * experts;
  return {counts, totals, totals + experts, totals + 2 * experts + 1};
}

// Calls visit(pair, expert) for the warp's stretch of pairs, lane by lane; expert = kMaxExperts where there is none.
template <class Visit>
TOLLGATE_DEVICE void for_each_pair(const RouteArgs& args, const Visit& visit) {
  const int pairs = args.m * args.used, warps = block_threads() / kWarp;
  const int stretch = (pairs + warps * kWarp - 1) / (warps * kWarp) * kWarp;
  const int begin = warp_index() * stretch, end = begin + stretch < pairs ? begin + stretch : pairs;
  for (int base = begin; base < end; base += kWarp) {
    const int pair = base + lane_index();
    visit(pair, pair < end ? args.places[pair] : kMaxExperts);
  }
}

// By the first warp: where each expert's pairs and items begin.
TOLLGATE_DEVICE void begin_experts(const RouteArgs& args, const Sorting& sorting) {
  int pairs = 0, items = 0;
  for (int base = 0; base < args.experts; base += kWarp) {
    const int expert = base + lane_index();
    const int count = expert < args.experts ? sorting.totals[expert] : 0;
    const int needed = (count + args.max_count - 1) / args.max_count;
    int pairs_up_to = count, items_up_to = needed;
    TOLLGATE_UNROLL
    for (int reach = 1; reach < kWarp; reach *= 2) {
      const int from = lane_index() >= reach ? lane_index() - reach : 0;
      const int more_pairs = shuffle(pairs_up_to, from), more_items = shuffle(items_up_to, from);
      if (lane_index() >= reach) pairs_up_to += more_pairs, items_up_to += more_items;
    }
    if (expert < args.experts) {
      sorting.first[expert] = pairs + pairs_up_to - count;
      sorting.first_item[expert] = items + items_up_to - needed;
    }
    pairs += shuffle(pairs_up_to, kWarp - 1);
    items += shuffle(items_up_to, kWarp - 1);
  }
  if (lane_index() == 0) sorting.first_item[args.experts] = items;
}

TOLLGATE_DEVICE void write_items(const RouteArgs& args, const Sorting& sorting) {
  for (int expert = thread_index(); expert < args.experts; expert += block_threads()) {
    ExpertItem* item = args.items + sorting.first_item[expert];
    for (int done = 0; done < sorting.totals[expert]; done += args.max_count, ++item) {
      const int left = sorting.totals[expert] - done;
      *item = {expert, sorting.first[expert] + done, left < args.max_count ? left : args.max_count, 0};
    }
  }
  for (int i = sorting.first_item[args.experts] + thread_index(); i < args.max_items; i += block_threads())
    args.items[i] = ExpertItem{0, 0, 0, 0};
}

// By the whole block, from experts in `places` to the places themselves.
TOLLGATE_DEVICE void sort_pairs(const RouteArgs& args, const Sorting& sorting) {
  const int warps = block_threads() / kWarp;
  int* counts = sorting.counts + warp_index() * args.experts;
  for (int i = thread_index(); i < warps * args.experts; i += block_threads()) sorting.counts[i] = 0;
  sync_block();
  for_each_pair(args, [&](int, int expert) {
    if (expert < kMaxExperts) add_atomically(counts + expert, 1);
  });
  sync_block();
  for (int expert = thread_index(); expert < args.experts; expert += block_threads()) {
    int total = 0;
    for (int warp = 0; warp < warps; ++warp) {
      int& count = sorting.counts[warp * args.experts + expert];
      const int here = count;
      count = total;
      total += here;
    }
    sorting.totals[expert] = total;
  }
  sync_block();
  if (warp_index() == 0) begin_experts(args, sorting);
  sync_block();
  for_each_pair(args, [&](int pair, int expert) {
    const std::uint32_t same = lanes_with(expert);
    const int rank = bit_count(same & ((1u << lane_index()) - 1));
    if (expert < kMaxExperts) {
      const int place = sorting.first[expert] + counts[expert] + rank;
      args.tokens[place] = pair / args.used;
      args.places[pair] = place;
    }
    sync_warp();
    if (expert < kMaxExperts && rank == 0) counts[expert] += bit_count(same);
    sync_warp();
  });
  write_items(args, sorting);
}

TOLLGATE_KERNEL_OF(kChooseWarps* kWarp, 2) choose_kernel(RouteArgs args) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int token = block_x() * kChooseWarps + warp_index();
  if (token < args.m) choose_experts(args, token);
}

TOLLGATE_KERNEL_OF(1024, 1) sort_kernel(RouteArgs args) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  sort_pairs(args, sorting_in(shared_memory(), args.experts));
}

TOLLGATE_KERNEL_OF(1024, 1) choose_and_sort_kernel(RouteArgs args) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  for (int token = warp_index(); token < args.m; token += block_threads() / kWarp) choose_experts(args, token);
  sync_block();
  sort_pairs(args, sorting_in(shared_memory(), args.experts));
}

constexpr int kMixThreads = 256;

TOLLGATE_DEVICE float sum_of_parts(const Partials& parts, int row) {
  float sum = 0;
  for (int part = 0; part < parts.parts; ++part) sum += parts.data[part * parts.part_stride + row * parts.row_stride];
  return sum;
}

TOLLGATE_KERNEL_OF(kMixThreads, 4) mix_kernel(MixArgs args) {
  wait_for_previous_kernel();
  let_next_kernel_start();
  const int token = block_y(), column = 4 * (block_x() * kMixThreads + thread_index());
  if (column >= args.width) return;
  float* x = args.x + static_cast<std::int64_t>(token) * args.width + column;
  Floats4 sum = {};
  const auto add = [&](const Partials& parts, int row, float weight) {
    Floats4 value[1] = {};
    add_parts(value, parts, row, column, 0, args.width);
    TOLLGATE_UNROLL
    for (int i = 0; i < 4; ++i) sum.at[i] += weight * value[0].at[i];
  };
  for (int i = 0; i < args.used; ++i)
    add(args.values, args.places[token * args.used + i], args.weights[token * args.used + i]);
  if (args.shared.parts > 0)
    add(args.shared, token,
        args.shared_gate.parts > 0 ? 1.0f / (1.0f + expf(-sum_of_parts(args.shared_gate, token))) : 1.0f);
  const Floats4 before = load_floats(x);
  TOLLGATE_UNROLL
  for (int i = 0; i < 4; ++i) sum.at[i] += before.at[i];
  store_floats(x, sum);
}

}  // namespace

void route(Stream& stream, const RouteArgs& args) {
  if (args.m <= kTogetherTokens) {
    const int warps = args.m < kChooseWarps ? kChooseWarps : args.m;
    launch(stream, {1, 1, 1, static_cast<unsigned>(warps * kWarp), Sorting::bytes(warps, args.experts)},
           choose_and_sort_kernel, args);
    return;
  }
  const auto blocks = static_cast<unsigned>((args.m + kChooseWarps - 1) / kChooseWarps);
  launch(stream, {blocks, 1, 1, kChooseWarps * kWarp, 0}, choose_kernel, args);
  launch(stream, {1, 1, 1, kMaxWarps * kWarp, Sorting::bytes(kMaxWarps, args.experts)}, sort_kernel, args);
}

void mix(Stream& stream, const MixArgs& args) {
  const auto blocks = static_cast<unsigned>((args.width + 4 * kMixThreads - 1) / (4 * kMixThreads));
  launch(stream, {blocks, static_cast<unsigned>(args.m), 1, kMixThreads, 0}, mix_kernel, args);
}

}  // namespace tollgate::local::gpu
