// The Gemini dialect ("gemini.generate"): generateContent and streamGenerateContent of the Gemini API and of Vertex AI,
// and the two small forms beside them: countTokens. The dialect itself is gemini() of dialect.h.
//
// Notes that go beyond the table of fields
//  - Calls may come without ids. Readers make "call_<n>" (requests) and "call_<reply id>_<n>" (replies); results are
//    matched by id, else by name in order.
//  - Signatures of other families travel in thoughtSignature as base64 that only this dialect reads. As an upstream, a
//    call that no Gemini model made gets the value that the vendor documents for it, as Gemini 3 refuses calls without.
//  - An error inside of an event stream is a bare JSON text, not an event: that is how the vendor ends one, and what
//    its SDKs look for.
// Thread rule: functions are safe on any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/dialects/dialect.h"

namespace tollgate::gateway {

Result<chat::Request> read_gemini_request(std::string_view body, const ReadContext& context);
Result<std::string> write_gemini_request(const chat::Request& request, const WriteContext& context,
                                         chat::Losses& losses);
Result<chat::Reply> read_gemini_reply(std::string_view body);
std::string write_gemini_reply(const chat::Reply& reply, const StreamOptions& options);

// countTokens. The request is {"contents"} with what stands beside it (Vertex AI), or {"generateContentRequest"}.
Result<chat::Request> read_gemini_count_request(std::string_view body, const ReadContext& context);
Result<std::string> write_gemini_count_request(const chat::Request& request, const WriteContext& context,
                                               chat::Losses& losses);
struct GeminiCount {
  std::int64_t total = 0;
  std::int64_t cached = 0;
};
Result<GeminiCount> read_gemini_count_reply(std::string_view body);
std::string write_gemini_count_reply(const GeminiCount& count);

}  // namespace tollgate::gateway
