#include "gateway/replicas/load_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tollgate::gateway {
namespace {

constexpr std::array<std::string_view, 4> kRunning{"vllm:num_requests_running", "sglang:num_running_reqs",
                                                   "trtllm_num_requests_running", "llamacpp:requests_processing"};
constexpr std::array<std::string_view, 4> kWaiting{"vllm:num_requests_waiting", "sglang:num_queue_reqs",
                                                   "trtllm_num_requests_waiting", "llamacpp:requests_deferred"};
constexpr std::array<std::string_view, 5> kKvUse{"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc",
                                                 "sglang:token_usage", "trtllm_kv_cache_utilization",
                                                 "llamacpp:kv_cache_usage_ratio"};
constexpr double kMost = 1e9;  // requests

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of a line `name{labels} value [time]`; label values may hold anything but a bare quote.
bool split_sample(std::string_view line, std::string_view& name, double& value) {
  std::size_t at = line.find_first_of("{ \t");
  if (at == std::string_view::npos || line.front() == '#') return false;
  name = line.substr(0, at);
  if (line[at] == '{') {
    bool quoted = false;
    for (++at; at < line.size() && (quoted || line[at] != '}'); ++at) {
      if (line[at] == '\\') {
        ++at;
      } else if (line[at] == '"') {
        quoted = !quoted;
      }
    }
    if (at >= line.size()) return false;
    ++at;
  }
  at = line.find_first_not_of(" \t", at);
  if (at == std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(line.data() + at, line.data() + line.size(), value);
  return error == std::errc() && std::isfinite(value) &&
         (end == line.data() + line.size() || *end == ' ' || *end == '\r');
}

}  // namespace

std::optional<EngineLoad> read_engine_load(std::string_view text) {
  EngineLoad load;
  bool told = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string_view name;
    double value = 0;
    if (line.empty() || !split_sample(line, name, value)) continue;
    const bool running = is_one_of(kRunning, name);
    if (running || is_one_of(kWaiting, name)) {
      told = true;
      (running ? load.running : load.waiting) += static_cast<std::int64_t>(std::clamp(value, 0.0, kMost));
    } else if (is_one_of(kKvUse, name)) {
      load.kv_use = std::max(load.kv_use.value_or(0), std::clamp(value, 0.0, 1.0));
    }
  }
  if (!told) return {};
  return load;
}

}  // namespace tollgate::gateway
