// HTTP/1.x heads: line rules of ours, syntax by Boost.Beast's basic_parser, then the framing rules that decide whether
// the message may be trusted. Owner: net. Thread rule: pure functions.
#include "core/http.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

#include "core/http_rules.h"

namespace tollgate::http {
namespace {

namespace bh = boost::beast::http;

std::string_view view(boost::beast::string_view s) { return {s.data(), s.size()}; }

// Servers that map names to variables read these as the real ones.
void note_unknown(Facts& facts, std::string_view name) {
  facts.disguised |= iequals(name, "Content_Length") || iequals(name, "Transfer_Encoding");
}

void note_connection(Facts& facts, std::string_view list) {
  while (!list.empty()) {
    const std::string_view option = next_element(list);
    facts.close |= iequals(option, "close");
    facts.keep_alive |= iequals(option, "keep-alive");
  }
}

void note(Facts& facts, bh::field field, std::string_view value) {
  switch (field) {
    case bh::field::host:
      ++facts.hosts, facts.host = value;
      break;
    case bh::field::content_length:
      ++facts.lengths, facts.length = value;
      break;
    case bh::field::transfer_encoding:
      ++facts.codings, facts.coding = value;
      break;
    case bh::field::connection:
      note_connection(facts, value);
      break;
    case bh::field::expect:
      facts.expect |= iequals(value, "100-continue");
      break;
    default:
      break;
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
    if (field == bh::field::unknown) return note_unknown(facts, view(name));
    note(facts, field, view(value));
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
    if (text[13] != '\n') return {400, "the start line holds a bare CR"};
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
