#include "core/chat_fields.h"

#include <algorithm>

namespace tollgate::chat {
namespace {

constexpr std::array<std::string_view, kFields> kNames{"system",
                                                       "developer",
                                                       "message_name",
                                                       "images_data",
                                                       "images_url",
                                                       "images_file",
                                                       "image_detail",
                                                       "documents_data",
                                                       "documents_url",
                                                       "documents_text",
                                                       "documents_file",
                                                       "document_citations",
                                                       "audio_input",
                                                       "video_input",
                                                       "tools",
                                                       "custom_tools",
                                                       "strict_tools",
                                                       "web_search_tool",
                                                       "web_fetch_tool",
                                                       "code_execution_tool",
                                                       "file_search_tool",
                                                       "image_generation_tool",
                                                       "computer_tool",
                                                       "mcp_tool",
                                                       "other_server_tools",
                                                       "tool_choice_none",
                                                       "tool_choice_required",
                                                       "tool_choice_named",
                                                       "allowed_tools",
                                                       "parallel_tool_calls",
                                                       "tool_results",
                                                       "tool_result_media",
                                                       "tool_result_error",
                                                       "thinking_history",
                                                       "opaque_history",
                                                       "json_object",
                                                       "json_schema",
                                                       "strict_schema",
                                                       "reasoning_off",
                                                       "reasoning_effort",
                                                       "reasoning_budget",
                                                       "reasoning_include",
                                                       "reasoning_summary",
                                                       "max_output_tokens",
                                                       "temperature",
                                                       "top_p",
                                                       "top_k",
                                                       "min_p",
                                                       "frequency_penalty",
                                                       "presence_penalty",
                                                       "repetition_penalty",
                                                       "seed",
                                                       "n",
                                                       "stop",
                                                       "logprobs",
                                                       "top_logprobs",
                                                       "logit_bias",
                                                       "user",
                                                       "metadata",
                                                       "service_tier",
                                                       "store",
                                                       "cache_marks",
                                                       "prompt_cache_key",
                                                       "previous_response_id",
                                                       "verbosity",
                                                       "output_modalities",
                                                       "audio_output",
                                                       "prediction",
                                                       "safety_settings",
                                                       "reply_thinking",
                                                       "reply_refusal",
                                                       "reply_citations",
                                                       "reply_logprobs",
                                                       "reply_media",
                                                       "reply_opaque",
                                                       "reply_choices",
                                                       "reply_signatures",
                                                       "reply_service_tier",
                                                       "reply_stop_sequence"};

// A FieldSet with a short way to put fields in.
struct Collector {
  FieldSet set;
  void put(Field field, bool when = true) {
    if (when) set.set(static_cast<std::size_t>(field));
  }
};

void add_media(const Media& media, Collector& in) {
  switch (media.kind) {
    case Media::Kind::image:
      in.put(Field::images_data, !media.data.empty());
      in.put(Field::images_url, !media.url.empty());
      in.put(Field::images_file, !media.file_id.empty());
      in.put(Field::image_detail, !media.detail.empty() && media.detail != "auto");
      break;
    case Media::Kind::document:
      in.put(Field::documents_data, !media.data.empty());
      in.put(Field::documents_url, !media.url.empty());
      in.put(Field::documents_text, !media.text.empty());
      in.put(Field::documents_file, !media.file_id.empty());
      in.put(Field::document_citations, media.citations);
      break;
    case Media::Kind::audio:
      in.put(Field::audio_input);
      break;
    case Media::Kind::video:
      in.put(Field::video_input);
      break;
  }
}

void add_part(const Part& part, Collector& in) {
  in.put(Field::cache_marks, part.cache.set);
  if (const auto* media = part.get<Media>()) add_media(*media, in);
  if (part.get<Thinking>()) in.put(Field::thinking_history);
  if (part.get<Opaque>()) in.put(Field::opaque_history);
  const auto* result = part.get<ToolResult>();
  if (!result) return;
  in.put(Field::tool_results);
  in.put(Field::tool_result_error, result->is_error);
  for (const Part& inner : result->content) {
    in.put(Field::cache_marks, inner.cache.set);
    in.put(Field::tool_result_media, inner.get<Media>() != nullptr);
  }
}

Field tool_field(const Tool& tool) {
  switch (tool.kind) {
    case Tool::Kind::function:
      return Field::tools;
    case Tool::Kind::custom:
      return Field::custom_tools;
    case Tool::Kind::web_search:
      return Field::web_search_tool;
    case Tool::Kind::web_fetch:
      return Field::web_fetch_tool;
    case Tool::Kind::code_execution:
      return Field::code_execution_tool;
    case Tool::Kind::file_search:
      return Field::file_search_tool;
    case Tool::Kind::image_generation:
      return Field::image_generation_tool;
    case Tool::Kind::computer:
      return Field::computer_tool;
    case Tool::Kind::mcp:
      return Field::mcp_tool;
    case Tool::Kind::other:
      break;
  }
  return Field::other_server_tools;
}

void add_tools(const Request& request, Collector& in) {
  for (const Tool& tool : request.tools) {
    in.put(tool_field(tool));
    in.put(Field::strict_tools, tool.strict == true);
    in.put(Field::cache_marks, tool.cache.set);
  }
  using Mode = ToolChoice::Mode;
  in.put(Field::tool_choice_none, request.tool_choice.mode == Mode::none);
  in.put(Field::tool_choice_required, request.tool_choice.mode == Mode::required);
  in.put(Field::tool_choice_named, request.tool_choice.mode == Mode::named);
  in.put(Field::allowed_tools, !request.tool_choice.allowed.empty());
  in.put(Field::parallel_tool_calls, request.tool_choice.parallel == false);
}

void add_reasoning(const Reasoning& reasoning, Collector& in) {
  in.put(Field::reasoning_off, reasoning.mode == Reasoning::Mode::off);
  in.put(Field::reasoning_effort, !reasoning.effort.empty());
  in.put(Field::reasoning_budget, reasoning.budget.has_value());
  in.put(Field::reasoning_include, reasoning.include.has_value());
  in.put(Field::reasoning_summary, !reasoning.summary.empty());
}

void add_sampling(const Request& request, Collector& in) {
  in.put(Field::max_output_tokens, request.max_output_tokens.has_value());
  in.put(Field::temperature, !request.temperature.empty());
  in.put(Field::top_p, !request.top_p.empty());
  in.put(Field::top_k, !request.top_k.empty());
  in.put(Field::min_p, !request.min_p.empty());
  in.put(Field::frequency_penalty, !request.frequency_penalty.empty());
  in.put(Field::presence_penalty, !request.presence_penalty.empty());
  in.put(Field::repetition_penalty, !request.repetition_penalty.empty());
  in.put(Field::seed, request.seed.has_value());
  in.put(Field::n, request.n.value_or(1) != 1);
  in.put(Field::stop, !request.stop.empty());
  in.put(Field::logprobs, request.logprobs == true);
  in.put(Field::top_logprobs, request.top_logprobs.value_or(0) > 0);
  in.put(Field::logit_bias, request.logit_bias.size() > 2);
}

}  // namespace

std::string_view field_name(Field field) { return kNames[static_cast<std::size_t>(field)]; }

FieldSet fields_of(const Request& request) {
  Collector in;
  for (const Message& message : request.messages) {
    in.put(Field::system, message.role == Role::system);
    in.put(Field::developer, message.role == Role::developer);
    in.put(Field::message_name, !message.name.empty());
    for (const Part& part : message.parts) add_part(part, in);
  }
  add_tools(request, in);
  using Format = ResponseFormat::Kind;
  in.put(Field::json_object, request.format.kind == Format::json_object);
  in.put(Field::json_schema, request.format.kind == Format::json_schema);
  in.put(Field::strict_schema, request.format.kind == Format::json_schema && request.format.strict == true);
  add_reasoning(request.reasoning, in);
  add_sampling(request, in);
  in.put(Field::user, !request.user.empty());
  in.put(Field::metadata, request.metadata.size() > 2);
  in.put(Field::service_tier, !request.service_tier.empty() && request.service_tier != "auto");
  in.put(Field::store, request.store == true);
  in.put(Field::prompt_cache_key, !request.prompt_cache_key.empty());
  in.put(Field::previous_response_id, !request.previous_response_id.empty());
  in.put(Field::verbosity, !request.verbosity.empty());
  in.put(Field::output_modalities, std::any_of(request.modalities.begin(), request.modalities.end(),
                                               [](const std::string& kind) { return kind != "text"; }));
  in.put(Field::audio_output, !request.audio_output.empty());
  in.put(Field::prediction, !request.prediction.empty());
  in.put(Field::safety_settings, request.safety_settings.size() > 2);
  return in.set;
}

FieldSet fields_of(const Reply& reply) {
  Collector in;
  in.put(Field::reply_choices, reply.choices.size() > 1);
  in.put(Field::reply_service_tier, !reply.service_tier.empty());
  for (const Choice& choice : reply.choices) {
    in.put(Field::reply_logprobs, choice.logprobs.size() > 2);
    in.put(Field::reply_stop_sequence, !choice.stop_sequence.empty());
    for (const Part& part : choice.parts) {
      in.put(Field::reply_refusal, part.get<Refusal>() != nullptr);
      in.put(Field::reply_media, part.get<Media>() != nullptr);
      in.put(Field::reply_opaque, part.get<Opaque>() != nullptr);
      if (const auto* text = part.get<Text>()) {
        in.put(Field::reply_citations, !text->citations.empty());
        in.put(Field::reply_signatures, !text->signature.empty());
      }
      if (const auto* call = part.get<ToolCall>()) in.put(Field::reply_signatures, !call->signature.empty());
      if (const auto* thinking = part.get<Thinking>()) {
        in.put(Field::reply_thinking);
        in.put(Field::reply_signatures, !thinking->signature.empty() || !thinking->redacted.empty());
      }
    }
  }
  return in.set;
}

void Losses::add(std::string_view name) {
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.emplace_back(name);
}

}  // namespace tollgate::chat
