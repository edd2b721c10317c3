// Surface: one operation of one API, client side or vendor side, with what differs between them as a table: where
// clients post it, where it lies upstream, what form its bodies have, how usage is read, and whose error form it uses.
// A new surface is one row here. Thread rule: constants.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "billing/usage_reader.h"

namespace tollgate::gateway {

enum class SurfaceId : unsigned char {
  chat,
  completions,
  responses,
  embeddings,
  messages,
  count_tokens,
  generate,
  gemini_count,
  gemini_embed,
  gemini_batch_embed,
  rerank,
  converse,
  cohere_chat,
  cohere_embed,
  voyage_embeddings,
  voyage_rerank,
  ollama_chat,
  passthrough,
  files,
  batches,
  message_batches,
};
enum class ApiFamily : unsigned char { openai, anthropic, google };
// Surfaces of one operation can be translated into each other.
enum class Operation : unsigned char { generate, complete, embed, rerank, count_tokens, passthrough };

struct Surface {
  SurfaceId id;
  std::string_view name;  // in records, metrics, and the `surfaces` of a provider
  Operation operation;
  std::string_view client_path;    // clients post here; with {model} in it, see match_route(); empty = vendors only
  std::string_view upstream_path;  // behind the vendor's base_url; {model} stands for the model's name
  std::string_view stream_path;    // the same for streams where it differs
  std::string_view form;  // of bodies: a dialect's name, or one of embeddings.h and rerank.h; empty = relay only
  ApiFamily family;       // form of errors
  billing::UsageDialect usage;
  bool usage_option = false;  // stream_options.include_usage exists here
  // Produces output tokens: a cut reply may have been billed.
  bool generates() const { return operation == Operation::generate || operation == Operation::complete; }
};

std::span<const Surface> surfaces();
// By name; nullptr if none.
const Surface* surface_named(std::string_view name);
// The surfaces that a vendor of this dialect serves unless its row says otherwise.
std::span<const std::string_view> default_surfaces(std::string_view dialect);

// What a client's path says.
struct Route {
  const Surface* surface = nullptr;
  std::string model;        // where the path names it (Gemini), unescaped
  bool stream = false;      // where the path decides it
  bool json_array = false;  // a Gemini stream without alt=sse
  std::string provider;     // passthrough: whom to ask; empty for files and batches, which the configuration decides
  std::string rest;         // passthrough: path behind the provider's base_url, as sent
};
// `path` without query; `query` with its '?' or empty. Nothing for a path that is no surface's.
std::optional<Route> match_route(std::string_view path, std::string_view query);

// Value of one query parameter, unescaped; nothing if absent.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
// The query without these parameters: "" or with its '?'.
std::string query_without(std::string_view query, std::span<const std::string_view> names);

}  // namespace tollgate::gateway
