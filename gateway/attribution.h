// Attribution: who a request is billed to, resolved once before admission. Sources, strongest first: what the key
// binds, x-tollgate-* headers, the peers' headers (LiteLLM, Portkey, Cloudflare, Helicone, Bifrost, OpenRouter), body
// metadata and user, configured defaults. Free tags are the union of all sources; for one name the stronger source
// wins. Pure but for the cardinality guard. Thread rule: resolve() is safe on any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "core/http.h"
#include "core/json.h"
#include "core/result.h"

namespace tollgate::gateway {

struct Attribution {
  std::string team, feature, environment, user_id;
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by key, unique
  bool quarantined = false;
};

// Counts distinct values per dimension over the process's life and folds the surplus into "_other".
class CardinalityGuard {
 public:
  explicit CardinalityGuard(std::size_t max_values);
  ~CardinalityGuard();
  // `value`, or "_other" when it is new and the dimension is full.
  std::string_view admit(std::string_view dimension, std::string_view value);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// `body` is the request text that `scan` was made from (for metadata, user, tags). Errors: status 400, code
// missing_attribution or bad_attribution, message names the header to send and the allowed values.
Result<Attribution> resolve_attribution(const config::Attribution& rules, const config::Key* key,
                                        const std::vector<http::Header>& headers, const RequestScan& scan,
                                        std::string_view body, CardinalityGuard& guard);

}  // namespace tollgate::gateway
