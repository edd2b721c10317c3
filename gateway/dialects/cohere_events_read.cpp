// Streams of Cohere's chat, read. Thread rule: one reader per stream.
#include "gateway/dialects/cohere.h"
#include "gateway/dialects/common.h"

namespace tollgate::gateway::cohere {
namespace {

using chat::Event;
using chat::Events;
using chat::Part;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

class Reader final : public EventReader {
 public:
  void read(std::string_view event, std::string_view data, Events& out) override {
    if (ended_ || data == "[DONE]") return;
    const auto root = json_.parse(data);
    if (!root || !root->is_object()) {
      return fail({.kind = ErrorKind::retry_same,
                   .status = 502,
                   .code = "bad_stream",
                   .message = "a frame of Cohere's stream is no JSON object"},
                  out);
    }
    const auto type = (*root)["type"].as_string().value_or(event);
    if (type.starts_with("content-") || type == "tool-plan-delta") {
      read_content(type, *root, out);
    } else if (type.starts_with("tool-call-")) {
      read_call(type, *root, out);
    } else if (type == "citation-start") {
      read_citation_event((*root)["delta"]["message"]["citations"], out);
    } else if (type == "message-start") {
      start(*root, out);
    } else if (type == "message-end") {
      end(*root, out);
    } else if (type.empty() && ((*root)["message"].is_string() || (*root)["error"].present())) {
      fail(read_error(500, data), out);
    }
  }

  void finish(Events& out) override {
    if (!ended_) close(out);
  }

 private:
  enum class Open : unsigned char { nothing, text, thinking, plan, call };

  void start(JsonValue root, Events& out) {
    if (started_) return;
    started_ = true;
    Event& event = out.emplace_back();
    event.kind = Event::Kind::start;
    event.reply.dialect = kName;
    event.reply.id = text_or_empty(root["id"]);
  }

  void open(Open kind, Part part, Events& out) {
    if (!started_) start({}, out);
    close(out);
    open_ = kind;
    Event& event = out.emplace_back();
    event.kind = Event::Kind::part_begin;
    event.part = parts_++;
    event.part_head = std::move(part);
  }

  void close(Events& out) {
    if (open_ == Open::nothing) return;
    open_ = Open::nothing;
    Event& event = out.emplace_back();
    event.kind = Event::Kind::part_end;
    event.part = parts_ - 1;
  }

  Event& delta(Event::Delta kind, std::string_view text, Events& out) {
    Event& event = out.emplace_back();
    event.kind = Event::Kind::delta;
    event.delta = kind;
    event.part = parts_ > 0 ? parts_ - 1 : 0;
    event.text = text;
    return event;
  }

  void read_content(std::string_view type, JsonValue root, Events& out) {
    if (type == "content-end") return;  // citations may follow; the next part or the end closes it
    const JsonValue message = root["delta"]["message"];
    const JsonValue content = message["content"];
    const JsonValue plan = type == "tool-plan-delta" ? message["tool_plan"] : JsonValue{};
    const JsonValue thinking = content["thinking"];
    const Open kind = plan.present() ? Open::plan : thinking.present() ? Open::thinking : Open::text;
    const auto text = (plan.present()       ? plan
                       : thinking.present() ? thinking
                                            : content["text"])
                          .as_string()
                          .value_or("");
    const bool starts = type == "content-start";
    if (starts || (open_ != kind && !text.empty())) {
      Part part;
      if (kind != Open::text) part.what = chat::Thinking{.summary = kind == Open::plan};
      open(kind, std::move(part), out);
    }
    if (!text.empty()) delta(Event::Delta::text, text, out);
    if (const JsonValue item = root["logprobs"]; item.is_object()) {
      if (!started_) start({}, out);
      std::string elements;
      read_logprobs(item, elements);
      if (!elements.empty()) delta(Event::Delta::logprobs, elements, out);
    }
  }

  void read_call(std::string_view type, JsonValue root, Events& out) {
    const JsonValue calls = root["delta"]["message"]["tool_calls"];
    const JsonValue call = calls.is_array() ? calls.at(0) : calls;
    if (type == "tool-call-start") {
      Part part;
      read_tool_call(call, part);
      const std::string arguments = std::exchange(part.get<chat::ToolCall>()->arguments, {});
      open(Open::call, std::move(part), out);
      if (!arguments.empty()) delta(Event::Delta::arguments, arguments, out);
    } else if (open_ == Open::call && type == "tool-call-delta") {
      const auto text = call["function"]["arguments"].as_string();
      if (text && !text->empty()) delta(Event::Delta::arguments, *text, out);
    } else if (open_ == Open::call && type == "tool-call-end") {
      close(out);
    }
  }

  void read_citation_event(JsonValue citation, Events& out) {
    const auto one = [&](JsonValue value) {
      if (!value.is_object()) return;
      if (open_ == Open::text && !is_aside(value)) {
        delta(Event::Delta::citation, "", out).citation = read_citation(value);
      } else {
        asides_.append(asides_.empty() ? "" : ",");
        value.append_to(asides_);
      }
    };
    if (citation.is_array()) {
      citation.elements(one);
    } else {
      one(citation);
    }
  }

  void end(JsonValue root, Events& out) {
    if (!started_) start({}, out);
    const JsonValue delta = root["delta"];
    if (const auto error = delta["error"].as_string(); error && !error->empty()) {
      // Told as an error's body is, with a type beside it.
      std::string body;
      JsonWriter(body).begin_object().member("message", *error).end_object();
      Error said = read_error(500, body);
      if (const auto type = delta["error_type"].as_string()) said.code = lower(*type);
      return fail(std::move(said), out);
    }
    close(out);
    Event& event = out.emplace_back();
    event.kind = Event::Kind::choice_end;
    event.choice_tail.finish_raw = text_or_empty(delta["finish_reason"]);
    event.choice_tail.finish = finish_of(event.choice_tail.finish_raw);
    if (!asides_.empty()) event.choice_tail.extra.emplace_back("message.citations", "[" + asides_ + "]");
    out.emplace_back().kind = Event::Kind::end;
    ended_ = true;
  }

  void fail(Error error, Events& out) {
    close(out);
    Event& event = out.emplace_back();
    event.kind = Event::Kind::error;
    event.error = std::move(error);
    ended_ = true;
  }

  JsonReader json_;
  std::string asides_;  // citations of no text, as elements of an array
  Open open_ = Open::nothing;
  int parts_ = 0;
  bool started_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<EventReader> event_reader() { return std::make_unique<Reader>(); }

}  // namespace tollgate::gateway::cohere
