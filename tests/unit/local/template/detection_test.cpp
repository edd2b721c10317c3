// The format of tool calls that each recorded template gives away.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../../core/test_data.h"
#include "local_backend/template/chat_template.h"
#include "local_backend/template/messages.h"
#include "local_backend/template/tool_calls.h"

namespace tollgate::local {
namespace {

using enum ToolFormat;

const std::map<std::string, ToolFormat> kExpected = {
    {"Bielik-11B-v3.0-Instruct", hermes},
    {"ByteDance-Seed-OSS", qwen_xml},
    {"Cohere2MoE", none},
    {"CohereForAI-c4ai-command-r7b-12-2024-tool_use", none},
    {"GLM-5.2", none},
    {"GigaChat3-10B-A1.8B", none},
    {"GigaChat3.1-10B-A1.8B", none},
    {"Kimi-K2-Instruct", none},
    {"Kimi-K2-Thinking", none},
    {"LFM2-8B-A1B", none},
    {"LFM2.5-8B-A1B", none},
    {"MiMo-VL", hermes},
    {"MiniMax-M3", none},
    {"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", qwen_xml},
    {"NVIDIA-Nemotron-Nano-v2", hermes},
    {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", hermes},
    {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", hermes},
    {"Qwen-Qwen2.5-7B-Instruct", hermes},
    {"Qwen-Qwen3-0.6B", hermes},
    {"Qwen-Qwen3-Coder-30B-A3B-Instruct", qwen_xml},
    {"Qwen3.5-4B", qwen_xml},
    {"StepFun3.5-Flash", qwen_xml},
    {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", deepseek},
    {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", deepseek},
    {"deepseek-ai-DeepSeek-V3.1", deepseek},
    {"deepseek-ai-DeepSeek-V3.2", none},
    {"fireworks-ai-llama-3-firefunction-v2", none},
    {"google-gemma-2-2b-it", none},
    {"google-gemma-4-31B-it", none},
    {"llama-cpp-deepseek-r1", deepseek},
    {"llama-cpp-rwkv-world", none},
    {"meetkai-functionary-medium-v3.1", llama3},
    {"meetkai-functionary-medium-v3.2", functionary},
    {"meta-llama-Llama-3.1-8B-Instruct", llama3},
    {"meta-llama-Llama-3.2-3B-Instruct", llama3},
    {"meta-llama-Llama-3.3-70B-Instruct", llama3},
    {"microsoft-Phi-3.5-mini-instruct", none},
    {"mistralai-Ministral-3-14B-Reasoning-2512", mistral},
    {"mistralai-Mistral-Nemo-Instruct-2407", mistral},
    {"moonshotai-Kimi-K2", none},
    {"ollama-gemma4_31b_chat_template", none},
    {"ollama-gemma4_e2b_chat_template", none},
    {"ollama-glimmer_chat_template", none},
    {"ollama-laguna_v2_chat_template", none},
    {"ollama-laguna_v8_chat_template", none},
    {"ollama-nemotron35_chat_template", qwen_xml},
    {"ollama-qwen38_chat_template", qwen_xml},
    {"openbmb-MiniCPM5-1B", none},
    {"poolside-Laguna-S-2.1", none},
    {"poolside-Laguna-XS-2.1", none},
    {"poolside-Laguna-XS.2", none},
    {"tencent-Hy3", none},
    {"unsloth-Apriel-1.5", hermes},
};

const std::set<std::string> kWantText = {
    "meetkai-functionary-medium-v3.2",
};

TEST(DetectToolFormat, OfEveryRecordedTemplate) {
  const std::filesystem::path folder = test_data_dir("chat_templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded templates";
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    ++seen;
    const auto expected = kExpected.find(entry.path().stem().string());
    ASSERT_NE(expected, kExpected.end()) << entry.path();
    EXPECT_EQ(detect_tool_format(read_test_file(entry.path())), expected->second) << entry.path();
  }
  EXPECT_EQ(seen, kExpected.size());
}

// All but one take objects.
TEST(ArgumentForm, OfEveryRecordedTemplate) {
  const std::filesystem::path folder = test_data_dir("chat_templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded templates";
  std::set<std::string> text;
  for (const auto& [name, format] : kExpected) {
    const auto compiled = ChatTemplate::compile(read_test_file(folder / (name + ".jinja")));
    ASSERT_TRUE(compiled.has_value()) << name;
    if (argument_form(**compiled) == ArgumentForm::text) text.insert(name);
  }
  EXPECT_EQ(text, kWantText);
}

TEST(DetectToolFormat, OfNothing) { EXPECT_EQ(detect_tool_format(""), none); }

}  // namespace
}  // namespace tollgate::local
