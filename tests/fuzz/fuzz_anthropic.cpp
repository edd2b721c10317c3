// Requests, replies, errors and streams of the dialect "anthropic.messages" from any bytes; see dialect_rounds.h.
#include "dialect_rounds.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tollgate::gateway::fuzz_dialect(tollgate::gateway::anthropic(), data, size);
  return 0;
}
