#include "gateway/replicas/load_text.h"

#include <gtest/gtest.h>

namespace tollgate::gateway {
namespace {

TEST(EngineLoad, VllmIsSummedOverItsEngines) {
  const auto load = read_engine_load(
      "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
      "# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"meta/llama {8b}\"} 12.0\n"
      "vllm:num_requests_running{engine=\"1\",model_name=\"a\\\"} 99 \"} 3.0 1732200000000\r\n"
      "vllm:num_requests_waiting{engine=\"0\"} 2.0\n"
      "vllm:num_requests_waiting_by_reason{engine=\"0\"} 70\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
      "vllm:kv_cache_usage_perc{engine=\"1\"} 0.5\n"
      "process_cpu_seconds_total 1e3");
  ASSERT_TRUE(load);
  EXPECT_EQ(load->running, 15);
  EXPECT_EQ(load->waiting, 2);
  EXPECT_EQ(load->kv_use, 0.5);
}

TEST(EngineLoad, OtherEnginesHaveOtherNames) {
  const auto sglang = read_engine_load("sglang:num_running_reqs 4\nsglang:num_queue_reqs 5\nsglang:token_usage 0.1");
  ASSERT_TRUE(sglang);
  EXPECT_EQ(sglang->running, 4);
  EXPECT_EQ(sglang->waiting, 5);
  const auto llamacpp = read_engine_load("llamacpp:requests_processing 1\nllamacpp:requests_deferred 7\n");
  ASSERT_TRUE(llamacpp);
  EXPECT_EQ(llamacpp->waiting, 7);
  EXPECT_FALSE(llamacpp->kv_use);
  const auto trt = read_engine_load("trtllm_num_requests_running{m=\"\"} 2\n");
  ASSERT_TRUE(trt);
  EXPECT_EQ(trt->running, 2);
}

TEST(EngineLoad, APageThatTellsNothingIsNotIdle) {
  for (const char* text :
       {"", "\n\n", "# vllm:num_requests_running 3", "vllm:num_requests_running", "vllm:num_requests_running{",
        "vllm:num_requests_running{a=\"} 3", "vllm:num_requests_running many", "vllm:num_requests_running NaN",
        "vllm:num_requests_running +Inf", "<html>not found</html>", "vllm:kv_cache_usage_perc 0.4"})
    EXPECT_FALSE(read_engine_load(text)) << text;
}

TEST(EngineLoad, WildNumbersAreBounded) {
  const auto load =
      read_engine_load("vllm:num_requests_running 1e300\nvllm:num_requests_waiting -5\nvllm:kv_cache_usage_perc 7");
  ASSERT_TRUE(load);
  EXPECT_EQ(load->running, 1'000'000'000);
  EXPECT_EQ(load->waiting, 0);
  EXPECT_EQ(load->kv_use, 1.0);
}

}  // namespace
}  // namespace tollgate::gateway
