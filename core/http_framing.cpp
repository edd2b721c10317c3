// What may be trusted of a head with good syntax: framing, host and target. Owner: net. Thread rule: pure functions.
#include <algorithm>

#include "core/http_rules.h"

namespace tollgate::http {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
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

}  // namespace

std::string_view next_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return element;
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

}  // namespace tollgate::http
