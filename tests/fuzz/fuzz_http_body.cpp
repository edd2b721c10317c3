// A body in its framing: whole and cut give the same bytes and verdict, and pieces are views into the input.
// Byte 0: framing; byte 1: length or how the input is cut.
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

struct Outcome {
  std::string body;
  std::size_t used = 0;
  bool failed = false, done = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(Framing framing, std::uint64_t length, std::string_view in, std::size_t step) {
  Limits limits;
  limits.max_chunk_line = 64;
  limits.max_trailer_bytes = 128;
  BodyDecoder decoder(framing, length, limits);
  Outcome out;
  while (!decoder.done() && out.used < in.size()) {
    std::string_view piece;
    const std::string_view part = in.substr(out.used, step);
    const Result<std::size_t> used = decoder.decode(part, piece);
    if (!used) {
      out.failed = true;
      out.used = 0;
      return out;
    }
    require(*used > 0 && *used <= part.size());
    require(piece.empty() || (piece.data() >= part.data() && piece.data() + piece.size() <= part.data() + part.size()));
    out.body.append(piece);
    out.used += *used;
  }
  out.done = decoder.done();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Framing framing = static_cast<Framing>(data[0] & 3);
  const std::string in(reinterpret_cast<const char*>(data + 2), size - 2);
  const Outcome whole = decode(framing, data[1], in, SIZE_MAX);
  for (std::size_t step : {std::size_t{1}, std::size_t{1} + data[1] % 16u}) {
    const Outcome cut = decode(framing, data[1], in, step);
    require(cut.failed == whole.failed && cut.done == whole.done);
    require(cut.body.starts_with(whole.body) || whole.body.starts_with(cut.body));
    if (!whole.failed) require(cut == whole);
  }
  return 0;
}
