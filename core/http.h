// HTTP/1.x as pure functions on bytes: heads, body framing and writers. Boost.Beast's basic_parser does the syntax
// (inside http.cpp only); check_framing()'s rules, stricter than Beast 1.81's, decide whether a message may be trusted
// at all (RFC 9112 sections 2.2, 3.2, 5.1, 6.1 to 6.3, 7.1; the request smuggling forms in tests/fixtures/http). Thread
// rule: plain values; a BodyDecoder has one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tollgate::http {

struct Header {
  std::string_view name;   // as sent
  std::string_view value;  // without surrounding blanks
};

enum class Framing : unsigned char { none, length, chunked, until_close };

struct Limits {
  std::size_t max_head_bytes = 64u << 10;
  std::size_t max_headers = 128;
  std::size_t max_chunk_line = 256;  // size, extension and CRLF of one chunk head
  std::size_t max_trailer_bytes = 8u << 10;
};

// Views point into the buffer handed to the parse call.
struct Head {
  std::string_view method, target;  // requests; the target in origin form, or "*"
  std::string_view authority;       // requests: of an absolute-form target, else of Host; empty if neither stood there
  int status = 0;                   // responses
  std::string_view reason;
  int minor = 1;  // HTTP/1.<minor>
  std::vector<Header> headers;
  std::size_t bytes = 0;  // length of the head, blank line included
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
  // First header of that name (case-insensitive), or nullopt.
  std::optional<std::string_view> find(std::string_view name) const;
};

bool iequals(std::string_view a, std::string_view b);

// Parses a request head at the start of `buffer` (leading CRLFs, at most one, are skipped and counted in bytes).
// true: `head` is filled; false: more bytes are needed; an Error (status 400, 413, 431, 501 or 505): refuse and close.
// `head` may be reused, its vector keeps capacity.
Result<bool> parse_request(std::string_view buffer, const Limits& limits, Head& head);
// The same for a response; `head_request` (the request was HEAD) and 1xx/204/304 mean no body. Error: status 502.
Result<bool> parse_response(std::string_view buffer, bool head_request, const Limits& limits, Head& head);

// Takes a body out of its framing. Chunked: strict hex sizes, bounded extensions, trailers are dropped (bounded).
class BodyDecoder {
 public:
  BodyDecoder() = default;
  BodyDecoder(Framing framing, std::uint64_t content_length, const Limits& limits);
  // Consumes bytes from `in`; every call returns at most one contiguous piece of body in `piece` (a view into `in`).
  // Result: bytes consumed; an Error means the framing is broken. Call again while it consumes something.
  Result<std::size_t> decode(std::string_view in, std::string_view& piece);
  bool done() const { return state_ == State::done; }
  // until_close: the peer closed, so the body is whole. False if the framing wanted more (a cut body).
  bool finish_at_eof();

 private:
  void take_data(std::string_view& piece);
  const char* step(char c);
  const char* step_chunk_line(char c);
  const char* step_trailer(char c);
  void start_chunk_line();

  enum class State : unsigned char { done, length, until_close, chunk_size, chunk_data, chunk_end, trailer };
  State state_ = State::done;
  std::uint64_t left_ = 0;
  std::size_t line_bytes_ = 0;  // of the current chunk line or of all trailers
  unsigned digits_ = 0;
  unsigned char line_phase_ = 0;  // inside the chunk line or trailer: digits, extension, CR seen...
  Limits limits_;
};

// Writers append to `out`.
void write_status_line(std::string& out, int status, int minor = 1);                 // with the standard reason
void write_header(std::string& out, std::string_view name, std::string_view value);  // CR/LF in value are dropped
std::string_view reason_of(int status);
// "<hex>\r\n" for a chunk of that size; the caller adds data and CRLF. Last chunk: "0\r\n\r\n".
void write_chunk_head(std::string& out, std::size_t size);

// True for a header that belongs to one hop and is never forwarded (Connection, Keep-Alive, Proxy-*, TE, Trailer,
// Transfer-Encoding, Upgrade, Content-Length); headers named by Connection are the caller's to add.
bool is_hop_by_hop(std::string_view name);

}  // namespace tollgate::http
