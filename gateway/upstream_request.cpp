#include "gateway/upstream_request.h"

#include <charconv>

#include "gateway/endpoint.h"

namespace tollgate::gateway {
namespace {

void append_number(std::string& out, std::size_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end.ptr);
}

bool istarts_with(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() && http::iequals(text.substr(0, lower_prefix.size()), lower_prefix);
}

// The client's stream_options with include_usage set to true; other members stay as they are. `options` lies in the
// padded body.
std::string with_usage_option(std::string_view options) {
  constexpr std::string_view kNames[] = {"include_usage"};
  ByteRange value[1];
  if (!scan_members(options, kNames, value)) return R"({"include_usage":true})";  // null
  std::string out(options);
  if (!value[0].empty()) return out.replace(value[0].begin, value[0].end - value[0].begin, "true");
  const std::size_t inside = out.find('{') + 1;
  const bool empty = out[out.find_first_not_of(" \t\r\n", inside)] == '}';
  return out.insert(inside, empty ? R"("include_usage":true)" : R"("include_usage":true,)");
}

bool overridden_by_vendor(const Vendor& vendor, std::string_view name) {
  for (const auto& [key, value] : vendor.config->headers)
    if (http::iequals(key, name)) return true;
  return false;
}

}  // namespace

void splice_body(std::string_view body, const RequestScan& scan, std::string_view upstream_model, bool want_usage,
                 SplicedBody& out) {
  struct Edit {
    std::size_t begin, end;
    std::string_view text;
  };
  std::array<Edit, 2> edits{};
  std::size_t edit_count = 0;
  out.usage_injected = false;
  if (scan.model != upstream_model && !scan.model_value.empty()) {
    out.model_json = "\"";
    json_escape(out.model_json, upstream_model);
    out.model_json += '"';
    edits[edit_count++] = {scan.model_value.begin, scan.model_value.end, out.model_json};
  }
  if (want_usage && scan.stream && !scan.include_usage) {
    out.usage_injected = true;
    if (scan.stream_options.empty()) {
      out.options_json = R"("stream_options":{"include_usage":true},)";
      edits[edit_count++] = {scan.open_brace + 1, scan.open_brace + 1, out.options_json};
    } else {
      out.options_json = with_usage_option(
          body.substr(scan.stream_options.begin, scan.stream_options.end - scan.stream_options.begin));
      edits[edit_count++] = {scan.stream_options.begin, scan.stream_options.end, out.options_json};
    }
  }
  if (edit_count == 2 && edits[1].begin < edits[0].begin) std::swap(edits[0], edits[1]);
  out.part_count = 0;
  out.bytes = 0;
  std::size_t at = 0;
  auto add = [&out](std::string_view part) {
    if (part.empty()) return;
    out.parts[out.part_count++] = part;
    out.bytes += part.size();
  };
  for (std::size_t i = 0; i < edit_count; ++i) {
    add(body.substr(at, edits[i].begin - at));
    add(edits[i].text);
    at = edits[i].end;
  }
  add(body.substr(at));
}

bool named_by_connection(const http::Head& head, std::string_view name) {
  for (const http::Header& header : head.headers) {
    if (!http::iequals(header.name, "connection")) continue;
    std::string_view list = header.value;
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      std::string_view token = list.substr(0, comma);
      while (!token.empty() && (token.front() == ' ' || token.front() == '\t')) token.remove_prefix(1);
      while (!token.empty() && (token.back() == ' ' || token.back() == '\t')) token.remove_suffix(1);
      if (http::iequals(token, name)) return true;
      list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
  }
  return false;
}

bool is_private_request_header(std::string_view name) {
  if (name.empty()) return true;
  switch (name.front() | 0x20) {
    case 'a':
      return http::iequals(name, "authorization") || http::iequals(name, "accept-encoding") ||
             http::iequals(name, "api-key");
    case 'c':
      return http::iequals(name, "cookie") || istarts_with(name, "cf-");
    case 'e':
      return http::iequals(name, "expect");
    case 'f':
      return http::iequals(name, "forwarded");
    case 'h':
      return http::iequals(name, "host") || istarts_with(name, "helicone-");
    case 'v':
      return http::iequals(name, "via");
    case 'x':
      return istarts_with(name, "x-tollgate-") || http::iequals(name, "x-api-key") || istarts_with(name, "x-goog-") ||
             istarts_with(name, "x-amz-") || istarts_with(name, "x-litellm-") || istarts_with(name, "x-portkey-") ||
             istarts_with(name, "x-bf-") || istarts_with(name, "x-forwarded-") || http::iequals(name, "x-real-ip");
    default:
      return false;
  }
}

namespace {

// What a client may say to the gateway in the query and the vendor must not see.
constexpr std::string_view kForGateway[] = {"key", "alt"};

}  // namespace

std::string passthrough_target(const Vendor& vendor, std::string_view path, std::string_view client_query) {
  return vendor.path_prefix + std::string(path) + query_without(client_query, std::span(kForGateway, 1));
}

std::string upstream_target(const Vendor& vendor, const Surface& surface, std::string_view model, bool stream,
                            std::string_view client_query) {
  if (vendor.echo) return std::string(surface.client_path);
  const std::string_view path =
      path_template(*vendor.config, surface.name, stream, surface.upstream_path, surface.stream_path);
  const std::string query = client_query.empty() ? std::string() : query_without(client_query, kForGateway);
  return request_target(vendor.path_prefix, path, *vendor.config, model, query);
}

void append_upstream_head(std::string& out, const Vendor& vendor, const UpstreamHead& head) {
  out += head.method;
  out += ' ';
  out += head.target;
  out += " HTTP/1.1\r\n";
  out += vendor.fixed_headers;
  out += head.credentials;
  const http::Head& client = head.client;
  const bool connection_lists = client.find("connection").has_value();
  for (const http::Header& header : client.headers) {
    if (head.rewritten && !http::iequals(header.name, "traceparent") && !http::iequals(header.name, "tracestate"))
      continue;
    if (is_private_request_header(header.name) || http::is_hop_by_hop(header.name)) continue;
    if (overridden_by_vendor(vendor, header.name) && !http::iequals(header.name, "anthropic-version")) continue;
    if (connection_lists && named_by_connection(client, header.name)) continue;
    http::write_header(out, header.name, header.value);
  }
  for (const auto& [name, value] : vendor.config->headers) {
    const bool kept =
        !head.rewritten && http::iequals(name, "anthropic-version") && client.find("anthropic-version").has_value();
    if (!kept) http::write_header(out, name, value);
  }
  if (head.rewritten) out += "Content-Type: application/json\r\nUser-Agent: tollgate\r\n";
  out += "Accept-Encoding: identity\r\nContent-Length: ";
  append_number(out, head.body_bytes);
  out += "\r\n\r\n";
}

}  // namespace tollgate::gateway
