// Operations that answer in one piece (embeddings, rerank, token counts), read in the client's form and said in the
// vendor's. The counterpart of dialects for what is no chat. Pure. Thread rule: one owner.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/chat_fields.h"
#include "core/usage.h"
#include "gateway/dialects/dialect.h"
#include "gateway/surface.h"

namespace tollgate::gateway {

// One client request of such an operation.
class PlainForms {
 public:
  virtual ~PlainForms() = default;
  // The request for `upstream`, which may be changed to a sibling that can take it (several inputs for Gemini).
  virtual Result<std::string> write_request(const Surface*& upstream, const WriteContext& context,
                                            chat::Losses& losses) = 0;
  // The vendor's reply, written for the client. REQUIRES: write_request() for the same `upstream` came before.
  virtual Result<std::string> write_reply(const Surface& upstream, std::string_view body, const Usage& usage) = 0;
};

// Reads the request; errors as the forms' readers give them. `route.surface` is of embed, rerank or count_tokens.
Result<std::unique_ptr<PlainForms>> read_plain_request(const Route& route, std::string_view body,
                                                       std::string_view model);

// A vendor's refusal in words, for any form of these operations.
Error read_plain_error(int status, std::string_view body);

}  // namespace tollgate::gateway
