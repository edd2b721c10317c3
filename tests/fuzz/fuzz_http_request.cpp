// A request head, whole and cut: the verdict must not depend on the cut, an accepted head must be what an independent
// look at its bytes says, and no byte outside may be named by a view.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/http.h"

namespace {

using namespace tollgate;
using namespace tollgate::http;

void require(bool holds) {
  if (!holds) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || part == "/" ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_accepted(std::string_view text, const Head& head) {
  const std::string_view bytes = text.substr(0, head.bytes);
  require(bytes.ends_with("\r\n\r\n"));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    require(bytes[i] != '\0');
    require(bytes[i] != '\n' || (i > 0 && bytes[i - 1] == '\r'));
    require(bytes[i] != '\r' || (i + 1 < bytes.size() && bytes[i + 1] == '\n'));
  }
  unsigned lengths = 0, codings = 0, hosts = 0;
  for (const Header& header : head.headers) {
    require(!header.name.empty() && inside(header.name, bytes) && inside(header.value, bytes));
    require(header.name.find_first_of(" \t:") == std::string_view::npos);
    lengths += iequals(header.name, "content-length");
    codings += iequals(header.name, "transfer-encoding");
    hosts += iequals(header.name, "host");
  }
  require(lengths + codings <= 1 && hosts <= 1 && (hosts == 1 || head.minor == 0));
  require((head.framing == Framing::chunked) == (codings == 1));
  require(head.framing != Framing::until_close);
  require(inside(head.method, bytes) && inside(head.target, bytes) && inside(head.authority, bytes));
  require(head.target == "*" || head.target.starts_with('/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // A heap copy of its own, so that reading past the end is seen.
  const std::string text(reinterpret_cast<const char*>(data), size);
  Limits limits;
  limits.max_head_bytes = 2048;
  limits.max_headers = 16;
  Head whole;
  const Result<bool> verdict = parse_request(text, limits, whole);
  if (verdict && *verdict) check_accepted(text, whole);
  Head cut;
  for (std::size_t have = 0; have <= size; ++have) {
    const Result<bool> partial = parse_request(std::string_view(text).substr(0, have), limits, cut);
    if (!partial) {
      require(!verdict);
      break;
    }
    if (*partial) {
      require(verdict && *verdict && cut.bytes == whole.bytes && cut.headers.size() == whole.headers.size());
      break;
    }
    require(have < size || (verdict && !*verdict));
  }
  return 0;
}
