// Counting tokens. Thread rule: pure.
#include "gateway/dialects/anthropic.h"
#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway {

Result<std::string> write_count_request(const chat::Request& request, const WriteContext& context,
                                        chat::Losses& losses) {
  return claude::write_request(request, context, true, losses);
}

Result<std::int64_t> read_count_reply(std::string_view body) {
  const auto parsed = claude::body_parser().parse(body);
  if (parsed)
    if (const auto tokens = (*parsed)["input_tokens"].as_int(); tokens && *tokens >= 0) return *tokens;
  return Error{.kind = ErrorKind::retry_elsewhere,
               .status = 502,
               .code = "upstream_bad_reply",
               .message = "the vendor's answer to a token count has no input_tokens"};
}

std::string write_count_reply(std::int64_t input_tokens) {
  std::string out;
  JsonWriter(out).begin_object().member("input_tokens", input_tokens).end_object();
  return out;
}

}  // namespace tollgate::gateway
