#include "gateway/surface.h"

#include <array>

namespace tollgate::gateway {
namespace {

using billing::UsageDialect;

constexpr std::array kSurfaces{
    Surface{SurfaceId::chat, "chat", "/v1/chat/completions", "/chat/completions", "openai.chat", ApiFamily::openai,
            UsageDialect::openai_chat, true, true},
    Surface{SurfaceId::completions, "completions", "/v1/completions", "/completions", "openai.chat", ApiFamily::openai,
            UsageDialect::openai_completions, true, true},
    Surface{SurfaceId::responses, "responses", "/v1/responses", "/responses", "openai.chat", ApiFamily::openai,
            UsageDialect::openai_responses, false, true},
    Surface{SurfaceId::embeddings, "embeddings", "/v1/embeddings", "/embeddings", "openai.chat", ApiFamily::openai,
            UsageDialect::openai_embeddings, false, false},
    Surface{SurfaceId::messages, "messages", "/v1/messages", "/messages", "anthropic.messages", ApiFamily::anthropic,
            UsageDialect::anthropic_messages, false, true},
    Surface{SurfaceId::count_tokens, "count_tokens", "/v1/messages/count_tokens", "/messages/count_tokens",
            "anthropic.messages", ApiFamily::anthropic, UsageDialect::anthropic_messages, false, false},
};

}  // namespace

std::span<const Surface> surfaces() { return kSurfaces; }

const Surface* find_surface(std::string_view path) {
  for (const Surface& surface : kSurfaces)
    if (surface.client_path == path) return &surface;
  return nullptr;
}

}  // namespace tollgate::gateway
