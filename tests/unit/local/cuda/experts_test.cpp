// route() and mix() against what the CPU's decoder does, written plainly.
#include <numeric>

#include "local_backend/cuda/kernels.h"
#include "tests/unit/local/cuda/activations.h"

namespace tollgate::local::gpu {
namespace {

struct Case {
  int m, experts, used;
  bool normalise = true;
  float scale = 1;
  int max_count = 64;
  int parts = 1;
  int steps = 0;  // logits are rounded to this many steps for each unit, so that there are ties; 0 = not
};

struct Routed {
  std::vector<std::int32_t> tokens, places;
  std::vector<float> weights;
  std::vector<ExpertItem> items;
};

class Experts : public OnDevice {
 protected:
  Routed run(const Case& it, const std::vector<float>& logits, int max_items) {
    const auto pairs = static_cast<std::size_t>(it.m * it.used);
    const Memory from = upload(logits), tokens = room<std::int32_t>(pairs), places = room<std::int32_t>(pairs);
    const Memory weights = room<float>(pairs), items = room<ExpertItem>(static_cast<std::size_t>(max_items));
    RouteArgs args{.logits = {from.as<float>(), it.parts, std::int64_t{it.m} * it.experts, it.experts}};
    args.m = it.m;
    args.experts = it.experts;
    args.used = it.used;
    args.normalise = it.normalise;
    args.scale = it.scale;
    args.max_count = it.max_count;
    args.tokens = tokens.as<std::int32_t>();
    args.places = places.as<std::int32_t>();
    args.weights = weights.as<float>();
    args.items = items.as<ExpertItem>();
    args.max_items = max_items;
    route(stream(), args);
    return {download<std::int32_t>(tokens, pairs), download<std::int32_t>(places, pairs),
            download<float>(weights, pairs), download<ExpertItem>(items, static_cast<std::size_t>(max_items))};
  }
  void check(const Case& it);
};

struct Choice {
  std::int32_t expert;
  double weight;
};

// As the model says: softmax, the largest, of equals the lower number.
std::vector<Choice> choose(const Case& it, const float* logits, std::int64_t part_stride) {
  std::vector<double> odds(static_cast<std::size_t>(it.experts));
  for (std::size_t i = 0; i < odds.size(); ++i) {
    float sum = 0;
    for (int part = 0; part < it.parts; ++part) sum += logits[part * part_stride + static_cast<std::int64_t>(i)];
    odds[i] = static_cast<double>(sum);
  }
  const double largest = *std::max_element(odds.begin(), odds.end());
  double sum = 0, chosen = 0;
  for (double& value : odds) sum += value = std::exp(value - largest);
  std::vector<Choice> out;
  for (int i = 0; i < it.used; ++i) {
    const auto best = std::max_element(odds.begin(), odds.end());
    out.push_back({static_cast<std::int32_t>(best - odds.begin()), *best / sum});
    chosen += *best / sum;
    *best = -1;
  }
  for (Choice& choice : out) choice.weight *= static_cast<double>(it.scale) / (it.normalise ? chosen : 1);
  return out;
}

void Experts::check(const Case& it) {
  const auto m = static_cast<std::size_t>(it.m), used = static_cast<std::size_t>(it.used);
  const auto experts = static_cast<std::size_t>(it.experts);
  std::vector<float> logits = noise(static_cast<std::size_t>(it.parts) * m * experts, 3, 2);
  if (it.steps > 0)
    for (float& logit : logits) logit = std::round(logit * static_cast<float>(it.steps)) / static_cast<float>(it.steps);
  const int max_items = it.experts + it.m * it.used / it.max_count;
  const Routed got = run(it, logits, max_items);

  std::vector<std::vector<std::int32_t>> by_expert(experts);
  for (std::size_t token = 0; token < m; ++token) {
    const auto choices = choose(it, logits.data() + token * experts, std::int64_t{it.m} * it.experts);
    for (std::size_t i = 0; i < used; ++i) {
      ASSERT_NEAR(static_cast<double>(got.weights[token * used + i]), choices[i].weight, 1e-5) << token << " " << i;
      by_expert[static_cast<std::size_t>(choices[i].expert)].push_back(static_cast<std::int32_t>(token * used + i));
    }
  }
  std::size_t place = 0, item = 0;
  for (std::size_t expert = 0; expert < experts; ++expert) {
    const std::size_t count = by_expert[expert].size();
    for (std::size_t done = 0; done < count; done += static_cast<std::size_t>(it.max_count), ++item) {
      const std::size_t here = std::min(count - done, static_cast<std::size_t>(it.max_count));
      ASSERT_EQ(got.items[item].expert, static_cast<std::int32_t>(expert));
      ASSERT_EQ(got.items[item].first, static_cast<std::int32_t>(place + done));
      ASSERT_EQ(got.items[item].count, static_cast<std::int32_t>(here));
    }
    for (const std::int32_t pair : by_expert[expert]) {  // ascending tokens
      ASSERT_EQ(got.tokens[place], pair / it.used) << expert;
      ASSERT_EQ(got.places[static_cast<std::size_t>(pair)], static_cast<std::int32_t>(place)) << expert;
      ++place;
    }
  }
  for (; item < got.items.size(); ++item) ASSERT_EQ(got.items[item].count, 0);
}

TEST_F(Experts, PairsAreSortedByExpertThenToken) {
  const Case cases[] = {{.m = 1, .experts = 8, .used = 2},
                        {.m = 3, .experts = 60, .used = 4, .normalise = false, .parts = 2},
                        {.m = 17, .experts = 128, .used = 8, .max_count = 2, .steps = 1},
                        {.m = 32, .experts = 1, .used = 1, .max_count = 5},
                        {.m = 33, .experts = 16, .used = 16, .scale = 2.5f, .max_count = 7},
                        {.m = 333, .experts = 65, .used = 3, .max_count = 16, .parts = 3, .steps = 1},
                        {.m = 40, .experts = 512, .used = 40, .normalise = false}};
  int number = 0;
  for (const Case& it : cases) {
    SCOPED_TRACE(++number);
    check(it);
  }
}

TEST_F(Experts, BrokenLogitsStillNameDifferentExperts) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity}) {
    const Case it{.m = 2, .experts = 5, .used = 3};
    const Routed got = run(it, std::vector<float>(10, bad), 5);
    EXPECT_EQ(got.tokens, (std::vector<std::int32_t>{0, 1, 0, 1, 0, 1}));
    EXPECT_EQ(got.places, (std::vector<std::int32_t>{0, 2, 4, 1, 3, 5}));
  }
}

TEST_F(Experts, MixingAddsTheirWeightedResults) {
  const std::size_t m = 3, used = 2, width = 1056, parts = 2;
  const std::vector<float> before = noise(m * width, 1), values = noise(parts * m * used * width, 2);
  const std::vector<float> shared = noise(parts * m * width, 3), gates = noise(parts * m, 4);
  const std::vector<std::int32_t> places = {4, 0, 5, 1, 2, 3};
  const std::vector<float> weights = {0.5f, 0.25f, 2, 1, 0.125f, 3};
  const Memory value_data = upload(values), shared_data = upload(shared), gate_data = upload(gates);
  const Memory place_data = upload(places), weight_data = upload(weights);
  for (const int with : {0, 1, 2}) {  // no shared expert, one with weight 1, one with a gate
    const Memory x = upload(before);
    MixArgs args{.x = x.as<float>(), .values = {value_data.as<float>(), 2, m * used * width, width}};
    args.places = place_data.as<std::int32_t>();
    args.weights = weight_data.as<float>();
    if (with > 0) args.shared = {shared_data.as<float>(), 2, m * width, width};
    if (with > 1) args.shared_gate = {gate_data.as<float>(), 2, m, 1};
    args.m = 3;
    args.used = 2;
    args.width = 1056;
    mix(stream(), args);
    const std::vector<float> got = download<float>(x, m * width);
    for (std::size_t token = 0; token < m; ++token) {
      const double gate = 1 / (1 + std::exp(-static_cast<double>(gates[token] + gates[m + token])));
      for (std::size_t i = 0; i < width; ++i) {
        const auto both = [&](const std::vector<float>& from, std::size_t row, std::size_t rows) {
          return static_cast<double>(from[row * width + i]) + static_cast<double>(from[(rows + row) * width + i]);
        };
        double exact = static_cast<double>(before[token * width + i]);
        for (std::size_t j = 0; j < used; ++j)
          exact += static_cast<double>(weights[token * used + j]) *
                   both(values, static_cast<std::size_t>(places[token * used + j]), m * used);
        if (with > 0) exact += (with > 1 ? gate : 1) * both(shared, token, m);
        ASSERT_NEAR(static_cast<double>(got[token * width + i]), exact, 1e-5) << token << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace tollgate::local::gpu
