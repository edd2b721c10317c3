// Edge around nlohmann::json: limits before, no exceptions after. Owner: core. Thread rule: pure functions.
#include "core/json_dom.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

namespace tollgate {
namespace {

Error bad_json(std::string_view why, std::size_t offset) {
  return Error{ErrorKind::client_fault, 400, "invalid_json", fmt::format("not valid JSON: {} (byte {})", why, offset)};
}

// Finds what would make the tree expensive, by counting brackets and commas outside strings. Malformed text passes: the
// parser says what is wrong with it.
std::optional<Error> check_limits(std::string_view text) {
  std::vector<std::size_t> commas;  // of the open containers
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (commas.size() == kJsonDomMaxDepth) return bad_json("nested too deeply", i);
      commas.push_back(c == '{' ? 0 : SIZE_MAX / 2);  // arrays may be long
    } else if (c == '}' || c == ']') {
      if (!commas.empty()) commas.pop_back();
    } else if (c == '\0') {
      return bad_json("a NUL byte", i);  // the parser would take it for the end of the text
    } else if (c == ',' && !commas.empty()) {
      if (++commas.back() == kJsonDomMaxMembers) return bad_json("an object has too many members", i);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Json> parse_json_dom(std::string_view text) {
  if (auto error = check_limits(text)) return *std::move(error);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return bad_json("a syntax error", error.byte > 0 ? error.byte - 1 : 0);
  } catch (const Json::exception&) {
    return bad_json("a number is out of range", 0);
  }
}

std::string dump_json(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace tollgate
