// Brings one file from the web into a PartFile: redirects, going on after a cut, waiting between attempts. Thread rule:
// one io thread.
#pragma once

#include <chrono>
#include <string>

#include "core/net/client.h"
#include "gateway/pull/address.h"
#include "gateway/pull/part_file.h"
#include "gateway/pull/progress.h"

namespace tollgate::gateway::pull {

struct FetchOptions {
  Address source;
  std::string token;                           // sent as bearer to the source's origin only; empty = none
  bool etag_is_sha = false;                    // the source tells SHA-256 as ETag (Hugging Face does)
  std::string sha256;                          // what the caller expects, or empty
  std::chrono::milliseconds patience{30'000};  // for connecting, and for each next byte
  int attempts = 6;                            // in a row that come no further
};

// Fetches until the whole file is in `part`, whose remote() then tells what the server said of it. What was fetched of
// another state of the file, or cannot be told apart from that, is thrown away. Errors, each with what to do next in
// its message: address_refused (401, 403), not_found, bad_address, wrong_length, not_gguf, wrong_checksum (the server
// tells another one than expected), disk_full and file_io, too_many_redirects, upstream_failed; after the last attempt
// what the attempt failed with. References must stay until the task ends.
Task<Result<void>> fetch(net::Pool& pool, const FetchOptions& options, PartFile& part, Progress& progress);

}  // namespace tollgate::gateway::pull
