// Shared by the HTTP tests: escaped texts and running a whole message through the parser and the body decoder.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/http.h"

namespace tollgate::http {

// Understands \r \n \t \\ \0 \f and \xHH; everything else stands for itself.
inline std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char kind = text[++i];
    if (kind == 'x' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      static constexpr std::string_view kFrom = "rnt0f\\", kTo("\r\n\t\0\f\\", 6);
      const std::size_t at = kFrom.find(kind);
      if (at == std::string_view::npos) out += '\\';
      out += at == std::string_view::npos ? kind : kTo[at];
    }
  }
  return out;
}

// A message as it was understood.
struct Message {
  int refused = 0;  // status of the refusal
  bool body_refused = false;
  bool complete = false;  // neither refused nor short of bytes
  std::string method, target, body, why;
  int status = 0;
  bool keep_alive = false;
  Framing framing = Framing::none;
  std::size_t used = 0;  // bytes of the input
  std::size_t head_bytes = 0;
};

// Feeds `bytes`, at most `step` at a time, the way a connection would bring them.
inline Message read_message(std::string_view bytes, bool request, const Limits& limits = {},
                            std::size_t step = SIZE_MAX, bool head_request = false) {
  Message message;
  Head head;
  std::size_t have = 0;
  for (;;) {
    have = step < bytes.size() - have ? have + step : bytes.size();
    const Result<bool> parsed = request ? parse_request(bytes.substr(0, have), limits, head)
                                        : parse_response(bytes.substr(0, have), head_request, limits, head);
    if (!parsed) {
      message.refused = parsed.error().status;
      message.why = parsed.error().message;
      return message;
    }
    if (*parsed) break;
    if (have == bytes.size()) return message;
  }
  message.method = head.method;
  message.target = head.target;
  message.status = head.status;
  message.keep_alive = head.keep_alive;
  message.framing = head.framing;
  message.head_bytes = message.used = head.bytes;
  BodyDecoder decoder(head.framing, head.content_length, limits);
  while (!decoder.done() && message.used < bytes.size()) {
    std::string_view piece;
    const std::string_view rest = bytes.substr(message.used, step);
    const Result<std::size_t> used = decoder.decode(rest, piece);
    if (!used) {
      message.refused = used.error().status;
      message.body_refused = true;
      message.why = used.error().message;
      return message;
    }
    message.body.append(piece);
    message.used += *used;
  }
  message.complete = decoder.done();
  return message;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

inline std::filesystem::path source_folder() {
  const char* folder = std::getenv("TOLLGATE_SOURCE_DIR");
  return folder ? folder : ".";
}

// The folder of recorded test data, which may be absent.
inline std::filesystem::path data_folder() {
  const char* folder = std::getenv("TOLLGATE_DATA_DIR");
  return folder ? std::filesystem::path(folder) : source_folder() / ".." / "shared" / "data";
}

}  // namespace tollgate::http
