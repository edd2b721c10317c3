// Streams of the dialect openai.chat, written: the chunks that an OpenAI SDK expects, then [DONE]. Thread rule: one
// owner per writer.
#include <algorithm>

#include "gateway/dialects/openai_chat.h"

namespace tollgate::gateway::oai {
namespace {

using chat::Event;

constexpr std::string_view kData = "data: ";
constexpr std::string_view kEnd = "\n\n";

class Writer final : public EventWriter {
 public:
  explicit Writer(const StreamOptions& options) : options_(options) {}

  void write(const Event& event, std::string& out) override {
    if (over_) return;
    switch (event.kind) {
      case Event::Kind::start:
        return make_head(event.reply);
      case Event::Kind::part_begin:
        return begin_part(event, out);
      case Event::Kind::delta:
        return write_delta(event, out);
      case Event::Kind::part_end:
        return end_part(event, out);
      case Event::Kind::choice_end:
        return end_choice(event, out);
      case Event::Kind::usage:
        usage_ = event.usage;
        return;
      case Event::Kind::end:
        return end(out);
      case Event::Kind::error:
        out.append(kData).append(write_error(event.error)).append(kEnd);
        return done(out);
      case Event::Kind::ping:
        out += ": ping\n\n";
    }
  }

 private:
  // What a choice has told so far.
  struct Told {
    int index = 0;
    bool role = false, itemised = false;
    int calls = 0;                   // calls begun
    std::int64_t details = 0;        // items of reasoning_details
    std::int64_t before = 0;         // characters of the texts before the open one
    std::int64_t length = 0;         // of the open text
    chat::Part part;                 // the open one, its texts filled in where they are told at its end
    bool arguments = false;          // of the open call
    std::vector<std::string> plain;  // thoughts that stand in no item of reasoning_details yet
  };

  // The parts of every chunk that stay the same.
  void make_head(const chat::Reply& reply) {
    own_ = reply.dialect == kName;
    head_.clear();
    JsonWriter writer(head_);
    writer.begin_object().member("id", reply_id(reply, options_)).member("object", "chat.completion.chunk");
    writer.member("created", reply.created ? reply.created : options_.created);
    writer.member("model", options_.model.empty() ? reply.model : options_.model);
    writer.member_if("service_tier", openai_tier(reply.service_tier));
    writer.member_if("system_fingerprint", reply.system_fingerprint);
    if (own_) write_own(writer, reply.extra);
    writer.key("choices");
    tail_ = options_.include_usage ? R"(,"usage":null})" : "}";
  }

  Told& told(int index) {
    for (Told& one : told_)
      if (one.index == index) return one;
    return told_.emplace_back(Told{.index = index});
  }

  // Opens a chunk up to its delta's members; the first of a choice says the role.
  JsonWriter open(Told& choice, std::string& out) {
    if (head_.empty()) make_head({});
    if (!std::exchange(choice.role, true)) {
      JsonWriter first = open(choice, out);
      first.member("role", "assistant").member("content", "");
      shut(first, out);
    }
    out.append(kData).append(head_);
    JsonWriter writer(out);
    writer.begin_array().begin_object().member("index", choice.index).key("delta").begin_object();
    return writer;
  }

  void shut(JsonWriter& writer, std::string& out, std::string_view logprobs = {}) {
    writer.end_object();
    if (logprobs.empty()) {
      writer.key("logprobs").null();
    } else {
      writer.key("logprobs").begin_object().raw_member("content", logprobs).key("refusal").null().end_object();
    }
    writer.key("finish_reason").null().end_object().end_array();
    out.append(tail_).append(kEnd);
  }

  void say(Told& choice, std::string_view member, std::string_view text, std::string& out) {
    JsonWriter writer = open(choice, out);
    writer.member(member, text);
    shut(writer, out);
  }

  JsonWriter& open_call(JsonWriter& writer, const Told& choice) {
    return writer.key("tool_calls").begin_array().begin_object().member("index", choice.calls - 1);
  }

  void begin_part(const Event& event, std::string& out) {
    Told& choice = told(event.choice);
    choice.part = event.part_head;
    choice.arguments = false;
    choice.length = 0;
    if (const auto* call = event.part_head.get<chat::ToolCall>()) begin_call(choice, *call, out);
    const auto* media = event.part_head.get<chat::Media>();
    if (media && media->kind == chat::Media::Kind::audio) {
      JsonWriter writer = open(choice, out);
      writer.key("audio").begin_object().member("id", media->id.empty() ? "audio" : media->id);
      writer.end_object();
      shut(writer, out);
    }
  }

  void begin_call(Told& choice, const chat::ToolCall& call, std::string& out) {
    ++choice.calls;
    const std::string_view outer = call.custom ? "custom" : "function";
    JsonWriter writer = open(choice, out);
    open_call(writer, choice).member("id", call.id).member("type", outer).key(outer).begin_object();
    writer.member("name", call.name).member(call.custom ? "input" : "arguments", "").end_object();
    writer.end_object().end_array();
    shut(writer, out);
  }

  // Plain text does for thoughts without a signature; once one text has an item in reasoning_details, each needs one.
  void tell_plain(Told& choice, std::string& out) {
    for (std::string& text : std::exchange(choice.plain, {}))
      write_thought(choice, {.text = std::move(text), .signature = {.origin = "unknown"}}, out);
  }

  void write_thought(Told& choice, const chat::Thinking& thinking, std::string& out) {
    JsonWriter writer = open(choice, out);
    writer.key("reasoning_details").begin_array();
    write_details(writer, thinking, choice.details, true);
    writer.end_array();
    shut(writer, out);
  }

  void write_delta(const Event& event, std::string& out) {
    Told& choice = told(event.choice);
    switch (event.delta) {
      case Event::Delta::text:
        return write_text(choice, event.text, out);
      case Event::Delta::arguments:
        return write_arguments(choice, event.text, out);
      case Event::Delta::signature:
      case Event::Delta::redacted:
        return write_signature(choice, event, out);
      case Event::Delta::citation:
        if (own_ && event.citation.raw.empty()) return;  // stands in the head
        return write_citation(choice, event.citation, out);
      case Event::Delta::data:
        if (auto* media = choice.part.get<chat::Media>(); media && media->kind == chat::Media::Kind::image) {
          media->data += event.text;
        } else {
          write_audio(choice, "data", event.text, out);
        }
        return;
      case Event::Delta::transcript:
        return write_audio(choice, "transcript", event.text, out);
      case Event::Delta::logprobs: {
        JsonWriter writer = open(choice, out);
        shut(writer, out, "[" + event.text + "]");
        return;
      }
      case Event::Delta::opaque:
        return;  // no place here
    }
  }

  void write_text(Told& choice, const std::string& text, std::string& out) {
    if (auto* thinking = choice.part.get<chat::Thinking>()) {
      thinking->text += text;
      return say(choice, "reasoning_content", text, out);
    }
    if (choice.part.get<chat::Refusal>()) return say(choice, "refusal", text, out);
    choice.length += characters(text);
    say(choice, "content", text, out);
  }

  void write_arguments(Told& choice, const std::string& piece, std::string& out) {
    const auto* call = choice.part.get<chat::ToolCall>();
    if (!call) return;
    choice.arguments = true;
    JsonWriter writer = open(choice, out);
    open_call(writer, choice).key(call->custom ? "custom" : "function").begin_object();
    writer.member(call->custom ? "input" : "arguments", piece).end_object().end_object().end_array();
    shut(writer, out);
  }

  void write_signature(Told& choice, const Event& event, std::string& out) {
    if (auto* thinking = choice.part.get<chat::Thinking>()) {  // told at its end, with the whole text
      (event.delta == Event::Delta::redacted ? thinking->redacted : thinking->signature) = event.signature;
      return;
    }
    JsonWriter writer = open(choice, out);
    if (choice.part.get<chat::ToolCall>()) {
      open_call(writer, choice);
      write_google_signature(writer, event.signature);
      writer.end_object().end_array();
    } else {
      write_google_signature(writer, event.signature);
    }
    shut(writer, out);
  }

  void write_citation(Told& choice, const chat::Citation& citation, std::string& out) {
    JsonWriter writer = open(choice, out);
    writer.key("annotations").begin_array();
    write_annotation(writer, citation, choice.before, choice.length);
    writer.end_array();
    shut(writer, out);
  }

  void write_audio(Told& choice, std::string_view member, const std::string& piece, std::string& out) {
    const auto* media = choice.part.get<chat::Media>();
    if (!media || media->kind != chat::Media::Kind::audio) return;
    JsonWriter writer = open(choice, out);
    writer.key("audio").begin_object().member(member, piece).end_object();
    shut(writer, out);
  }

  void end_part(const Event& event, std::string& out) {
    Told& choice = told(event.choice);
    if (const auto* thinking = choice.part.get<chat::Thinking>()) end_thought(choice, *thinking, out);
    const auto* call = choice.part.get<chat::ToolCall>();
    if (call && !choice.arguments && !own_ && !call->custom) write_arguments(choice, "{}", out);
    const auto* media = choice.part.get<chat::Media>();
    if (media && media->kind == chat::Media::Kind::image && media->data.size() + media->url.size() > 0)
      write_image(choice, *media, out);
    choice.before += choice.length;
    choice.part = {};
  }

  void end_thought(Told& choice, const chat::Thinking& thinking, std::string& out) {
    const bool is_signed = !thinking.signature.empty() || !thinking.redacted.empty();
    if (!is_signed && !thinking.text.empty()) choice.plain.push_back(thinking.text);
    if (is_signed && !thinking.text.empty()) choice.itemised = true;
    if (choice.itemised) tell_plain(choice, out);
    if (is_signed) write_thought(choice, thinking, out);
  }

  void write_image(Told& choice, const chat::Media& media, std::string& out) {
    JsonWriter writer = open(choice, out);
    writer.key("images").begin_array().begin_object().member("type", "image_url").key("image_url").begin_object();
    writer.member("url", image_location(media)).end_object().end_object().end_array();
    shut(writer, out);
  }

  void end_choice(const Event& event, std::string& out) {
    const chat::Choice& tail = event.choice_tail;
    Told& choice = told(event.choice);
    JsonWriter writer = open(choice, out);
    if (own_) write_under(writer, tail.extra, "message");
    writer.end_object();
    write_logprobs(writer, tail.logprobs, tail.extra, own_);
    const std::string_view word = own_ ? std::string_view(tail.finish_raw) : finish_word(tail.finish, choice.calls > 0);
    writer.key("finish_reason");
    word.empty() ? writer.null() : writer.string(word);
    if (!own_) writer.member_if("stop_reason", tail.stop_sequence);
    if (own_) write_own(writer, tail.extra);
    writer.end_object().end_array();
    out.append(tail_).append(kEnd);
  }

  void end(std::string& out) {
    if (head_.empty()) make_head({});
    if (options_.include_usage && usage_.reported) {
      out.append(kData).append(head_).append("[],\"usage\":");
      if (own_ && !usage_.raw.empty()) {
        out += usage_.raw;
      } else {
        JsonWriter writer(out);
        write_usage(writer, usage_);
      }
      out.append("}").append(kEnd);
    }
    done(out);
  }

  void done(std::string& out) {
    out.append(kData).append("[DONE]").append(kEnd);
    over_ = true;
  }

  StreamOptions options_;
  std::string head_, tail_;
  std::vector<Told> told_;
  Usage usage_;
  bool own_ = false, over_ = false;
};

}  // namespace

std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) { return std::make_unique<Writer>(options); }

}  // namespace tollgate::gateway::oai
