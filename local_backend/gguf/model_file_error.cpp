#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {

Error bad_model_file(const std::string& name, std::uint64_t offset, const std::string& what) {
  return Error{ErrorKind::client_fault, 400, "bad_model_file",
               name + ": offset " + std::to_string(offset) + ": " + what};
}

std::string quoted_text(std::string_view text) {
  constexpr std::size_t kMost = 80;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E || c == '"' || c == '\\') {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + (text.size() > kMost ? "\"..." : "\"");
}

}  // namespace tollgate::local
