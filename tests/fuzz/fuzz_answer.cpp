// Any text as an answer, in every format: the same events whole and in pieces, and no text from nowhere.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/template/tool_calls.h"

namespace {

using tollgate::local::TextEvent;

// The events with neighbouring pieces joined.
std::string joined(const std::vector<TextEvent>& events) {
  std::string out;
  int last = -1;
  for (const TextEvent& event : events) {
    const int kind = static_cast<int>(event.kind);
    if (kind != last || event.kind == TextEvent::Kind::call_begin) out += '\x01' + std::to_string(kind) + '\x02';
    out += event.text + (event.id.empty() ? "" : "\x03" + event.id);
    last = kind;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto format = static_cast<tollgate::local::ToolFormat>(data[0] % 7);
  const bool thinking = (data[1] & 1U) != 0;
  const bool starts_thinking = (data[1] & 2U) != 0;
  const std::size_t piece = 1 + data[2] % 9;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);

  const auto whole = tollgate::local::make_answer_parser(format, thinking, starts_thinking);
  std::vector<TextEvent> events;
  whole->push(text, events);
  whole->finish(events);

  const auto pieces = tollgate::local::make_answer_parser(format, thinking, starts_thinking);
  std::vector<TextEvent> more;
  for (std::size_t at = 0; at < text.size(); at += piece) pieces->push(text.substr(at, piece), more);
  pieces->finish(more);
  if (joined(events) != joined(more)) __builtin_trap();

  std::size_t plain = 0;
  for (const TextEvent& event : events) {
    if (event.kind == TextEvent::Kind::text || event.kind == TextEvent::Kind::thinking) plain += event.text.size();
  }
  if (plain > text.size()) __builtin_trap();
  return 0;
}
