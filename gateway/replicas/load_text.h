// How busy an inference engine says it is: the few lines of its /metrics page that tell. Known are vLLM, SGLang,
// TensorRT-LLM, llama.cpp and Tollgate's own engines, by the names that their documentations list (docs/clusters.md).
// Pure. Thread rule: anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tollgate::gateway {

struct EngineLoad {
  std::int64_t running = 0, waiting = 0;  // requests, over all models and ranks of the page
  std::optional<double> kv_use;           // 0 to 1, the fullest one; absent when the page does not tell
};
// `text`: Prometheus' text format. Nothing when no line tells of requests, so that "not told" is never taken for idle.
std::optional<EngineLoad> read_engine_load(std::string_view text);

}  // namespace tollgate::gateway
