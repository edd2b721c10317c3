// What the metadata says is taken only if the tensors agree.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "local_backend/model/decoder_file.h"
#include "plans.h"
#include "tiny_model.h"

namespace tollgate::local {
namespace {

struct Problem {
  std::string code, message;
};

Problem problem(const TinyModel& model) {
  const auto config = read_model_config(*model.file());
  return config ? Problem{} : Problem{config.error().code, config.error().message};
}

TEST(Config, ReadsADecoder) {
  const auto config = read_model_config(*TinyModel::load("qwen3moe").file());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "qwen3moe");
  EXPECT_EQ(config->name, "qwen3moe");
  EXPECT_EQ(config->layers, 2);
  EXPECT_EQ(config->width, 64);
  EXPECT_EQ(config->heads, 4);
  EXPECT_EQ(config->kv_heads, 2);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->vocabulary, 256u);
  EXPECT_EQ(config->context, 128u);
  EXPECT_EQ(config->experts, 8);
  EXPECT_EQ(config->experts_used, 3);
  EXPECT_EQ(config->expert_ffn, 32);
  EXPECT_FLOAT_EQ(config->rope_base, 500.0f);
}

TEST(Config, ReadsAnEmbedder) {
  const auto config = read_model_config(*TinyModel::load("bert_cls").file());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "bert");
  EXPECT_EQ(config->context, 64u);
  EXPECT_EQ(config->head_dim, 16);
}

TEST(Config, KnowsWhichLayersHaveAWindow) {
  const auto windows = [](const std::string& name) {
    const auto model = read_decoder(*TinyModel::load(name).file());
    std::vector<int> result;
    for (int i = 0; i < model->config.layers; ++i) result.push_back(model->config.layer_window(i));
    return result;
  };
  EXPECT_EQ(windows("llama"), (std::vector{0, 0, 0}));
  EXPECT_EQ(windows("mistral"), (std::vector{12, 12}));
  EXPECT_EQ(windows("gemma2"), (std::vector{8, 0, 8, 0}));
  EXPECT_EQ(windows("gemma3"), (std::vector{8, 8, 8, 8, 8, 0, 8}));
}

TEST(Config, ScalesTheQueriesOfTheLargestGemmaByWidth) {
  TinyModel model = TinyModel::load("gemma2");
  EXPECT_FLOAT_EQ(read_decoder(*model.file())->config.attention_scale, 0.25f);
  model.field("gemma2.attention.scale") = {TinyField::Kind::number, "gemma2.attention.scale", "0.125"};
  EXPECT_FLOAT_EQ(read_decoder(*model.file())->config.attention_scale, 0.125f);
}

struct Break {
  std::string what;
  std::string base;
  std::function<void(TinyModel&)> change;
  std::string code;
  std::string message;  // a part of it
};

std::vector<Break> breaks() {
  const auto set = [](std::string key, std::string value) {
    return [=](TinyModel& model) { model.field(key).value = value; };
  };
  const auto remove = [](std::string name) { return [=](TinyModel& model) { model.remove(name); }; };
  const auto reshape = [](std::string name, std::vector<std::uint64_t> dims) {
    return [=](TinyModel& model) { model.tensor(name).dims = dims; };
  };
  const std::string bad = "bad_model_file", unsupported = "unsupported_model";
  return {
      {"no architecture", "llama", remove("general.architecture"), bad, "general.architecture"},
      {"unknown architecture", "llama", set("general.architecture", "mamba"), unsupported, "mamba"},
      {"no width", "llama", remove("llama.embedding_length"), bad, "llama.embedding_length is missing"},
      {"width of zero", "llama", set("llama.embedding_length", "0"), bad, "llama.embedding_length is 0"},
      {"negative layers", "llama", set("llama.block_count", "-1"), bad, "llama.block_count"},
      {"more layers than tensors", "llama", set("llama.block_count", "4"), bad, "blk.3.attn_norm.weight is missing"},
      {"wrong width", "llama", set("llama.embedding_length", "128"), bad, "token_embd.weight has the shape"},
      {"heads that do not divide", "llama", set("llama.attention.head_count_kv", "3"), bad, "no multiple"},
      {"other heads than tensors", "llama", set("llama.attention.head_count", "8"), bad, "blk.0.attn_q.weight"},
      {"wide heads", "llama", set("llama.attention.key_length", "1024"), bad, "llama.attention.key_length"},
      {"keys unlike values", "llama", set("llama.attention.value_length", "8"), unsupported, "keys and values"},
      {"odd rope", "llama", set("llama.rope.dimension_count", "15"), bad, "rope.dimension_count"},
      {"rope factors of another size", "llama", set("llama.rope.dimension_count", "8"), bad, "rope_freqs.weight"},
      {"rope factor of zero", "llama", [](TinyModel& m) { m.tensor("rope_freqs.weight").values[1] = 0; }, bad,
       "factor"},
      {"unknown rope scaling", "qwen2", set("qwen2.rope.scaling.type", "dynamic"), unsupported, "dynamic"},
      {"negative rope scaling", "qwen2", set("qwen2.rope.scaling.factor", "-4"), bad, "rope.scaling.factor"},
      {"no long factors", "phi3", remove("rope_factors_short.weight"), "", ""},
      {"no short factors", "phi3_short", remove("rope_factors_short.weight"), bad, "rope_factors_short.weight"},
      {"no bias", "qwen2", remove("blk.1.attn_k.bias"), bad, "blk.1.attn_q.bias"},
      {"bias of another size", "qwen2", reshape("blk.1.attn_k.bias", {8, 2}), bad, "blk.1.attn_k.bias"},
      {"no head norm", "qwen3", remove("blk.0.attn_k_norm.weight"), bad, "blk.0.attn_k_norm.weight"},
      {"no post norm", "gemma2", remove("blk.3.post_ffw_norm.weight"), bad, "blk.3.post_ffw_norm.weight"},
      {"no number in a norm", "gemma2", [](TinyModel& m) { m.tensor("output_norm.weight").values[3] = NAN; }, bad,
       "output_norm.weight"},
      {"fused of another size", "phi3", reshape("blk.0.attn_qkv.weight", {128, 64}), bad, "blk.0.attn_qkv.weight"},
      {"more chosen than there are", "mixtral", set("llama.expert_used_count", "5"), bad, "expert_used_count"},
      {"fewer experts than tensors", "mixtral", set("llama.expert_count", "3"), bad, "blk.0.ffn_gate_inp.weight"},
      {"no down of experts", "mixtral", remove("blk.1.ffn_down_exps.weight"), bad, "blk.1.ffn_down_exps.weight"},
      {"no experts", "mixtral", remove("blk.0.ffn_gate_exps.weight"), bad, "blk.0.ffn_gate_exps.weight"},
      {"no shared router", "qwen2moe", remove("blk.0.ffn_gate_inp_shexp.weight"), bad, "shexp"},
      {"head of another size", "llama", reshape("output.weight", {128, 128}), bad, "output.weight"},
      {"no embedding", "llama", remove("token_embd.weight"), bad, "token_embd.weight"},
      {"positions of another size", "bert_mean", set("bert.context_length", "63"), bad, "position_embd.weight"},
      {"unknown pooling", "bert_mean", set("bert.pooling_type", "4"), bad, "pooling_type"},
      {"heads without width", "bert_mean", set("bert.attention.head_count", "5"), bad, "head_count"},
  };
}

TEST(Config, RefusesWhatDoesNotFit) {
  for (const Break& each : breaks()) {
    TinyModel model = TinyModel::load(each.base);
    each.change(model);
    const Problem found = problem(model);
    EXPECT_EQ(found.code, each.code) << each.what << ": " << found.message;
    EXPECT_NE(found.message.find(each.message), std::string::npos) << each.what << ": " << found.message;
    if (!each.code.empty()) EXPECT_EQ(found.message.find("tiny: "), 0u) << found.message;
  }
}

TEST(CpuBackend, TellsWhatItIs) {
  CpuBackendOptions options;
  options.level = CpuLevel::scalar;
  options.threads = 1;
  options.max_step_tokens = 33;
  const auto file = TinyModel::load("llama").file();
  const auto backend = std::move(*make_cpu_backend(file, options));
  EXPECT_EQ(backend->info().device, "cpu (scalar, 1 thread)");
  EXPECT_EQ(backend->info().vocabulary, 256u);
  EXPECT_EQ(backend->info().max_step_tokens, 33u);
  EXPECT_EQ(backend->info().blocks, 4u);  // of one full context
  EXPECT_EQ(backend->info().block_bytes, 3u * 2 * 2 * 32 * 16 * 2);
  options.kv_bytes = 10 * backend->info().block_bytes + 1;
  EXPECT_EQ((*make_cpu_backend(file, options))->info().blocks, 10u);
  options.kv_bytes = 100;
  EXPECT_FALSE(make_cpu_backend(file, options));
}

TEST(CpuBackend, FingerprintsDifferWithEveryWeightAndKvType) {
  TinyModel model = TinyModel::load("llama");
  const std::string original = scalar_backend(model.file())->info().fingerprint;
  EXPECT_EQ(scalar_backend(model.file())->info().fingerprint, original);
  EXPECT_NE(scalar_backend(model.file(), KvType::q8)->info().fingerprint, original);
  model.tensor("blk.2.ffn_down.weight").values[100] += 1e-3f;
  const std::string changed = scalar_backend(model.file())->info().fingerprint;
  EXPECT_NE(changed, original);
  model.field("llama.attention.sliding_window").value = "7";
  EXPECT_NE(scalar_backend(model.file())->info().fingerprint, changed);
}

TEST(CpuBackend, RefusesPlansThatReachOutside) {
  const auto backend = scalar_backend(TinyModel::load("llama").file());
  TestSequence sequence{{1, 2, 3}, {0}};
  PlanMaker maker(*backend);
  const StepPlan good = maker.add(sequence, 3).plan();
  const auto refused = [&](const std::function<void(StepPlan&)>& change) {
    StepPlan plan = good;
    change(plan);
    StepResult result;
    const auto done = backend->step(plan, result);
    return !done && done.error().code == "bad_plan";
  };
  EXPECT_FALSE(refused([](StepPlan&) {}));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.tokens[1] = 256; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.tokens[1] = -1; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.blocks[0] = 1 << 20; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.copies.emplace_back(0, -1); }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.rows[0].context = 33; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.rows[0].tokens = 4; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.logit_rows = {0, 0, 1}; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.logit_rows = {0, 1, 3}; }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.samples.pop_back(); }));
  EXPECT_TRUE(refused([](StepPlan& plan) { plan.tokens.resize(513), plan.positions.resize(513); }));
}

}  // namespace
}  // namespace tollgate::local
