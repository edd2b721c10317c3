// ChoiceStream: one choice of a stream of the dialect openai.chat. Puts pieces that may overlap on the wire (parallel
// calls of some vendors) into parts that do not: a call whose arguments are unfinished stays open, what comes for other
// parts meanwhile waits. Internal to openai_chat*.cpp. Thread rule: one owner.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {

// Tells when the pieces of a JSON text are a whole value.
class JsonEnd {
 public:
  void feed(std::string_view piece);
  bool complete() const { return begun_ && depth_ == 0 && !in_string_; }

 private:
  int depth_ = 0;
  bool begun_ = false, in_string_ = false, escaped_ = false;
};

class ChoiceStream {
 public:
  explicit ChoiceStream(int index) : index_(index) {}

  int index() const { return index_; }
  bool finished() const { return !finish_raw_.empty(); }
  chat::Extra& extra() { return extra_; }
  // `seed` makes ids for calls without one.
  void delta(const Members& members, std::string_view seed, chat::Events& out);
  void logprobs(JsonValue value, chat::Events& out);
  void cite(chat::Citation citation, chat::Events& out);
  void finish_reason(std::string_view word) { finish_raw_ = word; }
  void stop_reason(std::string_view text) { stop_sequence_ = text; }
  // Ends the open parts, and the choice where a finish reason came.
  void close(chat::Events& out);

 private:
  enum class Kind : unsigned char { text, refusal, thought, call, audio, other };
  // Thoughts come in four ways that do not mix within a part.
  enum Slot : int { plain = 0, detail = 1, summary = 2, content = 3 };
  struct Lane {
    Kind kind;
    int slot = 0;
    chat::Part head;
    chat::Events held;  // while it waits
    JsonEnd end;        // of a call
    std::string said;   // of a plain thought
    bool sealed = false;
  };
  struct Call {
    std::int64_t index = -1;  // -1: the vendor numbers none
    std::string id, name, arguments;
    chat::Signature signature;
    bool custom = false;
    int lane = -1;  // -1 while its name is unknown
  };

  int find(Kind kind, int slot) const;
  int lane(Kind kind, int slot, chat::Part head, chat::Events& out);
  bool unfinished(int lane) const;
  void begin(int lane, chat::Events& out);
  void end_open(chat::Events& out);
  void advance(chat::Events& out);
  chat::Event event_of(chat::Event::Delta delta) const;
  void emit(int lane, chat::Event event, chat::Events& out);
  void emit_text(int lane, std::string_view text, chat::Events& out);
  void emit_signature(int lane, const chat::Signature& signature, chat::Event::Delta delta, chat::Events& out);
  void whole(chat::Part part, chat::Events& out);
  void seal_thought(chat::Signature signature, chat::Event::Delta delta, chat::Events& out);

  void text(std::string_view piece, chat::Events& out);
  void content_parts(JsonValue parts, chat::Events& out);
  void thoughts(const ThoughtMembers& members, chat::Events& out);
  void plain_thought_piece(std::string_view piece, int slot, chat::Events& out);
  void thought_detail(const Detail& detail, chat::Events& out);
  int told_before(std::string_view text);
  void encrypted_detail(const Detail& detail, chat::Events& out);
  void audio(JsonValue value, chat::Events& out);
  void call(JsonValue value, std::string_view seed, chat::Events& out);
  void legacy_call(JsonValue value, std::string_view seed, chat::Events& out);
  Call& match_call(std::int64_t index, std::string_view id, std::string_view name);
  void grow_call(Call& call, std::string_view seed, chat::Events& out);
  void sign(const chat::Signature& signature, chat::Events& out);
  void sign_call(CallSignature signature, chat::Events& out);

  int index_;
  std::vector<Lane> lanes_;
  std::vector<int> queue_;  // lanes that wait until the open call is whole
  int open_ = -1, parts_ = 0;
  std::vector<Call> calls_;
  std::vector<CallSignature> call_signatures_;
  chat::Signature signature_;  // of the text or call to come
  std::vector<chat::Citation> citations_;
  std::string logprobs_;  // elements that came while no part was open
  std::vector<std::pair<std::string, std::string>> other_logprobs_;
  std::string finish_raw_, stop_sequence_;
  chat::Extra extra_;
};

}  // namespace tollgate::gateway::oai
