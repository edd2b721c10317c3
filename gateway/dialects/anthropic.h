// What the Anthropic Messages API has besides chat: counting tokens (POST /v1/messages/count_tokens). Pure. Thread
// rule: anywhere. The dialect itself is anthropic() in dialect.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {

// A chat request as a question for its number of input tokens: only the members that the endpoint takes. A caller's
// counting request is read with anthropic().read_request(); it has no max_tokens.
Result<std::string> write_count_request(const chat::Request& request, const WriteContext& context,
                                        chat::Losses& losses);
// {"input_tokens": n}.
Result<std::int64_t> read_count_reply(std::string_view body);
std::string write_count_reply(std::int64_t input_tokens);

}  // namespace tollgate::gateway
