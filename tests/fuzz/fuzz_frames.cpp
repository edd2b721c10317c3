// First byte: the framing; the next four choose where the stream is cut, and whether checksums of AWS messages are put
// right first (a fuzzer cannot guess them). Every cut must give the frames, the failure and the rest of the whole
// stream.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/aws_event_stream.h"
#include "core/base64.h"
#include "core/frames.h"

namespace {

constexpr std::size_t kLimit = 2048;  // small, so that it is reached
constexpr std::array kFramings{tollgate::Framing::sse, tollgate::Framing::ndjson, tollgate::Framing::aws,
                               tollgate::Framing::aws_chunk, tollgate::Framing::json_array};

struct Outcome {
  std::vector<std::string> frames;
  bool partial = false;
  std::string failure;
  bool operator==(const Outcome&) const = default;
};

Outcome run(tollgate::Framing framing, std::string_view stream, std::string_view cuts) {
  Outcome out;
  const auto reader = tollgate::make_frame_reader(framing, kLimit);
  std::size_t cut = 0;
  while (!stream.empty()) {
    const std::size_t step =
        cuts.empty() ? stream.size() : 1 + static_cast<std::uint8_t>(cuts[cut++ % cuts.size()]) % 40;
    const std::string piece(stream.substr(0, step));
    reader->feed(piece);
    tollgate::Frame frame;
    while (reader->next(frame)) {
      if (frame.data.size() > kLimit || (frame.data.empty() && !frame.exception && framing != kFramings[0]))
        std::abort();
      out.frames.push_back(std::string(frame.event) + '\n' + std::string(frame.data) + (frame.exception ? "!" : ""));
    }
    stream.remove_prefix(piece.size());
  }
  out.partial = reader->partial();
  out.failure = reader->failure();
  return out;
}

// The input as lines "kind name=payload", each made an AWS message.
std::string with_checksums(std::string_view lines, bool chunks) {
  std::string out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const std::size_t equals = std::min(line.find('='), line.size());
    std::string payload(line.substr(std::min(line.size(), equals + 1)));
    if (chunks) payload = R"({"bytes":")" + tollgate::base64_encode(payload) + R"("})";
    const std::string_view name = line.substr(0, std::min<std::size_t>(equals, 200));
    if (name.starts_with('!')) {
      tollgate::write_aws_exception(out, name.substr(1), payload);
    } else {
      tollgate::write_aws_event(out, name, payload);
    }
  }
  return out;
}

void check_base64(std::string_view text) {
  for (const auto alphabet : {tollgate::Base64::standard, tollgate::Base64::url}) {
    std::string bytes;
    if (!tollgate::base64_decode(tollgate::base64_encode(text, alphabet), bytes, alphabet) || bytes != text)
      std::abort();
    if (!tollgate::base64_decode(text, bytes, alphabet)) continue;
    std::string_view bare = text;
    while (alphabet == tollgate::Base64::url && bare.ends_with('=')) bare.remove_suffix(1);
    if (tollgate::base64_encode(bytes, alphabet) != bare) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto framing = kFramings[static_cast<std::uint8_t>(input[0]) % kFramings.size()];
  const std::string_view cuts = input.substr(1, 4);
  std::string stream(input.substr(5));
  const bool aws = framing == tollgate::Framing::aws || framing == tollgate::Framing::aws_chunk;
  if (aws && (input[1] & 1) != 0)
    stream = with_checksums(stream, framing == tollgate::Framing::aws_chunk && (input[2] & 1) != 0);
  const Outcome whole = run(framing, stream, {});
  const Outcome split = run(framing, stream, cuts);
  // An event of a server-sent stream that is too large is cut in a place that depends on the pieces; its failure is
  // not.
  if (framing == tollgate::Framing::sse ? whole.failure != split.failure : whole != split) std::abort();
  check_base64(input.substr(5));
  return 0;
}
