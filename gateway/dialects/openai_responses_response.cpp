// The Response object, and usage in OpenAI's containment: cached and written tokens are part of the input, reasoning
// is part of the output.
#include "gateway/dialects/openai_responses_response.h"

#include <utility>

#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"
#include "gateway/dialects/openai_responses_tools.h"

namespace tollgate::gateway::responses {
namespace {

constexpr std::size_t kLongestBase = 40;

// The vendor's own id, or one in this dialect's form made of it.
std::string response_id(std::string_view id, bool own) {
  if (own || id.starts_with("resp_")) return std::string(id);
  std::string out = "resp_";
  for (const char c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain) out += c;
  }
  return out;
}

void member_or_null(JsonWriter& writer, std::string_view name, std::string_view text) {
  writer.key(name);
  text.empty() ? writer.null() : writer.string(text);
}

void raw_or(JsonWriter& writer, std::string_view name, const chat::RawJson* json, std::string_view otherwise) {
  writer.raw_member(name, json && !json->empty() ? std::string_view(*json) : otherwise);
}

const chat::RawJson* extra_or_spelling(const chat::Request& request, const std::string& name) {
  const chat::RawJson* value = find_extra(request.extra, name);
  return value ? value : find_extra(request.extra, "~" + name);
}

void echo_instructions(JsonWriter& writer, const chat::Request& request) {
  writer.key("instructions");
  const bool any = !request.messages.empty() && find_extra(request.messages.front().extra, "~instructions");
  any ? writer.string(chat::joined_text(request.messages.front().parts)) : writer.null();
}

void echo_limits(JsonWriter& writer, const chat::Request& request) {
  writer.key("max_output_tokens");
  request.max_output_tokens ? writer.number(*request.max_output_tokens) : writer.null();
  raw_or(writer, "max_tool_calls", extra_or_spelling(request, "max_tool_calls"), "null");
  raw_or(writer, "truncation", extra_or_spelling(request, "truncation"), R"("disabled")");
  raw_or(writer, "temperature", &request.temperature, "1.0");
  raw_or(writer, "top_p", &request.top_p, "1.0");
  writer.member("top_logprobs", request.top_logprobs.value_or(0));
}

void echo_reasoning(JsonWriter& writer, const chat::Request& request) {
  writer.key("reasoning").begin_object();
  member_or_null(writer, "effort", effort_of(request.reasoning));
  member_or_null(writer, "summary", request.reasoning.summary);
  write_nested_extra(writer, request.extra, "reasoning");
  writer.end_object();
}

// What a vendor of another dialect was asked: the caller's own words. Such vendors keep no replies, whatever `store`
// said.
void write_echo(JsonWriter& writer, const chat::Request& request) {
  writer.member("background", false);
  echo_instructions(writer, request);
  echo_limits(writer, request);
  writer.member("parallel_tool_calls", request.tool_choice.parallel.value_or(true));
  member_or_null(writer, "previous_response_id", request.previous_response_id);
  member_or_null(writer, "prompt_cache_key", request.prompt_cache_key);
  echo_reasoning(writer, request);
  const bool older_name = find_extra(request.extra, "~user") != nullptr;
  member_or_null(writer, "safety_identifier", older_name ? std::string_view() : request.user);
  member_or_null(writer, "user", older_name ? std::string_view(request.user) : std::string_view());
  writer.member("store", false);
  chat::Request text;
  text.format = request.format;
  if (text.format.kind == chat::ResponseFormat::Kind::unset) text.format.kind = chat::ResponseFormat::Kind::text;
  text.verbosity = request.verbosity;
  writer.key("text");
  write_text(writer, text, false);
  if (const chat::RawJson* choice = find_extra(request.extra, "tool_choice")) {
    writer.raw_member("tool_choice", *choice);
  } else {
    writer.key("tool_choice");
    write_tool_choice(writer, request);
  }
  writer.key("tools");
  write_tools(writer, request, {}, true, nullptr);
  raw_or(writer, "metadata", &request.metadata, "{}");
}

}  // namespace

ResponseHead::ResponseHead(const chat::Reply& reply, const StreamOptions& options) : own_(reply.dialect == kName) {
  id_ = response_id(reply.id.empty() ? options.id : reply.id, own_);
  model_ = options.model.empty() ? reply.model : options.model;
  created_ = reply.created != 0 ? reply.created : options.created;
  std::string object;
  JsonWriter writer(object);
  writer.begin_object();
  if (own_) {
    writer.member_if("service_tier", openai_tier(reply.service_tier));
    for (const auto& [name, value] : reply.extra)
      if (name != "error") writer.raw_member(name, value);
  } else {
    writer.member("service_tier",
                  reply.service_tier.empty() ? std::string_view("default") : openai_tier(reply.service_tier));
    const chat::Request nothing;
    write_echo(writer, options.request ? *options.request : nothing);
  }
  echo_ = object.substr(1);
}

std::string ResponseHead::base() const {
  const std::string_view id = id_;
  return std::string(id.substr(id.starts_with("resp_") ? 5 : 0, kLongestBase));
}

void ResponseHead::write(JsonWriter& writer, const State& state, std::string_view items) const {
  writer.begin_object().member("id", id_).member("object", "response").member("created_at", created_);
  writer.member("status", state.status).member("model", model_);
  writer.key("error");
  if (!state.error_json.empty()) {
    writer.raw(state.error_json);
  } else if (state.error) {
    writer.begin_object().member("code", response_error_code(*state.error));
    writer.member("message", state.error->message).end_object();
  } else {
    writer.null();
  }
  writer.key("incomplete_details");
  state.reason.empty() ? writer.null() : writer.begin_object().member("reason", state.reason).end_object();
  writer.key("output").begin_array();
  if (!items.empty()) writer.raw(items);
  writer.end_array().key("usage");
  if (state.usage && state.usage->reported) {
    write_usage(writer, *state.usage);
  } else {
    writer.null();
  }
  if (!echo_.empty()) writer.raw(echo_);
  writer.end_object();
}

ResponseHead::State state_of(const chat::Choice& choice, bool own) {
  using chat::Finish;
  const std::string_view raw = own ? std::string_view(choice.finish_raw) : std::string_view();
  const bool refused = !choice.parts.empty() && choice.parts.back().get<chat::Refusal>();
  switch (choice.finish) {
    case Finish::length:
    case Finish::context_length:
      return {.status = "incomplete", .reason = "max_output_tokens"};
    case Finish::content_filter:
      return {.status = "incomplete", .reason = "content_filter"};
    case Finish::refusal:
      // A refusal in words is a reply; one without is the vendor's filter at work.
      if (own || refused) return {.status = "completed"};
      return {.status = "incomplete", .reason = "content_filter"};
    case Finish::error:
    case Finish::malformed_call:
      return {.status = "failed"};
    case Finish::unset:
      // Some imitators of other APIs do not say how a reply ended.
      return {.status = raw.empty() ? (own ? "" : "completed") : raw};
    case Finish::other:
      if (raw == "cancelled") return {.status = raw};
      if (!raw.empty()) return {.status = "incomplete", .reason = raw};
      break;
    default:
      break;
  }
  // Vendors that speak the dialect have words of their own for this.
  if (!raw.empty()) return {.status = raw};
  return {.status = "completed"};
}

void write_usage(JsonWriter& writer, const Usage& usage) {
  const std::int64_t input = usage.input_side();
  const std::int64_t output =
      usage[Bucket::output] + usage[Bucket::reasoning] + usage[Bucket::audio_output] + usage[Bucket::image_output];
  writer.begin_object().member("input_tokens", input).key("input_tokens_details").begin_object();
  writer.member("cached_tokens", usage[Bucket::cache_read] + usage[Bucket::audio_cache_read]);
  writer.member("cache_write_tokens", usage[Bucket::cache_write_5m] + usage[Bucket::cache_write_1h]);
  writer.end_object().member("output_tokens", output).key("output_tokens_details").begin_object();
  writer.member("reasoning_tokens", usage[Bucket::reasoning]).end_object();
  writer.member("total_tokens", input + output).end_object();
}

}  // namespace tollgate::gateway::responses
