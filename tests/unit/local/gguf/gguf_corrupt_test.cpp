// Files with one wrong field each: refused, with the place and the reason.
#include <gtest/gtest.h>

#include <limits>

#include "../../core/test_data.h"
#include "gguf_bytes.h"

namespace tollgate::local {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

void expect_problem(const GgufBytes& made, std::string_view what, const GgufLimits& limits = {}) {
  const auto file = made.parse(limits);
  ASSERT_FALSE(file) << "accepted, but it should say: " << what;
  EXPECT_EQ(file.error().status, 400);
  EXPECT_EQ(file.error().code, "bad_model_file");
  EXPECT_NE(file.error().message.find(what), std::string::npos) << file.error().message;
}

// One tensor after a good header; the data section of `data` bytes follows.
GgufBytes one_tensor(const std::vector<std::uint64_t>& dims, TensorType type, std::uint64_t offset, std::size_t data) {
  GgufBytes made;
  made.head(1, 0).tensor("x", dims, type, offset).pad().zeros(data);
  return made;
}

TEST(GgufCorrupt, Header) {
  expect_problem(GgufBytes(), "made: offset 0: the file ends inside the header");
  expect_problem(GgufBytes().put(std::uint64_t{0x4655'4748'4655'4748}), "offset 0: not a GGUF file");
  expect_problem(GgufBytes().head(0, 0, 1), "offset 4: version 1 of the format");
  expect_problem(GgufBytes().head(0, 0, 4), "version 4");
  expect_problem(GgufBytes().head(0, 0, 0x03000000), "big-endian");
  expect_problem(GgufBytes().head(kHuge, 0), "offset 8: 18446744073709551615 tensors, at most 65536");
  expect_problem(GgufBytes().head(0, kHuge), "offset 16: 18446744073709551615 metadata entries");
  expect_problem(GgufBytes().head(65536, 0), "too short for the entries");
  expect_problem(GgufBytes().head(0, 65536), "too short for the entries");
}

TEST(GgufCorrupt, Keys) {
  expect_problem(GgufBytes().head(0, 1).put(kHuge).zeros(64),
                 "offset 24: a metadata key of 18446744073709551615 bytes");
  expect_problem(GgufBytes().head(0, 1).put(std::uint64_t{60000}).zeros(64), "the file ends inside a metadata key");
  expect_problem(GgufBytes().head(0, 1).text("").zeros(64), "offset 24: an empty metadata key");
  expect_problem(GgufBytes().head(0, 2).pair("k", "a").pair("k", "b").zeros(64), "the metadata key \"k\" stands twice");
  expect_problem(GgufBytes().head(0, 1).pair("k", 13, std::uint64_t{0}),
                 "offset 33: metadata \"k\" has the unknown type 13");
  expect_problem(GgufBytes().head(0, 1).pair("\n\xff\"", 99, std::uint64_t{0}), "\"\\x0a\\xff\\x22\"");
}

TEST(GgufCorrupt, Values) {
  expect_problem(GgufBytes().head(0, 1).pair("k", 10, std::uint32_t{0}), "the file ends inside the value of \"k\"");
  expect_problem(GgufBytes().head(0, 1).pair("k", 7, std::uint8_t{2}), "truth value");
  expect_problem(GgufBytes().head(0, 1).pair("k", 6, std::numeric_limits<float>::quiet_NaN()), "not a finite number");
  expect_problem(GgufBytes().head(0, 1).pair("k", 12, -std::numeric_limits<double>::infinity()), "not a finite number");
  expect_problem(GgufBytes().head(0, 1).text("k").put(std::uint32_t{8}).put(kHuge),
                 "the text of \"k\" of 18446744073709551615 bytes");
  expect_problem(GgufBytes().head(0, 1).text("k").put(std::uint32_t{8}).put(std::uint64_t{9}).zeros(8),
                 "ends inside the text");
  GgufLimits boundless;
  boundless.max_string = kHuge;
  for (const std::uint64_t length : {kHuge, kHuge - 40, kHuge - 63}) {
    expect_problem(GgufBytes().head(0, 1).text("k").put(std::uint32_t{8}).put(length).zeros(16), "ends inside the text",
                   boundless);
  }
  GgufLimits small;
  small.max_string = 4;
  expect_problem(GgufBytes().head(0, 1).pair("k", "12345"), "of 5 bytes, at most 4", small);
}

TEST(GgufCorrupt, Arrays) {
  const auto array = [](std::uint32_t type, std::uint64_t count) {
    return GgufBytes().head(0, 1).text("k").put(std::uint32_t{9}).put(type).put(count);
  };
  expect_problem(array(9, 1).zeros(64), "offset 37: the array \"k\" holds arrays");
  expect_problem(array(13, 1).zeros(64), "elements of the unknown type 13");
  expect_problem(array(4, kHuge).zeros(64),
                 "offset 41: the array \"k\" of 18446744073709551615 elements, at most 67108864");
  expect_problem(array(10, 9).zeros(64), "the file ends inside the array \"k\"");
  expect_problem(array(8, 9).zeros(64), "the file ends inside the array \"k\"");
  expect_problem(array(8, 2).put(std::uint64_t{60}).zeros(59), "the file ends inside the array \"k\"");
  expect_problem(array(7, 2).put(std::uint8_t{1}).put(std::uint8_t{7}), "truth value");
  EXPECT_EQ(array(10, 8).zeros(64).problem(), "");
  EXPECT_EQ(array(4, 0).problem(), "");
  GgufLimits wide;
  wide.max_array = kHuge;
  expect_problem(array(10, (std::uint64_t{1} << 61) + 1).zeros(64), "the file ends inside", wide);
  expect_problem(array(8, kHuge).zeros(64), "the file ends inside", wide);
}

TEST(GgufCorrupt, Alignment) {
  const auto aligned = [](std::uint32_t value) { return GgufBytes().head(0, 1).pair("general.alignment", 4, value); };
  for (const std::uint32_t bad : {0u, 1u, 4u, 24u, 33u, 1u << 21, 0xFFFFFFFFu}) {
    expect_problem(aligned(bad), "offset 53: general.alignment is " + std::to_string(bad) + ", not a power of two");
  }
  for (const std::uint32_t good : {8u, 32u, 4096u, 1u << 20}) EXPECT_EQ(aligned(good).problem(), "");
  expect_problem(GgufBytes().head(0, 1).pair("general.alignment", 10, std::uint64_t{32}), "not a 32-bit");
  expect_problem(GgufBytes().head(0, 1).pair("general.alignment", "32"), "not a 32-bit");
  GgufBytes wide;
  wide.head(1, 1)
      .pair("general.alignment", 4, std::uint32_t{64})
      .tensor("x", {8}, TensorType::f32, 32)
      .pad(64)
      .zeros(64);
  expect_problem(wide, "tensor \"x\" lies at 32, which is no multiple of 64");
}

TEST(GgufCorrupt, TensorNames) {
  GgufBytes twice;
  twice.head(2, 0).tensor("x", {8}, TensorType::f32, 0).tensor("x", {8}, TensorType::f32, 32).pad().zeros(64);
  expect_problem(twice, "the tensor \"x\" stands twice");
  const auto named = [](const std::string& name) {
    GgufBytes made;
    made.head(1, 0).tensor(name, {8}, TensorType::f32, 0).pad().zeros(32);
    return made;
  };
  expect_problem(named(std::string(65, 'n')), "a tensor name of 65 bytes, at most 64");
  expect_problem(named(""), "a tensor without a name");
  EXPECT_EQ(named(std::string(64, 'n')).problem(), "");
}

TEST(GgufCorrupt, TensorShapes) {
  expect_problem(one_tensor({1, 1, 1, 1, 1}, TensorType::f32, 0, 64), "tensor \"x\" has 5 dimensions, at most 4");
  expect_problem(one_tensor({8, 0}, TensorType::f32, 0, 64), "a dimension of 0");
  expect_problem(one_tensor({33}, TensorType::q8_0, 0, 128),
                 "rows of 33 elements, no multiple of the 32 of a q8_0 block");
  expect_problem(one_tensor({128, 2}, TensorType::q4_k, 0, 144), "rows of 128 elements");
  expect_problem(one_tensor({kHuge - 31, 2}, TensorType::q8_0, 0, 64), "64 bits");
  expect_problem(one_tensor({1u << 31, 1u << 31, 4, 1}, TensorType::f32, 0, 64), "64 bits");
  expect_problem(one_tensor({1u << 31, 1u << 31, 1u << 31, 1u << 31}, TensorType::f16, 0, 64), "64 bits");
  // 2^64 elements in 0.53 * 2^64 bytes: the bytes alone would still be a number.
  expect_problem(one_tensor({1u << 31, 1u << 31, 4}, TensorType::iq4_xs, 0, 64), "64 bits");
  expect_problem(one_tensor({std::uint64_t{1} << 62}, TensorType::f16, 0, 64), "64 bits");
}

TEST(GgufCorrupt, TensorTypes) {
  expect_problem(one_tensor({256}, static_cast<TensorType>(10), 0, 256),
                 "tensor \"x\" has the type q2_k (10), which this engine does not read");
  expect_problem(one_tensor({256}, static_cast<TensorType>(4), 0, 256), "the type unknown (4)");
  expect_problem(one_tensor({256}, static_cast<TensorType>(0xFFFFFFFF), 0, 256), "(4294967295)");
}

TEST(GgufCorrupt, TensorPlaces) {
  EXPECT_EQ(one_tensor({16}, TensorType::f32, 0, 64).problem(), "");
  EXPECT_EQ(one_tensor({16}, TensorType::f32, 32, 96).problem(), "");
  expect_problem(one_tensor({16}, TensorType::f32, 0, 63), "tensor \"x\" of 64 bytes ends behind the file's end");
  expect_problem(one_tensor({16}, TensorType::f32, 64, 64), "ends behind");
  expect_problem(one_tensor({16}, TensorType::f32, 16, 128), "no multiple of 32");
  expect_problem(one_tensor({16}, TensorType::f32, kHuge - 31, 128), "ends behind");
  expect_problem(one_tensor({16}, TensorType::f32, kHuge - 63, 128), "ends behind");
  GgufBytes no_data;
  no_data.head(1, 0).tensor("x", {8}, TensorType::f32, 0);
  expect_problem(no_data, "ends behind");
  GgufBytes overlap;
  overlap.head(2, 0).tensor("x", {8}, TensorType::f32, 32).tensor("y", {9}, TensorType::f32, 0).pad().zeros(64);
  expect_problem(overlap, "tensors \"y\" and \"x\" overlap");
  GgufBytes same;
  same.head(2, 0).tensor("x", {8}, TensorType::f32, 0).tensor("y", {8}, TensorType::f32, 0).pad().zeros(64);
  expect_problem(same, "overlap");
}

// Every prefix of a good file is an error and none reads past its end (the sanitizer build watches).
TEST(GgufCorrupt, EveryCutOfTheSample) {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  const std::string file =
      read_test_file(std::filesystem::path(source ? source : ".") / "tests/fixtures/local/gguf/sample.gguf");
  ASSERT_FALSE(file.empty());
  // The last tensor's 128 bytes end at a multiple of the alignment, so no padding follows that could be cut unnoticed.
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(GgufFile::parse(std::as_bytes(std::span(cut)), "cut")) << size;
  }
}

}  // namespace
}  // namespace tollgate::local
