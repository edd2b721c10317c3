// write_heads() against double: sums, biases, norms, rope in both pairings, and every byte of the pool.
#include <numeric>

#include "local_backend/cuda/kernels.h"
#include "tests/unit/local/cuda/activations.h"

namespace tollgate::local::gpu {
namespace {

struct Case {
  int dim = 128, heads = 4, kv_heads = 2, rope_dims = 128;
  bool adjacent = false, fp8 = false, bias = false, norms = false;
  int parts = 2;
};

constexpr int kLayers = 2, kLayer = 1, kBlocks = 7, kContext = 100;
// Two rows of a plan, the second after a token of padding: blocks 4, 2 and 6, 0, 5.
const std::vector<std::int32_t> kPositions = {31, 32, 33, -1, 66}, kTokenRow = {0, 0, 0, 0, 1};
const std::vector<std::int32_t> kTables = {4, 2, -1, 6, 0, 5};
constexpr float kEps = 1e-6f;

// Parts of one of q, k, v: the parts lie in rows that are wider than the heads, as those of a joint product.
struct Input {
  std::vector<float> data, bias;
  std::size_t width, stride;
  Memory memory, bias_memory;
  double sum(const Case& it, std::size_t token, std::size_t column) const {
    double total = it.bias ? static_cast<double>(bias[column]) : 0;
    for (std::size_t part = 0; part < static_cast<std::size_t>(it.parts); ++part)
      total += static_cast<double>(data[(part * kPositions.size() + token) * stride + column]);
    return total;
  }
  Partials partials(const Case& it) const {
    return {memory.as<float>(), it.parts, static_cast<std::int64_t>(kPositions.size() * stride),
            static_cast<std::int64_t>(stride)};
  }
};

std::vector<float> angle_table(int dims) {
  std::vector<float> angles;
  for (int position = 0; position < kContext; ++position) {
    for (int i = 0; i < dims / 2; ++i) {
      const double angle = position * std::pow(100.0, -2.0 * i / dims);
      angles.push_back(static_cast<float>(std::cos(angle) * 1.25));  // with a magnitude
      angles.push_back(static_cast<float>(std::sin(angle) * 1.25));
    }
  }
  return angles;
}

// One head's values, exactly.
std::vector<double> head_of(const Case& it, std::vector<double> head, const float* norm, const float* angles) {
  const auto dim = static_cast<std::size_t>(it.dim);
  if (norm != nullptr) {
    const double squares = std::inner_product(head.begin(), head.end(), head.begin(), 0.0);
    const double scale = 1 / std::sqrt(squares / it.dim + static_cast<double>(kEps));
    for (std::size_t i = 0; i < dim; ++i) head[i] *= scale * static_cast<double>(norm[i]);
  }
  if (angles == nullptr) return head;
  const auto pairs = static_cast<std::size_t>(it.rope_dims / 2);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t first = it.adjacent ? 2 * i : i, second = it.adjacent ? first + 1 : i + pairs;
    const double cosine = static_cast<double>(angles[2 * i]), sine = static_cast<double>(angles[2 * i + 1]);
    const double a = head[first], b = head[second];
    head[first] = a * cosine - b * sine;
    head[second] = a * sine + b * cosine;
  }
  return head;
}

// What a half or an e4m3 may be away from `exact`, and 1e-5 for the floats on the way.
double half_error(double exact) { return std::abs(exact) * 0x1p-11 + 0x1p-25 + 1e-5; }
double fp8_error(double exact) { return std::abs(exact) * 0x1p-4 + 0x1p-10 + 1e-5; }

struct Given {
  Input q, k, v;
  std::vector<float> q_norm, k_norm, angles;
  KvPool pool;  // without memory
};

struct Written {
  std::vector<std::uint16_t> queries;
  std::vector<std::uint8_t> pool;
};

class Heads : public OnDeviceWithActivations {
 protected:
  Input input(const Case& it, int heads, unsigned seed) {
    Input out;
    out.width = static_cast<std::size_t>(heads * it.dim);
    out.stride = out.width + 32;
    out.data = noise(static_cast<std::size_t>(it.parts) * kPositions.size() * out.stride, seed);
    out.bias = noise(out.width, seed + 1);
    out.memory = upload(out.data);
    out.bias_memory = upload(out.bias);
    return out;
  }

  Given given(const Case& it) {
    const auto dim = static_cast<std::size_t>(it.dim);
    return {.q = input(it, it.heads, 1),
            .k = input(it, it.kv_heads, 3),
            .v = input(it, it.kv_heads, 5),
            .q_norm = noise(dim, 7),
            .k_norm = noise(dim, 8),
            .angles = angle_table(it.rope_dims),
            .pool = {.fp8 = it.fp8, .layers = kLayers, .kv_heads = it.kv_heads, .dim = it.dim}};
  }

  // All that is not written stays 0xEE.
  Written run(const Case& it, const Given& from) {
    const Memory q_norms = upload(from.q_norm), k_norms = upload(from.k_norm), table = upload(from.angles);
    const Memory positions = upload(kPositions), token_row = upload(kTokenRow), blocks = upload(kTables);
    const std::size_t pool_bytes = from.pool.block_bytes() * kBlocks;
    const std::size_t q_count = kPositions.size() * static_cast<std::size_t>(it.heads * it.dim);
    const Memory pool = upload(std::vector<std::uint8_t>(pool_bytes, 0xEE));
    const Memory q_out = upload(std::vector<std::uint16_t>(q_count, 0xEEEE));
    HeadsArgs args{.q = from.q.partials(it), .k = from.k.partials(it), .v = from.v.partials(it), .eps = kEps};
    if (it.bias) {
      args.q_bias = from.q.bias_memory.as<float>();
      args.k_bias = from.k.bias_memory.as<float>();
      args.v_bias = from.v.bias_memory.as<float>();
    }
    if (it.norms) args.q_norm = q_norms.as<float>(), args.k_norm = k_norms.as<float>();
    args.angles = table.as<float>();
    args.rope_dims = it.rope_dims;
    args.adjacent_pairs = it.adjacent;
    args.m = static_cast<int>(kPositions.size());
    args.heads = it.heads;
    args.layer = kLayer;
    args.plan.positions = positions.as<std::int32_t>();
    args.plan.token_row = token_row.as<std::int32_t>();
    args.plan.blocks = blocks.as<std::int32_t>();
    args.plan.block_stride = 3;
    args.pool = from.pool;
    args.pool.base = pool.data();
    args.q_out = q_out.as<std::uint16_t>();
    write_heads(stream(), args);
    return {download<std::uint16_t>(q_out, q_count), download<std::uint8_t>(pool, pool_bytes)};
  }
};

// Head `head` of q, k or v at a token, exactly; angles = nullptr: not turned.
std::vector<double> exact_head(const Case& it, const Input& from, std::size_t token, int head, const float* norm,
                               const float* angles) {
  std::vector<double> values;
  for (int i = 0; i < it.dim; ++i) values.push_back(from.sum(it, token, static_cast<std::size_t>(head * it.dim + i)));
  return head_of(it, values, it.norms ? norm : nullptr,
                 angles != nullptr ? angles + kPositions[token] * it.rope_dims : nullptr);
}

void check_queries(const Case& it, const Given& from, const Written& written) {
  const auto dim = static_cast<std::size_t>(it.dim);
  for (std::size_t token = 0; token < kPositions.size(); ++token) {
    for (int head = 0; head < it.heads; ++head) {
      const std::uint16_t* halves =
          written.queries.data() + (token * static_cast<std::size_t>(it.heads) + static_cast<std::size_t>(head)) * dim;
      if (kPositions[token] < 0) {
        for (std::size_t i = 0; i < dim; ++i) ASSERT_EQ(halves[i], 0xEEEE);
        continue;
      }
      const auto exact = exact_head(it, from.q, token, head, from.q_norm.data(), from.angles.data());
      for (std::size_t i = 0; i < dim; ++i)
        ASSERT_NEAR(static_cast<double>(f16_to_f32(halves[i])), exact[i], half_error(exact[i])) << token << " " << i;
    }
  }
}

// Keys (`which` below kv_heads) and values of a token; what is right becomes 0xEE.
void check_slots(const Case& it, const Given& from, std::size_t token, int which, Written& written) {
  const bool key = which < it.kv_heads;
  const auto exact = exact_head(it, key ? from.k : from.v, token, which % it.kv_heads,
                                key ? from.k_norm.data() : nullptr, key ? from.angles.data() : nullptr);
  const std::int32_t block = kTables[static_cast<std::size_t>(kTokenRow[token] * 3 + kPositions[token] / 32)];
  const std::size_t bytes = it.fp8 ? 1 : 2;
  const std::size_t at = static_cast<std::size_t>(block) * from.pool.block_bytes() +
                         static_cast<std::size_t>(kLayer * 2 * it.kv_heads + which) * from.pool.head_bytes() +
                         static_cast<std::size_t>(kPositions[token] % 32 * it.dim) * bytes;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    std::uint8_t* place = written.pool.data() + at + i * bytes;
    const auto half = static_cast<std::uint16_t>(place[0] | (it.fp8 ? 0 : place[1] << 8));
    const auto value = static_cast<double>(it.fp8 ? fp8_to_float(place[0]) : f16_to_f32(half));
    ASSERT_NEAR(value, exact[i], it.fp8 ? fp8_error(exact[i]) : half_error(exact[i])) << token << " " << which;
    std::fill_n(place, bytes, std::uint8_t{0xEE});
  }
}

TEST_F(Heads, OfEveryShapeGoWhereTheyBelong) {
  const Case cases[] = {
      {},
      {.dim = 64, .heads = 7, .kv_heads = 1, .rope_dims = 64, .adjacent = true, .bias = true, .parts = 1},
      {.dim = 96, .heads = 3, .kv_heads = 3, .rope_dims = 96, .bias = true, .parts = 3},
      {.dim = 128, .heads = 8, .kv_heads = 2, .rope_dims = 128, .fp8 = true, .norms = true},
      {.dim = 256, .heads = 2, .kv_heads = 1, .rope_dims = 256, .norms = true},
      {.dim = 128, .heads = 5, .kv_heads = 1, .rope_dims = 64, .fp8 = true},
      {.dim = 64, .heads = 2, .kv_heads = 2, .rope_dims = 16, .adjacent = true, .norms = true},
      {.dim = 256,
       .heads = 1,
       .kv_heads = 1,
       .rope_dims = 200,
       .adjacent = true,
       .fp8 = true,
       .bias = true,
       .norms = true},
  };
  int number = 0;
  for (const Case& it : cases) {
    SCOPED_TRACE(++number);
    const Given from = given(it);
    Written written = run(it, from);
    check_queries(it, from, written);
    for (std::size_t token = 0; token < kPositions.size(); ++token)
      for (int which = 0; which < 2 * it.kv_heads && kPositions[token] >= 0; ++which)
        check_slots(it, from, token, which, written);
    EXPECT_EQ(written.pool, std::vector<std::uint8_t>(written.pool.size(), 0xEE)) << "something else was written";
  }
}

}  // namespace
}  // namespace tollgate::local::gpu
