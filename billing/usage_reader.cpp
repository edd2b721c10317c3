// UsageReader: where each dialect hides its usage; replies and the result. Owner: billing, price half.
#include "billing/usage_reader.h"

#include <algorithm>

#include "billing/usage_members.h"
#include "billing/usage_normalise.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kMaxScratch = 1u << 20;
constexpr std::size_t kMaxParts = 64;

}  // namespace

UsageFlags usage_flags_from(const std::vector<std::string>& names) {
  UsageFlags flags;
  for (const std::string& name : names) {
    if (name == "additive_reasoning") flags.additive_reasoning = true;
    if (name == "hidden_reasoning") flags.hidden_reasoning = true;
    if (name == "apart_reasoning") flags.apart_reasoning = true;
    if (name == "x_groq") flags.x_groq = true;
    if (name == "reported_cost") flags.reported_cost = true;
    if (name == "timings") flags.timings = true;
  }
  return flags;
}

Usage find_usage(std::string_view json) {
  std::string text;
  text.reserve(json.size() + kJsonPadding);
  text.assign(json);
  UsageReader reader;
  reader.reset(UsageDialect::detect, {});
  reader.reply(text);
  return reader.usage();
}

void UsageReader::reset(UsageDialect dialect, UsageFlags flags, std::string_view model) {
  dialect_ = dialect;
  flags_ = flags;
  shape_ = dialect == UsageDialect::anthropic_messages                                            ? Shape::anthropic
           : dialect == UsageDialect::gemini                                                      ? Shape::gemini
           : dialect == UsageDialect::bedrock_converse || dialect == UsageDialect::bedrock_invoke ? Shape::converse
                                                                                                  : Shape::openai;
  counts_ = aws_ = RawCounts{};
  usage_ = Usage{};
  parts_.clear();
  queries_.clear();
  if (scratch_.capacity() > kMaxScratch) std::string().swap(scratch_);
  for (std::string* text : {&pending_, &served_model_, &reply_id_, &error_code_, &error_type_, &start_raw_, &raw_})
    text->clear();
  model_.assign(model.substr(0, kMaxName));
  candidates_ = finished_ = 0;
  content_events_ = content_bytes_ = 0;
  head_tries_ = 0;
  usage_only_ = terminal_ = error_seen_ = stale_ = streamed_ = stopped_ = false;
}

void UsageReader::reply(std::string_view json) {
  usage_only_ = false;
  switch (dialect_) {
    case UsageDialect::openai_images:
    case UsageDialect::openai_audio:
      return media_object(json);
    case UsageDialect::gemini:
      return gemini_reply(json);
    case UsageDialect::bedrock_converse:
      return converse_object(json);
    case UsageDialect::bedrock_invoke:
      return invoke_object(json);
    case UsageDialect::cohere:
      return cohere_object(json);
    case UsageDialect::ollama:
      return ollama_object(json);
    case UsageDialect::detect:
      return detect_reply(json);
    default:
      return read_object(json);
  }
}

void UsageReader::event(std::string_view event, std::string_view data) {
  usage_only_ = false;
  streamed_ = true;
  switch (dialect_) {
    case UsageDialect::openai_responses:
      return responses_event(event, data);
    case UsageDialect::anthropic_messages:
      return anthropic_event(event, data);
    case UsageDialect::openai_images:
    case UsageDialect::openai_audio:
      return media_event(event, data);
    case UsageDialect::gemini:
      return gemini_event(event, data);
    case UsageDialect::bedrock_converse:
      return converse_event(event, data);
    case UsageDialect::bedrock_invoke:
      return invoke_event(event, data);
    case UsageDialect::cohere:
      return cohere_event(event, data);
    case UsageDialect::ollama:
      return ollama_event(data);
    case UsageDialect::detect:
      return detect_event(event, data);
    default:
      return openai_event(data);
  }
}

void UsageReader::note_content(std::size_t bytes) {
  ++content_events_;
  content_bytes_ += static_cast<std::int64_t>(bytes);
}

// The top-level "type" of an event whose SSE name is missing. Most put it first; a nested one may stand before it.
std::string_view UsageReader::type_of(std::string_view data) {
  constexpr std::string_view kFirst = "{\"type\":\"";
  if (data.starts_with(kFirst)) return data.substr(kFirst.size(), string_bytes(data, kFirst.size() - 1));
  return unquoted(members(padded(data), {"type"})[0]);
}

std::string_view UsageReader::padded(std::string_view data) {
  scratch_.reserve(data.size() + kJsonPadding);
  scratch_.assign(data);
  return scratch_;
}

void UsageReader::read_object(std::string_view object) {
  if (object.empty()) return;
  const auto found = members(object, {"usage", "model", "id", "service_tier", "error", "output", "choices", "x_groq",
                                      "tool_usage", "usage_info"});
  const auto [usage, model, id, tier, error, output, choices, x_groq, tool_usage, usage_info] = found;
  read_identity(model, id, tier);
  if (!error.empty() && (error[0] == '{' || error[0] == '"')) read_error(error);
  if (is_object_text(usage)) {
    read_usage(usage);
    usage_only_ = choices.size() >= 2 && choices[0] == '[' && choices[skip_space(choices, 1)] == ']';
  } else if (flags_.x_groq && !x_groq.empty()) {
    const std::string_view inner = members(x_groq, {"usage"})[0];
    if (!inner.empty()) read_usage(inner);
  } else if (is_object_text(usage_info)) {
    read_usage(usage_info);
  }
  if (flags_.timings && !counts_.reported) {
    const std::string_view timings = members(object, {"timings"})[0];
    if (const auto parsed = reader_.parse(timings); is_object_text(timings) && parsed) {
      read_timings(*parsed, counts_);
      keep_raw(timings);
    }
  }
  if (dialect_ == UsageDialect::openai_responses) read_tools(output, tool_usage);
}

void UsageReader::read_tools(std::string_view output, std::string_view tool_usage) {
  if (output.find("_call\"") != kNoOffset) read_output_items(output, reader_, counts_);
  if (!tool_usage.empty()) {
    if (const auto counted = reader_.parse(tool_usage)) read_tool_usage(*counted, counts_);
  }
  stale_ = true;
}

void UsageReader::read_identity(std::string_view model, std::string_view id, std::string_view tier) {
  if (!unquoted(model).empty()) served_model_.assign(unquoted(model));
  if (reply_id_.empty()) reply_id_.assign(unquoted(id));
  if (!unquoted(tier).empty()) counts_.tier.assign(unquoted(tier));
  stale_ = true;
}

void UsageReader::read_usage(std::string_view usage_text) {
  const auto usage = reader_.parse(usage_text);
  if (!usage) return;
  switch (shape_) {
    case Shape::anthropic:
      read_anthropic_usage(*usage, counts_);
      read_iterations((*usage)["iterations"]);
      break;
    case Shape::gemini:
      read_gemini_usage(*usage, counts_);
      break;
    case Shape::converse:
      read_converse_usage(*usage, counts_);
      break;
    case Shape::openai:
      read_openai_usage(*usage, counts_);
      break;
  }
  if (flags_.reported_cost) {
    if (std::string cost = read_reported_cost(usage_text); !cost.empty()) counts_.cost = std::move(cost);
  }
  keep_raw(usage_text);
}

void UsageReader::keep_raw(std::string_view text) {
  raw_.assign(text.size() <= kMaxRawUsage ? text : std::string_view{});
  stale_ = true;
}

// Keeps the iterations that are billed: an attempt declined before its first output token, with a fallback after it, is
// not. A single iteration that names no other model says nothing new.
void UsageReader::read_iterations(JsonValue iterations) {
  if (!iterations.is_array()) return;
  parts_.clear();
  bool fallback = false;
  for (std::size_t i = std::min(iterations.size(), kMaxParts); i-- > 0;) {
    const JsonValue entry = iterations.at(i);
    RawCounts counts;
    read_anthropic_usage(entry, counts);
    const bool declined = fallback && counts[Field::completion] == 0;
    if (entry["type"].as_string().value_or("") == "fallback_message") fallback = true;
    if (declined || !counts.reported) continue;
    UsagePart part;
    part.model = entry["model"].as_string().value_or("");
    normalise_anthropic(counts, part.usage);
    parts_.insert(parts_.begin(), std::move(part));
  }
  if (iterations.size() == 1 && (parts_.empty() || parts_[0].model.empty())) parts_.clear();
}

void UsageReader::read_error(std::string_view error_text) {
  if (error_text.empty()) return;
  if (error_text[0] == '"') return note_error("upstream_error");
  const auto [type, code, status] = members(error_text, {"type", "code", "status"});
  std::string_view word = unquoted(code);
  if (word.empty()) word = unquoted(status);  // Google: a number and a word
  if (word.empty() && !code.empty() && code[0] != '"') word = code.substr(0, 32);
  if (word.empty() || shape_ == Shape::anthropic) word = unquoted(type).empty() ? word : unquoted(type);
  note_error(word.empty() ? std::string_view("upstream_error") : word);
}

void UsageReader::note_error(std::string_view code) {
  error_seen_ = true;
  error_code_.assign(code.substr(0, 64));
}

const Usage& UsageReader::usage() {
  if (!stale_) return usage_;
  stale_ = false;
  settle_gemini();
  settle_aws();
  usage_ = Usage{};
  switch (shape_) {
    case Shape::anthropic:
      normalise_anthropic(counts_, usage_);
      if (!parts_.empty()) sum_parts();
      break;
    case Shape::gemini:
      normalise_gemini(counts_, usage_);
      break;
    case Shape::converse:
      // OpenAI's models, streamed by Bedrock, count the cache inside the input and once more in the total.
      normalise_converse(counts_, streamed_ && model_.find("openai.") != kNoOffset, usage_);
      break;
    case Shape::openai:
      normalise_openai(counts_, {flags_.additive_reasoning, flags_.hidden_reasoning, flags_.apart_reasoning}, usage_);
      break;
  }
  const bool both = !start_raw_.empty() && !raw_.empty();
  if (both && start_raw_.size() + raw_.size() + 40 <= kMaxRawUsage) {
    usage_.raw.append("{\"message_start\":").append(start_raw_).append(",\"message_delta\":").append(raw_).append("}");
  } else {
    usage_.raw = raw_.empty() ? start_raw_ : raw_;
  }
  return usage_;
}

// The top-level counts are those of the last iteration (or leave compaction out), so tokens are summed over the parts;
// calls are counted at the top only and go with the last part.
void UsageReader::sum_parts() {
  for (std::size_t b = 0; b < kBuckets; ++b) {
    const bool token = is_token(static_cast<Bucket>(b));
    if (token) usage_.counts[b] = 0;
    for (UsagePart& part : parts_) {
      if (token) usage_.counts[b] += part.usage.counts[b];
      if (!token) part.usage.counts[b] = &part == &parts_.back() ? usage_.counts[b] : 0;
    }
  }
  // Thinking is told at the top only; the parts hold it as output, at the same price.
  const std::int64_t thinking = std::min(counts_[Field::reasoning], usage_[Bucket::output]);
  usage_[Bucket::reasoning] += thinking;
  usage_[Bucket::output] -= thinking;
  for (UsagePart& part : parts_) {
    for (std::string Usage::* word : {&Usage::served_tier, &Usage::geo, &Usage::speed}) {
      if ((part.usage.*word).empty()) part.usage.*word = usage_.*word;
    }
    if (!part.usage.identity_ok) usage_.identity_ok = false;
  }
}

std::int64_t UsageReader::estimated_output_tokens() const { return std::max(content_events_, content_bytes_ / 4); }

}  // namespace tollgate::billing
