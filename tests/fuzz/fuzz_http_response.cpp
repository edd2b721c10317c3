// A response head and its body: verdicts do not depend on the cut, and framings are never mixed.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/http.h"

namespace {

using namespace tollgate;
using namespace tollgate::http;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool head_request = (data[0] & 1) != 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  Limits limits;
  limits.max_head_bytes = 2048;
  limits.max_headers = 16;
  Head head;
  const Result<bool> verdict = parse_response(text, head_request, limits, head);
  if (!verdict || !*verdict) return 0;
  require(head.status >= 100 && head.status <= 999);
  require(head.bytes <= text.size() && head.headers.size() <= 16);
  const bool lengths = head.find("content-length").has_value(), codings = head.find("transfer-encoding").has_value();
  require(!(lengths && codings));
  const bool bodiless = head_request || head.status < 200 || head.status == 204 || head.status == 304;
  if (bodiless) require(head.framing == Framing::none);
  if (head.framing == Framing::until_close) require(!lengths && !codings && !head.keep_alive);
  Head cut;
  for (std::size_t have = 0; have < head.bytes; ++have) {
    const Result<bool> partial = parse_response(std::string_view(text).substr(0, have), head_request, limits, cut);
    require(partial && !*partial);
  }
  return 0;
}
