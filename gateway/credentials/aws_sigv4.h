// AWS Signature Version 4 in request headers: canonical request, string to sign, signature. Pure; AwsSigner puts them
// together for one account and keeps the day's key. Thread rule: functions anywhere, an AwsSigner has one owner.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/sha256.h"

namespace tollgate::gateway {

struct SigningHeader {
  std::string_view name, value;
};
// Everything that the signature covers. Path and query as they stand on the request line; what is escaped there is
// escaped once more, as every AWS service but S3 wants it.
struct SigningRequest {
  std::string_view method, path;
  std::string_view query;                  // without '?'
  std::span<const SigningHeader> headers;  // in any order and case; of one name, in the order sent
  std::string_view payload_sha256;         // 64 hex digits
  bool normalize_path = true;              // "." and ".." resolved, slashes merged
};
struct SigningScope {
  std::string_view date;  // "20150830"
  std::string_view region, service;
  std::string text() const;  // "20150830/us-east-1/service/aws4_request"
};

// `signed_headers` receives their names, "host;x-amz-date".
std::string canonical_request(const SigningRequest& request, std::string& signed_headers);
// `time`: "20150830T123600Z".
std::string string_to_sign(std::string_view canonical, std::string_view time, const SigningScope& scope);
Sha256 signing_key(std::string_view secret_access_key, const SigningScope& scope);
std::string signature(const Sha256& key, std::string_view to_sign);
// Microseconds since 1970 -> "20150830T123600Z".
std::string amz_time(std::int64_t wall_micros);

class AwsSigner {
 public:
  struct Account {
    std::string access_key_id, secret_access_key, session_token, region, service;
  };
  explicit AwsSigner(Account account) : account_(std::move(account)) {}

  // Appends Authorization and the x-amz-* headers, CRLF ended, to `out`. `target`: path and query of the request line.
  // `content_type` is covered when it is not empty: the request must then carry it just so, and once.
  void sign(std::string_view method, std::string_view host, std::string_view target, std::string_view content_type,
            std::span<const std::string_view> body, std::int64_t wall_micros, std::string& out);

 private:
  Account account_;
  std::string key_date_;
  Sha256 key_{};
};

}  // namespace tollgate::gateway
