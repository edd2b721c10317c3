#include "local_backend/gguf/gguf_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "../../core/test_data.h"

namespace tollgate::local {
namespace {

class GgufWriterTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("tollgate_gguf_writer_" + std::to_string(::getpid()));
};

std::vector<std::byte> counted(std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7);
  return out;
}

TEST_F(GgufWriterTest, WhatIsWrittenIsRead) {
  const std::vector<std::string> texts{"one", "", "\u00e9"};
  const std::vector<std::int32_t> integers{-1, 2};
  const std::vector<float> numbers{0.5f, -2};
  const auto first = counted(34 * 3), second = counted(12);
  {
    GgufWriter writer(path("a.gguf"));
    writer.add_text("general.architecture", "llama");
    writer.add_u32("u", 4000000000u);
    writer.add_f32("f", 0.25f);
    writer.add_flag("b", true);
    writer.add_texts("texts", texts);
    writer.add_i32s("integers", integers);
    writer.add_f32s("numbers", numbers);
    writer.add_tensor("x", TensorType::q8_0, {32, 3, 1, 1});
    writer.add_tensor("y", TensorType::f32, {3, 1, 1, 1});
    ASSERT_TRUE(writer.begin());
    ASSERT_TRUE(writer.write(std::span(first).first(50)));
    ASSERT_TRUE(writer.write(std::span(first).subspan(50)));
    ASSERT_TRUE(writer.write(second));
    EXPECT_FALSE(std::filesystem::exists(path("a.gguf"))) << "not before it is whole";
    ASSERT_TRUE(writer.finish());
  }
  const auto file = GgufFile::open(path("a.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  const GgufFile& read = **file;
  EXPECT_EQ(read.text("general.architecture"), "llama");
  EXPECT_EQ(read.integer("u"), 4000000000);
  EXPECT_EQ(read.number("f"), 0.25);
  EXPECT_EQ(read.flag("b"), true);
  EXPECT_EQ(read.texts("texts"), (std::vector<std::string_view>(texts.begin(), texts.end())));
  EXPECT_EQ(read.integers("integers"), (std::vector<std::int64_t>{-1, 2}));
  EXPECT_EQ(read.numbers("numbers"), (std::vector<double>{0.5, -2}));
  EXPECT_TRUE(std::ranges::equal(read.tensor("x")->data, first));
  EXPECT_TRUE(std::ranges::equal(read.tensor("y")->data, second));
  EXPECT_EQ(read.tensor("x")->rows(), 3u);
}

TEST_F(GgufWriterTest, PairsAreCopiedAsTheyStand) {
  const char* source = std::getenv("TOLLGATE_SOURCE_DIR");
  const auto sample = std::filesystem::path(source ? source : ".") / "tests/fixtures/local/gguf/sample.gguf";
  const auto from = GgufFile::open(sample.string());
  ASSERT_TRUE(from) << from.error().message;
  GgufWriter writer(path("copy.gguf"));
  for (const GgufFile::Pair& pair : (*from)->pairs()) writer.add(pair);
  for (const Tensor& tensor : (*from)->tensors()) writer.add_tensor(tensor.name, tensor.type, tensor.dims);
  ASSERT_TRUE(writer.begin());
  for (const Tensor& tensor : (*from)->tensors()) ASSERT_TRUE(writer.write(tensor.data));
  ASSERT_TRUE(writer.finish());
  const auto copy = GgufFile::open(path("copy.gguf"));
  ASSERT_TRUE(copy) << copy.error().message;
  EXPECT_EQ((*copy)->pairs().size() + 1, (*from)->pairs().size()) << "all but the alignment";
  for (const GgufFile::Pair& pair : (*copy)->pairs()) {
    const GgufFile::Pair* was = (*from)->pair(pair.key);
    ASSERT_TRUE(was) << pair.key;
    EXPECT_TRUE(was->type == pair.type && was->array == pair.array && was->count == pair.count) << pair.key;
    EXPECT_TRUE(std::ranges::equal(was->value, pair.value)) << pair.key;
  }
  for (const Tensor& tensor : (*copy)->tensors()) {
    EXPECT_EQ(tensor.dims, (*from)->tensor(tensor.name)->dims);
    EXPECT_TRUE(std::ranges::equal(tensor.data, (*from)->tensor(tensor.name)->data)) << tensor.name;
  }
}

TEST_F(GgufWriterTest, AnUnfinishedFileLeavesNothing) {
  {
    GgufWriter writer(path("b.gguf"));
    writer.add_tensor("x", TensorType::f32, {4, 1, 1, 1});
    ASSERT_TRUE(writer.begin());
    ASSERT_TRUE(writer.write(counted(8)));
    EXPECT_EQ(writer.finish().error().message, path("b.gguf") + ": not all tensors were written");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(GgufWriterTest, AnUnwritableFolderIsAnError) {
  GgufWriter writer(path("no/such/folder.gguf"));
  const auto begun = writer.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, "model_file_not_written");
}

}  // namespace
}  // namespace tollgate::local
