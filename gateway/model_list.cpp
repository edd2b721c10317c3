#include "gateway/model_list.h"

#include <algorithm>
#include <vector>

#include "core/json.h"

namespace tollgate::gateway {
namespace {

// RFC 3339 text of a wall time, to the second.
std::string rfc3339(std::int64_t micros) {
  const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

std::string entry(const Snapshot& snapshot, ApiFamily family, std::string_view name) {
  std::string id;
  json_escape(id, name);
  if (family == ApiFamily::google)
    return R"({"name":"models/)" + id + R"(","baseModelId":")" + id + R"(","version":"","displayName":")" + id +
           R"(","supportedGenerationMethods":["generateContent","countTokens"]})";
  if (family == ApiFamily::anthropic)
    return R"({"type":"model","id":")" + id + R"(","display_name":")" + id + R"(","created_at":")" +
           rfc3339(snapshot.loaded_at_us) + "\"}";
  return R"({"id":")" + id + R"(","object":"model","created":)" + std::to_string(snapshot.loaded_at_us / 1'000'000) +
         R"(,"owned_by":"tollgate"})";
}

// The configured names, then the models of this process, which need no entry of their own to be asked for.
std::vector<std::string> listed(const Snapshot& snapshot) {
  std::vector<std::string> names = snapshot.models->names();
  for (const config::LocalModel& model : snapshot.config.local.models) names.push_back("local/" + model.name);
  return names;
}

}  // namespace

std::string model_list(const Snapshot& snapshot, ApiFamily family) {
  const std::vector<std::string> names = listed(snapshot);
  std::string out = family == ApiFamily::google      ? R"({"models":[)"
                    : family == ApiFamily::anthropic ? R"({"data":[)"
                                                     : R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < names.size(); ++i) out += (i ? "," : "") + entry(snapshot, family, names[i]);
  out += ']';
  if (family == ApiFamily::anthropic) {
    std::string first, last;
    if (!names.empty()) json_escape(first, names.front()), json_escape(last, names.back());
    out += names.empty() ? R"(,"has_more":false,"first_id":null,"last_id":null)"
                         : R"(,"has_more":false,"first_id":")" + first + R"(","last_id":")" + last + '"';
  }
  return out + '}';
}

Result<std::string> model_entry(const Snapshot& snapshot, ApiFamily family, std::string_view name) {
  const std::vector<std::string> names = listed(snapshot);
  if (std::find(names.begin(), names.end(), name) != names.end()) return entry(snapshot, family, name);
  return Error{
      .kind = ErrorKind::client_fault,
      .status = 404,
      .code = "model_not_found",
      .message = "model '" + std::string(name.substr(0, 200)) + "' is not configured; GET /v1/models lists the names"};
}

}  // namespace tollgate::gateway
