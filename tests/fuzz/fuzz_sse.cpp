// The first bytes choose where the stream is cut; every cut must give the events of the whole stream, and what the
// writer makes of an event must read back as that event.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/sse.h"

namespace {

constexpr std::size_t kLimit = 256;  // small, so that truncation is reached

struct Seen {
  std::string event;
  std::string data;
  bool has_data;
  bool operator==(const Seen&) const = default;
};

struct Outcome {
  std::vector<Seen> events;
  std::size_t partial = 0;
  bool overflowed = false;
};

Outcome run(std::string_view stream, std::string_view cuts) {
  Outcome out;
  tollgate::SseScanner scanner(kLimit);
  std::size_t cut = 0;
  while (!stream.empty()) {
    const std::size_t step =
        cuts.empty() ? stream.size() : 1 + static_cast<std::uint8_t>(cuts[cut++ % cuts.size()]) % 40;
    const std::string chunk(stream.substr(0, step));
    scanner.feed(chunk);
    tollgate::SseEvent event;
    std::size_t last_end = 0;
    while (scanner.next(event)) {
      if (event.end <= last_end || event.end > chunk.size() || event.data.size() > kLimit) std::abort();
      last_end = event.end;
      out.events.push_back({std::string(event.event), std::string(event.data), event.has_data});
    }
    stream.remove_prefix(chunk.size());
  }
  out.partial = scanner.partial_bytes();
  out.overflowed = scanner.overflowed();
  return out;
}

void check_writer(const Seen& seen) {
  std::string text;
  tollgate::write_sse_event(text, seen.event, seen.data);
  tollgate::SseScanner scanner;
  scanner.feed(text);
  tollgate::SseEvent event;
  if (!scanner.next(event) || event.data != seen.data || event.event != seen.event || event.end != text.size())
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut_bytes = std::min<std::size_t>(4, size);
  const std::string_view stream = input.substr(cut_bytes);
  const Outcome whole = run(stream, {});
  const Outcome split = run(stream, input.substr(0, cut_bytes));
  if (whole.events != split.events || whole.partial != split.partial || whole.overflowed != split.overflowed)
    std::abort();
  for (const Seen& seen : whole.events) check_writer(seen);
  return 0;
}
