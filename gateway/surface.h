// Surface: one operation of one client API, with what differs between them as a table: where clients post it, where it
// lies upstream, how usage is read, and whose error form it uses. A new surface is one row here. Thread rule:
// constants.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "billing/usage_reader.h"

namespace tollgate::gateway {

enum class SurfaceId : unsigned char { chat, completions, responses, embeddings, messages, count_tokens };
enum class ApiFamily : unsigned char { openai, anthropic };

struct Surface {
  SurfaceId id;
  std::string_view name;           // in records and metrics
  std::string_view client_path;    // POST here
  std::string_view upstream_path;  // appended to the vendor's base_url
  std::string_view dialect;        // a vendor must speak it
  ApiFamily family;                // form of errors
  billing::UsageDialect usage;
  bool usage_option;  // stream_options.include_usage exists here
  bool generates;     // produces output tokens (a cut reply may have been billed)
};

std::span<const Surface> surfaces();
// The surface that `path` (without query) belongs to, nullptr if none.
const Surface* find_surface(std::string_view path);

}  // namespace tollgate::gateway
