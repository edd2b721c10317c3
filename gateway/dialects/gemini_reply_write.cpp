// Replies of the Gemini API, written. Thread rule: a parser per thread.
#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini.h"
#include "gateway/dialects/gemini_grounding.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

void write_candidate(JsonWriter& writer, const Choice& choice, bool same) {
  GroundingWriter grounding;
  int index = 0;
  writer.begin_object().key("content").begin_object().key("parts").begin_array();
  bool called = false;
  for (const Part& part : choice.parts) {
    if (const auto* text = part.get<Text>())
      for (const Citation& citation : text->citations) grounding.add(index, text->text, citation);
    const bool first_call = part.get<ToolCall>() && !std::exchange(called, true);
    if (first_call && !same) {
      Part marked = part;
      mark_unsigned(marked);
      index += write_reply_part(writer, marked, same);
    } else {
      index += write_reply_part(writer, part, same);
    }
  }
  writer.end_array().member("role", "model").end_object();
  const bool numbered = same && !extra_of(choice.extra, "finishReason").empty();
  if (!numbered) writer.member_if("finishReason", finish_word(choice));
  writer.member("index", choice.index);
  // What the vendor said itself tells more than what can be made of the meaning.
  if (choice.logprobs.size() > 2 && !(same && !extra_of(choice.extra, "logprobsResult").empty())) {
    writer.key("logprobsResult");
    write_logprobs(writer, choice.logprobs);
  }
  if (!same && !grounding.empty()) grounding.write(writer);
  if (same) write_extras(writer, choice.extra);
  writer.end_object();
}

void add_logprob(JsonWriter& writer, JsonValue candidate) {
  const std::string_view token = candidate["token"].as_string().value_or("");
  writer.member("token", token);
  const std::string number = candidate["logProbability"].number_text();
  writer.raw_member("logprob", number.empty() ? "0" : std::string_view(number));
  writer.key("bytes").begin_array();
  for (const char c : token) writer.number(static_cast<unsigned char>(c));
  writer.end_array();
}

void write_candidate_token(JsonWriter& writer, JsonValue element) {
  writer.begin_object().member("token", element["token"].as_string().value_or(""));
  if (const JsonValue logprob = element["logprob"]; logprob.is_number()) writer.key("logProbability").value(logprob);
  writer.end_object();
}

}  // namespace

std::string logprob_elements(JsonValue result) {
  std::string out;
  const JsonValue top = result["topCandidates"];
  std::vector<JsonValue> alternatives;
  top.elements([&](JsonValue one) { alternatives.push_back(one["candidates"]); });
  std::size_t at = 0;
  result["chosenCandidates"].elements([&](JsonValue chosen) {
    if (!out.empty()) out += ',';
    std::string element;
    JsonWriter inner(element);
    inner.begin_object();
    add_logprob(inner, chosen);
    inner.key("top_logprobs").begin_array();
    if (at < alternatives.size()) {
      alternatives[at].elements([&](JsonValue one) {
        inner.begin_object();
        add_logprob(inner, one);
        inner.end_object();
      });
    }
    inner.end_array().end_object();
    out += element;
    ++at;
  });
  return out;
}

void write_logprobs(JsonWriter& writer, std::string_view array) {
  thread_local JsonReader reader;
  const auto parsed = reader.parse(array);
  const JsonValue elements = parsed ? *parsed : JsonValue{};
  bool alternatives = false;
  writer.begin_object().key("chosenCandidates").begin_array();
  elements.elements([&](JsonValue element) {
    alternatives = alternatives || element["top_logprobs"].size() > 0;
    write_candidate_token(writer, element);
  });
  writer.end_array();
  if (alternatives) {
    writer.key("topCandidates").begin_array();
    elements.elements([&](JsonValue element) {
      writer.begin_object().key("candidates").begin_array();
      element["top_logprobs"].elements([&](JsonValue one) { write_candidate_token(writer, one); });
      writer.end_array().end_object();
    });
    writer.end_array();
  }
  writer.end_object();
}

bool is_sayable(const Part& part) {
  if (const auto* opaque = part.get<Opaque>()) return opaque->dialect == kDialect && !opaque->json.empty();
  if (const auto* media = part.get<Media>())
    return !media->data.empty() || !media->text.empty() || !media->url.empty() || !media->file_id.empty();
  return part.get<ToolResult>() == nullptr;
}

void mark_unsigned(Part& part) {
  auto* call = part.get<ToolCall>();
  if (call && call->signature.empty()) call->signature.origin = kUnsigned;
}

int write_reply_part(JsonWriter& writer, const Part& part, bool same) {
  if (!is_sayable(part)) return 0;
  if (const auto* opaque = part.get<Opaque>()) {
    writer.raw(opaque->json);
    return 1;
  }
  int count = 1;
  const auto* thought = part.get<Thinking>();
  if (thought && !thought->redacted.empty()) {
    write_text_part(writer, {}, true, pack_signature(thought->redacted, true, thought->id));
    if (thought->text.empty() && thought->signature.empty()) return count;
    ++count;
  }
  writer.begin_object();
  if (same) write_extras(writer, part.extra);
  if (const auto* text = part.get<Text>()) {
    writer.member("text", std::string_view(text->text));
    writer.member_if("thoughtSignature", pack_signature(text->signature));
  } else if (thought) {
    writer.member("text", std::string_view(thought->text)).member("thought", true);
    writer.member_if("thoughtSignature", pack_signature(thought->signature, false, thought->id));
  } else if (const auto* refusal = part.get<Refusal>()) {
    writer.member("text", std::string_view(refusal->text));
  } else if (const auto* call = part.get<ToolCall>()) {
    writer.key("functionCall").begin_object();
    if (!same || extra_of(part.extra, "~id").empty()) writer.member_if("id", call->id);
    writer.member("name", std::string_view(call->name)).key("args");
    write_arguments(writer, *call);
    if (same) write_extras(writer, part.extra, "functionCall");
    writer.end_object().member_if("thoughtSignature", pack_signature(call->signature));
  } else if (const auto* media = part.get<Media>()) {
    write_media(writer, *media, {.name = same, .guess = !same, .extra = same ? &part.extra : nullptr});
  }
  writer.end_object();
  return count;
}

}  // namespace tollgate::gateway::gemini_form

namespace tollgate::gateway {

std::string write_gemini_reply(const chat::Reply& reply, const StreamOptions& options) {
  using namespace gemini_form;
  const bool same = reply.dialect == kDialect;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  const bool absent = same && reply.choices.size() == 1 && !extra_of(reply.choices.front().extra, "~absent").empty();
  if (!absent) {
    writer.key("candidates").begin_array();
    for (const chat::Choice& choice : reply.choices) write_candidate(writer, choice, same);
    writer.end_array();
  }
  write_tail(writer, reply, reply.usage, options);
  if (same) write_extras(writer, reply.extra);
  writer.end_object();
  return out;
}

}  // namespace tollgate::gateway
