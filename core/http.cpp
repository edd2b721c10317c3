// HTTP/1.x heads: line rules of ours, syntax by Boost.Beast's basic_parser, then the framing rules that decide whether
// the message may be trusted. Owner: net. Thread rule: pure functions.
#include "core/http.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

namespace tollgate::http {
namespace {

namespace bh = boost::beast::http;

constexpr unsigned char kToken = 1, kTarget = 2, kHost = 4, kHex = 8;

constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> classes{};
  auto mark = [&classes](std::string_view chars, unsigned char bits) {
    for (char c : chars) classes[static_cast<unsigned char>(c)] |= bits;
  };
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", kToken | kTarget | kHost);
  mark("0123456789abcdefABCDEF", kHex);
  mark("-._~", kToken | kTarget | kHost);
  mark("!#$%&'*+^`|", kToken);
  // RFC 3986 pchar, "/" and "?"; the brackets stand raw in the queries of common clients.
  mark("!$&'()*+,;=:@/?[]%", kTarget);
  return classes;
}
constexpr std::array<unsigned char, 256> kClasses = make_classes();

bool is(char c, unsigned char bits) { return (kClasses[static_cast<unsigned char>(c)] & bits) != 0; }

// Why a head is refused; status 0 = it is fine.
struct Refusal {
  int status = 0;
  const char* why = nullptr;
};

std::string_view view(boost::beast::string_view s) { return {s.data(), s.size()}; }

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// Takes the next element off a comma-separated list.
std::string_view next_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return element;
}

// What the framing hangs on, noted while the fields pass by.
struct Facts {
  unsigned hosts = 0, lengths = 0, codings = 0;
  std::string_view host, length, coding;
  bool close = false, keep_alive = false, expect = false, disguised = false;

  void note_unknown(std::string_view name);
  void note(bh::field field, std::string_view value);
  void note_connection(std::string_view list);
};

void Facts::note(bh::field field, std::string_view value) {
  switch (field) {
    case bh::field::host:
      ++hosts, host = value;
      break;
    case bh::field::content_length:
      ++lengths, length = value;
      break;
    case bh::field::transfer_encoding:
      ++codings, coding = value;
      break;
    case bh::field::connection:
      note_connection(value);
      break;
    case bh::field::expect:
      expect |= iequals(value, "100-continue");
      break;
    default:
      break;
  }
}

// Servers that map names to variables read these as the real ones.
void Facts::note_unknown(std::string_view name) {
  disguised |= iequals(name, "Content_Length") || iequals(name, "Transfer_Encoding");
}

void Facts::note_connection(std::string_view list) {
  while (!list.empty()) {
    const std::string_view option = next_element(list);
    close |= iequals(option, "close");
    keep_alive |= iequals(option, "keep-alive");
  }
}

// Collects views; the message body never reaches it, because it is only given the bytes of the head.
template <bool isRequest>
class HeadParser final : public bh::basic_parser<isRequest> {
 public:
  explicit HeadParser(Head& head) : head_(head) {
    this->header_limit(static_cast<std::uint32_t>(-1));  // scan_lines() has checked
    this->body_limit(boost::none);
  }
  Facts facts;

 private:
  using Text = boost::beast::string_view;
  using Ec = boost::system::error_code;

  void on_request_impl(bh::verb, Text method, Text target, int version, Ec&) override {
    head_.method = view(method);
    head_.target = view(target);
    head_.minor = version - 10;
  }
  void on_response_impl(int code, Text reason, int version, Ec&) override {
    head_.status = code;
    head_.reason = view(reason);
    head_.minor = version - 10;
  }
  void on_field_impl(bh::field field, Text name, Text value, Ec&) override {
    head_.headers.push_back(Header{view(name), view(value)});
    if (field == bh::field::unknown) return facts.note_unknown(view(name));
    facts.note(field, view(value));
  }
  void on_header_impl(Ec&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Ec&) override {}
  std::size_t on_body_impl(Text, Ec&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, Ec&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Ec&) override { return 0; }
  void on_finish_impl(Ec&) override {}

  Head& head_;
};

// Finds the blank line that ends the head; `end` stays 0 while it is missing. Every line must end in CRLF and none may
// continue the one before (RFC 9112 2.2, 5.2): what Beast would fold, and what other parsers would split elsewhere.
Refusal scan_lines(std::string_view text, const Limits& limits, std::size_t& end) {
  const std::string_view window = text.substr(0, limits.max_head_bytes);
  std::size_t at = 0, lines = 0;
  while (at < window.size()) {
    if (lines > 0 && (window[at] == ' ' || window[at] == '\t')) return {400, "a header line is folded"};
    const void* found = std::memchr(window.data() + at, '\n', window.size() - at);
    if (!found) break;
    const std::size_t lf = static_cast<std::size_t>(static_cast<const char*>(found) - window.data());
    if (lf == at || window[lf - 1] != '\r') return {400, "a line ends in a bare LF"};
    if (lf == at + 1) {
      if (lines == 0) return {400, "the start line is empty"};
      end = lf + 1;
      return {};
    }
    if (++lines > limits.max_headers + 1) return {431, "too many header lines"};
    at = lf + 1;
  }
  if (text.size() >= limits.max_head_bytes) return {431, "the head is too large"};
  return {};
}

bool parse_length(std::string_view digits, std::uint64_t& out) {
  if (digits.empty() || digits.size() > 18) return false;  // 18 digits cannot overflow
  std::uint64_t value = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  out = value;
  return true;
}

// "chunked" alone is what we can take out of its framing. 501 for other codings, 400 where the end is not determined.
Refusal check_coding(std::string_view list) {
  if (iequals(list, "chunked")) return {};
  bool other = false, last_chunked = false;
  while (!list.empty()) {
    const std::string_view coding = next_element(list);
    if (coding.empty() || !std::all_of(coding.begin(), coding.end(), [](char c) { return is(c, kToken); }))
      return {400, "Transfer-Encoding is malformed"};
    last_chunked = iequals(coding, "chunked");
    other |= !last_chunked;
  }
  if (other && last_chunked) return {501, "this transfer coding is not supported"};
  return {400, "Transfer-Encoding does not end in one chunked"};
}

// RFC 9112 6.1 to 6.3 for both directions: sets framing and content_length.
Refusal check_framing(const Facts& facts, Head& head) {
  if (facts.disguised) return {400, "a framing header is spelled with an underscore"};
  if (facts.codings > 0 && facts.lengths > 0) return {400, "both Transfer-Encoding and Content-Length"};
  if (facts.codings > 0) {
    if (head.minor == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
    if (facts.codings > 1) return {400, "more than one Transfer-Encoding"};
    head.framing = Framing::chunked;
    return check_coding(facts.coding);
  }
  if (facts.lengths > 1) return {400, "more than one Content-Length"};
  if (facts.lengths == 1) {
    if (!parse_length(facts.length, head.content_length)) return {400, "Content-Length is not a number"};
    head.framing = head.content_length > 0 ? Framing::length : Framing::none;
  }
  return {};
}

bool valid_escapes(std::string_view s) {
  for (std::size_t i = s.find('%'); i != std::string_view::npos; i = s.find('%', i + 1))
    if (i + 2 >= s.size() || !is(s[i + 1], kHex) || !is(s[i + 2], kHex)) return false;
  return true;
}

// uri-host [ ":" port ], without user info. Of RFC 3986's reg-name only the characters that names in use have.
bool valid_authority(std::string_view s) {
  std::size_t at = 0;
  if (!s.empty() && s[0] == '[') {
    at = s.find(']');
    if (at == std::string_view::npos || s.substr(1, at).find(':') == std::string_view::npos) return false;
    for (char c : s.substr(1, at - 1))
      if (!is(c, kHex) && c != ':' && c != '.') return false;
    ++at;
  } else {
    while (at < s.size() && (is(s[at], kHost) || s[at] == '%')) ++at;
    if (!valid_escapes(s.substr(0, at))) return false;
    if (at == 0 && !s.empty()) return false;
  }
  if (at == s.size()) return true;
  const std::string_view port = s.substr(at + 1);
  return s[at] == ':' && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// RFC 9112 3.2. An absolute-form target becomes its origin form.
Refusal check_target(Head& head) {
  if (head.method == "CONNECT") return {501, "CONNECT is not supported"};
  std::string_view target = head.target;
  if (target == "*") return head.method == "OPTIONS" ? Refusal{} : Refusal{400, "the target * needs OPTIONS"};
  if (!std::all_of(target.begin(), target.end(), [](char c) { return is(c, kTarget); }))
    return {400, "a character of the target is not allowed"};
  if (!valid_escapes(target)) return {400, "the target has a broken percent escape"};
  if (target[0] == '/') return {};
  const std::size_t scheme = iequals(target.substr(0, 7), "http://")    ? 7u
                             : iequals(target.substr(0, 8), "https://") ? 8u
                                                                        : 0u;
  if (scheme == 0) return {400, "the target is neither a path nor an http address"};
  target.remove_prefix(scheme);
  const std::size_t path = std::min(target.find_first_of("/?"), target.size());
  head.authority = target.substr(0, path);
  if (head.authority.empty() || !valid_authority(head.authority)) return {400, "the target names no valid host"};
  if (path < target.size() && target[path] == '?') return {400, "the target has no path"};
  head.target = path == target.size() ? std::string_view("/") : target.substr(path);
  return {};
}

Refusal check_request(const Facts& facts, Head& head) {
  if (facts.hosts > 1) return {400, "more than one Host"};
  if (facts.hosts == 0 && head.minor == 1) return {400, "Host is missing"};
  if (!valid_authority(facts.host)) return {400, "Host is not valid"};
  head.authority = facts.host;
  if (Refusal refusal = check_target(head); refusal.status) return refusal;
  if (Refusal refusal = check_framing(facts, head); refusal.status) return refusal;
  head.expect_continue = facts.expect && head.minor == 1;
  return {};
}

Refusal check_response(const Facts& facts, bool head_request, Head& head) {
  if (head.status < 100) return {502, "the status is below 100"};
  if (head.status == 101) return {502, "an upgrade nobody asked for"};
  const bool framed = facts.codings > 0 || facts.lengths > 0;
  if (Refusal refusal = check_framing(facts, head); refusal.status) return refusal;
  if (head_request || head.status / 100 == 1 || head.status == 204 || head.status == 304) {
    // A server that says a body follows where none may is not read any further.
    if (head.framing != Framing::none && !head_request && head.status != 304) head.keep_alive = false;
    head.framing = Framing::none;
  } else if (!framed) {
    head.framing = Framing::until_close;
    head.keep_alive = false;
  }
  return {};
}

// The line ends in a well-formed version that is neither 1.0 nor 1.1.
bool names_other_version(std::string_view line) {
  line = line.substr(0, line.find('\r'));
  const std::string_view version = line.size() < 9 ? std::string_view() : line.substr(line.size() - 9);
  if (!version.starts_with(" HTTP/") || version == " HTTP/1.0" || version == " HTTP/1.1") return false;
  return version[6] >= '0' && version[6] <= '9' && version[7] == '.' && version[8] >= '0' && version[8] <= '9';
}

Refusal from_beast(const boost::system::error_code& ec, std::string_view text) {
  switch (static_cast<bh::error>(ec.value())) {
    case bh::error::bad_version:
      if (names_other_version(text)) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
      return {400, "the start line is malformed"};
    case bh::error::bad_method:
    case bh::error::bad_target:
    case bh::error::bad_status:
    case bh::error::bad_reason:
      return {400, "the start line is malformed"};
    case bh::error::bad_content_length:
    case bh::error::multiple_content_length:
      return {400, "Content-Length is not one number"};
    case bh::error::bad_transfer_encoding:
      return {400, "Transfer-Encoding is malformed"};
    default:
      return {400, "a header line is malformed"};
  }
}

void reset(Head& head) {
  std::vector<Header> headers = std::move(head.headers);
  headers.clear();
  head = Head{};
  head.headers = std::move(headers);
}

// Runs Beast over one whole head. Servers may leave out the reason and the blank before it, which Beast wants to see.
template <bool isRequest>
Refusal parse_syntax(std::string_view text, HeadParser<isRequest>& parser) {
  boost::system::error_code ec;
  std::size_t used = 0;
  if (!isRequest && text.size() > 13 && text[12] == '\r') {
    char line[15];
    std::memcpy(line, text.data(), 12);
    std::memcpy(line + 12, " \r\n", 3);
    parser.put(boost::asio::const_buffer(line, sizeof line), ec);
    if (ec != bh::error::need_more) return from_beast(ec, text);
    used = 14;
  }
  used += parser.put(boost::asio::const_buffer(text.data() + used, text.size() - used), ec);
  if (ec) return from_beast(ec, text);
  if (used != text.size() || !parser.is_header_done()) return {400, "the head is malformed"};
  return {};
}

// Length of the head with its blank line in `head.bytes`, 0 while bytes are missing.
Refusal find_head(std::string_view buffer, std::size_t skip, const Limits& limits, Head& head) {
  const std::string_view text = buffer.substr(skip);
  if (text.empty() || text == "\r") return {};
  // Other protocols (a TLS hello, say) need not wait for a deadline to be refused.
  if (text[0] != '\r' && !is(text[0], kToken)) return {400, "this is not HTTP"};
  std::size_t end = 0;
  const Refusal refusal = scan_lines(text, limits, end);
  if (end > 0) head.bytes = skip + end;
  return refusal;
}

Error request_error(const Refusal& refusal) {
  const char* code = refusal.status == 431   ? "head_too_large"
                     : refusal.status == 501 ? "not_implemented"
                     : refusal.status == 505 ? "http_version"
                                             : "bad_request";
  return Error{
      ErrorKind::client_fault, refusal.status, code, std::string("malformed HTTP request: ") + refusal.why, {}};
}

Error response_error(const Refusal& refusal) {
  return Error{ErrorKind::retry_elsewhere,
               502,
               "bad_upstream_response",
               std::string("malformed HTTP response: ") + refusal.why,
               {}};
}

}  // namespace

Result<bool> parse_request(std::string_view buffer, const Limits& limits, Head& head) {
  reset(head);
  const std::size_t skip = buffer.starts_with("\r\n") ? 2 : 0;
  Refusal refusal = find_head(buffer, skip, limits, head);
  if (refusal.status) return request_error(refusal);
  if (head.bytes == 0) return false;
  HeadParser<true> parser(head);
  refusal = parse_syntax(buffer.substr(skip, head.bytes - skip), parser);
  if (!refusal.status) refusal = check_request(parser.facts, head);
  if (refusal.status) return request_error(refusal);
  head.keep_alive = !parser.facts.close && (head.minor == 1 || parser.facts.keep_alive);
  return true;
}

Result<bool> parse_response(std::string_view buffer, bool head_request, const Limits& limits, Head& head) {
  reset(head);
  Refusal refusal = find_head(buffer, 0, limits, head);
  if (refusal.status) return response_error(refusal);
  if (head.bytes == 0) return false;
  HeadParser<false> parser(head);
  refusal = parse_syntax(buffer.substr(0, head.bytes), parser);
  if (refusal.status) return response_error(refusal);
  head.keep_alive = !parser.facts.close && (head.minor == 1 || parser.facts.keep_alive);
  refusal = check_response(parser.facts, head_request, head);
  if (refusal.status) return response_error(refusal);
  return true;
}

}  // namespace tollgate::http
