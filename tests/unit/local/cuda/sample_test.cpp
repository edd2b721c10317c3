// sample_rows() against sample() of the host, on many random rows. The two add in different orders, so a row may differ
// where the host's own choice hangs on the rounding of a sum: then the host must choose the same token for a number
// that is 1e-6 away, or with a nucleus that is 1e-6 larger or smaller. Such rows are counted.
#include <array>
#include <map>

#include "local_backend/cuda/kernels.h"
#include "local_backend/sampling/sampler.h"
#include "tests/unit/local/cuda/device_fixture.h"

namespace tollgate::local::gpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A row as the host takes it.
struct HostRow {
  std::vector<float> logits;
  SamplingParams params;
  std::vector<Token> prompt, answer;
  std::int64_t position = 0;
  std::uint32_t stream = 0;
  std::vector<std::uint32_t> mask;

  Sampled drawn(const SamplingParams& how) const {
    std::vector<float> copy = logits;
    return sample(copy, {&how, prompt, answer, position, stream, mask});
  }
  Sampled drawn() const { return drawn(params); }
};

struct Drawn {
  std::vector<std::int32_t> sampled;
  std::vector<DrawnToken> tokens;
};

class SampleRows : public OnDevice {
 protected:
  // All rows in one launch; they have one vocabulary.
  Drawn run(const std::vector<HostRow>& rows, float softcap = 0);
  // Whether each row is the host's; gives how many are only within rounding.
  int check(const std::vector<HostRow>& rows);
};

// The rows' lists one after the other, as a plan has them.
struct FlatRows {
  explicit FlatRows(const std::vector<HostRow>& rows) {
    for (const HostRow& row : rows) {
      const SamplingParams& params = row.params;
      DeviceSample sample{.temperature = params.temperature, .top_p = params.top_p, .min_p = params.min_p};
      sample.repetition = params.repetition_penalty;
      sample.presence = params.presence_penalty;
      sample.frequency = params.frequency_penalty;
      sample.top_k = params.top_k;
      sample.logprobs = params.logprobs;
      sample.seed = params.seed;
      sample.position = static_cast<std::uint64_t>(row.position);
      sample.stream = row.stream;
      if (!row.mask.empty()) sample.mask_at = static_cast<std::int32_t>(masks.size());
      masks.insert(masks.end(), row.mask.begin(), row.mask.end());
      std::map<Token, int> times;
      for (const Token token : row.prompt) times[token] += 0;
      for (const Token token : row.answer) ++times[token];
      sample.seen_first = static_cast<std::int32_t>(seen.size());
      sample.seen_count = static_cast<std::int32_t>(times.size());
      for (const auto& [token, count] : times) seen.push_back({token, count});
      sample.bias_first = static_cast<std::int32_t>(biases.size());
      sample.bias_count = static_cast<std::int32_t>(params.logit_bias.size());
      for (const auto& [token, bias] : params.logit_bias) biases.push_back({token, bias});
      // Backwards, so that rows and logits are not the same by chance.
      sample.logit_row = static_cast<std::int32_t>(rows.size() - 1 - samples.size());
      samples.push_back(sample);
    }
    for (std::size_t i = rows.size(); i-- > 0;)
      logits.insert(logits.end(), rows[i].logits.begin(), rows[i].logits.end());
  }
  std::vector<DeviceSample> samples;
  std::vector<std::uint32_t> masks;
  std::vector<SeenToken> seen;
  std::vector<TokenBias> biases;
  std::vector<float> logits;
};

Drawn SampleRows::run(const std::vector<HostRow>& rows, float softcap) {
  const FlatRows flat(rows);
  const Memory samples = upload(flat.samples), masks = upload(flat.masks), seen = upload(flat.seen);
  const Memory biases = upload(flat.biases), logits = upload(flat.logits);
  const Memory sampled = room<std::int32_t>(rows.size()), drawn = room<DrawnToken>(rows.size());
  SampleArgs args{.logits = logits.as<float>(), .rows = static_cast<int>(rows.size())};
  args.vocabulary = static_cast<int>(rows[0].logits.size());
  args.softcap = softcap;
  args.samples = samples.as<DeviceSample>();
  args.masks = masks.as<std::uint32_t>();
  args.seen = seen.as<SeenToken>();
  args.biases = biases.as<TokenBias>();
  args.sampled = sampled.as<std::int32_t>();
  args.drawn = drawn.as<DrawnToken>();
  sample_rows(stream(), args);
  return {download<std::int32_t>(sampled, rows.size()), download<DrawnToken>(drawn, rows.size())};
}

// Whether the host draws `token` when a sum is a little different.
bool is_near(const HostRow& row, Token token) {
  for (const float change : {-1e-6f, 1e-6f}) {
    SamplingParams params = row.params;
    params.top_p += change;
    if (row.drawn(params).token == token) return true;
    params = row.params;
    params.temperature *= 1 + change;
    if (row.drawn(params).token == token) return true;
  }
  return false;
}

int SampleRows::check(const std::vector<HostRow>& rows) {
  const Drawn got = run(rows);
  int near = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sampled expected = rows[i].drawn();
    const DrawnToken& drawn = got.tokens[i];
    EXPECT_EQ(got.sampled[i], drawn.token);
    if (drawn.token != expected.token) {
      EXPECT_TRUE(is_near(rows[i], drawn.token))
          << "row " << i << ": " << drawn.token << ", the host draws " << expected.token;
      ++near;
    } else if (rows[i].params.logprobs >= 0) {
      EXPECT_NEAR(drawn.logprob, expected.logprob, 1e-5f + std::abs(expected.logprob) * 1e-6f) << i;
    }
    for (std::size_t j = 0; j < kMaxAlternatives; ++j) {
      const bool told = j < expected.top.size();
      EXPECT_EQ(drawn.alternative[j], told ? expected.top[j].first : -1) << i << " " << j;
      if (told) {
        EXPECT_NEAR(drawn.alternative_logprob[j], expected.top[j].second,
                    1e-5f + std::abs(expected.top[j].second) * 1e-6f);
      }
    }
  }
  return near;
}

// Rows of all kinds: flat and steep, with ties, infinities and NaN, with every setting on and off.
HostRow random_row(std::size_t vocabulary, std::mt19937_64& random) {
  const auto one_of = [&random](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const auto token = [&] { return static_cast<Token>(one_of(vocabulary)); };
  HostRow row;
  const float spread = std::array{0.0f, 0.3f, 2.0f, 8.0f, 60.0f}[one_of(5)],
              steps = std::array{0.0f, 1.0f, 4.0f}[one_of(3)];
  std::normal_distribution<float> normal(one_of(2) == 0 ? 0.0f : 15.0f, 1);
  for (std::size_t i = 0; i < vocabulary; ++i) {
    const float value = normal(random) * spread;
    row.logits.push_back(steps > 0 ? std::round(value * steps) / steps : value);
  }
  const float odd[] = {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), -0.0f, 3e38f, 1e-40f};
  for (std::size_t i = one_of(3) == 0 ? one_of(6) : 0; i > 0; --i) row.logits[one_of(vocabulary)] = odd[one_of(6)];

  SamplingParams& params = row.params;
  params.temperature = std::array{0.0f, 0.1f, 0.7f, 1.0f, 1.0f, 2.0f, 30.0f}[one_of(7)];
  params.top_k = std::array{0, 0, 1, 5, 40, 900}[one_of(6)];
  params.top_p = std::array{1.0f, 1.0f, 0.95f, 0.5f, 0.999f, 0.0f}[one_of(6)];
  params.min_p = std::array{0.0f, 0.0f, 0.0f, 0.05f, 0.5f, 1.0f}[one_of(6)];
  if (one_of(3) == 0) params.repetition_penalty = std::array{1.1f, 0.5f, 3.0f}[one_of(3)];
  if (one_of(3) == 0) params.presence_penalty = 0.5f;
  if (one_of(3) == 0) params.frequency_penalty = -0.3f;
  for (std::size_t i = one_of(3) == 0 ? 4 : 0; i > 0; --i)
    params.logit_bias.emplace_back(i == 4 ? -1 : token(), static_cast<float>(one_of(9)) - 4);
  if (one_of(9) == 0)
    params.logit_bias.emplace_back(token(), -kInfinity), params.logit_bias.push_back(params.logit_bias.back());
  params.seed = random();
  params.logprobs = std::array{-1, -1, 0, 3, 20}[one_of(5)];
  for (std::size_t i = one_of(20); i > 0; --i) row.prompt.push_back(token());
  for (std::size_t i = one_of(20); i > 0; --i) row.answer.push_back(token());
  row.position = static_cast<std::int64_t>(one_of(100'000));
  row.stream = static_cast<std::uint32_t>(one_of(3));
  const std::size_t kind = one_of(8);  // of mask: none, all, nothing, one, some
  if (kind < 4) row.mask.assign((vocabulary + 31) / 32, kind == 0 ? ~0u : 0u);
  if (kind == 2) {
    const auto id = static_cast<std::size_t>(token());
    row.mask[id / 32] |= 1u << (id % 32);
  }
  if (kind == 3)
    for (std::uint32_t& word : row.mask) word = one_of(4) == 0 ? 0 : static_cast<std::uint32_t>(random());
  return row;
}

TEST_F(SampleRows, AreWhatTheHostDraws) {
  const struct {
    std::size_t vocabulary, rows;
  } kinds[] = {{1, 50}, {31, 1200}, {1000, 400}, {32'001, 20}};
  std::mt19937_64 random(5);
  int near = 0;
  for (const auto& kind : kinds) {
    SCOPED_TRACE(kind.vocabulary);
    std::vector<HostRow> rows;
    for (std::size_t i = 0; i < kind.rows; ++i) rows.push_back(random_row(kind.vocabulary, random));
    near += check(rows);
  }
  RecordProperty("within_rounding", near);
  EXPECT_LE(near, 5);
}

// So flat that the tokens around the cut cannot be set aside, and so equal that ties are everywhere.
TEST_F(SampleRows, FlatRowsAreCutByPassesOverTheRow) {
  std::vector<HostRow> rows;
  for (const int top_k : {0, 700, 9'000}) {
    for (const float top_p : {1.0f, 0.37f, 0.95f}) {
      for (const float spread : {0.0f, 0.01f, 1.0f}) {
        HostRow row{.logits = noise(20'000, static_cast<unsigned>(rows.size()), spread)};
        row.params = {.top_k = top_k, .top_p = top_p, .seed = rows.size(), .logprobs = spread == 0.0f ? 20 : -1};
        rows.push_back(row);
      }
    }
  }
  EXPECT_LE(check(rows), 1);
}

TEST_F(SampleRows, TiesAtTheCutGoToLowerIds) {
  std::vector<HostRow> rows;
  for (std::int64_t position = 0; position < 300; ++position) {
    HostRow row{.logits = std::vector<float>(600, 0.5f), .position = position};
    row.params.top_k = 7;
    rows.push_back(row);
    row.params.top_k = 0;
    row.params.top_p = 0.005f;  // 3 of 600
    rows.push_back(row);
  }
  const Drawn got = run(rows);
  std::vector<int> by_count(7), by_mass(3);
  for (std::size_t i = 0; i < rows.size(); i += 2) {
    ASSERT_LT(got.sampled[i], 7);
    ASSERT_LT(got.sampled[i + 1], 3);
    ++by_count[static_cast<std::size_t>(got.sampled[i])];
    ++by_mass[static_cast<std::size_t>(got.sampled[i + 1])];
  }
  for (const int count : by_count) EXPECT_GT(count, 20);
  for (const int count : by_mass) EXPECT_GT(count, 60);
}

TEST_F(SampleRows, DrawsFollowTheDistribution) {
  constexpr std::size_t kTokens = 50, kDraws = 4'000;
  const std::vector<float> logits = noise(kTokens, 11);
  std::vector<HostRow> rows;
  for (std::size_t i = 0; i < kDraws; ++i) rows.push_back({.logits = logits, .position = static_cast<std::int64_t>(i)});
  const Drawn got = run(rows);
  std::vector<double> counts(kTokens), odds(kTokens);
  for (const std::int32_t token : got.sampled) counts[static_cast<std::size_t>(token)] += 1;
  double whole = 0, distance = 0;
  for (std::size_t i = 0; i < kTokens; ++i) whole += odds[i] = std::exp(static_cast<double>(logits[i]));
  for (std::size_t i = 0; i < kTokens; ++i) {
    const double expected = kDraws * odds[i] / whole;
    distance += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(distance, 85.35);  // chi-square of 49 degrees of freedom: one in a thousand is above
}

// To the last bit: sums are added in the same order whatever blocks and threads come first.
TEST_F(SampleRows, ARowDoesNotDependOnTheOthers) {
  std::mt19937_64 random(3);
  std::vector<HostRow> rows;
  for (std::size_t i = 0; i < 12; ++i) {
    rows.push_back(random_row(3'000, random));
    rows.back().params.logprobs = 20;
  }
  const Drawn together = run(rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const DrawnToken alone = run({rows[i]}).tokens[0];
    const DrawnToken& beside = together.tokens[i];
    EXPECT_EQ(alone.token, beside.token);
    EXPECT_EQ(alone.logprob, beside.logprob);
    for (std::size_t j = 0; j < kMaxAlternatives; ++j) {
      EXPECT_EQ(alone.alternative[j], beside.alternative[j]);
      EXPECT_EQ(alone.alternative_logprob[j], beside.alternative_logprob[j]);
    }
  }
}

TEST_F(SampleRows, SoftcapsComeFirst) {
  std::vector<HostRow> rows, capped;
  std::mt19937_64 random(9);
  for (std::size_t i = 0; i < 60; ++i) {
    HostRow row{.logits = noise(300, static_cast<unsigned>(i), 40)};
    row.params = {.temperature = 0.8f, .seed = random(), .logprobs = 2};
    row.params.logit_bias = {{static_cast<Token>(i), 25.0f}};
    rows.push_back(row);
    for (float& logit : row.logits) logit = 30 * std::tanh(logit / 30);
    capped.push_back(row);
  }
  const Drawn got = run(rows, 30);
  int different = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sampled expected = capped[i].drawn();
    different += got.sampled[i] != expected.token ? 1 : 0;
    EXPECT_NEAR(got.tokens[i].alternative_logprob[0], expected.top[0].second, 1e-4f);
  }
  EXPECT_LE(different, 1);  // a device's tanh is not the host's to the last bit
}

TEST_F(SampleRows, PaddingWritesNothing) {
  const DeviceSample padding{.logit_row = -1};
  const Memory samples = upload(std::vector{padding}), logits = upload(std::vector<float>(40, 1.0f));
  const Memory sampled = upload(std::vector<std::int32_t>{77}), drawn = zeros<DrawnToken>(1);
  SampleArgs args{.logits = logits.as<float>(), .rows = 1, .vocabulary = 40, .samples = samples.as<DeviceSample>()};
  args.sampled = sampled.as<std::int32_t>();
  args.drawn = drawn.as<DrawnToken>();
  sample_rows(stream(), args);
  EXPECT_EQ(download<std::int32_t>(sampled, 1)[0], 77);
  EXPECT_EQ(download<DrawnToken>(drawn, 1)[0].token, 0);
}

}  // namespace
}  // namespace tollgate::local::gpu
