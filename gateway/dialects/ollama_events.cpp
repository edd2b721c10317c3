// Streams of Ollama's chat: lines of JSON, read and written. Thread rule: one reader or writer per stream.
#include "gateway/dialects/common.h"
#include "gateway/dialects/ollama.h"

namespace tollgate::gateway::ollama {
namespace {

using chat::Event;
using chat::Events;
using chat::Part;

class Reader final : public EventReader {
 public:
  void read(std::string_view, std::string_view data, Events& out) override {
    if (ended_) return;
    const auto root = json_.parse(data);
    if (!root || !root->is_object()) {
      return fail({.kind = ErrorKind::retry_same,
                   .status = 502,
                   .code = "bad_stream",
                   .message = "a line of Ollama's stream is no JSON object"},
                  out);
    }
    if ((*root)["error"].present()) return fail(read_error(500, data), out);
    if (!started_) start(*root, out);
    const JsonValue message = (*root)["message"];
    text(Open::thinking, message["thinking"], out);
    text(Open::text, message["content"], out);
    message["images"].elements([&](JsonValue image) { whole(read_image(image), out); });
    message["tool_calls"].elements([&](JsonValue call) { whole(read_tool_call(call, seed_, calls_++), out); });
    if (const JsonValue logprobs = (*root)["logprobs"]; logprobs.is_array() && logprobs.size() > 0) {
      const std::string array = logprobs.text();
      delta(Event::Delta::logprobs, std::string_view(array).substr(1, array.size() - 2), out);
    }
    if ((*root)["done"].as_bool() == true) end(*root, out);
  }

  void finish(Events& out) override {
    if (!ended_) close(out);
  }

 private:
  enum class Open : unsigned char { nothing, text, thinking };

  void start(JsonValue root, Events& out) {
    started_ = true;
    seed_ = text_or_empty(root["created_at"]);
    Event& event = out.emplace_back();
    event.kind = Event::Kind::start;
    event.reply.dialect = kName;
    event.reply.model = text_or_empty(root["model"]);
    event.reply.created = seconds_of(seed_);
  }

  void begin(Part part, Events& out) {
    close(out);
    Event& event = out.emplace_back();
    event.kind = Event::Kind::part_begin;
    event.part = parts_++;
    event.part_head = std::move(part);
  }
  void end_part(Events& out) {
    Event& event = out.emplace_back();
    event.kind = Event::Kind::part_end;
    event.part = parts_ - 1;
  }
  void close(Events& out) {
    if (open_ != Open::nothing) end_part(out);
    open_ = Open::nothing;
  }
  void delta(Event::Delta kind, std::string_view text, Events& out) {
    Event& event = out.emplace_back();
    event.kind = Event::Kind::delta;
    event.delta = kind;
    event.part = parts_ > 0 ? parts_ - 1 : 0;
    event.text = text;
  }

  void text(Open kind, JsonValue value, Events& out) {
    const auto piece = value.as_string().value_or("");
    if (piece.empty()) return;
    if (open_ != kind) {
      Part part;
      if (kind == Open::thinking) part.what.emplace<chat::Thinking>();
      begin(std::move(part), out);
      open_ = kind;
    }
    delta(Event::Delta::text, piece, out);
  }

  // A call or an image: Ollama sends them in one piece.
  void whole(Part part, Events& out) {
    if (auto* call = part.get<chat::ToolCall>()) {
      const std::string arguments = std::exchange(call->arguments, {});
      begin(std::move(part), out);
      delta(Event::Delta::arguments, arguments, out);
    } else {
      const std::string data = std::exchange(part.get<chat::Media>()->data, {});
      begin(std::move(part), out);
      delta(Event::Delta::data, data, out);
    }
    end_part(out);
  }

  void end(JsonValue root, Events& out) {
    close(out);
    Event& event = out.emplace_back();
    event.kind = Event::Kind::choice_end;
    root.members([&](std::string_view key, JsonValue value) {
      if (key == "done_reason") {
        event.choice_tail.finish_raw = text_or_empty(value);
      } else if (key != "message" && key != "model" && key != "done" && key != "prompt_eval_count" &&
                 key != "eval_count" && key != "logprobs") {
        keep_extra(event.choice_tail.extra, key, value);
      }
    });
    event.choice_tail.finish = finish_of(event.choice_tail.finish_raw, calls_ > 0);
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
  std::string seed_;  // of the ids of calls without one
  std::size_t calls_ = 0;
  Open open_ = Open::nothing;
  int parts_ = 0;
  bool started_ = false, ended_ = false;
};

class Writer final : public EventWriter {
 public:
  explicit Writer(const StreamOptions& options) : model_(options.model), time_(time_of(options.created)) {}

  void write(const Event& event, std::string& out) override {
    if (ended_ || event.choice != 0) return;
    switch (event.kind) {
      case Event::Kind::start:
        if (model_.empty()) model_ = event.reply.model;
        if (event.reply.created > 0) time_ = time_of(event.reply.created);
        own_ = event.reply.dialect == kName;
        return;
      case Event::Kind::part_begin:
        part_ = event.part_head;
        held_.clear();
        return;
      case Event::Kind::delta:
        return delta(event, out);
      case Event::Kind::part_end:
        return end_part(out);
      case Event::Kind::choice_end:
        tail_ = event.choice_tail;
        return;
      case Event::Kind::usage:
        usage_ = event.usage;
        return;
      case Event::Kind::end:
        return end(out);
      case Event::Kind::error:
        ended_ = true;
        out.append(write_error(event.error)).append("\n");
        return;
      case Event::Kind::ping:
        return;
    }
  }

 private:
  // One line whose message has `members` after role and content.
  template <class F>
  void line(std::string_view content, F&& members, std::string& out) {
    JsonWriter writer(out);
    writer.begin_object().member("model", model_).member("created_at", time_).key("message").begin_object();
    writer.member("role", "assistant").member("content", content);
    members(writer);
    writer.end_object();
    if (!logprobs_.empty()) writer.raw_member("logprobs", "[" + std::exchange(logprobs_, {}) + "]");
    writer.member("done", false).end_object();
    out += '\n';
  }
  static void nothing_more(JsonWriter&) {}

  void delta(const Event& event, std::string& out) {
    if (event.delta == Event::Delta::logprobs) {
      logprobs_ = event.text;
      line("", nothing_more, out);
    } else if (event.delta == Event::Delta::text && part_.get<chat::Thinking>()) {
      line("", [&](JsonWriter& writer) { writer.member("thinking", event.text); }, out);
    } else if (event.delta == Event::Delta::text) {
      line(event.text, nothing_more, out);
    } else if (event.delta == Event::Delta::arguments || event.delta == Event::Delta::data) {
      held_ += event.text;
    }
  }

  void end_part(std::string& out) {
    if (auto* call = part_.get<chat::ToolCall>()) {
      call->arguments = std::exchange(held_, {});
      line(
          "",
          [&](JsonWriter& writer) {
            writer.key("tool_calls").begin_array();
            write_tool_call(writer, *call, calls_++);
            writer.end_array();
          },
          out);
    } else if (const auto* media = part_.get<chat::Media>();
               media && media->kind == chat::Media::Kind::image && !held_.empty()) {
      line("", [&](JsonWriter& writer) { writer.key("images").begin_array().string(held_).end_array(); }, out);
    }
    part_ = {};
    held_.clear();
  }

  void end(std::string& out) {
    ended_ = true;
    bool timed = false;
    JsonWriter writer(out);
    writer.begin_object().member("model", model_);
    for (const auto& [name, value] : tail_.extra) {
      if (!own_) continue;
      writer.raw_member(name, value);
      timed = timed || name == "created_at";
    }
    if (!timed) writer.member("created_at", time_);
    writer.key("message").begin_object().member("role", "assistant").member("content", "").end_object();
    if (tail_.logprobs.size() > 2) writer.raw_member("logprobs", tail_.logprobs);
    writer.member("done", true).member("done_reason", word_of(tail_.finish, tail_.finish_raw));
    write_usage(writer, usage_);
    writer.end_object();
    out += '\n';
  }

  std::string model_, time_, held_, logprobs_;
  Part part_;
  chat::Choice tail_;
  Usage usage_;
  int calls_ = 0;
  bool own_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<EventReader> event_reader() { return std::make_unique<Reader>(); }
std::unique_ptr<EventWriter> event_writer(const StreamOptions& options) { return std::make_unique<Writer>(options); }

}  // namespace tollgate::gateway::ollama
