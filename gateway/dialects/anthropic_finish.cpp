// Why a reply ended, in both directions. Thread rule: constants and pure functions.
#include <array>

#include "gateway/dialects/anthropic_wire.h"

namespace tollgate::gateway::claude {
namespace {

using chat::Finish;

struct Reason {
  std::string_view word;
  Finish finish;
};
// The first word of a Finish is the one that is written.
constexpr std::array kReasons{Reason{"end_turn", Finish::stop},
                              Reason{"max_tokens", Finish::length},
                              Reason{"stop_sequence", Finish::stop_sequence},
                              Reason{"tool_use", Finish::tool_calls},
                              Reason{"pause_turn", Finish::pause},
                              Reason{"refusal", Finish::refusal},
                              Reason{"model_context_window_exceeded", Finish::context_length},
                              Reason{"compaction", Finish::pause}};

}  // namespace

Finish finish_of(std::string_view stop_reason) {
  if (stop_reason.empty()) return Finish::unset;
  for (const Reason& reason : kReasons)
    if (reason.word == stop_reason) return reason.finish;
  return Finish::other;
}

// A word of this API in finish_raw is said again. A vendor that says "stop" though it called tools (some do) would keep
// its caller from running them, so calls decide.
std::string_view stop_reason_of(const chat::Choice& choice, bool calls) {
  // Some vendors do not say how a reply ended; callers of this API need a word.
  if (choice.finish == Finish::unset) return calls ? "tool_use" : "end_turn";
  for (const Reason& reason : kReasons)
    if (reason.word == choice.finish_raw && reason.finish == choice.finish && (!calls || choice.finish != Finish::stop))
      return reason.word;
  if (calls && (choice.finish == Finish::stop || choice.finish == Finish::other)) return "tool_use";
  if (choice.finish == Finish::content_filter) return "refusal";
  for (const Reason& reason : kReasons)
    if (reason.finish == choice.finish) return reason.word;
  return "end_turn";
}

}  // namespace tollgate::gateway::claude
