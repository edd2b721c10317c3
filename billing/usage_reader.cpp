// UsageReader: where each dialect hides its usage. Owner: billing, price half.
#include "billing/usage_reader.h"

#include <algorithm>

#include "billing/usage_normalise.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::size_t kMaxName = 256;  // model and id kept from a reply
constexpr int kMaxHeadTries = 4;       // events searched for model and id by vendors that send none
constexpr std::size_t kMaxScratch = 1u << 20;
constexpr std::size_t kMaxParts = 64;

std::string_view slice(std::string_view text, ByteRange range) {
  const std::string_view raw = text.substr(range.begin, range.end - range.begin);
  return raw == "null" ? std::string_view{} : raw;
}

template <std::size_t N>
std::array<std::string_view, N> members(std::string_view text, const std::string_view (&names)[N]) {
  std::array<ByteRange, N> ranges{};
  std::array<std::string_view, N> out{};
  if (!scan_members(text, names, ranges)) return out;
  for (std::size_t i = 0; i < N; ++i) out[i] = slice(text, ranges[i]);
  return out;
}

// The content of a raw JSON string; "" for anything else. Names with escapes are rare enough to keep as written.
std::string_view unquoted(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"') return {};
  return raw.substr(1, std::min(raw.size() - 2, kMaxName));
}

// The value of a completion's "text".
DeltaContent text_content(std::string_view data, std::size_t at) {
  DeltaContent found;
  if (data[at] == '"') found.bytes = string_bytes(data, at);
  found.content = found.bytes > 0;
  return found;
}

}  // namespace

UsageFlags usage_flags_from(const std::vector<std::string>& names) {
  UsageFlags flags;
  for (const std::string& name : names) {
    if (name == "additive_reasoning") flags.additive_reasoning = true;
    if (name == "hidden_reasoning") flags.hidden_reasoning = true;
    if (name == "x_groq") flags.x_groq = true;
    if (name == "reported_cost") flags.reported_cost = true;
  }
  return flags;
}

void UsageReader::reset(UsageDialect dialect, UsageFlags flags) {
  dialect_ = dialect;
  flags_ = flags;
  counts_ = RawCounts{};
  usage_ = Usage{};
  parts_.clear();
  if (scratch_.capacity() > kMaxScratch) std::string().swap(scratch_);
  for (std::string* text : {&served_model_, &reply_id_, &error_code_, &start_raw_, &raw_}) text->clear();
  content_events_ = content_bytes_ = 0;
  head_tries_ = 0;
  usage_only_ = terminal_ = error_seen_ = stale_ = false;
}

void UsageReader::reply(std::string_view json) {
  usage_only_ = false;
  read_object(json);
}

void UsageReader::event(std::string_view event, std::string_view data) {
  usage_only_ = false;
  switch (dialect_) {
    case UsageDialect::openai_responses:
      return responses_event(event, data);
    case UsageDialect::anthropic_messages:
      return anthropic_event(event, data);
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

void UsageReader::openai_event(std::string_view data) {
  if (data.size() < 8) {
    if (data.substr(0, 6) == "[DONE]") terminal_ = true;
    return;
  }
  const bool chat = dialect_ == UsageDialect::openai_chat;
  const std::string_view content_key = chat ? "\"delta\"" : "\"text\"";
  bool has_usage = false, content = false;
  until_quoted(data, 'u', content_key[1], [&](std::size_t at) {
    if (data[at + 1] == 'u') {
      const std::size_t value = value_of_key(data, at, "\"usage\"");
      if (value < data.size() && data[value] == '{') has_usage = true;
      return true;
    }
    const std::size_t value = value_of_key(data, at, content_key);
    if (value >= data.size()) return true;
    const DeltaContent found = chat ? delta_content(data, value) : text_content(data, value);
    if (found.content) note_content(found.bytes);
    content = content || found.content;
    return true;
  });
  const bool want_head = served_model_.empty() && head_tries_ < kMaxHeadTries;
  if (want_head) ++head_tries_;
  const bool maybe_error = !content && find_value(data, "\"error\"") != kNone;
  if (has_usage || want_head || maybe_error) read_object(padded(data));
}

void UsageReader::responses_event(std::string_view name, std::string_view data) {
  if (data.substr(0, 6) == "[DONE]") return;
  if (name.empty()) name = type_of(data);
  if (name.ends_with(".delta")) {
    const std::size_t delta = find_value(data, "\"delta\"");
    const bool text = delta < data.size() && data[delta] == '"';
    return note_content(text ? string_bytes(data, delta) : 0);
  }
  const bool failed = name == "response.failed";
  if (failed || name == "response.completed" || name == "response.incomplete") {
    terminal_ = true;
    return read_object(members(padded(data), {"response"})[0]);
  }
  if (name == "error") {
    read_object(padded(data));
    if (!error_seen_) read_error(padded(data));  // the Responses API puts code and message beside the type
    return;
  }
  if (name == "response.output_item.added") {
    // A call names its tool at once; messages and reasoning begin empty.
    if (data.find("_call\"") != kNone) note_content(0);
    return;
  }
  if (name == "response.created" || (served_model_.empty() && name == "response.in_progress")) {
    read_object(members(padded(data), {"response"})[0]);
  }
}

void UsageReader::anthropic_event(std::string_view name, std::string_view data) {
  if (name.empty()) name = type_of(data);
  if (name == "content_block_delta") {
    const std::size_t at = data.find("_delta\"");
    std::size_t bytes = 0;
    if (at != kNone) {
      // {"type":"text_delta","text":"..."}: the value of the member after the type.
      const std::size_t colon = data.find(':', at + 7);
      const std::size_t value = colon == kNone ? kNone : skip_space(data, colon + 1);
      if (value < data.size() && data[value] == '"') bytes = string_bytes(data, value);
    }
    return note_content(bytes);
  }
  if (name == "content_block_start") {
    const bool empty = data.find("\"text\":\"\"") != kNone || data.find("\"thinking\":\"\"") != kNone;
    if (!empty) note_content(0);
    return;
  }
  if (name == "message_start") return anthropic_start(data);
  if (name == "message_delta") return read_object(padded(data));
  if (name == "message_stop") terminal_ = true;
  if (name == "error") read_object(padded(data));
}

void UsageReader::anthropic_start(std::string_view data) {
  read_object(members(padded(data), {"message"})[0]);
  start_raw_ = std::move(raw_);
  raw_.clear();
}

void UsageReader::read_object(std::string_view object) {
  if (object.empty()) return;
  const auto found =
      members(object, {"usage", "model", "id", "service_tier", "error", "output", "choices", "x_groq", "tool_usage"});
  const auto [usage, model, id, tier, error, output, choices, x_groq, tool_usage] = found;
  read_identity(model, id, tier);
  if (!error.empty() && (error[0] == '{' || error[0] == '"')) read_error(error);
  if (!usage.empty() && usage[0] == '{') {
    read_usage(usage);
    usage_only_ = choices.size() >= 2 && choices[0] == '[' && choices[skip_space(choices, 1)] == ']';
  } else if (flags_.x_groq && !x_groq.empty()) {
    const std::string_view inner = members(x_groq, {"usage"})[0];
    if (!inner.empty()) read_usage(inner);
  }
  if (dialect_ == UsageDialect::openai_responses) read_tools(output, tool_usage);
}

void UsageReader::read_tools(std::string_view output, std::string_view tool_usage) {
  if (output.find("_call\"") != kNone) read_output_items(output, reader_, counts_);
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
  if (anthropic()) {
    read_anthropic_usage(*usage, counts_);
    read_iterations((*usage)["iterations"]);
  } else {
    read_openai_usage(*usage, counts_);
  }
  if (flags_.reported_cost) {
    if (std::string cost = read_reported_cost(usage_text); !cost.empty()) counts_.cost = std::move(cost);
  }
  raw_.assign(usage_text.size() <= kMaxRawUsage ? usage_text : std::string_view{});
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
  error_seen_ = true;
  if (error_text[0] == '"') return error_code_.assign("upstream_error"), void();
  const auto [type, code] = members(error_text, {"type", "code"});
  std::string_view word = unquoted(code);
  if (word.empty() && !code.empty() && code[0] != '"') word = code.substr(0, 32);
  if (word.empty() || anthropic()) word = unquoted(type).empty() ? word : unquoted(type);
  error_code_.assign(word.empty() ? std::string_view("upstream_error") : word.substr(0, 64));
}

const Usage& UsageReader::usage() {
  if (!stale_) return usage_;
  stale_ = false;
  usage_ = Usage{};
  if (anthropic()) {
    normalise_anthropic(counts_, usage_);
    if (!parts_.empty()) sum_parts();
  } else {
    normalise_openai(counts_, {flags_.additive_reasoning, flags_.hidden_reasoning}, usage_);
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
  constexpr std::size_t kFirstCall = static_cast<std::size_t>(Bucket::web_search);
  for (std::size_t b = 0; b < kBuckets; ++b) {
    if (b < kFirstCall) usage_.counts[b] = 0;
    for (UsagePart& part : parts_) {
      if (b < kFirstCall) usage_.counts[b] += part.usage.counts[b];
      if (b >= kFirstCall) part.usage.counts[b] = &part == &parts_.back() ? usage_.counts[b] : 0;
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
