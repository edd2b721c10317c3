// Blocks and floats of the reference implementation, bit for bit. The vectors:
// tests/fixtures/local/gguf/make_vectors.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "../../core/test_data.h"
#include "local_backend/gguf/tensor_type.h"

namespace tollgate::local {
namespace {

struct Vector {
  TensorType type{};
  std::vector<std::byte> blocks;
  std::vector<float> floats;
};

std::string fixture(const char* name) {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  return read_test_file(std::filesystem::path(source ? source : ".") / "tests/fixtures/local/gguf" / name);
}

std::vector<Vector> vectors(const char* name) {
  const std::string file = fixture(name);
  std::vector<Vector> out;
  for (std::size_t at = 0; at < file.size();) {
    std::uint32_t head[2] = {};
    std::memcpy(head, file.data() + at, sizeof(head));
    Vector one{static_cast<TensorType>(head[0]), {}, {}};
    at += sizeof(head);
    one.blocks.resize(tensor_bytes(one.type, head[1]));
    std::memcpy(one.blocks.data(), file.data() + at, one.blocks.size());
    at += one.blocks.size();
    one.floats.resize(head[1]);
    std::memcpy(one.floats.data(), file.data() + at, head[1] * sizeof(float));
    at += head[1] * sizeof(float);
    out.push_back(std::move(one));
  }
  return out;
}

TEST(Vectors, DequantizedValuesAreThoseOfTheReference) {
  std::set<TensorType> seen;
  for (const Vector& vector : vectors("dequantize.bin")) {
    seen.insert(vector.type);
    std::vector<float> out(vector.floats.size());
    dequantize(vector.type, vector.blocks.data(), out.data(), out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float want = vector.floats[i];
      if (std::isnan(want) && std::isnan(out[i])) continue;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(want))
          << tensor_type_info(vector.type)->name << " element " << i << ": " << out[i] << ", not " << want;
    }
  }
  EXPECT_EQ(seen.size(), 13u);
}

TEST(Vectors, QuantizedBlocksAreThoseOfTheReference) {
  std::set<TensorType> seen;
  for (const Vector& vector : vectors("quantize.bin")) {
    seen.insert(vector.type);
    std::vector<std::byte> out(vector.blocks.size());
    ASSERT_TRUE(quantize(vector.type, vector.floats.data(), out.data(), vector.floats.size()));
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i], vector.blocks[i]) << tensor_type_info(vector.type)->name << " byte " << i;
    }
  }
  EXPECT_EQ(seen.size(), 6u);
}

}  // namespace
}  // namespace tollgate::local
