#include <gtest/gtest.h>

#include <cmath>

#include "local_backend/convert/convert.h"
#include "local_backend/gguf/gguf_file.h"
#include "model_folder.h"

namespace tollgate::local {
namespace {

using Texts = std::vector<std::string_view>;
using Integers = std::vector<std::int64_t>;

class ImportFolder : public testing::Test {
 protected:
  std::shared_ptr<const GgufFile> import() {
    const auto done = import_folder(files_.path(), files_.path("out.gguf"));
    EXPECT_TRUE(done) << done.error().message;
    if (!done) return nullptr;
    auto file = GgufFile::open(files_.path("out.gguf"));
    EXPECT_TRUE(file) << file.error().message;
    return file ? *file : nullptr;
  }
  std::string problem() { return import_folder(files_.path(), files_.path("out.gguf")).error().message; }
  void expect_problem(std::string_view what) {
    const auto done = import_folder(files_.path(), files_.path("out.gguf"));
    ASSERT_FALSE(done) << "accepted, but it should say: " << what;
    EXPECT_NE(done.error().message.find(what), std::string::npos) << done.error().message;
    EXPECT_FALSE(std::filesystem::exists(files_.path("out.gguf")));
  }
  void change_config(const std::string& key, const Json& value, std::string_view type = "qwen2") {
    Json config = ModelFolderFiles::tiny_config(type);
    config[key] = value;
    files_.write("config.json", config.dump());
  }

  ModelFolderFiles files_;
};

std::vector<float> values_of(const GgufFile& file, std::string_view name) {
  const Tensor* tensor = file.tensor(name);
  if (!tensor) return {};
  std::vector<float> out(tensor->elements());
  dequantize(tensor->type, tensor->data.data(), out.data(), out.size());
  return out;
}

TEST_F(ImportFolder, Qwen) {
  files_.write_model("qwen2");
  files_.write("tokenizer_config.json",
               R"({"eos_token":"<|end|>","add_bos_token":false,"chat_template":"{{ messages }}"})");
  const auto file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text("general.architecture"), "qwen2");
  EXPECT_EQ(file->integer("qwen2.block_count"), 2);
  EXPECT_EQ(file->integer("qwen2.context_length"), 4096);
  EXPECT_EQ(file->integer("qwen2.embedding_length"), 8);
  EXPECT_EQ(file->integer("qwen2.feed_forward_length"), 6);
  EXPECT_EQ(file->integer("qwen2.attention.head_count"), 2);
  EXPECT_EQ(file->integer("qwen2.attention.head_count_kv"), 1);
  EXPECT_FLOAT_EQ(*file->number("qwen2.attention.layer_norm_rms_epsilon"), 1e-6);
  EXPECT_EQ(file->number("qwen2.rope.freq_base"), 500000);
  EXPECT_EQ(file->integer("qwen2.attention.key_length"), std::nullopt);
  ASSERT_EQ(file->tensors().size(), 3u + 2 * 12);
  EXPECT_EQ(file->tensor("token_embd.weight")->type, TensorType::bf16);
  EXPECT_EQ(file->tensor("output.weight")->type, TensorType::f16);
  EXPECT_EQ(file->tensor("output_norm.weight")->type, TensorType::f32) << "vectors become f32";
  EXPECT_EQ(file->tensor("blk.1.ffn_down.weight")->dims, (std::array<std::uint64_t, 4>{6, 8, 1, 1}));
  const auto q = values_of(*file, "blk.0.attn_q.weight");
  for (std::size_t i = 0; i < q.size(); ++i) ASSERT_EQ(q[i], i) << "no rows are exchanged";
  EXPECT_EQ(values_of(*file, "blk.1.attn_k.bias"), (std::vector<float>{0, 1, 2, 3}));
}

TEST_F(ImportFolder, AdvisedSampling) {
  files_.write_model("qwen2");
  files_.write("generation_config.json", R"({"temperature":0.7,"top_p":0.8,"top_k":20,"repetition_penalty":1.05})");
  auto file = import();
  ASSERT_TRUE(file);
  EXPECT_FLOAT_EQ(*file->number("general.sampling.temp"), 0.7f);
  EXPECT_FLOAT_EQ(*file->number("general.sampling.top_p"), 0.8f);
  EXPECT_FLOAT_EQ(*file->number("general.sampling.penalty_repeat"), 1.05f);
  EXPECT_EQ(file->integer("general.sampling.top_k"), 20);
  EXPECT_EQ(file->number("general.sampling.min_p"), std::nullopt);
  files_.write("generation_config.json", R"({"do_sample":false,"temperature":0.7})");
  file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->number("general.sampling.temp"), std::nullopt) << "not meant for sampling";
}

TEST_F(ImportFolder, ByteLevelTokenizer) {
  files_.write_model("qwen2");
  files_.write("tokenizer_config.json", R"({"eos_token":{"content":"<|end|>"},"chat_template":[
    {"name":"default","template":"D"},{"name":"tool_use","template":"T"}]})");
  const auto file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text("tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(file->text("tokenizer.ggml.pre"), "qwen2");
  EXPECT_EQ(file->texts("tokenizer.ggml.tokens"),
            (Texts{"a", "b", "c", "ab", "abc", "[PAD5]", "[PAD6]", "<tool>", "<|end|>", "[PAD9]"}));
  EXPECT_EQ(file->integers("tokenizer.ggml.token_type"), (Integers{1, 1, 1, 1, 1, 5, 5, 4, 3, 5}));
  EXPECT_EQ(file->texts("tokenizer.ggml.merges"), (Texts{"a b", "ab c"}));
  EXPECT_EQ(file->integer("tokenizer.ggml.eos_token_id"), 8);
  EXPECT_EQ(file->integer("tokenizer.ggml.bos_token_id"), std::nullopt);
  EXPECT_EQ(file->flag("tokenizer.ggml.add_bos_token"), false);
  EXPECT_EQ(file->text("tokenizer.chat_template"), "D");
  EXPECT_EQ(file->text("tokenizer.chat_template.tool_use"), "T");
}

TEST_F(ImportFolder, LlamaInterleavesItsRotatedRows) {
  files_.write_model("llama");
  const auto file = import();
  ASSERT_TRUE(file);
  // A head of four rows 0 1 2 3 rotates (0, 2) and (1, 3): they come to stand as 0 2 1 3.
  const std::vector<int> order{0, 2, 1, 3, 4, 6, 5, 7};
  const auto q = values_of(*file, "blk.0.attn_q.weight");
  const auto k = values_of(*file, "blk.1.attn_k.weight");
  ASSERT_EQ(q.size(), 64u);
  ASSERT_EQ(k.size(), 32u);
  for (int row = 0; row < 8; ++row) EXPECT_EQ(q[row * 8 + 3], order[row] * 8 + 3) << row;
  for (int row = 0; row < 4; ++row) EXPECT_EQ(k[row * 8], order[row] * 8) << row;
  const auto v = values_of(*file, "blk.0.attn_v.weight");
  for (std::size_t i = 0; i < v.size(); ++i) ASSERT_EQ(v[i], i);
}

TEST_F(ImportFolder, LlamaInterleavesItsBiasesToo) {
  files_.write_model("llama");
  files_.write_safetensors("model.safetensors", ModelFolderFiles::tiny_tensors(true));
  const auto file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(values_of(*file, "blk.0.attn_q.bias"), (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(file->tensor("blk.0.attn_q.bias")->columns(), 8u);
  EXPECT_EQ(values_of(*file, "blk.0.attn_v.bias"), (std::vector<float>{0, 1, 2, 3}));
}

TEST_F(ImportFolder, PiecesTokenizer) {
  files_.write_model("mistral");
  const auto file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text("general.architecture"), "llama");
  EXPECT_EQ(file->text("tokenizer.ggml.model"), "llama");
  EXPECT_EQ(file->integers("tokenizer.ggml.token_type"), (Integers{2, 3, 3, 6, 1, 1, 1, 1, 1, 5}));
  const auto scores = file->numbers("tokenizer.ggml.scores");
  ASSERT_EQ(scores.size(), 10u);
  EXPECT_EQ(scores[7], 0) << "the first merge makes ab";
  EXPECT_EQ(scores[8], -1);
  EXPECT_LT(scores[5], scores[8]);
  EXPECT_EQ(file->flag("tokenizer.ggml.add_space_prefix"), true);
  EXPECT_EQ(file->integer("tokenizer.ggml.unknown_token_id"), 0);
  EXPECT_EQ(file->integer("tokenizer.ggml.eos_token_id"), 8) << "of config.json";
}

TEST_F(ImportFolder, BosComesFromThePostProcessor) {
  files_.write_model("llama");
  files_.write("tokenizer_config.json", R"({"bos_token":"<s>","eos_token":"</s>"})");
  const auto file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->flag("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(file->integer("tokenizer.ggml.bos_token_id"), 1);
  EXPECT_EQ(file->integer("tokenizer.ggml.eos_token_id"), 2);
}

TEST_F(ImportFolder, RopeScaling) {
  files_.write_model("llama");
  change_config("rope_scaling",
                {{"rope_type", "llama3"},
                 {"factor", 8.0},
                 {"low_freq_factor", 1.0},
                 {"high_freq_factor", 4.0},
                 {"original_max_position_embeddings", 8192}},
                "llama");
  const auto file = import();
  ASSERT_TRUE(file);
  const auto factors = values_of(*file, "rope_freqs.weight");
  // Two pairs: the first turns every 2 pi tokens, the second every 2 pi sqrt(500000) = 4443 of the 8192.
  ASSERT_EQ(factors.size(), 2u);
  EXPECT_EQ(factors[0], 1);
  const double share = (8192 / (2 * 3.14159265358979 * std::sqrt(500000.0)) - 1) / 3;
  EXPECT_NEAR(factors[1], 1 / ((1 - share) / 8 + share), 1e-5);
  change_config("rope_scaling", {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 1024}},
                "llama");
  const auto yarn = import();
  ASSERT_TRUE(yarn);
  EXPECT_EQ(yarn->text("llama.rope.scaling.type"), "yarn");
  EXPECT_EQ(yarn->number("llama.rope.scaling.factor"), 4);
  EXPECT_EQ(yarn->integer("llama.rope.scaling.original_context_length"), 1024);
  EXPECT_EQ(yarn->tensor("rope_freqs.weight"), nullptr);
  std::filesystem::remove(files_.path("out.gguf"));
  change_config("rope_scaling", {{"type", "longrope"}, {"factor", 4.0}}, "llama");
  expect_problem("rope_scaling of another kind");
}

TEST_F(ImportFolder, HeadSizesOfTheirOwnAndTiedOutput) {
  files_.write_model("qwen3");
  Json config = ModelFolderFiles::tiny_config("qwen3");
  config["head_dim"] = 2;
  config["tie_word_embeddings"] = true;
  files_.write("config.json", config.dump());
  auto tensors = ModelFolderFiles::tiny_tensors(false);
  for (auto& tensor : tensors) {
    if (tensor.name.find("q_proj") != std::string::npos) tensor.shape = {4, 8};
    if (tensor.name.find("k_proj") != std::string::npos || tensor.name.find("v_proj") != std::string::npos)
      tensor.shape = {2, 8};
    if (tensor.name.find("o_proj") != std::string::npos) tensor.shape = {8, 4};
  }
  tensors.push_back({"model.layers.0.self_attn.q_norm.weight", {2}});
  files_.write_safetensors("model.safetensors", tensors);
  const auto file = import();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->integer("qwen3.attention.key_length"), 2);
  EXPECT_EQ(file->integer("qwen3.attention.value_length"), 2);
  EXPECT_NE(file->tensor("blk.0.attn_q_norm.weight"), nullptr);
  EXPECT_EQ(file->tensor("output.weight"), nullptr) << "the embedding is the output";
}

TEST_F(ImportFolder, WrongConfigs) {
  files_.write_model("qwen2");
  change_config("model_type", "mamba");
  expect_problem("model_type \"mamba\" is not supported");
  for (const Json& bad : {Json(0), Json(-1), Json(1.5), Json("2"), Json(1e30), Json(std::uint64_t{1} << 63)}) {
    change_config("num_hidden_layers", bad);
    expect_problem("num_hidden_layers is no positive integer");
  }
  change_config("num_key_value_heads", 3);
  expect_problem("does not divide");
  change_config("rope_theta", -1);
  expect_problem("rope_theta is out of range");
  change_config("num_hidden_layers", 1);
  expect_problem("is of a layer that config.json does not count");
  change_config("num_hidden_layers", 3);
  expect_problem("\"blk.2\" is not complete");
  change_config("vocab_size", 11);
  expect_problem("10 x 8, but config.json asks for 11 x 8");
  files_.write("config.json", "{");
  expect_problem("not JSON");
}

TEST_F(ImportFolder, WrongWeights) {
  files_.write_model("qwen2");
  auto tensors = ModelFolderFiles::tiny_tensors(true);
  tensors.push_back({"model.layers.0.mlp.experts.0.up_proj.weight", {6, 8}});
  files_.write_safetensors("model.safetensors", tensors);
  expect_problem("mlp.experts.0.up_proj.weight\" is not supported");
  tensors.pop_back();
  tensors.erase(tensors.begin() + 2);
  files_.write_safetensors("model.safetensors", tensors);
  expect_problem("tensor \"output.weight\" is missing");
  tensors[0].shape = {8, 10};
  files_.write_safetensors("model.safetensors", tensors);
  expect_problem("8 x 10, but config.json asks for 10 x 8");
  std::filesystem::remove(files_.path("model.safetensors"));
  expect_problem("cannot open the file");
}

TEST_F(ImportFolder, WrongTokenizers) {
  files_.write_model("qwen2");
  const auto with = [&](const char* at, const Json& value) {
    Json tokenizer = ModelFolderFiles::byte_level_tokenizer();
    tokenizer[Json::json_pointer(at)] = value;
    files_.write("tokenizer.json", tokenizer.dump());
  };
  with("/model/type", "Unigram");
  expect_problem("a tokenizer that is not BPE");
  with("/model/vocab", {{"a", 10}});
  expect_problem("beyond the embedding matrix");
  with("/model/merges", {"ab"});
  expect_problem("no pair");
  with("/added_tokens", Json::array({Json{{"id", 99}, {"content", "x"}}}));
  expect_problem("added token");
  with("/pre_tokenizer", {{"type", "Whitespace"}});
  expect_problem("the pre_tokenizer of tokenizer.json is not supported");
}

}  // namespace
}  // namespace tollgate::local
