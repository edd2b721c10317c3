// UsageReader: Bedrock's Converse, and InvokeModel with the bodies of many model families, whose counts AWS repeats in
// headers and in the last chunk. Owner: billing, price half.
#include <algorithm>

#include "billing/price_decimal.h"
#include "billing/usage_members.h"
#include "billing/usage_reader.h"
#include "billing/usage_scan.h"

namespace tollgate::billing {
namespace {

constexpr std::string_view kMetrics = "amazon-bedrock-invocationMetrics";
constexpr std::string_view kQuotedMetrics = "\"amazon-bedrock-invocationMetrics\"";

bool iequals(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x | 0x20) : x) == y; });
}

bool is_converse_event(std::string_view name) {
  return name == "contentBlockDelta" || name == "contentBlockStart" || name == "contentBlockStop" ||
         name == "messageStart" || name == "messageStop" || name == "metadata";
}

bool is_anthropic_event(std::string_view name) {
  return name.starts_with("content_block_") || name.starts_with("message_") || name == "ping" || name == "error";
}

bool is_exception(std::string_view name) { return name.ends_with("Exception") || name == "exception"; }

// The name of an event that wraps its body in it: {"contentBlockDelta": {...}}.
std::string_view wrapped_name(std::string_view data, std::string_view& body) {
  std::string_view name;
  each_key(data, [&](std::string_view key, std::size_t depth, std::size_t value) {
    if (depth != 1 || (!is_converse_event(key) && !is_exception(key))) return value_end(data, value);
    name = key;
    body = value_text(data, value);
    return kNoOffset;
  });
  return name;
}

// Bytes that a block's delta adds: text, reasoning, a signature or a tool's arguments.
std::size_t delta_bytes(std::string_view data) {
  std::size_t bytes = 0;
  each_key(data, [&](std::string_view key, std::size_t, std::size_t value) {
    const bool holds =
        key == "text" || key == "input" || key == "signature" || key == "redactedContent" || key == "data";
    if (holds) bytes += text_bytes(data, value);
    return data[value] == '{' || data[value] == '[' ? value : value_end(data, value);
  });
  return bytes;
}

std::string_view after_last(std::string_view text, char mark) {
  const std::size_t at = text.rfind(mark);
  return at == kNoOffset ? text : text.substr(at + 1);
}

void take_raw(std::string_view raw, Field field, RawCounts& counts) {
  if (raw.empty()) return;
  if (const auto number = decimal_to_integer(raw, 0)) counts.set(field, *number);
}

}  // namespace

void UsageReader::header(std::string_view name, std::string_view value) {
  if (dialect_ != UsageDialect::bedrock_converse && dialect_ != UsageDialect::bedrock_invoke &&
      dialect_ != UsageDialect::detect)
    return;
  if (name.size() < 7 || !iequals(name.substr(0, 7), "x-amzn-")) return;
  struct Count {
    std::string_view name;
    Field field;
  };
  static constexpr Count kCounts[] = {{"x-amzn-bedrock-input-token-count", Field::prompt},
                                      {"x-amzn-bedrock-output-token-count", Field::completion},
                                      {"x-amzn-bedrock-cache-read-input-token-count", Field::cached},
                                      {"x-amzn-bedrock-cache-write-input-token-count", Field::cache_write}};
  for (const Count& count : kCounts) {
    if (!iequals(name, count.name)) continue;
    take_raw(value, count.field, aws_);
    aws_.reported = stale_ = true;
  }
  if (iequals(name, "x-amzn-requestid")) reply_id_.assign(value.substr(0, kMaxName));
  if (iequals(name, "x-amzn-errortype")) error_type_.assign(value.substr(0, std::min(value.find(':'), kMaxName)));
}

void UsageReader::converse_event(std::string_view name, std::string_view data) {
  if (name.empty()) name = wrapped_name(data, data);
  if (is_exception(name)) return note_error(name);
  if (name == "contentBlockDelta") {
    if (const std::size_t bytes = delta_bytes(data); bytes > 0) note_content(bytes);
  } else if (name == "contentBlockStart") {
    // A call names its tool at once; texts begin empty.
    if (data.find("\"toolUse\"") != kNoOffset) note_content(0);
  } else if (name == "messageStop") {
    stopped_ = true;
    terminal_ = counts_.reported;
  } else if (name == "metadata") {
    converse_object(padded(data));
    terminal_ = true;
  }
}

// A whole reply, or the metadata event of a stream.
void UsageReader::converse_object(std::string_view object) {
  const auto [usage, tier, performance, trace, message, type, output] =
      members(object, {"usage", "serviceTier", "performanceConfig", "trace", "message", "__type", "output"});
  if (is_object_text(usage)) read_usage(usage);
  if (is_object_text(tier)) counts_.tier.assign(unquoted(members(tier, {"type"})[0]).substr(0, 64));
  if (is_object_text(performance)) counts_.speed.assign(unquoted(members(performance, {"latency"})[0]).substr(0, 64));
  // A prompt router chose the model.
  if (const std::size_t at = find_value(trace, "\"invokedModelId\""); at != kNoOffset)
    served_model_.assign(after_last(unquoted(value_text(trace, at)), '/'));
  if (!output.empty() || is_object_text(usage)) return;
  if (type.empty() && (message.empty() || message[0] != '"')) return;
  const std::string_view word =
      unquoted(type).empty() ? std::string_view(error_type_) : after_last(unquoted(type), '#');
  note_error(word.empty() ? std::string_view("upstream_error") : word);
}

void UsageReader::invoke_event(std::string_view name, std::string_view data) {
  if (is_exception(name)) return note_error(name);
  if (name.empty()) name = type_of(data);
  if (is_anthropic_event(name)) {
    shape_ = Shape::anthropic;
    anthropic_event(name, data);
  } else {
    invoke_chunk(data);
  }
  if (find_value(data, kQuotedMetrics) != kNoOffset) read_invocation(padded(data));
}

// A chunk of a model that does not speak Anthropic's events.
void UsageReader::invoke_chunk(std::string_view data) {
  bool counted = false, chat = false;
  std::size_t bytes = 0;
  each_key(data, [&](std::string_view key, std::size_t depth, std::size_t value) {
    if (key == "text" || key == "completion" || key == "outputText" || key == "generation")
      bytes += text_bytes(data, value);
    if (depth == 1) {
      counted = counted || key == "usage" || key == "inputTextTokenCount" || key == "prompt_token_count" ||
                key == "generation_token_count" || key == "totalOutputTextTokenCount";
      chat = chat || key == "choices";
      if (is_converse_event(key) || is_exception(key)) {
        std::size_t end = 0;
        converse_event(key, value_text(data, value, &end));
        return end;
      }
    }
    const bool list = key == "outputs" || key == "generations" || key == "completions";
    return list ? value : value_end(data, value);
  });
  if (chat) {
    shape_ = Shape::openai;
    return openai_event(data);
  }
  if (bytes > 0) note_content(bytes);
  if (counted) invoke_object(padded(data));
}

// A whole reply, or a chunk with counts, of any family.
void UsageReader::invoke_object(std::string_view object) {
  const auto found =
      members(object, {"usage", "model", "id", "inputTextTokenCount", "results", "totalOutputTextTokenCount",
                       "prompt_token_count", "generation_token_count", "type", "error", "message"});
  const auto [usage, model, id, titan_in, results, titan_out, llama_in, llama_out, type, error, message] = found;
  read_identity(model, id, {});
  if (!error.empty()) read_error(error);
  if (is_object_text(usage)) {
    shape_ = usage.find("\"inputTokens\"") != kNoOffset     ? Shape::converse
             : usage.find("\"prompt_tokens\"") != kNoOffset ? Shape::openai
                                                            : Shape::anthropic;
    return read_usage(usage);
  }
  const bool titan = !titan_in.empty() || !titan_out.empty(), llama = !llama_in.empty() || !llama_out.empty();
  if (titan || llama) {
    take_raw(titan ? titan_in : llama_in, Field::prompt, counts_);
    take_raw(titan ? titan_out : llama_out, Field::completion, counts_);
    if (const auto list = results.empty() ? Result<JsonValue>(JsonValue{}) : reader_.parse(results); list) {
      std::int64_t tokens = 0;
      list->elements([&](JsonValue result) {
        const std::int64_t more = std::clamp<std::int64_t>(result["tokenCount"].as_int().value_or(0), 0, kMaxCount);
        tokens = std::min(tokens + more, kMaxCount);
      });
      if (tokens > 0) counts_.set(Field::completion, tokens);
    }
    counts_.reported = true;
    keep_raw("{\"inputTokenCount\":" + std::to_string(counts_[Field::prompt]) +
             ",\"outputTokenCount\":" + std::to_string(counts_[Field::completion]) + "}");
    return;
  }
  if (message.size() > 1 && message[0] == '"' && type.empty() && id.empty())
    note_error(error_type_.empty() ? std::string_view("upstream_error") : std::string_view(error_type_));
}

void UsageReader::read_invocation(std::string_view data) {
  const std::string_view metrics = members(data, {kMetrics})[0];
  const auto parsed = reader_.parse(metrics);
  if (!is_object_text(metrics) || !parsed) return;
  read_invocation_metrics(*parsed, aws_);
  terminal_ = true;
  if (raw_.empty() && start_raw_.empty()) keep_raw(metrics);
  stale_ = true;
}

// What the body does not say AWS may say; what both say must agree. With a cache they count the input differently.
void UsageReader::settle_aws() {
  if (!aws_.reported) return;
  if (!counts_.reported) shape_ = Shape::converse;
  const bool cached = counts_[Field::cached] > 0 || counts_[Field::cache_write] > 0 || aws_[Field::cached] > 0;
  for (const Field field : {Field::prompt, Field::completion, Field::cached, Field::cache_write}) {
    if (!aws_.has(field)) continue;
    if (!counts_.has(field)) {
      if (!counts_.reported || field == Field::prompt || field == Field::completion) counts_.set(field, aws_[field]);
    } else if (!cached && counts_[field] != aws_[field]) {
      counts_.absurd = true;
    }
  }
  counts_.reported = true;
  aws_.reported = false;
  if (raw_.empty() && start_raw_.empty()) {
    raw_ = "{\"inputTokenCount\":" + std::to_string(counts_[Field::prompt]) +
           ",\"outputTokenCount\":" + std::to_string(counts_[Field::completion]) + "}";
  }
}

}  // namespace tollgate::billing
