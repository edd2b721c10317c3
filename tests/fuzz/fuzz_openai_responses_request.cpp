// A request that is read must be written as JSON, for its own dialect and as for another's caller; what was written
// must read as the same again. Replies and errors of any bytes must not crash.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json.h"
#include "gateway/dialects/dialect.h"

namespace {

using tollgate::gateway::openai_responses;
using tollgate::gateway::WriteContext;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_json(const std::string& text) {
  tollgate::JsonReader reader;
  require(static_cast<bool>(reader.parse(text)));
}

std::string written(const tollgate::chat::Request& request, bool same_dialect) {
  tollgate::chat::Losses losses;
  auto body = openai_responses().write_request(
      request, {.model = request.model, .stream = request.stream, .same_dialect = same_dialect}, losses);
  require(static_cast<bool>(body));
  check_json(*body);
  return *body;
}

void check_request(std::string_view input) {
  const auto request = openai_responses().read_request(input, {});
  if (!request) return require(request.error().status == 400);
  (void)written(*request, false);
  const std::string once = written(*request, true);
  const auto again = openai_responses().read_request(once, {});
  require(static_cast<bool>(again));
  require(written(*again, true) == once);
}

void check_reply(std::string_view input) {
  require(!openai_responses().read_error(500, input).message.empty());
  const auto reply = openai_responses().read_reply(input);
  if (!reply) return;
  const auto request = openai_responses().read_request(input, {});
  check_json(openai_responses().write_reply(*reply, {.request = request ? &*request : nullptr}));
  auto foreign = *reply;
  foreign.dialect.clear();
  check_json(openai_responses().write_reply(foreign, {.request = request ? &*request : nullptr}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_request(input);
  check_reply(input);
  return 0;
}
