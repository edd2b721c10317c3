#include "local_backend/gguf/gguf_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "../../core/test_data.h"
#include "gguf_bytes.h"

namespace tollgate::local {
namespace {

std::string fixture_path(const char* name) {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  return (std::filesystem::path(source ? source : ".") / "tests/fixtures/local/gguf" / name).string();
}

TEST(GgufFile, ReadsWhatTheReferenceWrote) {
  const auto opened = GgufFile::open(fixture_path("sample.gguf"));
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufFile& file = **opened;
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.text("general.name"), "a sample");
  EXPECT_EQ(file.integer("t.u8"), 200);
  EXPECT_EQ(file.integer("t.i8"), -5);
  EXPECT_EQ(file.integer("t.u16"), 60000);
  EXPECT_EQ(file.integer("t.i16"), -30000);
  EXPECT_EQ(file.integer("t.u32"), 4000000000);
  EXPECT_EQ(file.integer("t.i32"), -2000000000);
  EXPECT_EQ(file.integer("t.i64"), -(std::int64_t{1} << 62));
  EXPECT_EQ(file.integer("t.u64"), std::nullopt) << "does not fit";
  EXPECT_EQ(file.number("t.u64"), 9223372036854775808.0);
  EXPECT_EQ(file.number("t.f32"), 0.5);
  EXPECT_EQ(file.number("t.f64"), 1e300);
  EXPECT_EQ(file.number("t.i8"), -5);
  EXPECT_EQ(file.flag("t.flag"), true);
  EXPECT_EQ(file.texts("t.texts"), (std::vector<std::string_view>{"a", "", "\u00e9\u4e2d"}));
  EXPECT_EQ(file.integers("t.integers"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(file.numbers("t.integers"), (std::vector<double>{1, -2, 3}));
  EXPECT_EQ(file.numbers("t.numbers"), (std::vector<double>{0.25, -1.5}));
  EXPECT_EQ(file.integers("t.flags"), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(file.pairs().front().key, "general.architecture");
}

TEST(GgufFile, AnotherKindLooksAbsent) {
  const auto opened = GgufFile::open(fixture_path("sample.gguf"));
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufFile& file = **opened;
  EXPECT_EQ(file.integer("t.f32"), std::nullopt);
  EXPECT_EQ(file.integer("t.flag"), std::nullopt);
  EXPECT_EQ(file.integer("t.integers"), std::nullopt);
  EXPECT_EQ(file.number("general.name"), std::nullopt);
  EXPECT_EQ(file.text("t.texts"), std::nullopt);
  EXPECT_EQ(file.flag("t.u8"), std::nullopt);
  EXPECT_TRUE(file.texts("t.integers").empty());
  EXPECT_TRUE(file.texts("general.name").empty());
  EXPECT_TRUE(file.integers("t.numbers").empty());
  EXPECT_TRUE(file.integers("t.texts").empty());
  EXPECT_TRUE(file.numbers("no.such.key").empty());
  EXPECT_EQ(file.pair("t.u9"), nullptr);
}

TEST(GgufFile, TensorsPointAtTheirData) {
  const auto opened = GgufFile::open(fixture_path("sample.gguf"));
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufFile& file = **opened;
  ASSERT_EQ(file.tensors().size(), 3u);
  const Tensor* a = file.tensor("a.weight");
  const Tensor* b = file.tensor("b.weight");
  const Tensor* c = file.tensor("c.bias");
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(file.tensor("d"), nullptr);
  EXPECT_EQ(a->columns(), 64u);
  EXPECT_EQ(a->rows(), 3u);
  EXPECT_EQ(b->data.size(), 3u * 2 * 34);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b->data.data()) % 64, 0u);
  std::vector<float> plain(192), rounded(192), last(64);
  dequantize(a->type, a->data.data(), plain.data(), 192);
  dequantize(b->type, b->data.data(), rounded.data(), 192);
  dequantize(c->type, c->data.data(), last.data(), 64);
  for (int i = 0; i < 192; ++i) {
    EXPECT_EQ(plain[i], i);
    EXPECT_NEAR(rounded[i], i, 0.9);
  }
  EXPECT_EQ(last[63], 63);
}

TEST(GgufFile, EmptyAndVersionTwoAreGood) {
  EXPECT_EQ(GgufBytes().head(0, 0).problem(), "");
  EXPECT_EQ(GgufBytes().head(0, 1, 2).pair("a", "b").problem(), "");
  GgufBytes scalar;
  scalar.head(1, 0).tensor("x", {}, TensorType::f32, 0).pad().zeros(4);
  const auto file = scalar.parse();
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ((*file)->tensors()[0].elements(), 1u);
}

TEST(GgufFile, TensorsMayLieInAnyOrder) {
  GgufBytes made;
  made.head(2, 0).tensor("x", {8}, TensorType::f32, 32).tensor("y", {8}, TensorType::f32, 0).pad().zeros(64);
  const auto file = made.parse();
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_GT((*file)->tensor("x")->data.data(), (*file)->tensor("y")->data.data());
}

TEST(GgufFile, LargeVocabulariesOpenFast) {
  constexpr std::uint64_t kTokens = 150000;
  GgufBytes made;
  made.head(0, 1).text("tokenizer.ggml.tokens").put(std::uint32_t{9}).put(std::uint32_t{8}).put(kTokens);
  for (std::uint64_t i = 0; i < kTokens; ++i) made.text("token" + std::to_string(i));
  const std::clock_t before = std::clock();  // of this process: other work on the machine does not count
  const auto file = made.parse();
  ASSERT_TRUE(file) << file.error().message;
  const auto tokens = (*file)->texts("tokenizer.ggml.tokens");
  const std::clock_t spent = std::clock() - before;
  ASSERT_EQ(tokens.size(), kTokens);
  EXPECT_EQ(tokens.back(), "token149999");
  EXPECT_LT(spent, CLOCKS_PER_SEC / 2);
}

TEST(GgufFile, WhatCannotBeMappedIsAnError) {
  EXPECT_EQ(GgufFile::open("/no/such/file").error().message,
            "/no/such/file: offset 0: cannot open the file: No such file or directory");
  EXPECT_EQ(GgufFile::open("/tmp").error().code, "bad_model_file");
  EXPECT_EQ(GgufFile::open("/dev/null").error().status, 400);
  const auto empty = std::filesystem::temp_directory_path() / ("tollgate_empty_" + std::to_string(::getpid()));
  std::ofstream(empty).close();
  EXPECT_NE(GgufFile::open(empty.string()).error().message.find("empty"), std::string::npos);
  std::filesystem::remove(empty);
}

TEST(GgufFile, RecordedVocabulariesOpen) {
  const auto folder = test_data_dir("tokenizers");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".gguf") continue;
    const auto file = GgufFile::open(entry.path().string());
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_GT((*file)->texts("tokenizer.ggml.tokens").size(), 20000u) << entry.path();
    ++seen;
  }
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace tollgate::local
