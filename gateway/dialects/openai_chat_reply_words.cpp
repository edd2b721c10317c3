// What replies and streams of the dialect openai.chat have in common: how a choice ends, logprobs, citations, usage,
// ids. Thread rule: see openai_chat.h.
#include <algorithm>
#include <array>

#include "core/utf8.h"
#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Finish;

struct Word {
  std::string_view word;
  Finish finish;
};
// OpenAI's own words first, then those of other vendors and of models served raw.
constexpr std::array kWords{
    Word{"stop", Finish::stop},
    Word{"tool_calls", Finish::tool_calls},
    Word{"length", Finish::length},
    Word{"content_filter", Finish::content_filter},
    Word{"function_call", Finish::tool_calls},
    Word{"eos", Finish::stop},
    Word{"eos_token", Finish::stop},
    Word{"end_turn", Finish::stop},
    Word{"COMPLETE", Finish::stop},
    Word{"STOP", Finish::stop},
    Word{"stop_sequence", Finish::stop_sequence},
    Word{"max_tokens", Finish::length},
    Word{"MAX_TOKENS", Finish::length},
    Word{"model_length", Finish::context_length},
    Word{"model_context_window_exceeded", Finish::context_length},
    Word{"tool_use", Finish::tool_calls},
    Word{"tool_call", Finish::tool_calls},
    Word{"sensitive", Finish::content_filter},
    Word{"safety", Finish::content_filter},
    Word{"SAFETY", Finish::content_filter},
    Word{"content_filtered", Finish::content_filter},
    Word{"refusal", Finish::refusal},
    Word{"pause_turn", Finish::pause},
    Word{"malformed_function_call", Finish::malformed_call},
    Word{"MALFORMED_FUNCTION_CALL", Finish::malformed_call},
    Word{"error", Finish::error},
    Word{"network_error", Finish::error},
    Word{"insufficient_system_resource", Finish::error},
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::int64_t sum(const Usage& usage, std::initializer_list<Bucket> buckets) {
  std::int64_t total = 0;
  for (const Bucket bucket : buckets) total += usage[bucket];
  return total;
}

}  // namespace

Finish read_finish(std::string_view word) {
  if (word.empty()) return Finish::unset;
  for (const Word& one : kWords)
    if (one.word == word) return one.finish;
  return Finish::other;
}

std::string_view finish_word(Finish finish, bool calls) {
  switch (finish) {
    case Finish::unset:
      return {};
    case Finish::length:
    case Finish::context_length:
      return "length";
    case Finish::tool_calls:
      return "tool_calls";
    case Finish::content_filter:
    case Finish::refusal:
      return "content_filter";
    case Finish::malformed_call:
    case Finish::error:
      return "error";  // OpenRouter's word; the form has none
    case Finish::stop:
    case Finish::stop_sequence:
    case Finish::pause:
    case Finish::other:
      break;
  }
  return calls ? "tool_calls" : "stop";
}

bool has_calls(const std::vector<chat::Part>& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.template get<chat::ToolCall>(); });
}

std::string_view elements_of(std::string_view array) {
  return array.size() > 2 ? array.substr(1, array.size() - 2) : std::string_view();
}

void read_logprobs(JsonValue logprobs, chat::RawJson& content, chat::Extra& extra) {
  logprobs.members([&](std::string_view key, JsonValue value) {
    if (key == "content") {
      if (value.is_array()) content = value.text();
    } else {
      keep_under(extra, "logprobs", key, value);
    }
  });
}

void write_logprobs(JsonWriter& writer, const chat::RawJson& content, const chat::Extra& extra, bool own) {
  const bool more = own && std::any_of(extra.begin(), extra.end(),
                                       [](const auto& one) { return one.first.starts_with("logprobs."); });
  writer.key("logprobs");
  if (content.empty() && !more) {
    writer.null();
    return;
  }
  writer.begin_object().raw_member("content", content.empty() ? "null" : std::string_view(content));
  if (more) {
    write_under(writer, extra, "logprobs");
  } else {
    writer.key("refusal").null();
  }
  writer.end_object();
}

std::int64_t characters(std::string_view text) {
  return static_cast<std::int64_t>(text.size()) - std::count_if(text.begin(), text.end(), is_continuation);
}

void write_annotation(JsonWriter& writer, const chat::Citation& citation, std::int64_t offset, std::int64_t length) {
  if (citation.origin == kName && !citation.raw.empty()) {
    writer.raw(citation.raw);
    return;
  }
  const bool placed = citation.begin >= 0 && citation.end >= citation.begin;
  writer.begin_object().member("type", "url_citation").key("url_citation").begin_object();
  writer.member("start_index", offset + (placed ? citation.begin : 0));
  writer.member("end_index", offset + (placed ? citation.end : length));
  writer.member("url", citation.url).member("title", citation.title).member_if("content", citation.quote);
  writer.end_object().end_object();
}

// Every detail lies inside its parent, as OpenAI counts.
void write_usage(JsonWriter& writer, const Usage& usage) {
  using enum Bucket;
  const std::int64_t prompt = usage.input_side();
  const std::int64_t completion = sum(usage, {output, reasoning, audio_output, image_output});
  const std::int64_t written = sum(usage, {cache_write_5m, cache_write_1h});
  writer.begin_object().member("prompt_tokens", prompt).member("completion_tokens", completion);
  writer.member("total_tokens", prompt + completion);
  writer.key("prompt_tokens_details").begin_object();
  writer.member("cached_tokens", sum(usage, {cache_read, audio_cache_read}));
  writer.member("audio_tokens", sum(usage, {audio_input, audio_cache_read}));
  if (written > 0) writer.member("cache_write_tokens", written);
  if (usage[image_input] > 0) writer.member("image_tokens", usage[image_input]);
  writer.end_object().key("completion_tokens_details").begin_object();
  writer.member("reasoning_tokens", usage[reasoning]).member("audio_tokens", usage[audio_output]);
  if (usage[image_output] > 0) writer.member("image_tokens", usage[image_output]);
  writer.end_object().end_object();
}

std::string reply_id(const chat::Reply& reply, const StreamOptions& options) {
  constexpr std::string_view kPrefix = "chatcmpl-";
  const std::string& id = reply.id.empty() ? options.id : reply.id;
  if ((reply.dialect == kName && !reply.id.empty()) || id.starts_with(kPrefix)) return id;
  return std::string(kPrefix) + id;
}

}  // namespace tollgate::gateway::oai
