// The meaning as a Responses request: everything but its items (openai_responses_items_write.cpp).
#include <algorithm>
#include <array>

#include "core/sha256.h"
#include "gateway/dialects/common.h"
#include "gateway/dialects/openai_responses_content.h"
#include "gateway/dialects/openai_responses_items_write.h"
#include "gateway/dialects/openai_responses_tools.h"

namespace tollgate::gateway::responses {
namespace {

constexpr std::size_t kLongestUser = 64;
constexpr std::int64_t kLeastOutput = 16;

class RequestWriter {
 public:
  RequestWriter(const chat::Request& request, const WriteContext& context, chat::Losses& losses, std::string& out)
      : request_(request), context_(context), losses_(losses), writer_(out) {}

  void write() {
    // A stored prompt may name the model.
    writer_.begin_object().member_if("model", context_.model.empty() ? request_.model : context_.model);
    if (context_.stream) writer_.member("stream", true);
    ItemsWriter items(request_, context_, losses_);
    items.write(writer_);
    write_tools_members();
    write_output_members();
    write_sampling();
    write_include(items.signed_history());
    write_state();
    if (context_.same_dialect) write_rest();
    writer_.end_object();
  }

 private:
  void write_tools_members() {
    if (!request_.tools.empty()) {
      writer_.key("tools");
      write_tools(writer_, request_, context_.quirks, context_.same_dialect, &losses_);
    }
    const chat::ToolChoice& choice = request_.tool_choice;
    if (choice.mode != chat::ToolChoice::Mode::unset || !choice.allowed.empty()) {
      writer_.key("tool_choice");
      write_tool_choice(writer_, request_);
    }
    if (choice.parallel && !context_.quirks.no_parallel_tool_calls)
      writer_.member("parallel_tool_calls", *choice.parallel);
  }

  void write_output_members() {
    write_object("text", [&](JsonWriter& writer) { write_text(writer, request_, context_.same_dialect); });
    write_object("reasoning", [&](JsonWriter& writer) { write_reasoning(writer, request_, context_.same_dialect); });
    if (!request_.max_output_tokens) return;
    const bool too_few = *request_.max_output_tokens < kLeastOutput && !context_.same_dialect;
    if (too_few) losses_.add("max_output_tokens");
    writer_.member("max_output_tokens", too_few ? kLeastOutput : *request_.max_output_tokens);
  }

  // Nothing when the object has no members.
  template <class F>
  void write_object(std::string_view name, F&& write) {
    std::string object;
    JsonWriter writer(object);
    write(writer);
    if (object.size() > 2) writer_.raw_member(name, object);
  }

  void write_sampling() {
    writer_.raw_member_if("temperature", request_.temperature).raw_member_if("top_p", request_.top_p);
    if (request_.top_logprobs) writer_.member("top_logprobs", *request_.top_logprobs);
    // OpenAI has none of these; some vendors that speak its dialect have.
    if (!context_.same_dialect && !context_.quirks.sampling_extras) return;
    writer_.raw_member_if("top_k", request_.top_k).raw_member_if("min_p", request_.min_p);
    writer_.raw_member_if("repetition_penalty", request_.repetition_penalty);
    writer_.raw_member_if("frequency_penalty", request_.frequency_penalty);
    writer_.raw_member_if("presence_penalty", request_.presence_penalty);
    if (request_.seed) writer_.member("seed", *request_.seed);
  }

  // Whoever asks for reasoning in another dialect, or hands a signature back, is to get signatures again. Models that
  // do not reason refuse to be asked for them.
  void write_include(bool signed_history) {
    if (context_.same_dialect) {
      const chat::RawJson* include = find_extra(request_.extra, "~include");
      if (include) writer_.raw_member("include", *include);
      return;
    }
    const std::string_view effort = effort_of(request_.reasoning);
    using Mode = chat::Reasoning::Mode;
    const bool thinks = request_.reasoning.mode == Mode::on || request_.reasoning.mode == Mode::adaptive ||
                        (!effort.empty() && effort != "none");
    const bool logprobs = request_.logprobs == true || request_.top_logprobs.value_or(0) > 0;
    if (!thinks && !signed_history && !logprobs) return;
    writer_.key("include").begin_array();
    if (thinks || signed_history) writer_.string("reasoning.encrypted_content");
    if (logprobs) writer_.string("message.output_text.logprobs");
    writer_.end_array();
  }

  // Other APIs keep nothing unless they are told to; this one keeps everything unless it is told not to.
  void write_state() {
    if (request_.store) {
      writer_.member("store", *request_.store);
    } else if (!context_.same_dialect) {
      writer_.member("store", false);
    }
    writer_.member_if("previous_response_id", request_.previous_response_id);
    writer_.raw_member_if("metadata", request_.metadata);
    writer_.member_if("prompt_cache_key", request_.prompt_cache_key);
    write_user();
    write_service_tier();
  }

  void write_user() {
    if (request_.user.empty()) return;
    if (context_.same_dialect) {
      writer_.member(find_extra(request_.extra, "~user") ? "user" : "safety_identifier", request_.user);
    } else {
      writer_.member("safety_identifier",
                     request_.user.size() > kLongestUser ? sha256_hex(request_.user) : request_.user);
    }
  }

  void write_service_tier() {
    constexpr std::array<std::string_view, 7> kKnown{"auto", "default", "flex", "priority", "fast", "scale", "batch"};
    constexpr std::array<std::string_view, 4> kStandard{"standard", "standard_only", "on_demand", "STANDARD"};
    const std::string_view tier = request_.service_tier;
    if (tier.empty()) return;
    if (context_.same_dialect || std::find(kKnown.begin(), kKnown.end(), tier) != kKnown.end()) {
      writer_.member("service_tier", tier);
    } else if (std::find(kStandard.begin(), kStandard.end(), tier) != kStandard.end()) {
      writer_.member("service_tier", "default");
    } else {
      losses_.add(chat::Field::service_tier);
    }
  }

  void write_rest() {
    for (const auto& [name, value] : request_.extra) {
      if (name == "include" || name.starts_with("text.") || name.starts_with("reasoning.")) continue;
      if (!name.starts_with('~')) {
        writer_.raw_member(name, value);
      } else if (name == "~truncation" || name == "~background" || name == "~stream_options") {
        writer_.raw_member(std::string_view(name).substr(1), value);
      }
    }
  }

  const chat::Request& request_;
  const WriteContext& context_;
  chat::Losses& losses_;
  JsonWriter writer_;
};

}  // namespace

const chat::RawJson* find_extra(const chat::Extra& extra, std::string_view name) {
  for (const auto& [key, value] : extra)
    if (key == name) return &value;
  return nullptr;
}

Result<std::string> write_request(const chat::Request& request, const WriteContext& context, chat::Losses& losses) {
  std::string out;
  out.reserve(4096);
  RequestWriter(request, context, losses, out).write();
  return out;
}

}  // namespace tollgate::gateway::responses
