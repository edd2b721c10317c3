// Percent escapes of URLs (RFC 3986). Pure. Thread rule: anywhere.
#pragma once

#include <string>
#include <string_view>

namespace tollgate::gateway {

// Appends `text` with every byte escaped that is neither unreserved (letters, digits, - . _ ~) nor in `also_plain`.
void append_percent_encoded(std::string& out, std::string_view text, std::string_view also_plain);
// Escapes undone; a '%' that begins none stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace tollgate::gateway
