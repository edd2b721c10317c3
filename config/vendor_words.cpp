#include "config/vendor_words.h"

#include <algorithm>
#include <array>

namespace tollgate::config {
namespace {

using namespace std::string_view_literals;

constexpr std::array kDialects{"openai.chat"sv,      "openai.responses"sv, "anthropic.messages"sv, "gemini.generate"sv,
                               "bedrock.converse"sv, "cohere.chat"sv,      "ollama.chat"sv,        "echo"sv};
constexpr std::array kSurfaces{
    "chat"sv,         "completions"sv,       "responses"sv,    "embeddings"sv,   "messages"sv,
    "count_tokens"sv, "generate"sv,          "gemini_count"sv, "gemini_embed"sv, "gemini_batch_embed"sv,
    "converse"sv,     "cohere_chat"sv,       "cohere_embed"sv, "rerank"sv,       "voyage_rerank"sv,
    "ollama_chat"sv,  "voyage_embeddings"sv, "files"sv,        "batches"sv,      "message_batches"sv};
constexpr std::array kAuth{"bearer"sv, "x-api-key"sv, "api-key"sv, "x-goog-api-key"sv,
                           "aws"sv,    "google"sv,    "entra"sv,   "none"sv};
constexpr std::array kRequestFlags{"max_completion_tokens"sv,
                                   "developer_role"sv,
                                   "no_json_schema"sv,
                                   "no_stream_options"sv,
                                   "no_parallel_tool_calls"sv,
                                   "no_n"sv,
                                   "no_logprobs"sv,
                                   "no_strict"sv,
                                   "tool_choice_any"sv,
                                   "random_seed"sv,
                                   "reasoning_object"sv,
                                   "thinking_toggle"sv,
                                   "enable_thinking"sv,
                                   "reasoning_field"sv,
                                   "no_reasoning_history"sv,
                                   "cache_control"sv,
                                   "text_only"sv,
                                   "no_reasoning_effort"sv,
                                   "reasoning_details"sv,
                                   "thinking_parts"sv,
                                   "extra_content"sv,
                                   "short_tool_ids"sv,
                                   "sampling_extras"sv,
                                   "document_url"sv,
                                   "plain_audio"sv,
                                   "no_files"sv,
                                   "no_file_urls"sv,
                                   "no_video"sv,
                                   "no_web_search"sv,
                                   "no_allowed_tools"sv,
                                   "no_message_name"sv,
                                   "no_penalties"sv,
                                   "no_logit_bias"sv,
                                   "no_user"sv,
                                   "no_metadata"sv,
                                   "no_store"sv,
                                   "no_service_tier"sv,
                                   "no_verbosity"sv,
                                   "no_prediction"sv,
                                   "no_prompt_cache_key"sv,
                                   "bedrock_body"sv,
                                   "vertex_body"sv,
                                   "vertex_labels"sv};
constexpr std::array kUsageFlags{"additive_reasoning"sv, "hidden_reasoning"sv, "apart_reasoning"sv, "x_groq"sv,
                                 "reported_cost"sv,      "timings"sv};

template <std::size_t N>
bool holds(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

WordList dialect_words() { return kDialects; }
WordList surface_words() { return kSurfaces; }
WordList auth_words() { return kAuth; }
WordList request_flag_words() { return kRequestFlags; }
WordList usage_flag_words() { return kUsageFlags; }

bool auth_is_fixed(std::string_view auth) {
  return auth == "bearer" || auth == "x-api-key" || auth == "api-key" || auth == "x-goog-api-key";
}

bool is_path_name(std::string_view name) {
  constexpr std::string_view kStream = "_stream";
  if (name.ends_with(kStream)) name.remove_suffix(kStream.size());
  return holds(kSurfaces, name);
}

}  // namespace tollgate::config
