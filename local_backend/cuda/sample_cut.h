// Where to cut a row that is thought of in the order (logit descending, id ascending), without sorting it: the cut's
// key is found by halving a range of keys. While the range holds many tokens, each halving is a pass over the row; as
// soon as no thread has more than kSlots of them, they are set aside in shared memory and the row is not read again.
// What the host's select.h does with the digits of keys. Included by .cu files alone.
#pragma once

#include "local_backend/cuda/sample_row.h"

namespace tollgate::local::gpu {

// A beginning of the order, and of it what weighs enough.
struct Cut {
  std::uint32_t key = kLowestKey;  // the last one's, or less
  int last_id = INT_MAX;           // of the tokens with just this key
  float least_weight = 0;
};

TOLLGATE_DEVICE bool in_order(const Cut& cut, std::uint32_t key, int id) {
  return key > cut.key || (key == cut.key && id <= cut.last_id);
}

// What a kept token counts: its weight, or 1.
struct CountMeasure {
  Cut cut;
  TOLLGATE_DEVICE double operator()(int id, float logit) const { return in_order(cut, key_of(logit), id) ? 1.0 : 0.0; }
};
struct WeightMeasure {
  Cut cut;
  Weigher weigh;
  TOLLGATE_DEVICE double operator()(int id, float logit) const {
    if (!in_order(cut, key_of(logit), id)) return 0;
    const float weight = weigh(logit);
    return weight >= cut.least_weight ? static_cast<double>(weight) : 0.0;
  }
};

// Sets the thread's tokens with a key in [low, high) aside, with what word_of(id, logit) says, if every thread has room
// for its own; gives how many the thread has, or -1.
template <class Word>
TOLLGATE_DEVICE int set_aside(const SampleRow& row, std::uint32_t low, std::uint64_t high, const Word& word_of) {
  int count = 0;
  for_each_token(row, [&](int id, float logit) {
    const std::uint32_t key = key_of(logit);
    if (key < low || key >= high) return;
    if (count < kSlots) {
      const int place = count * block_threads() + thread_index();
      row.memory.keys[place] = key;
      row.memory.words[place] = word_of(id, logit);
    }
    ++count;
  });
  return block_count(count > kSlots, row.memory.sums) > 0 ? -1 : count;
}

// A range of keys: what is from `high` on belongs to the beginning and counts `above`; the cut is in [low, high).
struct KeyRange {
  std::uint32_t low;
  std::uint64_t high;
  double above;
};

// Halves the range, given the measure of its upper half.
TOLLGATE_DEVICE void take_half(KeyRange& range, std::uint32_t middle, double upper, double target) {
  if (range.above + upper >= target) {
    range.low = middle;
  } else {
    range.high = middle;
    range.above += upper;
  }
}

TOLLGATE_DEVICE std::uint32_t middle_of(const KeyRange& range) {
  return static_cast<std::uint32_t>((range.low + range.high) / 2);
}

// Halves by passes over the row until what is left can be set aside, or is a single key.
template <class Measure>
TOLLGATE_DEVICE void narrow(const SampleRow& row, double target, const Measure& measure, KeyRange& range) {
  bool fits = false;
  while (!fits && range.high - range.low > 1) {
    const std::uint32_t middle = middle_of(range);
    double upper = 0;
    int many = 0, few = 0;
    for_each_token(row, [&](int id, float logit) {
      const std::uint32_t key = key_of(logit);
      if (key < range.low || key >= range.high) return;
      if (key < middle) {
        ++few;
      } else {
        ++many;
        upper += measure(id, logit);
      }
    });
    take_half(range, middle, block_total(upper, row.memory.sums), target);
    const int mine = range.low == middle ? many : few;
    fits = block_count(mine > kSlots, row.memory.sums) == 0;
  }
}

// What the thread's tokens set aside, with keys in [low, high), measure together.
TOLLGATE_DEVICE double measure_aside(const SampleRow& row, int count, std::uint32_t low, std::uint64_t high) {
  double sum = 0;
  for (int slot = 0; slot < count; ++slot) {
    const int place = slot * block_threads() + thread_index();
    const std::uint32_t key = row.memory.keys[place];
    if (key < low || key >= high) continue;
    float measure = 0;
    memcpy(&measure, &row.memory.words[place], sizeof measure);
    sum += static_cast<double>(measure);
  }
  return sum;
}

// Leaves of `range` the one key at which `target` is reached; gives how often `measure` keeps it, or infinity.
template <class Measure>
TOLLGATE_DEVICE double find_key(const SampleRow& row, double target, const Measure& measure, KeyRange& range) {
  const auto word_of = [&](int id, float logit) {
    const auto value = static_cast<float>(measure(id, logit));
    std::uint32_t word = 0;
    memcpy(&word, &value, sizeof word);
    return word;
  };
  int mine = set_aside(row, range.low, range.high, word_of);
  if (mine < 0) {
    narrow(row, target, measure, range);
    if (range.high - range.low == 1) return INFINITY;
    mine = set_aside(row, range.low, range.high, word_of);
  }
  while (range.high - range.low > 1) {
    const std::uint32_t middle = middle_of(range);
    const double upper = block_total(measure_aside(row, mine, middle, range.high), row.memory.sums);
    take_half(range, middle, upper, target);
  }
  const double together = block_total(measure_aside(row, mine, range.low, range.high), row.memory.sums);
  return together / measure(-1, float_of(range.low));
}

// The shortest beginning of what `measure` keeps that measures `target` or more together, at least one token, or all if
// they do not. `top`: the largest key. REQUIRES: tokens before `low` are not needed.
template <class Measure>
TOLLGATE_DEVICE Cut cut_at(const SampleRow& row, double target, const Measure& measure, std::uint32_t low,
                           std::uint32_t top) {
  if (low < measure.cut.key) low = measure.cut.key;
  KeyRange range{low < top ? low : top, std::uint64_t{top} + 1, 0};
  const double ties = find_key(row, target, measure, range);
  Cut cut = measure.cut;
  if (range.low > cut.key) cut.last_id = INT_MAX;
  cut.key = range.low;

  // Of the tokens with the cut's key, which all measure the same, as many as are needed, the lower ids first.
  const double each = measure(-1, float_of(cut.key));
  double needed = ceil((target - range.above) / each);
  while (needed > 1 && range.above + (needed - 1) * each >= target) needed -= 1;
  if (needed < 1) needed = 1;
  if (!(needed < ties - 0.5)) return cut;
  const auto tie = [&](int id, float logit) { return key_of(logit) == cut.key && measure(id, logit) > 0 ? 1.0 : 0.0; };
  if (needed < measure_segments(row, tie)) cut.last_id = locate(row, needed - 0.5, tie);
  return cut;
}

// The `count`-th largest of the threads' largest keys, which is no more than the count-th largest key of the row; the
// lowest key if there are not so many.
TOLLGATE_DEVICE std::uint32_t key_of_place(const SampleRow& row, int count, std::uint32_t largest_of_thread) {
  std::uint32_t low = kLowestKey;
  if (count > block_threads()) return low;
  for (std::uint64_t high = std::uint64_t{1} << 32; high - low > 1;) {
    const auto middle = static_cast<std::uint32_t>((low + high) / 2);
    if (block_count(largest_of_thread >= middle, row.memory.sums) >= count)
      low = middle;
    else
      high = middle;
  }
  return low;
}

}  // namespace tollgate::local::gpu
