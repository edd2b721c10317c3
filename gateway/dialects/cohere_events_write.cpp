// Streams of Cohere's chat, written as its SDKs expect them. Thread rule: one writer per stream.
#include <algorithm>

#include "core/sse.h"
#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Event;

class Writer final : public EventWriter {
 public:
  explicit Writer(const StreamOptions& options) : options_(options) {}

  void write(const Event& event, std::string& out) override {
    if (ended_ || event.choice != 0) return;
    switch (event.kind) {
      case Event::Kind::start:
        own_ = event.reply.dialect == kName;
        return start(event.reply.id, out);
      case Event::Kind::part_begin:
        return begin_part(event.part_head, out);
      case Event::Kind::delta:
        return delta(event, out);
      case Event::Kind::part_end:
        return end_part(out);
      case Event::Kind::choice_end:
        finish_ = word_of(event.choice_tail.finish, event.choice_tail.finish_raw);
        if (const auto& rest = event.choice_tail.logprobs; rest.size() > 2) write_logprob_frames(rest, out);
        return asides(event.choice_tail.extra, out);
      case Event::Kind::usage:
        usage_ = event.usage;
        return;
      case Event::Kind::end:
        return end({}, out);
      case Event::Kind::error:
        finish_ = "ERROR";
        return end(event.error.message, out);
      case Event::Kind::ping:
        return;
    }
  }

 private:
  enum class Open : unsigned char { nothing, text, thinking, plan, call, unsaid };

  // One frame: {"type", "index"?, members...}.
  template <class F>
  void frame(std::string_view type, int index, F&& members, std::string& out) {
    // JSON text holds no line breaks, so it is one data line.
    out.append("event: ").append(type).append("\ndata: ");
    JsonWriter writer(out);
    writer.begin_object().member("type", type);
    if (index >= 0) writer.member("index", index);
    members(writer);
    writer.end_object();
    out += "\n\n";
  }
  static void nothing_more(JsonWriter&) {}
  // {"delta": {"message": {<name>: ...}}}
  template <class F>
  void message_frame(std::string_view type, int index, std::string_view name, F&& value, std::string& out) {
    frame(
        type, index,
        [&](JsonWriter& writer) {
          writer.key("delta").begin_object().key("message").begin_object().key(name);
          value(writer);
          writer.end_object().end_object();
        },
        out);
  }

  void start(const std::string& id, std::string& out) {
    if (started_) return;
    started_ = true;
    const std::string& shown = id.empty() ? options_.id : id;
    frame(
        "message-start", -1,
        [&](JsonWriter& writer) {
          writer.member("id", shown).key("delta").begin_object().key("message").begin_object();
          writer.member("role", "assistant").key("content").begin_array().end_array().member("tool_plan", "");
          writer.key("tool_calls").begin_array().end_array().key("citations").begin_array().end_array();
          writer.end_object().end_object();
        },
        out);
  }

  void begin_part(const chat::Part& part, std::string& out) {
    start({}, out);
    end_part(out);
    text_.clear();
    if (const auto* call = part.get<chat::ToolCall>()) {
      open_ = Open::call;
      custom_ = call->custom;
      arguments_.clear();
      message_frame(
          "tool-call-start", ++calls_, "tool_calls",
          [&](JsonWriter& writer) { write_tool_call(writer, *call, "", own_ ? part.extra : chat::Extra{}); }, out);
      return;
    }
    const auto* thinking = part.get<chat::Thinking>();
    const bool text = part.get<chat::Text>() || part.get<chat::Refusal>();
    open_ = text ? Open::text : !thinking ? Open::unsaid : thinking->summary ? Open::plan : Open::thinking;
    if (open_ == Open::text) begin_content("text", out);
    // Thinking without text (signed or redacted only) has no place; it begins with its first text.
    begun_ = open_ == Open::text;
  }

  void begin_content(std::string_view type, std::string& out) {
    message_frame(
        "content-start", ++contents_, "content",
        [&](JsonWriter& writer) { writer.begin_object().member("type", type).member(type, "").end_object(); }, out);
  }

  void delta(const Event& event, std::string& out) {
    if (event.delta == Event::Delta::text) {
      write_text(event.text, out);
    } else if (event.delta == Event::Delta::arguments && open_ == Open::call) {
      if (custom_) {
        arguments_ += event.text;
      } else {
        write_arguments(event.text, out);
      }
    } else if (event.delta == Event::Delta::citation && open_ == Open::text) {
      message_frame(
          "citation-start", ++citations_, "citations",
          [&](JsonWriter& writer) { write_citation(writer, event.citation, text_, contents_); }, out);
      frame("citation-end", citations_, nothing_more, out);
    } else if (event.delta == Event::Delta::logprobs) {
      write_logprob_frames("[" + event.text + "]", out);
    }
  }

  void write_text(const std::string& text, std::string& out) {
    if (open_ == Open::plan) {
      message_frame("tool-plan-delta", -1, "tool_plan", [&](JsonWriter& writer) { writer.string(text); }, out);
      return;
    }
    if (open_ != Open::text && open_ != Open::thinking) return;
    const std::string_view name = open_ == Open::text ? "text" : "thinking";
    if (!begun_) begin_content(name, out);
    begun_ = true;
    text_ += text;
    message_frame(
        "content-delta", contents_, "content",
        [&](JsonWriter& writer) { writer.begin_object().member(name, text).end_object(); }, out);
  }

  void write_arguments(std::string_view piece, std::string& out) {
    message_frame(
        "tool-call-delta", calls_, "tool_calls",
        [&](JsonWriter& writer) {
          writer.begin_object().key("function").begin_object().member("arguments", piece).end_object().end_object();
        },
        out);
  }

  // Of tokens whose text was written before; Cohere sends the two together.
  void write_logprob_frames(const std::string& array, std::string& out) {
    std::string items;
    JsonWriter list(items);
    write_logprobs(list, array);
    JsonReader reader;
    const auto parsed = reader.parse(items);
    if (!parsed) return;
    parsed->elements([&](JsonValue item) {
      frame(
          "content-delta", std::max(contents_, 0),
          [&](JsonWriter& writer) {
            writer.key("delta").begin_object().key("message").begin_object().key("content").begin_object();
            writer.member("text", "").end_object().end_object().end_object().key("logprobs").value(item);
          },
          out);
    });
  }

  void end_part(std::string& out) {
    if (open_ == Open::call) {
      if (custom_) write_arguments(call_arguments({.arguments = arguments_, .custom = true}), out);
      frame("tool-call-end", calls_, nothing_more, out);
    } else if ((open_ == Open::text || open_ == Open::thinking) && begun_) {
      frame("content-end", contents_, nothing_more, out);
    }
    open_ = Open::nothing;
  }

  // Citations that support no text, of a stream that came from Cohere.
  void asides(const chat::Extra& extra, std::string& out) {
    if (!own_) return;
    for (const auto& [name, value] : extra) {
      if (name != "message.citations") continue;
      JsonReader reader;
      const auto parsed = reader.parse(value);
      if (!parsed) continue;
      parsed->elements([&](JsonValue citation) {
        message_frame("citation-start", ++citations_, "citations", [&](JsonWriter& w) { w.value(citation); }, out);
        frame("citation-end", citations_, nothing_more, out);
      });
    }
  }

  void end(std::string_view error, std::string& out) {
    start({}, out);
    end_part(out);
    ended_ = true;
    frame(
        "message-end", -1,
        [&](JsonWriter& writer) {
          writer.key("delta").begin_object().member_if("error", error);
          writer.member("finish_reason", finish_.empty() ? std::string_view("COMPLETE") : finish_);
          if (usage_.reported) {
            writer.key("usage");
            write_usage(writer, usage_);
          }
          writer.end_object();
        },
        out);
    write_sse_event(out, "", "[DONE]");
  }

  StreamOptions options_;
  Usage usage_;
  std::string text_, arguments_;
  std::string_view finish_;
  Open open_ = Open::nothing;
  int contents_ = -1, calls_ = -1, citations_ = -1;
  bool own_ = false, started_ = false, ended_ = false, custom_ = false, begun_ = false;
};

}  // namespace

std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) { return std::make_unique<Writer>(options); }

}  // namespace tollgate::gateway::cohere
