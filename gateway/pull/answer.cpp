#include "gateway/pull/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace tollgate::gateway::pull {
namespace {

constexpr std::int64_t kLongestWait = 120;  // seconds that a server may ask for

bool number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

Error failure(ErrorKind kind, int status, const char* code, std::string message) {
  return Error{kind, status, code, std::move(message), {}};
}

// "bytes 5-9/10", "bytes */10"; `total` 0 for '*'.
struct ContentRange {
  std::uint64_t first = 0, total = 0;
};
bool parse_range(std::string_view text, bool satisfied, ContentRange& out) {
  if (!text.starts_with("bytes ")) return false;
  text.remove_prefix(6);
  const std::size_t slash = text.find('/'), dash = text.find('-');
  if (slash == std::string_view::npos) return false;
  if (text.substr(slash + 1) != "*" && !number(text.substr(slash + 1), out.total)) return false;
  if (!satisfied) return text.substr(0, slash) == "*";
  std::uint64_t last = 0;
  if (dash == std::string_view::npos || dash > slash || !number(text.substr(0, dash), out.first)) return false;
  if (!number(text.substr(dash + 1, slash - dash - 1), last) || last < out.first) return false;
  return out.total == 0 || last == out.total - 1;
}

// Only a strong validator says that bytes are the same (RFC 9110 section 13.1.5).
std::string validator_of(const http::Head& head) {
  const auto etag = head.find("etag");
  if (etag && etag->starts_with('"')) return std::string(*etag);
  return std::string(head.find("last-modified").value_or(""));
}

Error refusal(const http::Head& head, const Address& address, bool token_sent) {
  const std::string where = address.without_query();
  if (head.status == 401 || head.status == 403)
    return failure(
        ErrorKind::auth, head.status, "address_refused",
        fmt::format("{} answers {}: {}", where, head.status,
                    token_sent ? "the token is not good for this file; the model's page may ask you to accept "
                                 "its terms first"
                               : "it wants a token, or there is no such file; put one into HF_TOKEN (Hugging "
                                 "Face), or name its variable with --token-env"));
  if (head.status == 404 || head.status == 410)
    return failure(
        ErrorKind::client_fault, head.status, "not_found",
        fmt::format("{} answers {}: no such file there; look at the spelling and the case of its name, and at "
                    "the revision",
                    where, head.status));
  const bool passing = head.status == 408 || head.status == 429 || head.status >= 500;
  Error error = failure(passing ? ErrorKind::retry_same : ErrorKind::client_fault, head.status, "upstream_failed",
                        fmt::format("{} answers {} {}", where, head.status, head.reason));
  std::uint64_t seconds = 0;
  if (passing && number(head.find("retry-after").value_or(""), seconds))
    error.retry_after = std::chrono::seconds(std::min<std::uint64_t>(seconds, kLongestWait));
  return error;
}

}  // namespace

std::string as_sha256(std::string_view value) {
  if (value.size() == 66 && value.front() == '"' && value.back() == '"') value = value.substr(1, 64);
  std::string out(value);
  for (char& c : out) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
  const bool good = out.size() == 64 && out.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? out : "";
}

void note_linked(const http::Head& head, bool etag_is_sha, Linked& linked) {
  std::string sha = as_sha256(head.find("x-linked-etag").value_or(""));
  if (sha.empty() && etag_is_sha) sha = as_sha256(head.find("etag").value_or(""));
  if (linked.sha256.empty()) linked.sha256 = std::move(sha);
  std::uint64_t size = 0;
  if (linked.size == 0 && number(head.find("x-linked-size").value_or(""), size)) linked.size = size;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Bytes> read_answer(const http::Head& head, const Linked& linked, const Address& address, std::uint64_t had,
                          bool token_sent) {
  const bool part = head.status == 206, nothing = head.status == 416;
  if (head.status != 200 && !(had > 0 && (part || nothing))) return refusal(head, address, token_sent);
  const std::string where = address.without_query();
  Bytes out;
  out.remote = Remote{validator_of(head), linked.size, linked.sha256};
  std::uint64_t told = head.framing == http::Framing::length ? head.content_length : 0;
  if (part || nothing) {
    ContentRange range;
    if (!parse_range(head.find("content-range").value_or(""), part, range) || (part && range.first != had))
      return failure(ErrorKind::client_fault, 502, "bad_range", where + " sends another range than asked for");
    told = range.total;
    out.first = had;
    out.none = nothing && told == had;
    if (nothing && !out.none) out.first = 0;  // the file there is shorter than what we have: it is another one
  }
  if (head.find("content-encoding").value_or("identity") != "identity")
    return failure(ErrorKind::client_fault, 502, "upstream_failed", where + " sends the file compressed, unasked");
  if (linked.size != 0 && told != 0 && linked.size != told)
    return failure(ErrorKind::client_fault, 502, "wrong_length",
                   fmt::format("{} sends {} bytes, but the file has {}", where, told, linked.size));
  if (told != 0) out.remote.total = told;
  return out;
}

}  // namespace tollgate::gateway::pull
