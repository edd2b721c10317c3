// HTTP/1.x bodies and writers: taking a body out of its framing without copying it, and the pieces of heads and chunks
// that we send. Owner: net. Thread rule: see http.h.
#include <algorithm>
#include <cassert>
#include <iterator>

#include "core/http_rules.h"

namespace tollgate::http {
namespace {

constexpr unsigned kMaxSizeDigits = 16;  // of a 64-bit number

// Phases of a chunk line.
constexpr unsigned char kDigits = 0, kBlanks = 1, kExtensionName = 2, kExtension = 3, kLineCr = 4;
// Phases of the trailer section.
constexpr unsigned char kLineStart = 0, kName = 1, kValue = 2, kValueCr = 3, kLastCr = 4;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

bool is_token(char c) { return is(c, kToken); }

Error broken(const char* why) {
  return Error{ErrorKind::client_fault, 400, "bad_body_framing", std::string("malformed chunked body: ") + why, {}};
}

struct StatusReason {
  int status;
  std::string_view reason;
};
constexpr StatusReason kReasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {529, "Overloaded"},
};

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length, const Limits& limits) : limits_(limits) {
  switch (framing) {
    case Framing::none:
      break;
    case Framing::length:
      left_ = content_length;
      state_ = content_length > 0 ? State::length : State::done;
      break;
    case Framing::chunked:
      state_ = State::chunk_size;
      break;
    case Framing::until_close:
      state_ = State::until_close;
      break;
  }
}

bool BodyDecoder::finish_at_eof() {
  if (state_ == State::until_close) state_ = State::done;
  return done();
}

// Framing before the piece, the piece, and the framing behind it as far as it is here, so that done() shows at once.
Result<std::size_t> BodyDecoder::decode(std::string_view in, std::string_view& piece) {
  piece = {};
  std::size_t at = 0;
  while (at < in.size() && state_ != State::done) {
    if (state_ == State::length || state_ == State::chunk_data || state_ == State::until_close) {
      if (!piece.empty()) break;
      piece = in.substr(at);
      if (state_ != State::until_close) take_data(piece);
      at += piece.size();
    } else if (const char* wrong = step(in[at++])) {
      return broken(wrong);
    }
  }
  return at;
}

void BodyDecoder::take_data(std::string_view& piece) {
  if (piece.size() > left_) piece = piece.substr(0, static_cast<std::size_t>(left_));
  left_ -= piece.size();
  if (left_ > 0) return;
  state_ = state_ == State::length ? State::done : State::chunk_end;
  line_phase_ = kDigits;
}

// One byte of framing. Returns what is wrong with it, or nullptr.
const char* BodyDecoder::step(char c) {
  switch (state_) {
    case State::chunk_size:
      return step_chunk_line(c);
    case State::trailer:
      return step_trailer(c);
    case State::chunk_end:
      if (c != (line_phase_ == 0 ? '\r' : '\n')) return "a chunk does not end in CRLF";
      if (line_phase_++ == 1) start_chunk_line();
      return nullptr;
    default:
      assert(false);
      return "internal";
  }
}

void BodyDecoder::start_chunk_line() {
  state_ = State::chunk_size;
  line_phase_ = kDigits;
  line_bytes_ = digits_ = 0;
  left_ = 0;
}

const char* BodyDecoder::step_chunk_line(char c) {
  if (++line_bytes_ > limits_.max_chunk_line) return "a chunk line is too long";
  if (line_phase_ == kDigits) {
    if (const int digit = hex_digit(c); digit >= 0) {
      if (++digits_ > kMaxSizeDigits) return "a chunk size is too long";
      left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
      return nullptr;
    }
    if (digits_ == 0) return "a chunk size is missing";
  }
  if (line_phase_ == kLineCr) {
    if (c != '\n') return "a chunk line does not end in CRLF";
    state_ = left_ > 0 ? State::chunk_data : State::trailer;
    line_phase_ = kLineStart;
    line_bytes_ = 0;
    return nullptr;
  }
  if (line_phase_ == kExtension) {
    if (c == '\r') line_phase_ = kLineCr;
    return c == '\r' || is_text(c) ? nullptr : "a control character in a chunk extension";
  }
  if (line_phase_ == kExtensionName) {
    if (is_token(c)) line_phase_ = kExtension;
    return is_token(c) || c == ' ' || c == '\t' ? nullptr : "a chunk extension has no name";
  }
  if (c == ';') {
    line_phase_ = kExtensionName;
  } else if (c == ' ' || c == '\t') {
    line_phase_ = kBlanks;  // RFC 9112 7.1.1: blanks may only stand before an extension
  } else if (c == '\r' && line_phase_ == kDigits) {
    line_phase_ = kLineCr;
  } else {
    return "a chunk size is not a hexadecimal number";
  }
  return nullptr;
}

const char* BodyDecoder::step_trailer(char c) {
  if (++line_bytes_ > limits_.max_trailer_bytes) return "the trailers are too large";
  switch (line_phase_) {
    case kLineStart:
      if (c != '\r' && !is_token(c)) return "a trailer line is malformed";
      line_phase_ = c == '\r' ? kLastCr : kName;
      return nullptr;
    case kName:
      if (c != ':' && !is_token(c)) return "a trailer name is malformed";
      if (c == ':') line_phase_ = kValue;
      return nullptr;
    case kValue:
      if (c != '\r' && !is_text(c)) return "a control character in a trailer";
      if (c == '\r') line_phase_ = kValueCr;
      return nullptr;
    default:
      if (c != '\n') return "a trailer line does not end in CRLF";
      if (line_phase_ == kLastCr) state_ = State::done;
      line_phase_ = kLineStart;
      return nullptr;
  }
}

std::optional<std::string_view> Head::find(std::string_view name) const {
  for (const Header& header : headers)
    if (iequals(header.name, name)) return header.value;
  return std::nullopt;
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const unsigned char x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[i]);
    if (x == y) continue;
    const unsigned char lower = x | 0x20;
    if (lower != (y | 0x20) || lower < 'a' || lower > 'z') return false;
  }
  return true;
}

std::string_view reason_of(int status) {
  const auto* found = std::lower_bound(std::begin(kReasons), std::end(kReasons), status,
                                       [](const StatusReason& row, int wanted) { return row.status < wanted; });
  return found != std::end(kReasons) && found->status == status ? found->reason : std::string_view("Unknown");
}

void write_status_line(std::string& out, int status, int minor) {
  assert(status >= 100 && status <= 999);
  char line[] = "HTTP/1.x nnn ";
  line[7] = static_cast<char>('0' + minor);
  line[9] = static_cast<char>('0' + status / 100);
  line[10] = static_cast<char>('0' + status / 10 % 10);
  line[11] = static_cast<char>('0' + status % 10);
  out.append(line, 13).append(reason_of(status)).append("\r\n");
}

void write_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const std::size_t start = out.size();
  out.append(value);
  if (value.find_first_of("\r\n") != std::string_view::npos) {
    const auto breaks = [](char c) { return c == '\r' || c == '\n'; };
    out.erase(std::remove_if(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), breaks), out.end());
  }
  out.append("\r\n");
}

void write_chunk_head(std::string& out, std::size_t size) {
  char digits[kMaxSizeDigits + 2];
  char* at = std::end(digits);
  *--at = '\n';
  *--at = '\r';
  do {
    *--at = "0123456789abcdef"[size & 15];
    size >>= 4;
  } while (size > 0);
  out.append(at, std::end(digits));
}

bool is_hop_by_hop(std::string_view name) {
  static constexpr std::string_view kNames[] = {"te",         "trailer",        "upgrade",          "connection",
                                                "keep-alive", "content-length", "transfer-encoding"};
  if (name.size() > 6 && iequals(name.substr(0, 6), "proxy-")) return true;
  return std::any_of(std::begin(kNames), std::end(kNames), [name](std::string_view n) { return iequals(n, name); });
}

}  // namespace tollgate::http
