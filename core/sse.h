// Server-sent events (WHATWG HTML 9.2.6), incremental and pure: feed any split of the bytes, get the same events.
// LF, CRLF and CR line ends, comments, multi-line data, a BOM at the start and characters split across reads all
// survive. Thread rule: one owner.
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
  // Offset in the chunk just fed, one past the last byte of this event, its blank line included. Where that line is a
  // CRLF cut by the chunk's end, the LF belongs to the bytes of the next chunk.
  std::size_t end = 0;
};

// Finds events in a byte stream without copying where an event lies whole inside one chunk. Blank lines between events
// are no events; they never count as partial bytes.
class SseScanner {
 public:
  explicit SseScanner(std::size_t max_event_bytes = 8u << 20);
  // Starts on the next chunk of the stream; the bytes must stay until the chunk is used up.
  void feed(std::string_view chunk);
  // The next complete event, false when the chunk is used up (the rest is kept inside as a partial event).
  bool next(SseEvent& event);
  // Bytes of an event that has begun but not ended; 0 at an event boundary.
  std::size_t partial_bytes() const { return partial_bytes_; }
  // True from the first line or event on whose data grew past max_event_bytes: it is reported truncated, framing goes
  // on.
  bool overflowed() const { return overflowed_; }

 private:
  bool take_line(std::string_view& line, bool& in_chunk);
  bool end_line(std::size_t end, std::string_view& line, bool& in_chunk);
  void apply_line(std::string_view line, bool in_chunk);
  void add_data(std::string_view value, bool in_chunk);
  void append_bounded(std::string& to, std::string_view bytes);
  void begin_event();
  bool used_up();

  std::size_t max_event_bytes_;
  std::string_view chunk_;
  std::size_t pos_ = 0;
  std::size_t next_lf_ =
      0;  // first LF and CR at or after pos_, chunk_.size() = none: each byte is searched once per kind
  std::size_t next_cr_ = 0;
  std::size_t event_begin_ = 0;  // offset in the chunk, 0 when the event began earlier
  std::size_t partial_bytes_ = 0;
  std::string line_carry_;      // a line begun in an earlier chunk
  std::string_view data_view_;  // the only data line so far, while it lies in the chunk
  std::string data_;            // joined data otherwise
  std::string event_name_;
  std::size_t lines_ = 0;  // lines of the event so far
  std::size_t data_lines_ = 0;
  bool data_is_view_ = false;
  bool carrying_ = false;  // line_carry_ is in use (it may be empty)
  bool reported_ = false;  // the event was handed out; its strings live until the next call
  bool skip_lf_ = false;   // the last line ended in CR at a chunk's end
  bool at_start_ = true;
  bool overflowed_ = false;
};

// Appends one event: `event:` line when named, a `data:` line per line of data (LF, CRLF or CR), blank line.
void write_sse_event(std::string& out, std::string_view event, std::string_view data);
// Appends ": text\n\n".
void write_sse_comment(std::string& out, std::string_view text);

}  // namespace tollgate
