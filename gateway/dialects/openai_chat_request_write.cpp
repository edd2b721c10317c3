// Requests of the dialect openai.chat, written for a vendor that speaks it. Thread rule: see openai_chat.h.
#include <algorithm>
#include <array>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Field;
using chat::Request;

constexpr std::array<std::string_view, 8> kTiers{"auto",     "default", "flex",      "scale",
                                                 "priority", "fast",    "on_demand", "performance"};

class RequestWriter {
 public:
  RequestWriter(std::string& out, const Request& request, const WriteContext& context, chat::Losses& losses)
      : writer_(out), request_(request), context_(context), quirks_(context.quirks), losses_(losses) {}

  void write() {
    writer_.begin_object();
    if (const auto model = context_.model.empty() ? std::string_view(request_.model) : context_.model; !model.empty())
      writer_.member("model", model);
    writer_.key("messages").begin_array();
    write_messages(writer_, request_, context_, losses_);
    writer_.end_array();
    write_tools(writer_, request_, context_, losses_);
    write_stream();
    write_sampling();
    write_format();
    write_reasoning(writer_, request_, context_, losses_);
    write_options();
    if (same()) write_own(writer_, request_.extra);
    writer_.end_object();
  }

 private:
  bool same() const { return context_.same_dialect; }

  // False, and named as lost, when the vendor refuses the field.
  bool takes(bool refuses, Field field) {
    if (refuses) losses_.add(field);
    return !refuses;
  }

  void write_stream() {
    if (!context_.stream) return;
    writer_.member("stream", true);
    if (quirks_.no_stream_options) return;
    // The ledger needs the usage, whether the client asked for it or not.
    writer_.key("stream_options").begin_object().member("include_usage", true);
    if (same()) write_under(writer_, request_.extra, "stream_options");
    writer_.end_object();
  }

  void number(std::string_view name, const chat::Number& value) { writer_.raw_member_if(name, value); }
  void integer(std::string_view name, const std::optional<std::int64_t>& value) {
    if (value) writer_.member(name, *value);
  }

  void write_sampling() {
    integer(quirks_.max_completion_tokens ? "max_completion_tokens" : "max_tokens", request_.max_output_tokens);
    number("temperature", request_.temperature);
    number("top_p", request_.top_p);
    // Only some vendors know these; a client of this form has its reasons.
    if (quirks_.sampling_extras || same()) {
      number("top_k", request_.top_k);
      number("min_p", request_.min_p);
      number("repetition_penalty", request_.repetition_penalty);
    }
    if (!request_.frequency_penalty.empty() && takes(quirks_.no_penalties, Field::frequency_penalty))
      number("frequency_penalty", request_.frequency_penalty);
    if (!request_.presence_penalty.empty() && takes(quirks_.no_penalties, Field::presence_penalty))
      number("presence_penalty", request_.presence_penalty);
    integer(quirks_.random_seed ? "random_seed" : "seed", request_.seed);
    if (request_.n && (*request_.n == 1 ? !quirks_.no_n : takes(quirks_.no_n, Field::n))) integer("n", request_.n);
    if (!request_.stop.empty()) words("stop", request_.stop);
    if (request_.logprobs && (!*request_.logprobs ? !quirks_.no_logprobs : takes(quirks_.no_logprobs, Field::logprobs)))
      writer_.member("logprobs", *request_.logprobs);
    if (request_.top_logprobs && takes(quirks_.no_logprobs, Field::top_logprobs))
      integer("top_logprobs", request_.top_logprobs);
    if (!request_.logit_bias.empty() && takes(quirks_.no_logit_bias, Field::logit_bias))
      writer_.raw_member("logit_bias", request_.logit_bias);
  }

  void words(std::string_view name, const std::vector<std::string>& words) {
    writer_.key(name).begin_array();
    for (const std::string& word : words) writer_.string(word);
    writer_.end_array();
  }

  void write_format() {
    using Kind = chat::ResponseFormat::Kind;
    const chat::ResponseFormat& format = request_.format;
    if (format.kind == Kind::unset) return;
    if (format.kind == Kind::text && !same()) return;
    writer_.key("response_format").begin_object();
    if (format.kind == Kind::json_schema && !quirks_.no_json_schema) {
      writer_.member("type", "json_schema").key("json_schema").begin_object();
      writer_.member_if("name", format.name.empty() && !same() ? "response" : format.name);
      writer_.member_if("description", format.description).raw_member_if("schema", format.schema);
      if (format.strict) writer_.member("strict", *format.strict);
      if (same()) write_under(writer_, request_.extra, "json_schema");
      writer_.end_object();
    } else {
      writer_.member("type", format.kind == Kind::text ? "text" : "json_object");
    }
    writer_.end_object();
  }

  void text(std::string_view name, const std::string& value, bool refuses, Field field) {
    if (!value.empty() && takes(refuses, field)) writer_.member(name, value);
  }
  void raw(std::string_view name, const chat::RawJson& value, bool refuses, Field field) {
    if (!value.empty() && takes(refuses, field)) writer_.raw_member(name, value);
  }

  void write_tier() {
    std::string_view tier = request_.service_tier;
    if (tier.empty() || !takes(quirks_.no_service_tier && tier != "auto", Field::service_tier)) return;
    if (quirks_.no_service_tier) return;
    const bool known = std::find(kTiers.begin(), kTiers.end(), tier) != kTiers.end();
    if (tier == "standard" || tier == "standard_only") tier = same() ? tier : "default";
    if (!same() && !known && tier != "default") return losses_.add(Field::service_tier);
    writer_.member("service_tier", tier);
  }

  void write_options() {
    const bool renamed = same() && !kept(request_.extra, "~safety_identifier").empty();
    text(renamed ? "safety_identifier" : "user", request_.user, quirks_.no_user, Field::user);
    raw("metadata", request_.metadata, quirks_.no_metadata, Field::metadata);
    if (request_.store && (!*request_.store ? !quirks_.no_store : takes(quirks_.no_store, Field::store)))
      writer_.member("store", *request_.store);
    write_tier();
    text("prompt_cache_key", request_.prompt_cache_key, quirks_.no_prompt_cache_key, Field::prompt_cache_key);
    text("verbosity", request_.verbosity, quirks_.no_verbosity, Field::verbosity);
    const auto& kinds = request_.modalities;
    if (std::any_of(kinds.begin(), kinds.end(), [&](const auto& kind) { return same() || kind != "text"; }))
      words("modalities", kinds);
    raw("audio", request_.audio_output, false, Field::audio_output);
    raw("prediction", request_.prediction, quirks_.no_prediction, Field::prediction);
  }

  JsonWriter writer_;
  const Request& request_;
  const WriteContext& context_;
  const Quirks& quirks_;
  chat::Losses& losses_;
};

}  // namespace

Result<std::string> write_request(const Request& request, const WriteContext& context, chat::Losses& losses) {
  std::string out;
  out.reserve(2048);
  RequestWriter(out, request, context, losses).write();
  return out;
}

}  // namespace tollgate::gateway::oai
