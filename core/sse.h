// Server-sent events (WHATWG HTML 9.2.6), incremental and pure: feed any split of the bytes, get the same events.
// LF, CRLF and CR line ends, comments, multi-line data, a BOM at the start and characters split across reads all survive.
// Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate {

// One event as it stands in the stream. `data` and `event` are valid until the next call on the scanner.
struct SseEvent {
  std::string_view event;  // "" = the default "message"
  std::string_view data;   // data lines joined by LF
  bool has_data = false;   // false: only comments or other fields; nothing is dispatched to a client
  std::size_t end = 0;     // offset in the chunk just fed, one past the last byte of this event (its blank line included)
};

// Finds events in a byte stream without copying where an event lies whole inside one chunk.
class SseScanner {
 public:
  explicit SseScanner(std::size_t max_event_bytes = 8u << 20);
  // Starts on the next chunk of the stream; the bytes must stay until the chunk is used up.
  void feed(std::string_view chunk);
  // The next complete event, false when the chunk is used up (the rest is kept inside as a partial event).
  bool next(SseEvent& event);
  // Bytes of an event that has begun but not ended; 0 at an event boundary.
  std::size_t partial_bytes() const { return partial_bytes_; }
  // True after an event grew past max_event_bytes; its data is then reported truncated, framing goes on.
  bool overflowed() const { return overflowed_; }

 private:
  struct Line;
  bool take_line(std::string_view& line);
  void apply_line(std::string_view line);
  void reset_event();

  std::size_t max_event_bytes_;
  std::string_view chunk_;
  std::size_t pos_ = 0;
  std::string line_carry_;   // a line begun in an earlier chunk
  std::string data_;         // joined data when it cannot be a view
  std::string event_name_;
  std::string_view data_view_;
  std::size_t data_lines_ = 0;
  std::size_t partial_bytes_ = 0;
  bool skip_lf_ = false;     // last line ended in CR at a chunk's end
  bool at_start_ = true;
  bool overflowed_ = false;
};

// Appends one event: `event:` line when named, a `data:` line per line of data, blank line.
void write_sse_event(std::string& out, std::string_view event, std::string_view data);
// Appends ": text\n\n".
void write_sse_comment(std::string& out, std::string_view text);

}  // namespace tollgate
