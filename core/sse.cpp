// Server-sent events: scanner and writers. Owner: core. Thread rule: see sse.h.
#include "core/sse.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace tollgate {
namespace {

constexpr std::size_t kKeptCapacity = 64u << 10;  // larger buffers are given back after their event
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::size_t find_byte(std::string_view text, char c, std::size_t from) {
  const void* found = from < text.size() ? std::memchr(text.data() + from, c, text.size() - from) : nullptr;
  return found == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

void empty_out(std::string& text) {
  if (text.capacity() > kKeptCapacity)
    text = std::string();
  else
    text.clear();
}

// The value of `line` when it is a line of field `name`: "name", "name:value" or "name: value".
bool field_value(std::string_view line, std::string_view name, std::string_view& value) {
  if (!line.starts_with(name)) return false;
  value = line.substr(name.size());
  if (value.empty()) return true;
  if (value[0] != ':') return false;
  value.remove_prefix(value.starts_with(": ") ? 2 : 1);
  return true;
}

}  // namespace

SseScanner::SseScanner(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

void SseScanner::feed(std::string_view chunk) {
  assert(pos_ == chunk_.size());
  if (reported_) begin_event();
  chunk_ = chunk;
  pos_ = 0;
  event_begin_ = 0;
  next_lf_ = find_byte(chunk_, '\n', 0);
  next_cr_ = find_byte(chunk_, '\r', 0);
}

bool SseScanner::next(SseEvent& event) {
  if (reported_) begin_event();
  std::string_view line;
  bool in_chunk = false;
  while (take_line(line, in_chunk)) {
    if (at_start_) {
      at_start_ = false;
      if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    }
    if (!line.empty()) {
      ++lines_;
      apply_line(line, in_chunk);
    }
    const bool blank = line.empty();
    if (!in_chunk) empty_out(line_carry_);
    if (!blank) continue;
    event_begin_ = pos_;
    partial_bytes_ = 0;
    if (lines_ == 0) continue;
    event = SseEvent{event_name_, data_is_view_ ? data_view_ : std::string_view(data_), data_lines_ > 0, pos_};
    return reported_ = true;
  }
  return used_up();
}

// The chunk is about to go away: keeps what the event needs of it.
bool SseScanner::used_up() {
  if (data_is_view_) {
    data_.assign(data_view_);
    data_is_view_ = false;
  }
  partial_bytes_ += chunk_.size() - event_begin_;
  event_begin_ = chunk_.size();
  return false;
}

bool SseScanner::take_line(std::string_view& line, bool& in_chunk) {
  if (pos_ == chunk_.size()) return false;
  if (skip_lf_) {
    skip_lf_ = false;
    if (chunk_[0] == '\n') {
      pos_ = 1;
      if (lines_ == 0) event_begin_ = 1;
    }
  }
  if (next_lf_ < pos_) next_lf_ = find_byte(chunk_, '\n', pos_);
  if (next_cr_ < pos_) next_cr_ = find_byte(chunk_, '\r', pos_);
  const std::size_t end = std::min(next_lf_, next_cr_);
  if (end < chunk_.size()) return end_line(end, line, in_chunk);
  append_bounded(line_carry_, chunk_.substr(pos_));
  carrying_ = carrying_ || pos_ < chunk_.size();
  pos_ = chunk_.size();
  return false;
}

bool SseScanner::end_line(std::size_t end, std::string_view& line, bool& in_chunk) {
  line = chunk_.substr(pos_, end - pos_);
  in_chunk = !carrying_;
  if (carrying_) {
    append_bounded(line_carry_, line);
    line = line_carry_;
    carrying_ = false;
  } else if (line.size() > max_event_bytes_) {
    line = line.substr(0, max_event_bytes_);
    overflowed_ = true;
  }
  pos_ = end + 1;
  if (chunk_[end] == '\r') {
    if (pos_ == chunk_.size())
      skip_lf_ = true;
    else if (chunk_[pos_] == '\n')
      ++pos_;
  }
  return true;
}

void SseScanner::apply_line(std::string_view line, bool in_chunk) {
  std::string_view value;
  if (field_value(line, "data", value))
    add_data(value, in_chunk);
  else if (field_value(line, "event", value))
    event_name_.assign(value);
}

void SseScanner::add_data(std::string_view value, bool in_chunk) {
  if (data_lines_++ == 0) {
    data_is_view_ = in_chunk;
    if (in_chunk)
      data_view_ = value;
    else
      data_.assign(value);
    return;
  }
  if (data_is_view_) {
    data_.assign(data_view_);
    data_is_view_ = false;
  }
  append_bounded(data_, "\n");
  append_bounded(data_, value);
}

void SseScanner::append_bounded(std::string& to, std::string_view bytes) {
  const std::size_t room = max_event_bytes_ - std::min(to.size(), max_event_bytes_);
  if (bytes.size() > room) overflowed_ = true;
  to.append(bytes.substr(0, room));
}

void SseScanner::begin_event() {
  empty_out(data_);
  empty_out(event_name_);
  data_is_view_ = false;
  data_view_ = {};
  lines_ = 0;
  data_lines_ = 0;
  reported_ = false;
}

void write_sse_event(std::string& out, std::string_view event, std::string_view data) {
  event = event.substr(0, event.find_first_of("\r\n"));  // a name cannot hold a line end
  if (!event.empty()) out.append("event: ").append(event).push_back('\n');
  for (;;) {
    const std::size_t end = std::min(data.find_first_of("\r\n"), data.size());
    out.append("data: ").append(data.substr(0, end)).push_back('\n');
    if (end == data.size()) break;
    data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  out.push_back('\n');
}

void write_sse_comment(std::string& out, std::string_view text) {
  text = text.substr(0, text.find_first_of("\r\n"));
  out.append(": ").append(text).append("\n\n");
}

}  // namespace tollgate
