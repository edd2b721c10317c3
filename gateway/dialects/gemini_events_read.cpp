// Streams of streamGenerateContent, read: every frame is a response with the parts that are new. Thread rule: one
// owner.
#include <algorithm>
#include <optional>

#include "gateway/dialects/common.h"
#include "gateway/dialects/gemini_grounding.h"
#include "gateway/dialects/gemini_partial_args.h"
#include "gateway/dialects/gemini_parts.h"
#include "gateway/dialects/gemini_reply.h"

namespace tollgate::gateway::gemini_form {
namespace {

using namespace chat;

constexpr int kMostChoices = 64;

// A candidate so far.
struct Candidate {
  enum class Open : unsigned char { nothing, text, thought, call };

  int index = 0;
  int parts = 0;  // begun so far; the open one is the last
  Open open = Open::nothing;
  bool is_signed = false;  // the open part is; text that follows begins another
  bool calls = false;
  std::string text;       // all that was said: citations count its bytes
  std::size_t begin = 0;  // of the open text in it
  std::optional<PartialArguments> arguments;
  std::string finish_raw;
  Extra extra;
};

class GeminiReader final : public EventReader {
 public:
  void read(std::string_view, std::string_view data, Events& out) override {
    if (failed_ || data == "[DONE]") return;
    const auto root = json_.parse(data);
    if (!root || (!root->is_object() && !root->is_array())) {
      fail({.kind = ErrorKind::retry_same,
            .status = 502,
            .code = "upstream_bad_stream",
            .message = "an event of the vendor's stream is no JSON object"},
           out);
    } else if (root->is_array()) {
      root->elements([&](JsonValue element) { response(element, data, out); });
    } else {
      response(*root, data, out);
    }
  }

  void finish(Events& out) override {
    if (failed_) return;
    const bool whole = may_end();
    if (whole && candidates_.empty()) candidate_of(0).extra.emplace_back("~absent", "true");
    for (Candidate& one : candidates_) {
      cite(one, out);
      close(one, out);
      if (!one.finish_raw.empty() || blocked_) end_choice(one, out);
    }
    if (whole) out.push_back({.kind = Event::Kind::end});
  }

  // There is no last frame: a candidate may go on after its finishReason, as after code that the vendor ran.
  bool may_end() const override {
    if (failed_ || !started_) return false;
    if (candidates_.empty()) return blocked_;
    return std::all_of(candidates_.begin(), candidates_.end(),
                       [](const Candidate& one) { return !one.finish_raw.empty(); });
  }

 private:
  using Open = Candidate::Open;

  void fail(Error error, Events& out) {
    failed_ = true;
    for (Candidate& one : candidates_) close(one, out);
    out.push_back({.kind = Event::Kind::error});
    out.back().error = std::move(error);
  }

  void response(JsonValue root, std::string_view data, Events& out) {
    if (failed_) return;
    if (root["error"].is_object()) return fail(read_fault(0, data), out);
    JsonValue candidates;
    if (!started_) {
      out.push_back({.kind = Event::Kind::start});
      candidates = read_head(root, out.back().reply);
      names_.begin(out.back().reply.id);
      started_ = true;
    } else {
      candidates = root["candidates"];
    }
    if (!candidates.present()) {
      const JsonValue feedback = root["promptFeedback"];
      blocked_ = blocked_ || feedback["blockReason"].present() || feedback["block_reason"].present();
    }
    int index = 0;
    candidates.elements([&](JsonValue one) { candidate(one, index++, out); });
  }

  Candidate& candidate_of(int index) {
    const auto at = std::lower_bound(candidates_.begin(), candidates_.end(), index,
                                     [](const Candidate& one, int wanted) { return one.index < wanted; });
    if (at != candidates_.end() && at->index == index) return *at;
    return *candidates_.insert(at, Candidate{.index = index});
  }

  void candidate(JsonValue value, int position, Events& out) {
    const auto index = value["index"].as_int().value_or(position);
    if (index < 0 || index >= kMostChoices) return;
    Candidate& in = candidate_of(static_cast<int>(index));
    value.members([&](std::string_view key, JsonValue member) {
      if (member.is_null() || key == "index") return;
      if (key == "content") {
        const JsonValue parts = member["parts"];
        if (parts.is_object()) part(in, parts, out);
        parts.elements([&](JsonValue one) { part(in, one, out); });
      } else {
        about(in, key, member, out);
      }
    });
  }

  // What a candidate says about itself; the last frame that says it counts.
  void about(Candidate& in, std::string_view key, JsonValue value, Events& out) {
    std::string scratch;
    const std::string_view name = camel(key, scratch);
    if (name == "logprobsResult") {
      out.push_back({.kind = Event::Kind::delta, .delta = Event::Delta::logprobs, .choice = in.index});
      out.back().part = std::max(0, in.parts - 1);
      out.back().text = logprob_elements(value);
      return;
    }
    if (name == "finishReason") {
      in.finish_raw = finish_text(value);
      if (!value.is_number()) return;
    }
    for (auto& [known, raw] : in.extra) {
      if (known == name) return void(raw = value.text());
    }
    keep_member(in.extra, {}, name, value);
  }

  // The common parts, text and thoughts, are read here; all others as in a whole reply.
  void part(Candidate& in, JsonValue value, Events& out) {
    std::string_view text, signature;
    bool said = false, thought = false, other = false;
    value.members([&](std::string_view key, JsonValue member) {
      if (key == "text") {
        const auto inside = member.as_string();
        text = inside.value_or(std::string_view{});
        said = inside.has_value();
      } else if (key == "thought") {
        thought = member.as_bool() == true;
      } else if (key == "thoughtSignature" || key == "thought_signature") {
        signature = member.as_string().value_or(std::string_view{});
      } else {
        other = true;
      }
    });
    if (other) {
      whole_part(in, value, out);
    } else if (said || !signature.empty()) {
      spoken(in, thought ? Open::thought : Open::text, text, signature, out);
    }
  }

  void spoken(Candidate& in, Open kind, std::string_view text, std::string_view signature, Events& out) {
    const bool goes_on = in.open == kind && !(in.is_signed && !text.empty());
    if (!goes_on) {
      if (text.empty() && signature.empty()) return;
      Part head;
      if (kind == Open::thought) head.what = Thinking{.summary = true};
      begin(in, kind, std::move(head), out);
    }
    if (!text.empty()) {
      out.push_back(delta(in, Event::Delta::text));
      out.back().text = text;
      if (kind == Open::text) in.text += text;
    }
    if (signature.empty()) return;
    Packed packed = unpack_signature(signature);
    out.push_back(delta(in, packed.redacted ? Event::Delta::redacted : Event::Delta::signature));
    out.back().signature = std::move(packed.signature);
    in.is_signed = true;
  }

  void whole_part(Candidate& in, JsonValue value, Events& out) {
    const JsonValue call = value["functionCall"];
    if (call.is_object()) {
      const bool goes_on = call["willContinue"].as_bool() == true;
      const bool more = in.open == Open::call && !call["name"].present();
      if (goes_on || more) return partial_call(in, value, call, goes_on, out);
    }
    FirstFault ignored;
    Part part;
    read_part(value, {}, ignored, part);
    if (auto* text = part.get<Text>()) {
      const Signature signature = text->signature;
      const std::string said = std::move(text->text);
      return spoken(in, Open::text, said, pack_signature(signature), out);
    }
    if (auto* made = part.get<ToolCall>()) {
      in.calls = true;
      if (made->id.empty()) made->id = names_.next();
    }
    emit(in, std::move(part), out);
  }

  // A call whose arguments come in pieces; they are told when they are whole.
  void partial_call(Candidate& in, JsonValue part, JsonValue call, bool goes_on, Events& out) {
    if (call["name"].present()) {
      ToolCall head{.id = text_or_empty(call["id"]), .name = text_or_empty(call["name"])};
      if (head.id.empty()) head.id = names_.next();
      in.calls = true;
      begin(in, Open::call, {.what = std::move(head)}, out);
      in.arguments.emplace();
    }
    if (in.arguments) call["partialArgs"].elements([&](JsonValue piece) { in.arguments->add(piece); });
    if (const auto signature = part["thoughtSignature"].as_string(); signature && !signature->empty()) {
      out.push_back(delta(in, Event::Delta::signature));
      out.back().signature = unpack_signature(*signature).signature;
    }
    if (!goes_on) close(in, out);
  }

  // Begins, fills and ends a part that came whole.
  void emit(Candidate& in, Part part, Events& out) {
    std::string text;
    Event::Delta kind = Event::Delta::text;
    Signature signature;
    if (auto* call = part.get<ToolCall>()) {
      kind = Event::Delta::arguments;
      text = std::exchange(call->arguments, {});
      signature = std::exchange(call->signature, {});
    } else if (auto* media = part.get<Media>()) {
      kind = Event::Delta::data;
      text = std::exchange(media->data, {});
    } else if (auto* opaque = part.get<Opaque>()) {
      kind = Event::Delta::opaque;
      text = std::exchange(opaque->json, {});
    } else if (auto* thought = part.get<Thinking>()) {
      text = std::exchange(thought->text, {});
      signature = std::exchange(thought->signature, {});
    }
    begin(in, Open::nothing, std::move(part), out);
    if (!text.empty()) {
      out.push_back(delta(in, kind));
      out.back().text = std::move(text);
    }
    if (!signature.empty()) {
      out.push_back(delta(in, Event::Delta::signature));
      out.back().signature = std::move(signature);
    }
    end_part(in, out);
  }

  Event delta(const Candidate& in, Event::Delta kind) const {
    return {.kind = Event::Kind::delta, .delta = kind, .choice = in.index, .part = in.parts - 1};
  }

  void begin(Candidate& in, Open kind, Part head, Events& out) {
    close(in, out);
    in.open = kind;
    in.is_signed = false;
    in.begin = in.text.size();
    out.push_back({.kind = Event::Kind::part_begin, .choice = in.index, .part = in.parts++});
    out.back().part_head = std::move(head);
  }

  void close(Candidate& in, Events& out) {
    if (in.open == Open::nothing) return;
    if (in.open == Open::call && in.arguments) {
      out.push_back(delta(in, Event::Delta::arguments));
      out.back().text = in.arguments->json();
      in.arguments.reset();
    }
    in.open = Open::nothing;
    end_part(in, out);
  }

  void end_part(const Candidate& in, Events& out) {
    out.push_back({.kind = Event::Kind::part_end, .choice = in.index, .part = in.parts - 1});
  }

  // Sources come last and speak of the text that is open still.
  void cite(Candidate& in, Events& out) {
    if (in.open != Open::text) return;
    JsonReader second;
    const auto grounding = json_.parse(extra_of(in.extra, "groundingMetadata"));
    const auto cited = second.parse(extra_of(in.extra, "citationMetadata"));
    // Places are counted in the text itself, or in all that was said.
    const std::string_view all = in.text, open = all.substr(in.begin);
    const auto before = static_cast<std::int64_t>(utf8_characters(all.substr(0, in.begin)));
    const std::vector<GroundedText> texts{{.text = open}, {.text = all}};
    const JsonValue none;
    for (GroundedCitation& one : read_grounding(grounding ? *grounding : none, cited ? *cited : none, texts)) {
      if (one.text == 1 && one.citation.begin < before) continue;  // of a text that is closed
      out.push_back(delta(in, Event::Delta::citation));
      out.back().citation = std::move(one.citation);
      if (one.text == 0) continue;
      out.back().citation.begin -= before;
      out.back().citation.end -= before;
    }
  }

  void end_choice(Candidate& in, Events& out) {
    Event end{.kind = Event::Kind::choice_end, .choice = in.index};
    end.choice_tail.index = in.index;
    end.choice_tail.finish = in.finish_raw.empty() ? Finish::content_filter : finish_of(in.finish_raw, in.calls);
    end.choice_tail.finish_raw = std::move(in.finish_raw);
    end.choice_tail.extra = std::move(in.extra);
    out.push_back(std::move(end));
  }

  JsonReader json_;
  CallNames names_;
  std::vector<Candidate> candidates_;  // by index
  bool started_ = false, failed_ = false, blocked_ = false;
};

}  // namespace

std::unique_ptr<EventReader> make_event_reader() { return std::make_unique<GeminiReader>(); }

}  // namespace tollgate::gateway::gemini_form
