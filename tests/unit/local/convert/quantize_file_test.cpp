#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "local_backend/convert/convert.h"
#include "local_backend/gguf/gguf_file.h"
#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/gguf/mapped_file.h"
#include "model_folder.h"

namespace tollgate::local {
namespace {

struct Part {
  std::string name;
  std::uint64_t columns = 0, rows = 1;
  TensorType type = TensorType::f32;
};

const std::vector<Part> kModel{
    {"token_embd.weight", 256, 40},
    {"blk.0.attn_norm.weight", 256},
    {"blk.0.attn_q.weight", 256, 256, TensorType::f16},
    {"blk.0.attn_q.bias", 256},
    {"blk.0.attn_v.weight", 256, 64},
    {"blk.0.ffn_gate_inp.weight", 256, 8},
    {"blk.0.ffn_up.weight", 256, 96, TensorType::bf16},
    {"blk.0.ffn_down.weight", 96, 256},
    {"blk.1.ffn_down.weight", 256, 2},
    {"blk.2.ffn_down.weight", 256, 2},
    {"blk.2.odd.weight", 40, 4},
    {"output_norm.weight", 256},
    {"output.weight", 256, 40},
};

float weight(std::uint64_t i) { return 0.02f * std::sin(static_cast<float>(i * i % 9973)); }

void write_model(const std::string& path, const std::vector<Part>& parts, float extra = 0) {
  GgufWriter writer(path);
  writer.add_text("general.architecture", "llama");
  writer.add_u32("general.file_type", 0);
  writer.add_u32("llama.block_count", 3);
  for (const Part& part : parts) writer.add_tensor(part.name, part.type, {part.columns, part.rows, 1, 1});
  ASSERT_TRUE(writer.begin());
  for (const Part& part : parts) {
    std::vector<float> values(part.columns * part.rows);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = weight(i);
    if (extra != 0) values.back() = extra;
    std::vector<std::byte> bytes(tensor_bytes(part.type, values.size()));
    ASSERT_TRUE(quantize(part.type, values.data(), bytes.data(), values.size()));
    ASSERT_TRUE(writer.write(bytes));
  }
  ASSERT_TRUE(writer.finish());
}

std::string bytes_of(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return {};
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

class QuantizeFile : public testing::Test {
 protected:
  void SetUp() override { write_model(in_, kModel); }
  std::map<std::string, std::string_view, std::less<>> types(TensorType type, ConvertReport* report = nullptr) {
    auto done = quantize_file(in_, out_, type);
    EXPECT_TRUE(done) << done.error().message;
    std::map<std::string, std::string_view, std::less<>> out;
    if (!done) return out;
    if (report) *report = *done;
    file_ = *GgufFile::open(out_);
    for (const Tensor& tensor : file_->tensors()) out.emplace(tensor.name, tensor_type_info(tensor.type)->name);
    return out;
  }

  ModelFolderFiles files_;
  std::string in_ = files_.path("in.gguf"), out_ = files_.path("out.gguf");
  std::shared_ptr<const GgufFile> file_;
};

TEST_F(QuantizeFile, GivesEachTensorItsType) {
  ConvertReport report;
  const auto got = types(TensorType::q4_k, &report);
  EXPECT_EQ(got.at("token_embd.weight"), "q4_k");
  EXPECT_EQ(got.at("blk.0.attn_norm.weight"), "f32");
  EXPECT_EQ(got.at("blk.0.attn_q.weight"), "q4_k");
  EXPECT_EQ(got.at("blk.0.attn_q.bias"), "f32");
  EXPECT_EQ(got.at("blk.0.ffn_gate_inp.weight"), "f32");
  EXPECT_EQ(got.at("blk.0.ffn_up.weight"), "q4_k");
  EXPECT_EQ(got.at("blk.0.ffn_down.weight"), "q5_0");
  EXPECT_EQ(got.at("blk.1.ffn_down.weight"), "q4_k");
  EXPECT_EQ(got.at("blk.2.ffn_down.weight"), "q6_k") << "one of the layers that matter more";
  EXPECT_EQ(got.at("blk.2.odd.weight"), "f16");
  EXPECT_EQ(got.at("output.weight"), "q6_k");
  EXPECT_EQ(file_->integer("general.file_type"), 15);
  EXPECT_EQ(file_->integer("llama.block_count"), 3);
  EXPECT_EQ(file_->text("general.architecture"), "llama");
  ASSERT_EQ(report.notes.size(), 2u);
  EXPECT_EQ(report.notes[0], "blk.0.ffn_down.weight: rows of 96, so q5_0 instead of q4_k");
  EXPECT_EQ(report.tensors, kModel.size());
  EXPECT_LT(report.bytes_out, report.bytes_in / 3);
}

TEST_F(QuantizeFile, OtherTypesGoEverywhere) {
  EXPECT_EQ(types(TensorType::q8_0).at("output.weight"), "q8_0");
  EXPECT_EQ(types(TensorType::q4_0).at("output.weight"), "q6_k");
  EXPECT_EQ(types(TensorType::q6_k).at("blk.0.ffn_down.weight"), "q8_0");
  EXPECT_EQ(types(TensorType::f16).at("blk.0.ffn_up.weight"), "f16");
  EXPECT_EQ(types(TensorType::bf16).at("blk.2.odd.weight"), "bf16");
  EXPECT_EQ(file_->integer("general.file_type"), 32);
}

TEST_F(QuantizeFile, ValuesStayNearWhatTheyWere) {
  types(TensorType::q8_0);
  for (const Tensor& tensor : file_->tensors()) {
    std::vector<float> values(tensor.elements());
    dequantize(tensor.type, tensor.data.data(), values.data(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], weight(i), 0.0003) << tensor.name << " " << i;
  }
}

TEST_F(QuantizeFile, WithoutOutputMatrixTheEmbeddingIsIt) {
  std::vector<Part> parts = kModel;
  parts.pop_back();
  write_model(in_, parts);
  EXPECT_EQ(types(TensorType::q4_k).at("token_embd.weight"), "q6_k");
}

TEST_F(QuantizeFile, ThreadsDoNotChangeTheResult) {
  write_model(in_, {{"token_embd.weight", 1024, 3000}, {"output_norm.weight", 1024}});
  ConvertOptions options;
  std::vector<ConvertProgress> seen;
  options.progress = [&](const ConvertProgress& progress) { seen.push_back(progress); };
  options.threads = 1;
  ASSERT_TRUE(quantize_file(in_, out_, TensorType::q4_0, options));
  const std::string one = bytes_of(out_);
  options.threads = 5;
  ASSERT_TRUE(quantize_file(in_, out_, TensorType::q4_0, options));
  EXPECT_EQ(one, bytes_of(out_));
  ASSERT_EQ(seen.size(), 6u);
  EXPECT_EQ(seen.back().done, seen.back().total);
  EXPECT_EQ(seen[1].done, 1024u * 3000 * 4);
}

TEST_F(QuantizeFile, RefusesWhatItCannotDo) {
  EXPECT_EQ(quantize_file(in_, out_, TensorType::iq4_nl).error().code, "bad_tensor_type");
  EXPECT_EQ(quantize_file(files_.path("absent"), out_, TensorType::q8_0).error().code, "bad_model_file");
  ASSERT_TRUE(quantize_file(in_, out_, TensorType::q8_0));
  const auto twice = quantize_file(out_, files_.path("again.gguf"), TensorType::q4_k);
  EXPECT_EQ(twice.error().code, "bad_tensor_type");
  EXPECT_NE(twice.error().message.find("quantised already, as q8_0"), std::string::npos);
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf(""), -70000.0f}) {
    write_model(in_, {{"token_embd.weight", 256, 3000}}, bad);
    const auto refused = quantize_file(in_, files_.path("bad.gguf"), TensorType::q4_k);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "bad_weights") << bad;
    EXPECT_FALSE(std::filesystem::exists(files_.path("bad.gguf")));
  }
  EXPECT_TRUE(quantize_file(in_, out_, TensorType::bf16)) << "-70000 fits";
}

}  // namespace
}  // namespace tollgate::local
