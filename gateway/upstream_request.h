// The request as it goes upstream: the client's bytes with only the model name replaced and, where the client did not
// ask for stream usage, stream_options.include_usage spliced in; or a body written anew, with a head of its own. Pure.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <string>
#include <string_view>

#include "core/http.h"
#include "core/json.h"
#include "gateway/snapshot.h"

namespace tollgate::gateway {

// The body as a gather list of the client's bytes and short replacements; no copy of the body is made.
struct SplicedBody {
  std::string model_json;  // replacement texts, owned
  std::string options_json;
  std::array<std::string_view, 5> parts;
  std::size_t part_count = 0;
  std::size_t bytes = 0;
  bool usage_injected = false;  // strip the extra usage chunk from the reply again
};

// `body` must stay. `want_usage`: ask the vendor for usage in the stream if the client did not.
void splice_body(std::string_view body, const RequestScan& scan, std::string_view upstream_model, bool want_usage,
                 SplicedBody& out);

// Path and query of a call of `surface` at this vendor. `client_query`: the client's, with its '?' or empty; parameters
// that were meant for the gateway (key, alt) are left out.
std::string upstream_target(const Vendor& vendor, const Surface& surface, std::string_view model, bool stream,
                            std::string_view client_query);

// The same for a raw passthrough of `path`.
std::string passthrough_target(const Vendor& vendor, std::string_view path, std::string_view client_query);

struct UpstreamHead {
  std::string_view method = "POST";
  std::string_view target;
  const http::Head& client;
  // The body is not the client's own: of the client's headers only those travel that belong to no API (traces).
  bool rewritten = false;
  std::string_view credentials;  // header lines of this request alone (signatures, tokens), CRLF ended
  std::size_t body_bytes = 0;
};
// Appends the request head. Credentials, cookies, tags and hop-by-hop headers of the client are left out.
void append_upstream_head(std::string& out, const Vendor& vendor, const UpstreamHead& head);

// True when the head's Connection header names that header as belonging to this hop only.
bool named_by_connection(const http::Head& head, std::string_view name);

// True for a client's header that must not travel upstream.
bool is_private_request_header(std::string_view name);

}  // namespace tollgate::gateway
