#include "local_backend/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

constexpr double kMaxFactor = 1e6;

// YaRN (Peng et al. 2023): slow pairs are interpolated, fast ones are kept, those between are blended.
void apply_yarn(ModelReader& reader, RopeSpec& spec, int dims, float base, float factor, std::int64_t original) {
  const float beta_fast = reader.number("rope.scaling.yarn_beta_fast", 1e-3, 1e6, 32.0);
  const float beta_slow = reader.number("rope.scaling.yarn_beta_slow", 1e-3, 1e6, 1.0);
  // The pair that turns `rotations` times within the original context.
  const auto pair_of = [&](double rotations) {
    return dims * std::log(static_cast<double>(original) / (rotations * 2 * std::numbers::pi)) / (2 * std::log(base));
  };
  const double low = std::max(std::floor(pair_of(beta_fast)), 0.0);
  const double high = std::min(std::ceil(pair_of(beta_slow)), dims - 1.0);
  for (std::size_t i = 0; i < spec.frequencies.size(); ++i) {
    const double ramp = (static_cast<double>(i) - low) / std::max(high - low, 0.001);
    const auto slow = static_cast<float>(std::clamp(ramp, 0.0, 1.0));
    spec.frequencies[i] = spec.frequencies[i] / factor * slow + spec.frequencies[i] * (1.0f - slow);
  }
  spec.magnitude = 0.1f * std::log(factor) + 1.0f;
}

void divide(ModelReader& reader, RopeSpec& spec, const std::vector<float>& factors) {
  if (std::any_of(factors.begin(), factors.end(), [](float factor) { return !(factor > 1e-6f); }))
    return reader.fail("bad_model_file", "a rope factor is not above zero");
  for (std::size_t i = 0; i < factors.size() && i < spec.frequencies.size(); ++i) spec.frequencies[i] /= factors[i];
}

// LongRoPE (Ding et al. 2024): a factor per pair, one list for short contexts and one for long ones.
void apply_longrope(ModelReader& reader, RopeSpec& spec, std::int64_t context, std::int64_t original) {
  const bool longer = context > original;
  divide(reader, spec,
         reader.vector(longer ? "rope_factors_long.weight" : "rope_factors_short.weight", spec.frequencies.size()));
  const double stretch = static_cast<double>(context) / static_cast<double>(original);
  const double magnitude = longer ? std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(original))) : 1.0;
  spec.magnitude = reader.number("rope.scaling.attn_factor", 1e-3, 1e3, magnitude);
}

}  // namespace

RopeSpec plain_rope(int dims, float base) {
  RopeSpec spec;
  for (int i = 0; i < dims / 2; ++i)
    spec.frequencies.push_back(1.0f / std::pow(base, static_cast<float>(2 * i) / static_cast<float>(dims)));
  return spec;
}

RopeSpec read_rope(ModelReader& reader, int dims, float base, std::int64_t context) {
  RopeSpec spec = plain_rope(dims, base);
  const std::int64_t original = reader.integer("rope.scaling.original_context_length", 2, 1 << 30, context);
  if (reader.has_tensor("rope_factors_long.weight")) {
    apply_longrope(reader, spec, context, original);
    return spec;
  }
  divide(reader, spec, reader.optional_vector("rope_freqs.weight", spec.frequencies.size()));
  // Old files name only a factor, and mean linear scaling.
  float factor = reader.number("rope.scale_linear", 0.0, kMaxFactor, 0.0);
  factor = reader.number("rope.scaling.factor", 0.0, kMaxFactor, factor);
  const std::string_view type = reader.text("rope.scaling.type").value_or("linear");
  if (type == "none" || factor == 0) return spec;
  if (factor < 1e-6f) return reader.fail("bad_model_file", "rope.scaling.factor is out of range"), spec;
  if (type == "yarn") {
    apply_yarn(reader, spec, dims, base, factor, original);
    spec.magnitude *= reader.number("rope.scaling.attn_factor", 1e-3, 1e3, 1.0);
  } else if (type == "linear") {
    for (float& frequency : spec.frequencies) frequency /= factor;
  } else {
    reader.fail("unsupported_model", "rope.scaling.type " + quoted_text(type) + " is not known");
  }
  return spec;
}

RopeAngles::RopeAngles(RopeSpec spec, std::size_t max_tokens) : spec_(std::move(spec)) {
  cosines_.resize(max_tokens * spec_.frequencies.size());
  sines_.resize(cosines_.size());
}

void RopeAngles::fill(std::span<const std::int32_t> positions, std::size_t first) {
  std::size_t at = first * spec_.frequencies.size();
  for (const std::int32_t position : positions)
    for (const float frequency : spec_.frequencies) {
      const float angle = static_cast<float>(position) * frequency;
      cosines_[at] = std::cos(angle) * spec_.magnitude;
      sines_[at] = std::sin(angle) * spec_.magnitude;
      ++at;
    }
}

void RopeAngles::turn(float* x, std::size_t token, int heads, int dim, RopePairs pairs) const {
  const std::size_t n = spec_.frequencies.size();
  const float* cosines = cosines_.data() + token * n;
  const float* sines = sines_.data() + token * n;
  const std::size_t step = pairs == RopePairs::adjacent ? 2 : 1;   // from pair to pair
  const std::size_t apart = pairs == RopePairs::adjacent ? 1 : n;  // within a pair
  for (int head = 0; head < heads; ++head, x += dim)
    for (std::size_t i = 0; i < n; ++i) {
      float& a = x[i * step];
      float& b = x[i * step + apart];
      const float turned = a * cosines[i] - b * sines[i];
      b = a * sines[i] + b * cosines[i];
      a = turned;
    }
}

}  // namespace tollgate::local
