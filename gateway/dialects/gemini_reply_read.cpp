// Replies of the Gemini API and Vertex AI, read. Thread rule: a parser per thread.
#include <algorithm>
#include <array>
#include <chrono>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini.h"
#include "gateway/dialects/gemini_grounding.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

struct FinishRow {
  std::string_view word;
  Finish finish;
};
constexpr std::array kFinishes{
    FinishRow{"STOP", Finish::stop},
    FinishRow{"MAX_TOKENS", Finish::length},
    FinishRow{"SAFETY", Finish::content_filter},
    FinishRow{"RECITATION", Finish::content_filter},
    FinishRow{"BLOCKLIST", Finish::content_filter},
    FinishRow{"PROHIBITED_CONTENT", Finish::content_filter},
    FinishRow{"SPII", Finish::content_filter},
    FinishRow{"MODEL_ARMOR", Finish::content_filter},
    FinishRow{"IMAGE_SAFETY", Finish::content_filter},
    FinishRow{"IMAGE_PROHIBITED_CONTENT", Finish::content_filter},
    FinishRow{"IMAGE_RECITATION", Finish::content_filter},
    FinishRow{"MALFORMED_FUNCTION_CALL", Finish::malformed_call},
    FinishRow{"UNEXPECTED_TOOL_CALL", Finish::malformed_call},
    FinishRow{"TOO_MANY_TOOL_CALLS", Finish::error},
    FinishRow{"MISSING_THOUGHT_SIGNATURE", Finish::error},
    FinishRow{"MALFORMED_RESPONSE", Finish::error},
    FinishRow{"LANGUAGE", Finish::other},
    FinishRow{"NO_IMAGE", Finish::other},
    FinishRow{"IMAGE_OTHER", Finish::other},
    FinishRow{"OTHER", Finish::other},
    FinishRow{"FINISH_REASON_UNSPECIFIED", Finish::other},
};
// Of Vertex AI, whose older SDK asks for numbers.
constexpr std::array<std::string_view, 11> kFinishNumbers{"FINISH_REASON_UNSPECIFIED",
                                                          "STOP",
                                                          "MAX_TOKENS",
                                                          "SAFETY",
                                                          "RECITATION",
                                                          "OTHER",
                                                          "BLOCKLIST",
                                                          "PROHIBITED_CONTENT",
                                                          "SPII",
                                                          "MALFORMED_FUNCTION_CALL",
                                                          "MODEL_ARMOR"};

const FinishRow* finish_row(std::string_view word) {
  for (const FinishRow& row : kFinishes)
    if (row.word == word) return &row;
  return nullptr;
}

void apply_grounding(JsonValue grounding, JsonValue cited, Choice& choice) {
  if (!grounding.present() && !cited.present()) return;
  std::vector<GroundedText> texts;
  std::vector<Text*> parts;
  for (std::size_t i = 0; i < choice.parts.size(); ++i) {
    auto* text = choice.parts[i].get<Text>();
    if (!text) continue;
    texts.push_back({.part = static_cast<int>(i), .text = text->text});
    parts.push_back(text);
  }
  for (GroundedCitation& one : read_grounding(grounding, cited, texts))
    parts[one.text]->citations.push_back(std::move(one.citation));
}

Choice read_candidate(JsonValue candidate, int index, CallNames& names) {
  Choice choice{.index = index};
  JsonValue grounding, cited;
  std::string scratch;
  FirstFault ignored;  // a reply is taken as far as it can be understood
  candidate.members([&](std::string_view key, JsonValue value) {
    if (value.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (name == "content") {
      if (const JsonValue parts = value["parts"]; parts.present()) read_parts(parts, {}, ignored, choice.parts);
    } else if (name == "index") {
      choice.index = static_cast<int>(std::clamp<std::int64_t>(value.as_int().value_or(index), 0, 1'000));
    } else if (name == "finishReason") {
      choice.finish_raw = finish_text(value);
      if (value.is_number()) keep_extra(choice.extra, "finishReason", value);
    } else {
      if (name == "groundingMetadata") grounding = value;
      if (name == "citationMetadata") cited = value;
      if (name == "logprobsResult") choice.logprobs = "[" + logprob_elements(value) + "]";
      keep_member(choice.extra, {}, key, value);
    }
  });
  bool calls = false;
  for (Part& part : choice.parts) {
    auto* call = part.get<ToolCall>();
    if (!call) continue;
    calls = true;
    if (call->id.empty()) call->id = names.next();
  }
  choice.finish = finish_of(choice.finish_raw, calls);
  apply_grounding(grounding, cited, choice);
  return choice;
}

// A prompt that was blocked has no candidates, which callers of other APIs do not expect.
Choice blocked(const Reply& reply) {
  Choice choice;
  const bool filtered = !extra_of(reply.extra, "promptFeedback").empty();
  choice.finish = filtered ? Finish::content_filter : Finish::other;
  choice.extra.emplace_back("~absent", "true");
  return choice;
}

}  // namespace

void CallNames::begin(std::string_view reply_id) {
  start_ = "call_";
  for (const char c : reply_id.substr(0, 24)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    start_ += plain ? c : '_';
  }
  if (!reply_id.empty()) start_ += '_';
}

std::string CallNames::next() { return start_ + std::to_string(++made_); }

Finish finish_of(std::string_view word, bool calls) {
  if (word.empty()) return Finish::unset;
  const FinishRow* row = finish_row(word);
  if (!row) return Finish::other;
  return row->finish == Finish::stop && calls ? Finish::tool_calls : row->finish;
}

std::string finish_text(JsonValue value) {
  if (const auto word = value.as_string()) return std::string(*word);
  const auto number = value.as_int();
  if (!number) return {};
  const bool known = *number >= 0 && static_cast<std::size_t>(*number) < kFinishNumbers.size();
  return std::string(known ? kFinishNumbers[static_cast<std::size_t>(*number)] : "OTHER");
}

std::string_view finish_word(const Choice& choice) {
  // The vendor's own word, if it is one of this vendor and still means the same.
  if (const FinishRow* row = finish_row(choice.finish_raw)) {
    const bool call = row->finish == Finish::stop && choice.finish == Finish::tool_calls;
    if (call || row->finish == choice.finish) return choice.finish_raw;
  }
  switch (choice.finish) {
    case Finish::unset:
      return {};
    case Finish::stop:
    case Finish::stop_sequence:
    case Finish::tool_calls:
    case Finish::pause:
      return "STOP";
    case Finish::length:
    case Finish::context_length:
      return "MAX_TOKENS";
    case Finish::content_filter:
    case Finish::refusal:
      return "SAFETY";
    case Finish::malformed_call:
      return "MALFORMED_FUNCTION_CALL";
    case Finish::error:
      return "MALFORMED_RESPONSE";
    case Finish::other:
      break;
  }
  return "OTHER";
}

std::int64_t unix_seconds(std::string_view time) {
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : time.substr(at, digits)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  if (time.size() < 20 || time[4] != '-' || time[10] != 'T' || time.back() != 'Z') return 0;
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0 || !date.ok()) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

JsonValue read_head(JsonValue root, Reply& reply) {
  JsonValue candidates;
  std::string scratch;
  reply.dialect = kDialect;
  root.members([&](std::string_view key, JsonValue value) {
    if (value.is_null()) return;
    const std::string_view name = camel(key, scratch);
    if (name == "candidates") {
      candidates = value;
    } else if (name == "responseId") {
      reply.id = text_or_empty(value);
    } else if (name == "modelVersion") {
      reply.model = text_or_empty(value);
    } else if (name == "usageMetadata") {
      reply.service_tier = text_or_empty(value["serviceTier"]);
      if (const JsonValue traffic = value["trafficType"]; traffic.present())
        reply.extra.emplace_back("usageMetadata.trafficType", traffic.text());
    } else {
      if (name == "createTime") reply.created = unix_seconds(value.as_string().value_or(""));
      keep_member(reply.extra, {}, key, value);
    }
  });
  return candidates;
}

}  // namespace tollgate::gateway::gemini_form

namespace tollgate::gateway {

Result<chat::Reply> read_gemini_reply(std::string_view body) {
  using namespace gemini_form;
  thread_local JsonReader reader;
  const auto root = reader.parse(body);
  if (!root) return root.error();
  if (!root->is_object()) return bad_request("body", "must be an object");
  if ((*root)["error"].is_object()) return read_fault(0, body);
  chat::Reply reply;
  const JsonValue candidates = read_head(*root, reply);
  CallNames names;
  names.begin(reply.id);
  int index = 0;
  candidates.elements([&](JsonValue candidate) {
    reply.choices.push_back(read_candidate(candidate, index, names));
    ++index;
  });
  if (reply.choices.empty()) reply.choices.push_back(blocked(reply));
  return reply;
}

}  // namespace tollgate::gateway
