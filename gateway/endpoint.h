// Where a request for one vendor goes: the path of a surface with the model's name in it, the vendor's own paths and
// query parameters. Placeholders of base_url were filled by the loader (config/template.h). Pure. Thread rule:
// anywhere.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"

namespace tollgate::gateway {

// The path template for `surface`: what the vendor's row says in `paths`, else the usual one. Streams: the row's
// SURFACE_stream, the usual path of streams if the surface has one, or what holds without streaming.
std::string_view path_template(const config::Provider& provider, std::string_view surface, bool stream,
                               std::string_view usual, std::string_view usual_stream);

// The request line's target: prefix (path of base_url) and template with their placeholders filled, then `extra_query`
// (with or without its '?') joined to the template's own query. A template that begins with "//" lies at the root of
// the host: the prefix is left out. {model} becomes one path segment: everything but unreserved characters and '@' is
// escaped, so that ARNs and ids with colons stay whole.
std::string request_target(std::string_view path_prefix, std::string_view path_template,
                           const config::Provider& provider, std::string_view model, std::string_view extra_query);

}  // namespace tollgate::gateway
