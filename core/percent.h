// Percent escapes of URLs (RFC 3986). Pure. Thread rule: anywhere.
#pragma once

#include <string>
#include <string_view>

namespace tollgate {

// Appends `text` with every byte escaped that is neither unreserved (letters, digits, - . _ ~) nor in `also_plain`.
void append_percent_encoded(std::string& out, std::string_view text, std::string_view also_plain);
// Escapes undone; false when one is broken or stands for a NUL, which no name or path may hold.
bool percent_decode(std::string_view text, std::string& out);
// The same for text that is to be read somehow: a '%' that begins no escape stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace tollgate
