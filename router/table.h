// ModelTable: from the name an app asks for to the ordered targets that may serve it. Immutable after build.
// Pure: no sockets, no clock. Thread rule: shared read-only.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/schema.h"
#include "core/result.h"

namespace tollgate::router {

struct TargetRef {
  std::size_t provider = 0;  // index into Config::providers
  std::string model;         // name to send upstream
  std::string text;          // "provider/model"
};

struct Plan {
  std::string route;               // the models: entry, empty when asked as provider/model
  std::vector<TargetRef> targets;  // in the order to be tried, never empty
  bool by_prefix = false;          // ReplicaSet may change the order
};

class ModelTable {
 public:
  explicit ModelTable(const config::Config& config);
  // Errors: status 404, code model_not_found; the message names near ones.
  Result<Plan> resolve(std::string_view requested) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::unordered_map<std::string, Plan> routes_;
  std::unordered_map<std::string, std::size_t> providers_;
  std::vector<std::string> names_;
};

}  // namespace tollgate::router
