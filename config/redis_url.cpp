#include "config/redis_url.h"

#include <algorithm>
#include <charconv>

#include "config/check.h"
#include "core/percent.h"

namespace tollgate::config {
namespace {

constexpr int kMaxDatabase = 1'000'000;

Error invalid(std::string message) { return Error{.code = "bad_redis_url", .message = std::move(message)}; }

// `text`: what stands before the @.
Result<void> read_user(std::string_view text, RedisUrl& url) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return invalid("a user needs a password: redis://USER:PASSWORD@HOST");
  if (!percent_decode(text.substr(0, colon), url.user) || !percent_decode(text.substr(colon + 1), url.password))
    return invalid("user or password has a `%` that begins no %XX, or a %00");
  if (url.password.empty()) return invalid("the password is empty; leave out `:@` for none");
  return {};
}

// `text`: host and port.
Result<void> read_place(std::string_view text, RedisUrl& url) {
  std::string whole(text);
  if (!whole.empty() && (whole.back() == ']' || whole.find(':') == std::string::npos)) whole += ":6379";
  Address address;
  if (!parse_address(whole, address) || address.host.empty() || address.port == 0)
    return invalid("expected HOST or HOST:PORT");
  url.host = address.host;
  url.port = std::to_string(address.port);
  return {};
}

Result<void> read_query(std::string_view text, RedisUrl& url) {
  if (text.empty()) return {};
  if (!url.tls || !text.starts_with("ca=/")) return invalid("behind `?` only rediss:// takes something: ca=/FILE");
  url.ca_file = text.substr(3);
  return {};
}

Result<void> read_database(std::string_view text, RedisUrl& url) {
  if (text.empty()) return {};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), url.database);
  if (ec != std::errc() || end != text.data() + text.size() || url.database < 0 || url.database > kMaxDatabase)
    return invalid("the database behind the last `/` is a number from 0 on");
  return {};
}

}  // namespace

std::string RedisUrl::place() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

Result<RedisUrl> parse_redis_url(std::string_view text) {
  if (text.starts_with("redis+cluster://"))
    return invalid("clusters are not supported yet; name one server: redis://HOST:6379/0");
  RedisUrl url;
  url.tls = text.starts_with("rediss://");
  if (!url.tls && !text.starts_with("redis://")) return invalid("expected redis://HOST:6379/0 or rediss://...");
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
    return invalid("blanks and control characters are written as %XX");
  text.remove_prefix(url.tls ? 9 : 8);
  const std::size_t question = std::min(text.find('?'), text.size());
  const std::string_view query = text.substr(std::min(question + 1, text.size()));
  text = text.substr(0, question);
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_user(text.substr(0, at), url); !read) return std::move(read).error();
    text.remove_prefix(at + 1);
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (auto read = read_place(text.substr(0, slash), url); !read) return std::move(read).error();
  if (auto read = read_database(text.substr(std::min(slash + 1, text.size())), url); !read)
    return std::move(read).error();
  if (auto read = read_query(query, url); !read) return std::move(read).error();
  return url;
}

}  // namespace tollgate::config
