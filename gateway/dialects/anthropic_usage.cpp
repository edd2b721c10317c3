// Usage in this API's form: cached input stands beside input_tokens, thinking is inside output_tokens. Thread rule:
// pure.
#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

// Everything but the output, and what has no place elsewhere.
void write_input(JsonWriter& writer, const Usage& usage) {
  const std::int64_t writes = usage[Bucket::cache_write_5m] + usage[Bucket::cache_write_1h];
  const std::int64_t reads =
      usage[Bucket::cache_read] + usage[Bucket::audio_cache_read] + usage[Bucket::image_cache_read];
  writer.member("input_tokens", usage.input_side() - writes - reads)
      .member("cache_creation_input_tokens", writes)
      .member("cache_read_input_tokens", reads);
  if (writes == 0) return;
  writer.key("cache_creation")
      .begin_object()
      .member("ephemeral_5m_input_tokens", usage[Bucket::cache_write_5m])
      .member("ephemeral_1h_input_tokens", usage[Bucket::cache_write_1h])
      .end_object();
}

void write_output(JsonWriter& writer, const Usage& usage) {
  writer.member("output_tokens", usage[Bucket::output] + usage[Bucket::reasoning] + usage[Bucket::audio_output] +
                                     usage[Bucket::image_output]);
  if (usage[Bucket::reasoning] > 0)
    writer.key("output_tokens_details").begin_object().member("thinking_tokens", usage[Bucket::reasoning]).end_object();
  const std::int64_t searches = usage[Bucket::web_search], fetches = usage[Bucket::web_fetch];
  if (searches > 0 || fetches > 0)
    writer.key("server_tool_use")
        .begin_object()
        .member("web_search_requests", searches)
        .member("web_fetch_requests", fetches)
        .end_object();
}

// The words that the official SDKs know.
std::string_view known_tier(std::string_view tier) {
  if (tier == "default" || tier == "on_demand") return "standard";
  return tier == "standard" || tier == "priority" || tier == "batch" ? tier : std::string_view{};
}

}  // namespace

void write_usage(JsonWriter& writer, const Usage& usage, std::string_view service_tier) {
  writer.begin_object();
  write_input(writer, usage);
  write_output(writer, usage);
  writer.member_if("service_tier", known_tier(usage.served_tier.empty() ? service_tier : usage.served_tier))
      .member_if("inference_geo", usage.geo)
      .member_if("speed", usage.speed)
      .end_object();
}

void write_delta_usage(JsonWriter& writer, const Usage& usage) {
  writer.begin_object();
  if (usage.reported) write_input(writer, usage);
  write_output(writer, usage);
  writer.end_object();
}

}  // namespace tollgate::gateway::claude
