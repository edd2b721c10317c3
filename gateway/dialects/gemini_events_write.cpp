// Streams of streamGenerateContent, written: every frame is a response with the parts that are new; calls come whole,
// and the last frame says how it ended and what was used. Thread rule: one owner.
#include <algorithm>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_grounding.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

// A choice so far.
struct Written {
  int index = 0;
  Part open;              // with what is collected of it: a call's arguments, data, signatures
  std::string text;       // all that was said
  std::size_t begin = 0;  // of the open text in it
  std::vector<Citation> citations;
  std::string logprobs;  // elements not yet sent
  GroundingWriter grounding;
  Choice tail;
  bool called = false, ended = false;
};

class GeminiWriter final : public EventWriter {
 public:
  explicit GeminiWriter(const StreamOptions& options) : options_(options) {}

  void write(const Event& event, std::string& out) override {
    if (over_) return;
    switch (event.kind) {
      case Event::Kind::start:
        start(event.reply);
        break;
      case Event::Kind::part_begin:
        begin_part(choice_of(event.choice), event.part_head);
        break;
      case Event::Kind::delta:
        delta(choice_of(event.choice), event, out);
        break;
      case Event::Kind::part_end:
        end_part(choice_of(event.choice), out);
        break;
      case Event::Kind::choice_end:
        choice_of(event.choice).tail = event.choice_tail;
        choice_of(event.choice).ended = true;
        break;
      case Event::Kind::usage:
        usage_ = event.usage;
        break;
      case Event::Kind::end:
        end(out);
        break;
      case Event::Kind::error:
        error(event.error, out);
        break;
      case Event::Kind::ping:
        break;
    }
  }

 private:
  // The service tier stands in the first frame and the last one.
  void start(const Reply& reply) {
    head_ = reply;
    same_ = reply.dialect == kDialect;
    first_tail_ = tail_text();
    head_.service_tier.clear();
    tail_ = reply.service_tier.empty() ? first_tail_ : tail_text();
    head_.service_tier = reply.service_tier;
  }

  std::string tail_text() const {
    std::string inside;
    JsonWriter writer(inside);
    writer.begin_object();
    write_tail(writer, head_, {}, options_);
    if (same_) write_extras(writer, head_.extra);
    writer.end_object();
    return inside.size() > 2 ? "," + inside.substr(1) : "}";
  }

  static void begin_part(Written& choice, const Part& head) {
    choice.open = head;
    choice.begin = choice.text.size();
  }

  Written& choice_of(int index) {
    for (Written& one : choices_)
      if (one.index == index) return one;
    return choices_.emplace_back(Written{.index = index});
  }

  void begin_frame(std::string& out) {
    if (!options_.json_array) {
      out += "data: ";
    } else {
      out += begun_ ? ",\r\n" : "[";
    }
    begun_ = true;
  }
  void end_frame(std::string& out) {
    if (!options_.json_array) out += "\n\n";
  }

  // Everything of a frame around its parts.
  void begin_parts(std::string& out) {
    begin_frame(out);
    out += R"({"candidates":[{"content":{"parts":[)";
  }
  void end_parts(Written& choice, std::string& out) {
    out += R"(],"role":"model"},"index":)";
    out += std::to_string(choice.index);
    if (!choice.logprobs.empty()) {
      out += R"(,"logprobsResult":)";
      JsonWriter writer(out);
      write_logprobs(writer, "[" + std::exchange(choice.logprobs, {}) + "]");
    }
    out += "}]";
    out += std::exchange(sent_, true) ? tail_ : first_tail_;
    end_frame(out);
  }

  void say(Written& choice, std::string_view text, bool thought, std::string_view signature, std::string& out) {
    begin_parts(out);
    out += R"({"text":")";
    json_escape(out, text);
    out += thought ? R"(","thought":true)" : "\"";
    if (!signature.empty()) {
      out += R"(,"thoughtSignature":")";
      json_escape(out, signature);
      out += '"';
    }
    out += '}';
    end_parts(choice, out);
  }

  void delta(Written& choice, const Event& event, std::string& out) {
    Part& open = choice.open;
    switch (event.delta) {
      case Event::Delta::text: {
        if (event.text.empty()) break;
        const bool thought = open.get<Thinking>() != nullptr;
        if (!thought) choice.text += event.text;
        say(choice, event.text, thought, {}, out);
        break;
      }
      case Event::Delta::arguments:
        if (auto* call = open.get<ToolCall>()) call->arguments += event.text;
        break;
      case Event::Delta::signature:
        set_signature(open, event.signature);
        break;
      case Event::Delta::redacted:
        if (auto* thought = open.get<Thinking>()) thought->redacted = event.signature;
        break;
      case Event::Delta::citation:
        choice.citations.push_back(event.citation);
        break;
      case Event::Delta::data:
        if (auto* media = open.get<Media>()) media->data += event.text;
        break;
      case Event::Delta::logprobs:
        if (!choice.logprobs.empty() && !event.text.empty()) choice.logprobs += ',';
        choice.logprobs += event.text;
        break;
      case Event::Delta::opaque:
        if (auto* opaque = open.get<Opaque>()) opaque->json = event.text;
        break;
      case Event::Delta::transcript:
        break;
    }
  }

  static void set_signature(Part& part, const Signature& signature) {
    if (auto* text = part.get<Text>()) text->signature = signature;
    if (auto* call = part.get<ToolCall>()) call->signature = signature;
    if (auto* thought = part.get<Thinking>()) thought->signature = signature;
  }

  void end_part(Written& choice, std::string& out) {
    Part& open = choice.open;
    if (const auto* text = open.get<Text>()) {
      const std::string signature = pack_signature(text->signature);
      if (!signature.empty()) say(choice, {}, false, signature, out);
      cite(choice);
    } else if (const auto* thought = open.get<Thinking>()) {
      const std::string signature = pack_signature(thought->signature, false, thought->id);
      if (!signature.empty()) say(choice, {}, true, signature, out);
      const std::string redacted = pack_signature(thought->redacted, true, thought->id);
      if (!redacted.empty()) say(choice, {}, true, redacted, out);
    } else if (!open.get<Refusal>() && is_sayable(open)) {
      if (!same_ && open.get<ToolCall>() && !std::exchange(choice.called, true)) mark_unsigned(open);
      begin_parts(out);
      JsonWriter writer(out);
      write_reply_part(writer, open, same_);
      end_parts(choice, out);
    }
    open = {};
  }

  // The place of a citation in a stream is counted in all that was said so far.
  static void cite(Written& choice) {
    const std::string_view text = std::string_view(choice.text).substr(choice.begin);
    for (const Citation& one : std::exchange(choice.citations, {})) choice.grounding.add(-1, text, one, choice.begin);
  }

  void write_last(JsonWriter& writer, Written& choice) {
    const Choice& tail = choice.tail;
    writer.begin_object().key("content").begin_object().key("parts").begin_array();
    writer.begin_object().member("text", "").end_object();
    writer.end_array().member("role", "model").end_object();
    const bool numbered = same_ && !extra_of(tail.extra, "finishReason").empty();
    if (!numbered) writer.member_if("finishReason", finish_word(tail));
    writer.member("index", choice.index);
    if (tail.logprobs.size() > 2) {
      if (!choice.logprobs.empty()) choice.logprobs += ',';
      choice.logprobs += tail.logprobs.substr(1, tail.logprobs.size() - 2);
    }
    if (!choice.logprobs.empty()) {
      writer.key("logprobsResult");
      write_logprobs(writer, "[" + choice.logprobs + "]");
    }
    if (!same_ && !choice.grounding.empty()) choice.grounding.write(writer);
    if (same_) write_extras(writer, tail.extra);
    writer.end_object();
  }

  void end(std::string& out) {
    over_ = true;
    begin_frame(out);
    JsonWriter writer(out);
    writer.begin_object();
    const bool absent = same_ && choices_.size() == 1 && !extra_of(choices_.front().tail.extra, "~absent").empty();
    if (!absent && !choices_.empty()) {
      writer.key("candidates").begin_array();
      for (Written& choice : choices_) write_last(writer, choice);
      writer.end_array();
    }
    write_tail(writer, head_, usage_, options_);
    if (same_) write_extras(writer, head_.extra);
    writer.end_object();
    end_frame(out);
    if (options_.json_array) out += ']';
  }

  // The vendor ends a stream of events with a bare JSON text, which SDKs find only where nothing else came in the same
  // read. Newer ones look into events too; older ones take an error there for an answer without candidates. So it is
  // said in both ways: who overlooks the first stumbles over the second.
  void error(const Error& error, std::string& out) {
    over_ = true;
    const std::string fault = write_fault(error);
    begin_frame(out);
    out += fault;
    end_frame(out);
    out += options_.json_array ? std::string_view("]") : std::string_view(fault);
  }

  const StreamOptions options_;
  Reply head_;
  std::string first_tail_ = "}", tail_ = "}";  // what follows the candidates in a frame
  Usage usage_;
  std::vector<Written> choices_;
  bool same_ = false, begun_ = false, sent_ = false, over_ = false;
};

}  // namespace

std::unique_ptr<EventWriter> make_event_writer(const StreamOptions& options) {
  return std::make_unique<GeminiWriter>(options);
}

}  // namespace tollgate::gateway::gemini_form
