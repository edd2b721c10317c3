// One embeddings request to a local model, from its body to the last byte of its answer. Thread rule: one io thread;
// reading, tokenising and writing are done on the vendor's preparing threads, vectors on the embedder's.
#pragma once

#include <string_view>

#include "core/money.h"
#include "core/net/stream.h"
#include "gateway/local/local_server.h"

namespace tollgate::gateway {

// A request in OpenAI's form, checked and in tokens.
struct EmbedWork {
  std::shared_ptr<const LoadedModel> model;
  std::vector<std::vector<local::Token>> texts;
  std::size_t tokens = 0;  // of all texts
  bool base64 = false;
};
// Errors: client_fault, status 400: names the input, as "input[3]"; those of find_loaded().
Result<EmbedWork> read_embed_work(const LocalModels& models, std::string_view body);
// The reply in OpenAI's form, with machine_us and, where `hourly` is known, `cost` in its usage.
std::string write_embed_reply(std::string_view model, const local::EmbedAnswer& answer, std::size_t tokens, bool base64,
                              const std::optional<Money>& hourly);

// False when the connection is of no more use.
Task<bool> run_embed(net::Stream& stream, LocalVendor& vendor, std::string_view body);

}  // namespace tollgate::gateway
