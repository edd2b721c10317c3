#include "gateway/credentials/aws_sigv4.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

#include "core/crypto.h"
#include "core/percent.h"

namespace tollgate::gateway {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";

using Pair = std::pair<std::string, std::string>;

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// "/a//b/./c/../d/" -> "/a/b/d/"
std::string normalized(std::string_view path) {
  std::vector<std::string_view> segments;
  const bool folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (segment.empty() || segment == "." || segment == "..") continue;
    segments.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : segments) out.append("/").append(segment);
  if (folder || out.empty()) out += '/';
  return out;
}

// Parameters in the order of their names and values, both escaped anew.
std::string canonical_query(std::string_view query) {
  std::vector<Pair> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    Pair& one = parameters.emplace_back();
    append_percent_encoded(one.first, percent_decoded(parameter.substr(0, equals)), {});
    append_percent_encoded(one.second, percent_decoded(parameter.substr(std::min(equals + 1, parameter.size()))), {});
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Without blanks around it, and inside of it one for each run of them.
void append_trimmed(std::string& out, std::string_view value) {
  bool gap = false, begun = false;
  for (const char c : value) {
    if (is_blank(c)) {
      gap = begun;
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    begun = true;
    out += c;
  }
}

std::vector<Pair> canonical_headers(std::span<const SigningHeader> headers) {
  std::vector<Pair> out;
  for (const SigningHeader& header : headers) {
    std::string name(header.name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    auto found = std::find_if(out.begin(), out.end(), [&](const Pair& other) { return other.first == name; });
    const bool again = found != out.end();
    if (!again) found = out.insert(out.end(), {std::move(name), std::string()});
    std::string& value = found->second;
    if (again) value += ',';
    append_trimmed(value, header.value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string SigningScope::text() const {
  std::string out(date);
  return out.append("/").append(region).append("/").append(service).append("/").append(kTerminator);
}

std::string canonical_request(const SigningRequest& request, std::string& signed_headers) {
  std::string out(request.method);
  out += '\n';
  append_percent_encoded(out, request.normalize_path ? normalized(request.path) : std::string(request.path), "/");
  out.append("\n").append(canonical_query(request.query)).append("\n");
  signed_headers.clear();
  for (const auto& [name, value] : canonical_headers(request.headers)) {
    out.append(name).append(":").append(value).append("\n");
    if (!signed_headers.empty()) signed_headers += ';';
    signed_headers += name;
  }
  out.append("\n").append(signed_headers).append("\n").append(request.payload_sha256);
  return out;
}

std::string string_to_sign(std::string_view canonical, std::string_view time, const SigningScope& scope) {
  std::string out(kAlgorithm);
  out.append("\n").append(time).append("\n").append(scope.text()).append("\n").append(sha256_hex(canonical));
  return out;
}

Sha256 signing_key(std::string_view secret_access_key, const SigningScope& scope) {
  std::string secret("AWS4");
  secret.append(secret_access_key);
  Sha256 key = hmac_sha256(secret, scope.date);
  for (const std::string_view part : {scope.region, scope.service, kTerminator}) key = hmac_sha256(bytes_of(key), part);
  return key;
}

std::string signature(const Sha256& key, std::string_view to_sign) { return hex(hmac_sha256(bytes_of(key), to_sign)); }

std::string amz_time(std::int64_t wall_micros) {
  const std::time_t seconds = static_cast<std::time_t>(wall_micros / 1'000'000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return std::string(text, size);
}

void AwsSigner::sign(std::string_view method, std::string_view host, std::string_view target,
                     std::string_view content_type, std::span<const std::string_view> body, std::int64_t wall_micros,
                     std::string& out) {
  const std::string time = amz_time(wall_micros);
  const SigningScope scope{std::string_view(time).substr(0, 8), account_.region, account_.service};
  if (key_date_ != scope.date) {
    key_ = signing_key(account_.secret_access_key, scope);
    key_date_ = scope.date;
  }
  Sha256Sum sum;
  for (const std::string_view part : body) sum.add(part);
  const std::string payload = hex(sum.finish());

  std::array<SigningHeader, 5> headers{{{"host", host}, {"x-amz-content-sha256", payload}, {"x-amz-date", time}}};
  std::size_t count = 3;
  if (!account_.session_token.empty()) headers[count++] = {"x-amz-security-token", account_.session_token};
  if (!content_type.empty()) headers[count++] = {"content-type", content_type};
  const std::size_t question = std::min(target.find('?'), target.size());
  SigningRequest request{.method = method,
                         .path = target.substr(0, question),
                         .query = target.substr(std::min(question + 1, target.size())),
                         .headers = {headers.data(), count},
                         .payload_sha256 = payload};
  std::string signed_headers;
  const std::string to_sign = string_to_sign(canonical_request(request, signed_headers), time, scope);
  out.append("Authorization: ").append(kAlgorithm).append(" Credential=").append(account_.access_key_id);
  out.append("/").append(scope.text()).append(", SignedHeaders=").append(signed_headers);
  out.append(", Signature=").append(signature(key_, to_sign)).append("\r\n");
  for (const SigningHeader& header : {headers[1], headers[2]})
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  if (!account_.session_token.empty())
    out.append("x-amz-security-token: ").append(account_.session_token).append("\r\n");
}

}  // namespace tollgate::gateway
