#include "gateway/surface.h"

#include <algorithm>
#include <array>

#include "core/percent.h"

namespace tollgate::gateway {
namespace {

using billing::UsageDialect;

constexpr std::array kSurfaces{
    Surface{SurfaceId::chat, "chat", Operation::generate, "/v1/chat/completions", "/chat/completions", "",
            "openai.chat", ApiFamily::openai, UsageDialect::openai_chat, true},
    Surface{SurfaceId::completions, "completions", Operation::complete, "/v1/completions", "/completions", "", "",
            ApiFamily::openai, UsageDialect::openai_completions, true},
    Surface{SurfaceId::responses, "responses", Operation::generate, "/v1/responses", "/responses", "",
            "openai.responses", ApiFamily::openai, UsageDialect::openai_responses},
    Surface{SurfaceId::embeddings, "embeddings", Operation::embed, "/v1/embeddings", "/embeddings", "",
            "openai.embeddings", ApiFamily::openai, UsageDialect::openai_embeddings},
    Surface{SurfaceId::messages, "messages", Operation::generate, "/v1/messages", "/messages", "", "anthropic.messages",
            ApiFamily::anthropic, UsageDialect::anthropic_messages},
    Surface{SurfaceId::count_tokens, "count_tokens", Operation::count_tokens, "/v1/messages/count_tokens",
            "/messages/count_tokens", "", "anthropic.count", ApiFamily::anthropic, UsageDialect::anthropic_messages},
    Surface{SurfaceId::generate, "generate", Operation::generate, "/v1beta/models/{model}:generateContent",
            "/models/{model}:generateContent", "/models/{model}:streamGenerateContent?alt=sse", "gemini.generate",
            ApiFamily::google, UsageDialect::gemini},
    Surface{SurfaceId::gemini_count, "gemini_count", Operation::count_tokens, "/v1beta/models/{model}:countTokens",
            "/models/{model}:countTokens", "", "gemini.count", ApiFamily::google, UsageDialect::gemini},
    Surface{SurfaceId::gemini_embed, "gemini_embed", Operation::embed, "/v1beta/models/{model}:embedContent",
            "/models/{model}:embedContent", "", "gemini.embed", ApiFamily::google, UsageDialect::gemini},
    Surface{SurfaceId::gemini_batch_embed, "gemini_batch_embed", Operation::embed,
            "/v1beta/models/{model}:batchEmbedContents", "/models/{model}:batchEmbedContents", "", "gemini.batch_embed",
            ApiFamily::google, UsageDialect::gemini},
    Surface{SurfaceId::rerank, "rerank", Operation::rerank, "/v1/rerank", "/rerank", "", "cohere.rerank",
            ApiFamily::openai, UsageDialect::cohere},
    Surface{SurfaceId::converse, "converse", Operation::generate, "", "/model/{model}/converse",
            "/model/{model}/converse-stream", "bedrock.converse", ApiFamily::openai, UsageDialect::bedrock_converse},
    Surface{SurfaceId::cohere_chat, "cohere_chat", Operation::generate, "", "/chat", "", "cohere.chat",
            ApiFamily::openai, UsageDialect::cohere},
    Surface{SurfaceId::cohere_embed, "cohere_embed", Operation::embed, "", "/embed", "", "cohere.embed",
            ApiFamily::openai, UsageDialect::cohere},
    Surface{SurfaceId::voyage_embeddings, "voyage_embeddings", Operation::embed, "", "/embeddings", "",
            "voyage.embeddings", ApiFamily::openai, UsageDialect::openai_embeddings},
    Surface{SurfaceId::voyage_rerank, "voyage_rerank", Operation::rerank, "", "/rerank", "", "voyage.rerank",
            ApiFamily::openai, UsageDialect::openai_embeddings},
    Surface{SurfaceId::ollama_chat, "ollama_chat", Operation::generate, "", "/chat", "", "ollama.chat",
            ApiFamily::openai, UsageDialect::ollama},
    Surface{SurfaceId::passthrough, "passthrough", Operation::passthrough, "", "", "", "", ApiFamily::openai,
            UsageDialect::detect},
    Surface{SurfaceId::files, "files", Operation::passthrough, "/v1/files", "", "", "", ApiFamily::openai,
            UsageDialect::detect},
    Surface{SurfaceId::batches, "batches", Operation::passthrough, "/v1/batches", "", "", "", ApiFamily::openai,
            UsageDialect::detect},
    Surface{SurfaceId::message_batches, "message_batches", Operation::passthrough, "/v1/messages/batches", "", "", "",
            ApiFamily::anthropic, UsageDialect::detect},
};

struct Defaults {
  std::string_view dialect;
  std::array<std::string_view, 5> names;
  std::size_t count;
};
constexpr std::array kDefaults{
    Defaults{"openai.chat", {"chat", "completions", "responses", "embeddings"}, 4},
    Defaults{"openai.responses", {"responses"}, 1},
    Defaults{"anthropic.messages", {"messages", "count_tokens"}, 2},
    Defaults{"gemini.generate", {"generate", "gemini_count", "gemini_embed", "gemini_batch_embed"}, 4},
    Defaults{"bedrock.converse", {"converse"}, 1},
    Defaults{"cohere.chat", {"cohere_chat", "cohere_embed", "rerank"}, 3},
    Defaults{"ollama.chat", {"ollama_chat"}, 1},
    Defaults{"local", {"chat", "embeddings", "count_tokens", "gemini_count"}, 4},
    Defaults{"echo", {"chat", "completions", "responses", "embeddings", "messages"}, 5},
};

constexpr std::string_view kModelMark = "{model}";
constexpr std::string_view kPassthrough = "/passthrough/";

// Google's clients post to .../models/{model}:action, with a model's name that may hold slashes.
std::optional<Route> match_model_path(std::string_view path, std::string_view query) {
  constexpr std::string_view kModels = "/models/";
  constexpr std::string_view kStream = ":streamGenerateContent";
  if (!path.starts_with("/v1beta/") && !path.starts_with("/v1/") && !path.starts_with("/v1beta1/")) return {};
  const std::size_t models = path.find(kModels);
  const std::size_t colon = path.rfind(':');
  if (models == std::string_view::npos || colon == std::string_view::npos || colon <= models + kModels.size())
    return {};
  Route route;
  if (!percent_decode(path.substr(models + kModels.size(), colon - models - kModels.size()), route.model)) return {};
  std::string_view action = path.substr(colon);
  route.stream = action == kStream;
  if (route.stream) action = ":generateContent";
  route.json_array = route.stream && query_value(query, "alt") != "sse";
  for (const Surface& surface : kSurfaces) {
    const std::size_t mark = surface.client_path.find(kModelMark);
    if (mark == std::string_view::npos || surface.client_path.substr(mark + kModelMark.size()) != action) continue;
    route.surface = &surface;
    return route;
  }
  return {};
}

std::optional<Route> match_passthrough(std::string_view path) {
  if (!path.starts_with(kPassthrough)) return {};
  path.remove_prefix(kPassthrough.size());
  const std::size_t slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos) return {};
  return Route{.surface = surface_named("passthrough"),
               .provider = std::string(path.substr(0, slash)),
               .rest = std::string(path.substr(slash))};
}

// Files and batches: the path itself and all below it, behind the "/v1" that base URLs already hold.
std::optional<Route> match_batch_path(std::string_view path) {
  constexpr std::size_t kVersion = 3;  // "/v1"
  for (const Surface& surface : kSurfaces) {
    const std::string_view own = surface.client_path;
    if (surface.operation != Operation::passthrough || own.empty() || !path.starts_with(own)) continue;
    if (path.size() == own.size() || path[own.size()] == '/')
      return Route{.surface = &surface, .rest = std::string(path.substr(kVersion))};
  }
  return {};
}

// Calls f(name, value, whole) for each raw parameter.
template <class F>
void each_parameter(std::string_view query, F&& f) {
  if (query.starts_with('?')) query.remove_prefix(1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    const std::size_t equals = std::min(one.find('='), one.size());
    f(one.substr(0, equals), one.substr(std::min(equals + 1, one.size())), one);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
}

}  // namespace

std::span<const Surface> surfaces() { return kSurfaces; }

const Surface* surface_named(std::string_view name) {
  for (const Surface& surface : kSurfaces)
    if (surface.name == name) return &surface;
  return nullptr;
}

std::span<const std::string_view> default_surfaces(std::string_view dialect) {
  for (const Defaults& row : kDefaults)
    if (row.dialect == dialect) return {row.names.data(), row.count};
  return {};
}

std::optional<Route> match_route(std::string_view path, std::string_view query) {
  for (const Surface& surface : kSurfaces)
    if (surface.client_path == path && surface.operation != Operation::passthrough) return Route{.surface = &surface};
  if (auto route = match_passthrough(path)) return route;
  if (auto route = match_batch_path(path)) return route;
  return match_model_path(path, query);
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  each_parameter(query, [&](std::string_view key, std::string_view value, std::string_view) {
    std::string text;
    if (key == name && !found && percent_decode(value, text)) found = std::move(text);
  });
  return found;
}

std::string query_without(std::string_view query, std::span<const std::string_view> names) {
  std::string kept;
  each_parameter(query, [&](std::string_view key, std::string_view, std::string_view whole) {
    if (whole.empty() || std::find(names.begin(), names.end(), key) != names.end()) return;
    kept += kept.empty() ? '?' : '&';
    kept += whole;
  });
  return kept;
}

}  // namespace tollgate::gateway
