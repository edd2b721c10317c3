// What the answer to a request for a file means: which bytes come, of which state of the file, or why none. Pure.
// Thread rule: anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/http.h"
#include "gateway/pull/address.h"
#include "gateway/pull/part_file.h"

namespace tollgate::gateway::pull {

// What redirects on the way to the file told about it (Hugging Face's X-Linked-Etag and X-Linked-Size).
struct Linked {
  std::string sha256;
  std::uint64_t size = 0;
};
// Takes what `head` tells; `etag_is_sha`: its ETag counts, too.
void note_linked(const http::Head& head, bool etag_is_sha, Linked& linked);

// 64 hex digits in lower case, of a value with or without quotes; empty if it is something else.
std::string as_sha256(std::string_view value);

bool is_redirect(int status);

struct Bytes {
  Remote remote;
  std::uint64_t first = 0;  // offset of the first byte that follows
  bool none = false;        // nothing follows: the part is whole already
};
// For the answer to a request that asked for everything from `had` on (0 = no range asked). Errors: as fetch().
// ErrorKind retry_same or limited means that the same request may be made again later.
Result<Bytes> read_answer(const http::Head& head, const Linked& linked, const Address& address, std::uint64_t had,
                          bool token_sent);

}  // namespace tollgate::gateway::pull
