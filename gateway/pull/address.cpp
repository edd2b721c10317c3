#include "gateway/pull/address.h"

#include "config/check.h"
#include "core/percent.h"

namespace tollgate::gateway::pull {
namespace {

Error bad(std::string message) { return Error{ErrorKind::client_fault, 400, "bad_address", std::move(message), {}}; }

std::string target_of(std::string_view text) {
  std::string out;
  if (!text.starts_with('/')) out += '/';
  append_percent_encoded(out, text, "%/?:@!$&'()*+,;=[]");
  return out;
}

}  // namespace

std::string Address::authority() const {
  const bool v6 = origin.host.find(':') != std::string::npos;
  std::string out = v6 ? "[" + origin.host + "]" : origin.host;
  if (origin.port != (origin.tls ? "443" : "80")) out += ":" + origin.port;
  return out;
}

std::string Address::without_query() const {
  return (origin.tls ? "https://" : "http://") + authority() + target.substr(0, target.find('?'));
}

Result<Address> parse_address(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return bad("`" + std::string(text) + "` is no address: https://host/path");
  const std::size_t path = std::min(text.find_first_of("/?", scheme + 3), text.size());
  config::BaseUrl base;
  if (!config::parse_base_url(text.substr(0, path), base))
    return bad("`" + std::string(text.substr(0, path)) + "` is no https://host[:port] or http://host[:port]");
  Address out;
  out.origin.tls = base.scheme == "https";
  out.origin.host = base.host;
  out.origin.port = std::to_string(base.port);
  out.target = target_of(text.substr(path));
  return out;
}

Result<Address> hub_address(std::string_view text, std::string_view hub) {
  const std::string what = "`" + std::string(text) + "`: expected hf:OWNER/REPO/FILE";
  if (!text.starts_with("hf:")) return bad(what);
  text.remove_prefix(3);
  const std::size_t owner = text.find('/');
  const std::size_t repo = owner == std::string_view::npos ? owner : text.find('/', owner + 1);
  if (owner == 0 || repo == std::string_view::npos || repo == owner + 1 || repo + 1 == text.size()) return bad(what);
  std::string_view name = text.substr(0, repo), revision = "main";
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    revision = name.substr(at + 1);
    name = name.substr(0, at);
  }
  while (hub.ends_with('/')) hub.remove_suffix(1);
  std::string url(hub);
  url += '/';
  append_percent_encoded(url, name, "/");
  url += "/resolve/";
  append_percent_encoded(url, revision, "");
  append_percent_encoded(url, text.substr(repo), "/");
  return parse_address(url);
}

Result<Address> follow(const Address& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  if (location.empty()) return bad("the server redirects without saying where to");
  if (location.starts_with("//")) return parse_address((base.origin.tls ? "https:" : "http:") + std::string(location));
  const std::size_t scheme = location.find("://");
  if (scheme != std::string_view::npos && scheme < location.find_first_of("/?")) {
    auto there = parse_address(location);
    if (there && base.origin.tls && !there->origin.tls)
      return bad("the server redirects from https to plain http (" + there->without_query() +
                 "), which is not followed");
    return there;
  }
  Address out = base;
  const std::string path = base.target.substr(0, base.target.find('?'));
  if (location.starts_with('/')) {
    out.target = target_of(location);
  } else if (location.starts_with('?')) {
    out.target = target_of(path + std::string(location));
  } else {
    out.target = target_of(path.substr(0, path.rfind('/') + 1) + std::string(location));
  }
  return out;
}

std::string file_name(const Address& address) {
  const std::string path = address.target.substr(0, address.target.find('?'));
  std::string name = percent_decoded(path.substr(path.rfind('/') + 1));
  if (name == "." || name == ".." || name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
    return "";
  return name;
}

}  // namespace tollgate::gateway::pull
