// Embeddings: one meaning, and the wire forms of it by name. A request or reply is read in one form and written in
// another.
//
//   "openai.embeddings"   POST /v1/embeddings, and the many vendors that imitate it
//   "cohere.embed"        POST /v2/embed
//   "voyage.embeddings"   POST /v1/embeddings of Voyage
//   "gemini.embed"        models/{m}:embedContent, one input
//   "gemini.batch_embed"  models/{m}:batchEmbedContents, one request for each input
//
// What a form cannot say is named in `losses`; an input that it cannot take (token lists, images) is an Error, because
// a request without it would be another one. Unknown members of a form are kept and written in that form only.
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

// A piece of one input: text, token numbers (a JSON array's text), or an image by data or URL.
struct EmbedPart {
  enum class Kind : unsigned char { text, tokens, image } kind = Kind::text;
  std::string text;  // or the array of tokens
  std::string mime, data, url;
};

struct EmbedInput {
  std::vector<EmbedPart> parts;
  std::string title;  // of the document (Gemini)
  chat::Extra extra;
};

// What the vectors are for.
enum class EmbedPurpose : unsigned char {
  unset,
  query,
  document,
  classification,
  clustering,
  similarity,
  question_answering,
  fact_verification,
  code_query,
  image,
};

struct EmbedRequest {
  std::string model;
  std::vector<EmbedInput> inputs;
  bool list = true;  // the caller wrote a list, not a lone input
  std::optional<std::int64_t> dimensions;
  bool base64 = false;             // vectors as base64 of their bytes, else as numbers
  std::vector<std::string> types;  // float | int8 | uint8 | binary | ubinary; empty = float
  EmbedPurpose purpose = EmbedPurpose::unset;
  std::string truncate;  // none | start | end; "" = not said
  std::optional<std::int64_t> max_tokens;
  std::string user;
  chat::Extra extra;
  std::string_view form;  // that read it
};

struct EmbedVector {
  std::size_t index = 0;
  std::string type = "float";
  bool base64 = false;
  std::string value;  // a JSON array's text, or base64 of little-endian elements
  chat::Extra extra;
};

struct EmbedReply {
  std::string id, model;
  std::vector<EmbedVector> vectors;  // as given; one for each input and type
  chat::Extra extra;
  std::string_view form;
};

struct EmbedForm {
  std::string_view name;
  // `model` is what the path says, "" where the body names it.
  Result<EmbedRequest> (*read_request)(std::string_view body, std::string_view model);
  Result<std::string> (*write_request)(const EmbedRequest& request, std::string_view model, chat::Losses& losses);
  Result<EmbedReply> (*read_reply)(std::string_view body);
  // `asked` is the caller's request in the caller's form: it says how vectors are to be encoded.
  std::string (*write_reply)(const EmbedReply& reply, const EmbedRequest& asked, const Usage& usage);
};

std::span<const EmbedForm> embed_forms();
// nullptr for an unknown name.
const EmbedForm* find_embed_form(std::string_view name);
// The form of the same vendor that can take this request: several inputs for Gemini go as a batch.
const EmbedForm& form_for(const EmbedForm& form, const EmbedRequest& request);

// The numbers of a vector as a JSON array's text, or its bytes as base64, whatever it holds. Empty when its value is
// neither.
std::string vector_as_numbers(const EmbedVector& vector);
std::string vector_as_base64(const EmbedVector& vector);

// A vendor's error body, of embeddings or rerank, in whichever form.
Error read_form_error(int status, std::string_view body);

}  // namespace tollgate::gateway
