// add_norm() against sums in double, and its activations against quantise() bit by bit.
#include "tests/unit/local/cuda/activations.h"

namespace tollgate::local::gpu {
namespace {

struct Case {
  std::size_t m = 1, width = 32, parts = 1;
  bool bias = false, post_norm = false;
  ActivationFormat format = ActivationFormat::f16;
  float spread = 1;
};

class AddNorm : public OnDeviceWithActivations {
 protected:
  static constexpr float kEps = 1e-5f;

  struct Result {
    std::vector<float> x, normed;
    HostActivations out;
  };

  // What the kernel makes of `it`; deterministic in `it`.
  Result run(const Case& it) {
    const Memory x = upload(noise(it.m * it.width, 1, it.spread));
    const Memory delta = upload(noise(it.parts * it.m * it.width, 2, it.spread));
    const Memory bias = upload(noise(it.width, 3)), post = upload(noise(it.width, 4)),
                 weight = upload(noise(it.width, 5));
    const Memory normed = room<float>(it.m * it.width);
    const DeviceActivations out = activations(it.format, it.m, it.width);
    AddNormArgs args{.x = x.as<float>(), .weight = weight.as<float>(), .eps = kEps};
    args.delta = {delta.as<float>(), static_cast<int>(it.parts), static_cast<std::int64_t>(it.m * it.width),
                  static_cast<std::int64_t>(it.width)};
    if (it.bias) args.bias = bias.as<float>();
    if (it.post_norm) args.post_norm = post.as<float>();
    args.m = static_cast<int>(it.m);
    args.width = static_cast<int>(it.width);
    args.out = out.view;
    args.out_float = normed.as<float>();
    add_norm(stream(), args);
    return {download<float>(x, it.m * it.width), download<float>(normed, it.m * it.width),
            download_activations(out, it.m, it.width)};
  }
};

// In place: values = values * rsqrt(mean square + eps) * weight.
void norm_exactly(std::vector<double>& values, const std::vector<float>& weight, double eps) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(values.size()) + eps);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= scale * static_cast<double>(weight[i]);
}

struct Exact {
  std::vector<double> x, normed;
};

Exact exactly(const Case& it, std::size_t row, double eps) {
  const std::vector<float> x = noise(it.m * it.width, 1, it.spread);
  const std::vector<float> delta = noise(it.parts * it.m * it.width, 2, it.spread), bias = noise(it.width, 3);
  std::vector<double> sum(it.width);
  for (std::size_t i = 0; i < it.width; ++i) {
    for (std::size_t part = 0; part < it.parts; ++part)
      sum[i] += static_cast<double>(delta[(part * it.m + row) * it.width + i]);
    if (it.bias) sum[i] += static_cast<double>(bias[i]);
  }
  if (it.post_norm) norm_exactly(sum, noise(it.width, 4), eps);
  for (std::size_t i = 0; i < it.width; ++i) sum[i] += static_cast<double>(x[row * it.width + i]);
  Exact out{.x = sum, .normed = sum};
  norm_exactly(out.normed, noise(it.width, 5), eps);
  return out;
}

TEST_F(AddNorm, IsTheSumAndItsNorm) {
  const Case cases[] = {{.m = 1, .width = 32, .parts = 1},
                        {.m = 3, .width = 96, .parts = 3, .bias = true},
                        {.m = 2, .width = 4096, .parts = 8, .post_norm = true},
                        {.m = 5, .width = 1056, .parts = 2, .bias = true, .post_norm = true},
                        {.m = 1, .width = 9248, .parts = 1, .spread = 1000}};
  for (const Case& it : cases) {
    SCOPED_TRACE(it.width);
    const Result result = run(it);
    for (std::size_t row = 0; row < it.m; ++row) {
      const Exact exact = exactly(it, row, static_cast<double>(kEps));
      for (std::size_t i = 0; i < it.width; ++i) {
        const std::size_t at = row * it.width + i;
        ASSERT_NEAR(static_cast<double>(result.x[at]), exact.x[i], static_cast<double>(it.spread) * 2e-5)
            << row << " " << i;
        ASSERT_NEAR(static_cast<double>(result.normed[at]), exact.normed[i], 2e-5) << row << " " << i;
        ASSERT_NEAR(static_cast<double>(result.out.value(row, i)), exact.normed[i],
                    2e-5 + result.out.rounding(row, exact.normed[i]));
      }
    }
  }
}

TEST_F(AddNorm, WritesTheBitsOfTheDefinition) {
  for (const ActivationFormat format : kActivationFormats) {
    const Case it{.m = 3, .width = 2144, .parts = 2, .format = format, .spread = 3};
    const Result result = run(it);
    const HostActivations twin = quantise(result.normed, it.width, format);
    EXPECT_EQ(result.out.halves, twin.halves);
    EXPECT_EQ(result.out.bytes, twin.bytes);
    EXPECT_EQ(result.out.scales, twin.scales);
    EXPECT_EQ(result.out.sums, twin.sums);
  }
}

TEST_F(AddNorm, ARowDoesNotDependOnTheOthers) {
  // The same values as the first row of three.
  const Case one{.m = 1, .width = 320}, three{.m = 3, .width = 320};
  const Result alone = run(one), together = run(three);
  for (std::size_t i = 0; i < one.width; ++i) EXPECT_EQ(alone.out.halves[i], together.out.halves[i]);
}

TEST_F(AddNorm, ZerosStayZeros) {
  const Memory x = zeros<float>(64);
  const Memory weight = upload(std::vector<float>(64, 1.0f));
  for (const ActivationFormat format : kActivationFormats) {
    const DeviceActivations out = activations(format, 1, 64);
    AddNormArgs args{.x = x.as<float>(), .weight = weight.as<float>(), .eps = kEps, .m = 1, .width = 64};
    args.out = out.view;
    add_norm(stream(), args);
    const HostActivations host = download_activations(out, 1, 64);
    for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(host.value(0, i), 0.0f);
    if (!host.scales.empty()) EXPECT_EQ(host.scales[0], 1.0f);
  }
}

TEST_F(AddNorm, TakesTheRowsThatAreNamed) {
  const std::size_t width = 64;
  const std::vector<float> values = noise(4 * width, 7);
  const Memory x = upload(values), weight = upload(noise(width, 5)), rows = upload(std::vector<std::int32_t>{3, 1});
  const Memory picked = room<float>(2 * width), all = room<float>(4 * width);
  AddNormArgs args{.x = x.as<float>(), .weight = weight.as<float>(), .eps = kEps, .m = 4, .width = 64};
  args.out_float = all.as<float>();
  add_norm(stream(), args);
  args.m = 2;
  args.rows = rows.as<std::int32_t>();
  args.out_float = picked.as<float>();
  add_norm(stream(), args);
  const std::vector<float> from = download<float>(all, 4 * width), got = download<float>(picked, 2 * width);
  for (std::size_t i = 0; i < width; ++i) {
    EXPECT_EQ(got[i], from[3 * width + i]);
    EXPECT_EQ(got[width + i], from[width + i]);
  }
  EXPECT_EQ(download<float>(x, 4 * width), values);
}

TEST_F(AddNorm, OnlyAddsWithoutAWeight) {
  const Memory x = upload(std::vector<float>(32, 1.0f)), delta = upload(std::vector<float>(64, 2.0f));
  AddNormArgs args{.x = x.as<float>(), .m = 1, .width = 32};
  args.delta = {delta.as<float>(), 2, 32, 32};
  add_norm(stream(), args);
  EXPECT_EQ(download<float>(x, 32), std::vector<float>(32, 5.0f));
}

// The scale of f16 brings the largest magnitude into [128, 256), also where that is next to a power of two.
TEST(ActivationScale, BringsTheLargestIntoRange) {
  for (const float largest : {1e-20f, 0.9999999f, 1.0f, 1.0000001f, 127.99999f, 65504.0f, 3e38f}) {
    const RowScale scale = row_scale(ActivationFormat::f16, largest);
    EXPECT_GE(largest * scale.inverse, 128.0f);
    EXPECT_LT(largest * scale.inverse, 256.0f);
    EXPECT_EQ(scale.scale * scale.inverse, 1.0f);
    int exponent = 0;
    EXPECT_EQ(std::frexp(scale.scale, &exponent), 0.5f);
    EXPECT_EQ(float_to_fp8(largest * row_scale(ActivationFormat::fp8, largest).inverse), 0x7E);
  }
  for (const float tiny : {1e-38f, 1e-44f}) {
    for (const ActivationFormat format : kActivationFormats) {
      const RowScale scale = row_scale(format, tiny);
      EXPECT_TRUE(std::isfinite(scale.inverse) && scale.scale > 0);
      EXPECT_LT(tiny * scale.inverse, 256.0f);
    }
  }
  EXPECT_EQ(row_scale(ActivationFormat::f16, 0).scale, 1.0f);
  EXPECT_EQ(row_scale(ActivationFormat::fp8, 0).scale, 1.0f);
}

}  // namespace
}  // namespace tollgate::local::gpu
