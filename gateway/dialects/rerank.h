// Rerank: one meaning, and the wire forms of it by name. A request or reply is read in one form and written in another.
//
//   "cohere.rerank"  POST /v2/rerank
//   "voyage.rerank"  POST /v1/rerank of Voyage
//   "jina.rerank"    POST /v1/rerank of Jina, vLLM, llama.cpp and others
//
// Documents in a reply are put in here where the caller wants them and the vendor does not send them.
// Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.h"
#include "core/chat_fields.h"
#include "core/result.h"
#include "core/usage.h"

namespace tollgate::gateway {

struct RerankDocument {
  std::string text;
  chat::RawJson object;  // as the caller wrote it, when it was no string; `text` is then its member "text"
};

struct RerankRequest {
  std::string model, query;
  std::vector<RerankDocument> documents;
  std::optional<std::int64_t> top_n;
  std::optional<bool> return_documents;
  std::optional<std::int64_t> max_tokens_per_doc;
  std::optional<bool> truncation;  // false = too long documents are an error
  chat::Extra extra;
  std::string_view form;  // that read it
};

struct RerankResult {
  std::size_t index = 0;   // among the request's documents
  chat::Number score;      // as the vendor wrote it
  chat::RawJson document;  // a JSON string or object; "" = not sent
  chat::Extra extra;
};

struct RerankReply {
  std::string id, model;
  std::vector<RerankResult> results;  // best first
  chat::Extra extra;
  std::string_view form;
};

struct RerankForm {
  std::string_view name;
  Result<RerankRequest> (*read_request)(std::string_view body);
  Result<std::string> (*write_request)(const RerankRequest& request, std::string_view model, chat::Losses& losses);
  Result<RerankReply> (*read_reply)(std::string_view body);
  std::string (*write_reply)(const RerankReply& reply, const RerankRequest& asked, const Usage& usage);
};

std::span<const RerankForm> rerank_forms();
// nullptr for an unknown name.
const RerankForm* find_rerank_form(std::string_view name);

}  // namespace tollgate::gateway
