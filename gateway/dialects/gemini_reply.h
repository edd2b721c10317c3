// What replies and streams of Gemini have in common. Internal to the dialect. Thread rule: pure, but for CallNames,
// which belongs to one reply.
#pragma once

#include <string>
#include <string_view>

#include "core/chat.h"
#include "core/json_write.h"
#include "gateway/dialects/dialect.h"

namespace tollgate::gateway::gemini_form {

// Ids for calls that have none: "call_<reply id>_<n>", so that no two turns of a conversation share one.
class CallNames {
 public:
  void begin(std::string_view reply_id);
  std::string next();

 private:
  std::string start_ = "call_";
  int made_ = 0;
};

// Why a candidate ended. `calls`: it called functions, which the vendor ends with STOP too.
chat::Finish finish_of(std::string_view word, bool calls);
// The word, also where the vendor was asked for numbers.
std::string finish_text(JsonValue value);
// The vendor's word for the end of a choice; "" for one that has not ended.
std::string_view finish_word(const chat::Choice& choice);

// All of a response but candidates: ids, model, times, tiers and what is unknown. Returns the candidates.
JsonValue read_head(JsonValue root, chat::Reply& reply);
// Seconds since 1970 of "2026-08-19T14:38:51.607308Z"; 0 where it is none.
std::int64_t unix_seconds(std::string_view time);

// logprobsResult as the elements of OpenAI's array, joined by commas; and back, as a whole value.
std::string logprob_elements(JsonValue result);
void write_logprobs(JsonWriter& writer, std::string_view array);

// Whether a reply of this API can say the part at all.
bool is_sayable(const chat::Part& part);
// Marks the first call of a foreign reply, if nobody signed it: Gemini models refuse such calls without more.
void mark_unsigned(chat::Part& part);
// The part or parts that say `part`, with the extras of its own dialect if `same`. Returns how many there were.
int write_reply_part(JsonWriter& writer, const chat::Part& part, bool same);
// The members behind the candidates: usageMetadata (if reported), modelVersion, responseId.
void write_tail(JsonWriter& writer, const chat::Reply& reply, const Usage& usage, const StreamOptions& options);

// An error body or frame in words; status 0 = take the one that it names.
Error read_fault(int status, std::string_view body);
std::string write_fault(const Error& error);

std::unique_ptr<EventReader> make_event_reader();
std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options);

}  // namespace tollgate::gateway::gemini_form
