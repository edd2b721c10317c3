// The "format" words of JSON Schema as sets of texts. Sources: RFC 3339 (dates, times, durations), RFC 9562 (UUID), RFC
// 5321 (mail), RFC 1123 and 5890 (host names), RFC 2673, 4291 and 3986 (addresses, URIs), RFC 6901 (pointers).
#pragma once

#include <optional>
#include <string_view>

#include "core/result.h"
#include "local_backend/grammar/text_set.h"

namespace tollgate::local {

// No value: a word that JSON Schema does not define, which is an annotation. Errors: a word that it defines and that is
// not supported here.
Result<std::optional<TextSet>> format_texts(std::string_view name);

// RFC 4648, 4: with padding, without line ends.
const TextSet& base64_texts();

}  // namespace tollgate::local
